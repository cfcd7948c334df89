"""The forms a single value may have: an id, an address, a path, a URL, each with words for a person."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    SecretStr,
    ValidationInfo,
    WithJsonSchema,
)

from devicehub.config.problems import expected
from devicehub.transport.port_identity import UsbIdentity


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a server of ours listens. Port 0 lets the system pick one."""

    host: str
    port: int

    def __str__(self) -> str:
        """As it is written: ``127.0.0.1:8765``, ``[::1]:8765``."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _listen(value: object) -> Listen:
    if isinstance(value, Listen):
        return value
    parts = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/\[\]]+)):(\d{1,5})", str(value))
    if not isinstance(value, str) or parts is None or int(parts[3]) > 65535:
        raise expected('une adresse "hôte:port", "127.0.0.1:8765"', '"host:port", "127.0.0.1:8765"')
    return Listen(parts[1] or parts[2], int(parts[3]))


def _placed(path: Path, info: ValidationInfo) -> Path:
    folder: Path = (info.context or {}).get("folder", Path())
    return folder / path.expanduser()


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise expected(f"un fichier qui existe ({path})", f"a file that exists ({path})")
    return path


def _sqlite(path: Path) -> Path:
    if re.match(r"[A-Za-z0-9+]{2,}:/", path.as_posix()):
        raise expected("le chemin d'un fichier SQLite", "the path of an SQLite file")
    return path


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        fits = whole and parts.username is None  # a password's place is a secret's file
    except ValueError:
        fits = False
    if not fits:
        raise expected('une URL "https://hôte:port"', 'a URL, "https://host:port"')
    return value.rstrip("/")


def _port(value: str) -> str:
    if "://" in value or value.lower().startswith(("socket:", "rfc2217:")):
        from devicehub.transport.ports import no_url  # noqa: PLC0415 - pyserial, only where a URL is read

        wanted = no_url(value)
        if wanted is not None:
            raise expected(*wanted)
    try:
        identity = UsbIdentity.parse(value)
    except ValueError:
        raise expected(
            '"usb:0403:6001:A50285BI" (puce:numéro de série), ou "usb:1a86:7523@1-1.2" (puce@prise)',
            '"usb:0403:6001:A50285BI" (chip:serial number), or "usb:1a86:7523@1-1.2" (chip@socket)',
        ) from None
    return value if identity is None else str(identity)


def secret_bytes(text: str) -> bytes:
    """What a device's secret stands for: 16 or more hexadecimal digits, or pairs of them with ``:`` between, are bytes.

    Anything else is text, as it is typed: a PIN, a password.
    """
    digits = text.strip()
    if re.fullmatch(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2})+|([0-9A-Fa-f]{2}){8,}", digits):
        return bytes.fromhex(digits.replace(":", ""))
    return text.encode()


def _fits(pattern: str, fr: str, en: str) -> AfterValidator:
    def check_form(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise expected(fr, en)
        return value

    return AfterValidator(check_form)


ID_FORM = r"[a-z0-9-]{1,32}"
RADIO_FORM = r"system|none|virtual:.+"
MAC_FORM = r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}"
UUID_FORM = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"

Id = Annotated[
    str,
    _fits(ID_FORM, "1 à 32 signes parmi a-z, 0-9 et -", "1 to 32 of a-z, 0-9 and -"),
    WithJsonSchema({"type": "string", "pattern": f"^(?:{ID_FORM})$"}),
]
"""The form of `devicehub.delivery.wire.Id`, with words for a person."""
Radio = Annotated[
    str,
    _fits(RADIO_FORM, '"system", "none" ou "virtual:…"', '"system", "none" or "virtual:…"'),
    WithJsonSchema({"type": "string", "pattern": f"^(?:{RADIO_FORM})$"}),
]
BluetoothAddress = Annotated[
    str,
    _fits(
        rf"{MAC_FORM}|{UUID_FORM}",
        'une adresse Bluetooth "00:11:22:AA:BB:CC"',
        'a Bluetooth address, "00:11:22:AA:BB:CC"',
    ),
    AfterValidator(str.upper),
    WithJsonSchema({"type": "string", "pattern": f"^(?:{MAC_FORM}|{UUID_FORM})$"}),
]
"""An address, or on macOS the UUID the system gives in its place."""
Name = Annotated[str, Field(min_length=1)]
ADAPTER_FORM = r"hci[0-9]{1,3}"
Adapter = Annotated[
    str,
    _fits(
        ADAPTER_FORM,
        'un adaptateur de BlueZ, "hci0" (bluetoothctl list)',
        'an adapter of BlueZ\'s, "hci0" (bluetoothctl list)',
    ),
    WithJsonSchema({"type": "string", "pattern": f"^{ADAPTER_FORM}$"}),
]
Secret = Annotated[SecretStr, Field(min_length=1)]
SerialPort = Annotated[Name, AfterValidator(_port)]
Port = Annotated[int, Field(ge=1, le=65535)]
PlacedPath = Annotated[Path, Field(strict=False), AfterValidator(_placed)]
PemFile = Annotated[PlacedPath, AfterValidator(_existing)]
Url = Annotated[str, AfterValidator(_url)]
StoreFile = Annotated[Path, Field(strict=False), AfterValidator(_sqlite), AfterValidator(_placed)]
ListenAddress = Annotated[
    Listen,
    BeforeValidator(_listen),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": r"^.+:[0-9]{1,5}$"}),
]


def data_folder(environment: Mapping[str, str]) -> Path:
    """Where data lies unless a setting says otherwise.

    ``$XDG_STATE_HOME`` (XDG Base Directory Specification), on Windows ``%LOCALAPPDATA%``.
    """
    root = environment.get("XDG_STATE_HOME") or environment.get("LOCALAPPDATA")
    return (Path(root) if root else Path.home() / ".local" / "state") / "devicehub"
