"""The tree of settings: a table a class, a key an attribute."""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from devicehub.config.problems import Language
from devicehub.config.values import (
    Adapter,
    BluetoothAddress,
    Id,
    Listen,
    ListenAddress,
    Name,
    PemFile,
    PlacedPath,
    Port,
    Radio,
    Secret,
    SerialPort,
    StoreFile,
    Url,
    data_folder,
    secret_bytes,
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
    """``virtual:`` takes HCI transports of a simulator, one an adapter: ``virtual:tcp-client:127.0.0.1:9700``."""
    adapters: Annotated[tuple[Adapter, ...], Field(strict=False)] = ()
    """Several adapters of this computer, by BlueZ's names; without them, the first that is switched on."""
    connections: Annotated[int, Field(ge=1, le=64)] | None = None
    """How many devices one adapter can hold at once; without it, learnt when the adapter refuses one more."""
    accept: Literal["listed", "known", "any"] = "listed"
    """``known`` reads a device that is listed by the beginning of its name once somebody has adopted it at the
    page, and never its double. ``any`` reads every device a driver knows: for demonstrations, never beside other rooms."""


class Operators(Table):
    """Who works at the page: ``devicehub operators`` adds them. Without any, the page asks nobody who they are."""

    idle_minutes: Annotated[float, Field(gt=0, le=120)] = 10
    """Untouched for so long, the page asks again who stands there. Devices are read and filed meanwhile. By default a
    series of blood pressures with its rest fits in."""


class IdentityProvider(Table):
    """Where operators may sign in beside their PIN (OpenID Connect; Pro Santé Connect)."""

    issuer: Url
    """As its discovery document names it."""
    client_id: Name
    client_secret: SecretStr | None = None
    client_secret_file: PlacedPath | None = None
    scope: Name = "openid"
    """Pro Santé Connect: ``openid scope_all``."""
    acr_values: Name | None = None
    """Pro Santé Connect: ``eidas1``."""


class Confirm(Table):
    """Which readings wait for a person before they are filed."""

    policy: Literal["every", "flagged", "none"] = "flagged"
    undo_seconds: Annotated[int, Field(ge=0, le=60)] = 5
    """How long what a person accepts stays at the station, where it can be undone, before it goes; 0: at once."""


class Series(Table):
    """How a series of blood pressures is taken; the page can change it for one patient."""

    rest_seconds: Annotated[int, Field(ge=0, le=1800)] = 300
    count: Annotated[int, Field(ge=1, le=10)] = 3
    interval_seconds: Annotated[int, Field(ge=0, le=600)] = 60
    leave_out_first: bool = False
    mean_of_last: Annotated[int, Field(ge=1, le=10)] = 2
    both_arms: bool = False
    """Each arm once before the series, which goes on with the higher one."""
    standing_minutes: Annotated[
        tuple[Annotated[int, Field(ge=1, le=30)], ...], Field(strict=False)
    ] = ()
    """After the series, standing, at these minutes: ``[1, 3]``."""


class Metrology(Table):
    """What happens around the due date of a device's checks."""

    warn_days: Annotated[int, Field(ge=0, le=365)] = 30
    """How long before it the page warns."""
    block: bool = False
    """Afterwards only the physician can accept the device's readings. They are kept either way."""


class Line(Table):
    """How the bits of a serial device's line travel, where the driver's settings are not the device's."""

    baud: Annotated[int, Field(ge=50, le=4_000_000)] | None = None
    data_bits: Literal[7, 8] | None = None
    parity: Literal["none", "even", "odd"] | None = None
    stop_bits: Literal[1, 2] | None = None
    flow: Literal["none", "rtscts", "xonxoff", "dsrdtr"] | None = None
    """Who holds whom back: wires (``rtscts``, on Windows ``dsrdtr`` too) or characters (``xonxoff``)."""


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
    port: SerialPort | None = None
    """``usb:0403:6001:A50285BI`` (an adapter in any socket, `devicehub devices list` shows it), ``/dev/ttyS0``,
    ``COM3``, ``socket://host:port`` or ``rfc2217://host:port``."""
    line: Line | None = None
    metrology: Annotated[
        tuple[Literal["verification", "calibration", "validation"], ...], Field(strict=False)
    ] = ()
    """The checks this device must have; `devicehub metrology` records them."""
    secrets: dict[str, Secret] = Field(default_factory=dict)
    """What its driver must know: ``bind_key``, ``pin``, … 16 or more hexadecimal digits are bytes, else it is text."""

    def secret_bytes(self) -> dict[str, bytes]:
        """The secrets as its driver takes them."""
        return {
            name: secret_bytes(value.get_secret_value()) for name, value in self.secrets.items()
        }

    def line_settings(self) -> dict[str, Any]:
        """What ``line`` says, and nothing of what it leaves to the driver."""
        return {} if self.line is None else self.line.model_dump(exclude_none=True)


class Ecg(Table):
    """The ECG preparation check."""

    labels: Literal["iec", "aha"] = "iec"
    """How electrodes are named: R red, C1 … (IEC 60601-2-25, Europe), or RA white, V1 … (AHA, America)."""


class Reader(Table):
    """The identity reader: a barcode reader in serial mode. What it reads goes to the visit alone."""

    port: SerialPort
    """As a device's."""
    line: Line | None = None
    opens_visit: bool = False
    """A scan opens the visit by itself where none is open; else a person does, at the page."""

    def line_settings(self) -> dict[str, Any]:
        """What ``line`` says, and nothing of what it leaves as readers are made."""
        return {} if self.line is None else self.line.model_dump(exclude_none=True)


class Settings(Table):
    """Everything that can be set."""

    station: Station | None = None
    mqtt: Mqtt = Mqtt()
    broker: Broker = Field(default_factory=Broker)
    dossier: Dossier = Dossier()
    dossier_service: DossierService | None = None
    bluetooth: Bluetooth = Bluetooth()
    confirm: Confirm = Confirm()
    operators: Operators = Operators()
    identity_provider: IdentityProvider | None = None
    ecg: Ecg = Ecg()
    reader: Reader | None = None
    series: Series = Series()
    metrology: Metrology = Metrology()
    device: Annotated[tuple[Device, ...], Field(strict=False)] = ()
