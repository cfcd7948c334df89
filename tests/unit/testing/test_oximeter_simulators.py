"""The simulated oximeters and the simulated strap: what they say is what a driver reads."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import BleDriver, DeviceFacts, EcgSamples, Frame, OxygenSaturation
from devicehub.testing.simulator import AttributeRefused, Message
from devicehub_drivers import berry_bm1000, jumper_oximeter, nonin_3230, polar_h10, wellue_o2ring
from devicehub_simulators.berry_bm1000 import BerryBm1000
from devicehub_simulators.jumper_oximeter import JumperOximeter
from devicehub_simulators.nonin_3230 import COMPLETE, CONTROL, Nonin3230
from devicehub_simulators.polar_h10 import PolarH10
from devicehub_simulators.wellue_o2ring import WellueO2ring

NOW = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
SEEDS = st.integers(0, 2**32)


def read(driver: BleDriver, messages: list[Message]) -> list[object]:
    parts = tuple((message.on, message.data) for message in messages)
    return list(driver.decode(driver.unseal(Frame(parts), {})))


@given(seed=SEEDS)
def test_a_nonin_vouches_for_one_value(seed: int) -> None:
    messages = list(Nonin3230("TEST-0001", seed).measure(NOW))
    finished = [m for m in messages if nonin_3230.is_finished(m.data)]
    assert [m.truth for m in messages if m.truth is not None] == read(
        nonin_3230.DRIVER, finished[:1]
    )
    assert all(read(nonin_3230.DRIVER, [message]) for message in messages)


def test_a_nonin_takes_one_command() -> None:
    oximeter = Nonin3230("TEST-0001", 1)
    with pytest.raises(AttributeRefused):
        oximeter.write(CONTROL, b"\x61\x05", NOW)
    assert list(oximeter.write(CONTROL, COMPLETE, NOW)) == []
    assert oximeter.complete


@given(seed=SEEDS)
def test_streams_show_values_and_their_absence(seed: int) -> None:
    packets = berry_bm1000.Packets()
    shown = [
        one
        for message in BerryBm1000("TEST-0001", seed).measure(NOW)
        for packet in packets.feed(message.data)
        for one in berry_bm1000.decode(Frame.of(berry_bm1000.STREAM, packet))
    ]
    assert {one.flags for one in shown} == {("searching",), (), ("no_contact",)}
    shown = [
        one
        for message in JumperOximeter("TEST-0001", seed).measure(NOW)
        for one in jumper_oximeter.decode(Frame.of(message.on, message.data))
    ]
    measured = [isinstance(one, OxygenSaturation) and one.percent is not None for one in shown]
    assert measured == [False, True, True, True, True, False]


def asked(ring: WellueO2ring, command: int) -> list[object]:
    request = bytes([0xAA, command, command ^ 0xFF, 0, 0, 0, 0])
    request += bytes([wellue_o2ring.crc8(request)])
    return read(wellue_o2ring.DRIVER, list(ring.write(wellue_o2ring.REQUEST, request, NOW)))


@given(seed=SEEDS)
def test_a_ring_answers(seed: int) -> None:
    ring = WellueO2ring("TEST-0001", seed)
    assert asked(ring, wellue_o2ring.FACTS) == [
        DeviceFacts(
            model="O2Ring",
            serial_number="TEST-0001",
            firmware="1.0",
            battery_percent=Decimal(96),
            clock="2026-11-22T08:30:00",
        )
    ]
    flags = []
    for _ in ring.measure(NOW):
        (values,) = asked(ring, wellue_o2ring.VALUES)
        assert isinstance(values, OxygenSaturation)
        flags.append(values.flags)
    assert flags == [("searching",), (), (), ("no_contact",)]
    assert list(ring.write(wellue_o2ring.REQUEST, bytes(8), NOW)) == []


@given(seed=SEEDS)
def test_a_strap_streams_when_asked(seed: int) -> None:
    strap = PolarH10("TEST-0001", seed)
    assert {m.on for m in strap.measure(NOW) if m.data} == {"2a37"}
    codes = [
        m.data[3]
        for command in (polar_h10.START, polar_h10.START, b"\x02\x00", b"\x09\x00")
        for m in strap.write(polar_h10.CONTROL, command, NOW)
    ]
    assert codes == [0x00, 0x06, 0x05, 0x01]
    messages = [m for m in strap.measure(NOW) if m.on == polar_h10.DATA]
    for one in messages:
        (found,) = read(polar_h10.DRIVER, [one])
        assert isinstance(found, EcgSamples)
    gaps = [polar_h10.samples_lost(a.data, b.data) for a, b in pairwise(messages)]
    assert gaps == [0] * (len(messages) - 1)
