"""Every way a dial can end has a cause for programs and a sentence for people."""

import socket
import ssl
from pathlib import Path

import pytest

from devicehub.delivery.address import Address, TlsFiles
from devicehub.delivery.outage import refused, rejected, undialled

PLAIN = Address("broker.example.org", 1883)
SECURE = Address("broker.example.org", 8883, tls=TlsFiles(ca=Path("ca.pem")))


@pytest.mark.parametrize(
    ("error", "cause", "says"),
    [
        (socket.gaierror(-2, "Name or service not known"), "unreachable", "not known to this"),
        (ConnectionRefusedError(111, "refused"), "unreachable", "no broker listens at"),
        (TimeoutError("timed out"), "unreachable", "did not answer within 3 s"),
        (OSError(101, "Network is unreachable"), "unreachable", "Network is unreachable"),
        (ConnectionResetError(104, "reset"), "protocol", "closed the connection at once"),
        (ssl.SSLEOFError(8, "EOF occurred"), "tls", "no encrypted connection"),
        (FileNotFoundError(2, "No such file", "ca.pem"), "tls", "ca.pem"),
        (PermissionError(13, "Permission denied", "client.key"), "tls", "client.key"),
        (ZeroDivisionError("a bug"), "protocol", "a bug"),
    ],
)
def test_an_error_of_the_dial_is_put_in_words(error: Exception, cause: str, says: str) -> None:
    outage = undialled(SECURE, error, 3.0)
    assert outage.cause == cause
    assert says in outage.detail
    assert "broker.example.org" in outage.detail or "file" in outage.detail


def test_a_missing_file_is_about_certificates_only_where_there_are_some() -> None:
    assert undialled(PLAIN, FileNotFoundError(2, "No such file"), 3.0).cause == "unreachable"


@pytest.mark.parametrize(
    ("reason", "cause", "other_version"),
    [
        ("Bad user name or password", "refused_login", False),
        ("Not authorized", "refused_login", False),
        ("Unsupported protocol version", "protocol", True),
        ("Server unavailable", "protocol", False),
    ],
)
def test_only_a_refused_version_leads_to_another_version(
    reason: str, cause: str, other_version: bool
) -> None:
    outage = refused(PLAIN, "5", reason)
    assert (outage.cause, outage.other_version) == (cause, other_version)
    assert reason in str(outage)


@pytest.mark.parametrize("alert", ["[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 (1)", "odd"])
def test_an_alert_after_the_handshake_is_named(alert: str) -> None:
    outage = rejected(SECURE, alert)
    assert outage.cause == "tls"
    assert outage.detail.endswith(("TLSV13_ALERT_CERTIFICATE_REQUIRED", "odd"))
