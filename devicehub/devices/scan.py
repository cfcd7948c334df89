"""What is in range: every device heard for a while, which driver would take it and why, look-alikes named."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from devicehub.devices import matching, registry
from devicehub.devices.binding import BleBinding
from devicehub.driver import Advert
from devicehub.transport.ble import RSSI_UNKNOWN, Radio, Sighting


@dataclass(frozen=True, slots=True)
class Heard:
    """One device in range. ``why`` says what in its advertisement decides, or why nothing does."""

    address: str
    name: str | None
    rssi: int | None
    driver: str | None
    why: str
    bound_as: str | None
    looks_like: tuple[str, ...]
    """Other devices in range that the same driver takes and that carry the same name."""


async def scan(radio: Radio, seconds: float, bindings: Sequence[BleBinding]) -> list[Heard]:
    """Listen for ``seconds`` and tell what was heard, the strongest first."""
    heard: dict[str, Sighting] = {}
    radio.listen(lambda sighting: heard.update({sighting.address: sighting}))
    await asyncio.sleep(seconds)
    described = [_describe(sighting, bindings) for sighting in heard.values()]
    known = [_with_look_alikes(each, described) for each in described]
    return sorted(known, key=lambda each: -(RSSI_UNKNOWN if each.rssi is None else each.rssi))


def _describe(sighting: Sighting, bindings: Sequence[BleBinding]) -> Heard:
    bound = next((binding.id for binding in bindings if binding.fits(sighting)), None)
    driver, why = None, "no installed driver knows what it advertises"
    try:
        found = matching.match(sighting, registry.installed().values())
        if found is not None:
            driver, why = found.id, _reason(found.match)
    except matching.Ambiguous as error:
        why = f'{error}; bind it with driver = "…"'
    return Heard(sighting.address, sighting.name, sighting.rssi, driver, why, bound, ())


def _reason(advert: Advert) -> str:
    """What of the advertisement the driver claims."""
    claims = []
    if advert.name_prefix is not None:
        names = matching.alternatives(advert.name_prefix)
        claims.append(f"name {' or '.join(f'{name}…' for name in names)}")
    if advert.company is not None:
        claims.append(f"company 0x{advert.company:04x}")
    if advert.service is not None:
        claims.append(f"service {' or '.join(matching.alternatives(advert.service))}")
    if advert.service_data is not None:
        claims.append(f"service data {advert.service_data}")
    return ", ".join(claims)


def _with_look_alikes(one: Heard, everyone: Sequence[Heard]) -> Heard:
    same = tuple(
        other.address
        for other in everyone
        if one.driver is not None
        and other.address != one.address
        and (other.driver, _model(other.name)) == (one.driver, _model(one.name))
    )
    return Heard(one.address, one.name, one.rssi, one.driver, one.why, one.bound_as, same)


def _model(name: str | None) -> str:
    """An advertised name without the digits that tell two devices of one model apart."""
    return (name or "").rstrip("0123456789abcdefABCDEF:-_ ")
