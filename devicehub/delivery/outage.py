"""What can be wrong between us and the broker, in words."""

import logging
import re
import socket
import ssl
from typing import Literal

from devicehub.delivery.address import Address, Version

__all__ = [
    "Cause",
    "NotConnected",
    "Outage",
    "PublishLost",
    "PublishRefused",
    "refused",
    "rejected",
    "undialled",
]

logger = logging.getLogger(__name__)

Cause = Literal["unreachable", "refused_login", "refused_topic", "tls", "protocol", "lost"]

BAD_LOGIN = {"Bad user name or password", "Not authorized", "Bad authentication method", "Banned"}


class Outage(Exception):
    """Why there is no connection: ``cause`` for programs, ``detail`` in plain words for people.

    ``other_version`` says whether a broker that lacks this MQTT version could have behaved so.
    """

    def __init__(self, cause: Cause, detail: str, *, other_version: bool = False) -> None:
        super().__init__(f"{cause}: {detail}")
        self.cause = cause
        self.detail = detail
        self.other_version = other_version


class NotConnected(Exception):
    """Nothing was sent: there is no connection now."""


class PublishLost(Exception):
    """Sent, but the connection went before the PUBACK: the broker may or may not have it."""


class PublishRefused(Exception):
    """The broker answered the publish with a refusal (MQTT 5 alone can say so)."""


def refused(address: Address, version: Version, reason: str) -> Outage:
    """The broker answered our CONNECT with a refusal; ``reason`` as MQTT 5.0, 2.4 names it."""
    if reason in BAD_LOGIN:
        return Outage("refused_login", f"{address} refused the user or the password: {reason}")
    return Outage(
        "protocol",
        f"{address} refused the connection: {reason} (MQTT {version})",
        other_version=reason
        in {"Unsupported protocol version", "Malformed packet", "Protocol error"},
    )


def rejected(address: Address, alert: str) -> Outage:
    """The broker ended the TLS connection after the handshake, with an alert (RFC 8446, 6.2)."""
    name = re.search(r"\[SSL: (\w+)\]", alert)
    return Outage(
        "tls",
        f"{address} wants a client certificate, or does not accept ours: "
        f"{name[1] if name else alert}",
    )


def undialled(address: Address, error: Exception, seconds: float) -> Outage:
    """Dialling, over TCP and TLS, ended in ``error``; after ``seconds`` it gives up."""
    match error:
        case ssl.SSLCertVerificationError():
            return Outage(
                "tls", f"the certificate of {address} is not accepted: {error.verify_message}"
            )
        case ssl.SSLError():
            return Outage("tls", f"no encrypted connection to {address}: {error}")
        case socket.gaierror() | UnicodeError():  # the second: no name at all could look so
            return Outage("unreachable", f"the name {address.host} is not known to this network")
        case ConnectionRefusedError():
            return Outage("unreachable", f"no broker listens at {address}")
        case FileNotFoundError() | PermissionError() if address.tls is not None:
            return Outage("tls", f"a certificate or key file cannot be read: {error}")
        case TimeoutError():
            return Outage("unreachable", f"{address} did not answer within {seconds:g} s")
        case ConnectionResetError() | ConnectionAbortedError() | BrokenPipeError():
            return Outage(
                "protocol", f"{address} closed the connection at once", other_version=True
            )
        case OSError():
            return Outage("unreachable", f"{address} cannot be reached: {error.strerror or error}")
        case _:
            logger.error("mqtt.thread.failed", exc_info=error)
            return Outage("protocol", f"the connection to {address} failed: {error!r}")
