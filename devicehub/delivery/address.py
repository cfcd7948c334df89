"""Where the broker is and how one proves oneself to it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

__all__ = ["Address", "TlsFiles", "Version"]

Version = Literal["5", "3.1.1"]


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files of one end of an encrypted connection.

    ``ca`` signs the *other* end. For a client ``None`` means the authorities the system trusts;
    for the embedded broker it means that clients need no certificate.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """One broker, and who we are to it.

    ``client_id`` is used as it stands, on every reconnection and after every restart: only then
    does a broker that has not yet noticed a dead connection end it, and send its last will,
    *before* the new connection's birth message (MQTT 5.0, 3.1.4-3: session taken over). Two
    programs with one ``client_id`` throw each other out; empty asks for a random one.
    """

    host: str
    port: int
    tls: TlsFiles | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    client_id: str = ""
    version: Literal["auto", "5", "3.1.1"] = "auto"

    def __str__(self) -> str:
        """Host and port, for messages to people."""
        return f"{self.host}:{self.port}"
