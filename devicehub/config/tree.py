"""The tree of settings: a table a class, a key an attribute."""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from devicehub.config.problems import Language
from devicehub.config.values import (
    BluetoothAddress,
    Id,
    Listen,
    ListenAddress,
    Name,
    PemFile,
    PlacedPath,
    Port,
    Radio,
    StoreFile,
    Url,
    data_folder,
)


class Table(BaseModel):
    """What all tables share: nothing changes, nothing unknown, no number out of a text."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True
    )


class ClientTls(Table):
    """An encrypted connection to somebody. An empty table is enough: then the system's authorities are trusted."""

    ca: PemFile | None = None
    """Who signs the other side's certificate, if not one of the system's authorities."""
    certificate: PemFile | None = None
    """Our own certificate, where the other side asks for one; then with `key`."""
    key: PemFile | None = None


class ServerTls(Table):
    """An encrypted server of ours."""

    certificate: PemFile
    key: PemFile
    client_ca: PemFile | None = None
    """Who signs the clients' certificates; where given, clients without one are refused."""


class PageTls(Table):
    """The encrypted station page."""

    certificate: PemFile
    key: PemFile


class Station(Table):
    """The workstation of a vitals room: ``devicehub run``."""

    id: Id
    """Unique among all stations of the broker, and never changed."""
    site: Id
    language: Language = "fr"
    listen: ListenAddress = Listen("127.0.0.1", 8765)
    """Where the page is served."""
    tls: PageTls | None = None
    data: PlacedPath = Field(default_factory=lambda: data_folder(os.environ))
    """The folder of the journal."""
    simulation: bool = False
    """The page carries a banner: nothing here is a patient's."""
    visit_grace_seconds: Annotated[float, Field(ge=0, le=3600)] = 120
    """How long a closed visit still receives what was measured during it."""


class Mqtt(Table):
    """The broker that station and dossier meet at."""

    host: Name = "127.0.0.1"
    port: Port = 1883
    tls: ClientTls | None = None
    user: Name | None = None
    password: SecretStr | None = None
    password_file: PlacedPath | None = None
    version: Literal["auto", "5", "3.1.1"] = "auto"


class Broker(Table):
    """The broker that comes with the hub: ``devicehub broker``."""

    listen: ListenAddress = Listen("127.0.0.1", 1883)
    data: PlacedPath = Field(default_factory=lambda: data_folder(os.environ) / "broker")
    tls: ServerTls | None = None
    user: Name | None = None
    password: SecretStr | None = None
    password_file: PlacedPath | None = None


class Dossier(Table):
    """How a station reaches the dossier's API, which opens visits."""

    url: Url = "http://127.0.0.1:8766"
    token: SecretStr | None = None
    token_file: PlacedPath | None = None
    tls: ClientTls | None = None


class DossierService(Table):
    """The dossier itself: ``devicehub dossier``. It takes simulated readings on ``--simulation`` only."""

    id: Id
    listen: ListenAddress = Listen("127.0.0.1", 8766)
    store: StoreFile = Field(default_factory=lambda: data_folder(os.environ) / "dossier.sqlite")
    """An SQLite file."""
    token: SecretStr | None = None
    token_file: PlacedPath | None = None
    tls: ServerTls | None = None


class Bluetooth(Table):
    """The radio, and whose devices are read."""

    radio: Radio = "system"
    """``virtual:`` takes an HCI transport of a simulator: ``virtual:tcp-client:127.0.0.1:9700``."""
    accept: Literal["listed", "any"] = "listed"
    """``any`` reads every device a driver knows: for demonstrations, never beside other rooms."""


class Confirm(Table):
    """Which readings wait for a person before they are filed."""

    policy: Literal["every", "flagged", "none"] = "flagged"


class Device(Table):
    """A device of this station: exactly one of ``address``, ``name_prefix`` and ``port``."""

    id: Id
    name: Name
    """What the page calls it."""
    driver: Name | None = None
    """Compulsory with ``port``; a Bluetooth device's driver is found from what it advertises."""
    model: Name | None = None
    address: BluetoothAddress | None = None
    name_prefix: Name | None = None
    """How the advertised Bluetooth name starts."""
    port: Name | None = None
    """``/dev/serial/by-id/…``, ``COM3``, ``socket://host:port`` or ``rfc2217://host:port``."""


class Settings(Table):
    """Everything that can be set."""

    station: Station | None = None
    mqtt: Mqtt = Mqtt()
    broker: Broker = Field(default_factory=Broker)
    dossier: Dossier = Dossier()
    dossier_service: DossierService | None = None
    bluetooth: Bluetooth = Bluetooth()
    confirm: Confirm = Confirm()
    device: Annotated[tuple[Device, ...], Field(strict=False)] = ()

    def redacted(self) -> dict[str, Any]:
        """The tree for people and logs: no password and no token."""
        return self.model_dump(mode="json", exclude_none=True)
