"""The two programs beside the station: the dossier, and the broker that comes with the hub."""

from __future__ import annotations

from collections.abc import Callable

from devicehub.app.arguments import mqtt_address, required, server_tls
from devicehub.config import Settings


async def run_dossier_service(
    settings: Settings, *, simulation: bool, on_ready: Callable[[str], None]
) -> None:
    """Run the dossier until cancelled. ``on_ready`` gets the address of its API.

    Raises `ConfigError`, or `devicehub.dossier.dossier.DossierFailed` and ``StoreFailed`` at the start.
    """
    # SQLAlchemy is the dossier's alone: a station that never imports it is 10 MB smaller, and ready sooner.
    from devicehub.dossier.dossier import DossierSettings, run_dossier  # noqa: PLC0415

    service = required(settings.dossier_service, "dossier_service")
    await run_dossier(
        DossierSettings(
            dossier=service.id,
            store=service.store,
            broker=mqtt_address(settings, f"devicehub-dossier-{service.id}"),
            host=service.listen.host,
            port=service.listen.port,
            token=service.token.get_secret_value() if service.token is not None else None,
            tls=server_tls(service.tls),
            simulation=simulation,
        ),
        on_ready=on_ready,
    )


async def run_broker(settings: Settings, *, on_ready: Callable[[str], None]) -> None:
    """Run the embedded broker until cancelled. Raises `devicehub.delivery.broker.BrokerFailed`."""
    # A station that has its broker elsewhere needs none of this.
    from devicehub.delivery.broker import EmbeddedBroker  # noqa: PLC0415

    broker = settings.broker
    async with EmbeddedBroker(
        broker.data,
        port=broker.listen.port,
        host=broker.listen.host,
        user=broker.user,
        password=broker.password.get_secret_value() if broker.password is not None else None,
        tls=server_tls(broker.tls),
    ) as running:
        on_ready(running.url)
        await running.ended()
