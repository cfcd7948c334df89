"""Which radio talks to a device: the bond decides, then a free place, then who hears it best."""

import asyncio
import contextlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from bleak.backends.device import BLEDevice

from devicehub.devices import nearby
from devicehub.devices.intake import Source
from devicehub.devices.nearby import Heard, Nearby, choose
from devicehub.transport.ble import Radio, Sighting
from devicehub.transport.virtual import virtual_radio
from devicehub_drivers.sig_blood_pressure import DRIVER

CUFF = "C0:00:00:00:00:01"


def radio(number: int, connections: int | None = None) -> Radio:
    return virtual_radio("unix:/nowhere", None, number=number, connections=connections)


def heard(by: Radio, rssi: int | None) -> Heard:
    device = BLEDevice(CUFF, None, None)
    at = datetime(2026, 1, 5, tzinfo=UTC)
    return Heard(by, Sighting(device.address, None, frozenset(), {}, {}, rssi, at, device), 0.0)


def test_the_best_heard_is_taken_where_there_is_no_bond() -> None:
    near, far, unknown = heard(radio(1), -50), heard(radio(2), -80), heard(radio(3), None)
    assert choose([far, unknown, near], ()) is near
    assert choose([], ()) is None


def test_the_bond_outranks_the_strength() -> None:
    near, far = heard(radio(1), -50), heard(radio(2), -80)
    assert choose([near, far], [far.radio.identity]) is far


def test_a_device_bonded_elsewhere_is_left_alone() -> None:
    assert choose([heard(radio(1), -50)], ["00:11:22:33:44:55"]) is None


def test_a_device_that_hangs_up_after_each_measurement_is_not_waited_for_ever_longer() -> None:
    device = Nearby(Source("cuff", DRIVER, CUFF, "simulator"), "Tensiomètre")
    assert [device.backoff() for _ in range(7)] == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]
    device.reached()
    assert device.backoff() == 0.5


async def test_a_device_that_told_all_and_goes_on_advertising_is_left_in_peace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(nearby, "CALL_EVERY", 3600.0)
    monkeypatch.setattr(nearby, "AWAY_SECONDS", 3600.0)
    meter = Nearby(Source("meter", DRIVER, CUFF, "simulator"), "Glucomètre")
    by = radio(1)
    meter.put(by, heard(by, -50).sighting)
    assert [each.radio for each in await meter.heard(1)] == [by]
    meter.reached()
    meter.rest()
    called = asyncio.create_task(meter.heard(1))
    meter.put(by, heard(by, -50).sighting)
    done, _ = await asyncio.wait([called], timeout=0.2)
    assert not done
    # It falls silent and comes back: somebody has used it.
    monkeypatch.setattr(nearby, "AWAY_SECONDS", 0.0)
    meter.put(by, heard(by, -50).sighting)
    assert [each.radio for each in await called] == [by]


async def test_a_conversation_that_broke_off_is_taken_up_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(nearby, "CALL_EVERY", 3600.0)
    monkeypatch.setattr(nearby, "AWAY_SECONDS", 3600.0)
    cuff = Nearby(Source("cuff", DRIVER, CUFF, "simulator"), "Tensiomètre")
    by = radio(1)
    cuff.put(by, heard(by, -50).sighting)
    await cuff.heard(1)
    cuff.reached()
    cuff.rest()
    monkeypatch.setattr(nearby, "AWAY_SECONDS", 0.0)
    cuff.put(by, heard(by, -50).sighting)
    await cuff.heard(1)
    monkeypatch.setattr(nearby, "AWAY_SECONDS", 3600.0)
    cuff.forget()
    cuff.put(by, heard(by, -50).sighting)
    assert [each.radio for each in await cuff.heard(1)] == [by]


async def test_a_free_place_outranks_the_strength_and_a_full_radio_is_waited_for(
    tmp_path: Path,
) -> None:
    near, far = heard(radio(1, connections=1), -50), heard(radio(2, connections=1), -80)
    async with contextlib.AsyncExitStack() as held:
        await held.enter_async_context(near.radio.slots.place())
        assert choose([near, far], ()) is far
        await held.enter_async_context(far.radio.slots.place())
        assert choose([near, far], ()) is near
