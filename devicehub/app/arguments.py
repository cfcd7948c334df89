"""What the configuration says, as the plain arguments of the rooms: they read no configuration."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

from devicehub.config import Settings
from devicehub.config.tree import ClientTls, IdentityProvider, ServerTls
from devicehub.delivery.address import Address, TlsFiles
from devicehub.delivery.dossier_api import DossierApi
from devicehub.devices import registry
from devicehub.devices.binding import BleBinding, SerialBinding
from devicehub.devices.upkeep import Upkeep
from devicehub.driver import Kind
from devicehub.station.provider import Client, Provider
from devicehub.station.workshop_view import Bound

T = TypeVar("T")


class MissingTable(LookupError):
    """The configuration has no table for what was asked to run. The message names it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"la table [{name}] manque dans la configuration · [{name}] is missing")


def required(table: T | None, name: str) -> T:
    """A table that must be there. Raises `MissingTable`."""
    if table is None:
        raise MissingTable(name)
    return table


def mqtt_address(settings: Settings, client_id: str) -> Address:
    """The broker, and who we are there."""
    mqtt = settings.mqtt
    return Address(
        host=mqtt.host,
        port=mqtt.port,
        tls=client_tls(mqtt.tls),
        user=mqtt.user,
        password=mqtt.password.get_secret_value() if mqtt.password is not None else None,
        client_id=client_id,
        version=mqtt.version,
    )


def client_tls(tls: ClientTls | None) -> TlsFiles | None:
    """How a connection to somebody is encrypted."""
    return None if tls is None else TlsFiles(tls.ca, tls.certificate, tls.key)


def server_tls(tls: ServerTls | None) -> TlsFiles | None:
    """How a server of ours is encrypted."""
    return None if tls is None else TlsFiles(tls.client_ca, tls.certificate, tls.key)


def dossier_api(settings: Settings) -> DossierApi:
    """The dossier's API, not asked yet."""
    dossier = settings.dossier
    token = dossier.token.get_secret_value() if dossier.token is not None else None
    return DossierApi(dossier.url, token=token, tls=client_tls(dossier.tls))


def identity_provider(settings: IdentityProvider | None) -> Provider | None:
    """Where operators may sign in beside their PIN."""
    if settings is None:
        return None
    secret = settings.client_secret
    return Provider(
        Client(
            issuer=settings.issuer,
            client_id=settings.client_id,
            client_secret=secret.get_secret_value() if secret is not None else "",
            scope=settings.scope,
            acr_values=settings.acr_values,
        )
    )


def bluetooth_devices(settings: Settings) -> list[BleBinding]:
    """The devices on the radio."""
    return [
        BleBinding(d.id, d.name, d.address, d.name_prefix, d.driver, d.model)
        for d in settings.device
        if d.port is None
    ]


def serial_devices(settings: Settings) -> list[SerialBinding]:
    """The devices on serial lines."""
    return [
        SerialBinding(d.id, d.name, d.port, d.driver, d.model, d.line_settings())
        for d in settings.device
        if d.port is not None and d.driver is not None
    ]


def bound(settings: Settings) -> list[Bound]:
    """The devices of the configuration, as the technician reads them."""
    return [
        Bound(d.id, d.name, d.port or d.address or f"{d.name_prefix}…", d.driver, d.model)
        for d in settings.device
    ]


def make_upkeep(settings: Settings) -> Upkeep:
    """What the practice asks of each device's checks."""
    metrology = settings.metrology
    required = {device.id: device.metrology for device in settings.device}
    return Upkeep(required, timedelta(days=metrology.warn_days), metrology.block)


def tells(driver: str) -> frozenset[Kind]:
    """What a driver reads."""
    return frozenset(kind for model in registry.find(driver).models for kind in model.reads)
