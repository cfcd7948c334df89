"""The vendors' oximeters and the chest strap: what their octets say, where streams are cut, what is filed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.devices import matching, registry
from devicehub.driver import BleDriver, EcgSamples, Frame, NotUnderstood, OxygenSaturation
from devicehub.reading import settle
from devicehub.testing.capture import captured
from devicehub.testing.decode import decode_hex
from devicehub.testing.replay import converse
from devicehub_drivers import berry_bm1000, jumper_oximeter, nonin_3230, polar_h10, wellue_o2ring

DRIVERS = (
    berry_bm1000.DRIVER,
    jumper_oximeter.DRIVER,
    nonin_3230.DRIVER,
    polar_h10.DRIVER,
    wellue_o2ring.DRIVER,
)
CAPTURES = Path(__file__).parents[2] / "captures"


@dataclass(frozen=True)
class Seen:
    name: str | None
    services: frozenset[str]
    company_data: Mapping[int, bytes] = field(default_factory=dict)
    service_data: Mapping[str, bytes] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("seen", "driver"),
    [
        (Seen("Nonin3230_502612345", frozenset({"1822"})), "nonin_3230"),
        (Seen("BerryMed", frozenset()), "berry_bm1000"),
        (Seen("My Oximeter", frozenset({jumper_oximeter.STREAM})), "jumper_oximeter"),
        (Seen("My Thermometer", frozenset({jumper_oximeter.STREAM})), None),
        (Seen("O2Ring 1234", frozenset()), "wellue_o2ring"),
        (Seen("Polar H10 8AA87D20", frozenset({"180d"})), "polar_h10"),
        (Seen("Polar H7", frozenset({"180d"})), "sig_heart_rate"),
        (Seen("PLX", frozenset({"1822"})), "sig_pulse_oximeter"),
    ],
)
def test_each_device_has_one_driver(seen: Seen, driver: str | None) -> None:
    found = matching.match(seen, map(registry.find, registry.installed()))
    assert (found.id if found else None) == driver


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.id)
def test_only_what_the_device_vouches_for_is_filed(driver: BleDriver) -> None:
    filed = []
    for one in captured(driver.id, CAPTURES):
        settling = settle.Settling(idle_since=one.capture.header.recorded)
        for handed in converse(driver, one.capture):
            if handed.finished:
                frame = driver.unseal(handed.frame, handed.secrets)
                whole = settle.Settle(driver.settles, settling)
                filed += whole.finished(driver.decode(frame), handed.at)
    assert [finished.measurement for finished in filed] == (
        [
            OxygenSaturation(
                percent=Decimal(97),
                pulse_per_minute=Decimal(73),
                perfusion_index_percent=Decimal("3.1"),
            ),
            OxygenSaturation(
                percent=Decimal(93),
                pulse_per_minute=Decimal(260),
                perfusion_index_percent=Decimal("0.16"),
                flags=("low_battery", "weak_signal"),
            ),
        ]
        if driver is nonin_3230.DRIVER
        else []
    )


def oxygen(driver: BleDriver, data: str) -> list[tuple[Decimal | None, Decimal | None]]:
    frame = driver.unseal(Frame.of(driver.main, bytes.fromhex(data)), {})
    return [
        (one.percent, one.pulse_per_minute)
        for one in driver.decode(frame)
        if isinstance(one, OxygenSaturation)
    ]


def test_bci_packets_come_one_or_several_at_a_time() -> None:
    # 0x61 = 97 %, 0x48 = 72; 0x40 in the third octet is bit 7 of the pulse: 0x80 | 0x02 = 130
    assert oxygen(berry_bm1000.DRIVER, "8528074861") == [(Decimal(97), Decimal(72))]
    two = "8528074861 c55f470262"
    both = [(Decimal(97), Decimal(72)), (Decimal(98), Decimal(130))]
    assert oxygen(berry_bm1000.DRIVER, two) == both
    assert len(decode_hex(berry_bm1000.DRIVER, None, [two.replace(" ", "")])) == 2


@pytest.mark.parametrize(
    ("driver", "data", "at"),
    [
        (berry_bm1000.DRIVER, "", 0),
        (berry_bm1000.DRIVER, "85280748", 0),
        (berry_bm1000.DRIVER, "8528074861 85", 5),
        (berry_bm1000.DRIVER, "0528074861", 0),
        (berry_bm1000.DRIVER, "8528074861 8528870261", 7),
        (berry_bm1000.DRIVER, "8528074865", 4),
        (jumper_oximeter.DRIVER, "", 0),
        (jumper_oximeter.DRIVER, "80000000", 0),
        (jumper_oximeter.DRIVER, "813863", 3),
        (jumper_oximeter.DRIVER, "8138634400", 4),
        (jumper_oximeter.DRIVER, "81388044", 2),
        (nonin_3230.DRIVER, "0a50000000000161", 8),
        (nonin_3230.DRIVER, "09500000000001610048", 0),
        (nonin_3230.DRIVER, "0a500000000001650048", 7),
        (nonin_3230.DRIVER, "0a500000000001610200", 8),
        (wellue_o2ring.DRIVER, "5500ff00000000", 7),
        (wellue_o2ring.DRIVER, "aa17e8000000001b", 0),
        (wellue_o2ring.DRIVER, "5500fe0000000000", 2),
        (wellue_o2ring.DRIVER, "5500ff0000010000", 5),
        (wellue_o2ring.DRIVER, "5500ff0000000000", 7),
    ],
)
def test_what_does_not_add_up_is_not_understood(driver: BleDriver, data: str, at: int) -> None:
    with pytest.raises(NotUnderstood) as refused:
        oxygen(driver, data)
    assert refused.value.at == at


@given(
    values=st.lists(st.tuples(st.integers(0, 254), st.integers(0, 100)), min_size=1, max_size=20),
    cuts=st.lists(st.integers(0, 200)),
    before=st.binary(max_size=4).map(lambda data: bytes(octet & 0x7F for octet in data)),
)
def test_packets_are_the_same_however_they_are_cut(
    values: list[tuple[int, int]], cuts: list[int], before: bytes
) -> None:
    sent = [bytes([0x85, 1, (p & 0x80) >> 1, p & 0x7F, percent]) for p, percent in values]
    stream = before + b"".join(sent) + b"\x80"
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    packets = berry_bm1000.Packets()
    assert [one for a, b in pairwise(edges) for one in packets.feed(stream[a:b])] == sent


@given(garbage=st.binary(max_size=60))
def test_packets_recover_from_garbage(garbage: bytes) -> None:
    packet = bytes.fromhex("8528074861")
    packets = berry_bm1000.Packets()
    packets.feed(garbage)
    # The first may be spoilt by what came before it.
    assert packets.feed(packet * 3 + b"\x80")[-2:] == [packet] * 2


def test_crc8_is_that_of_the_ring() -> None:
    # The check value of CRC-8 (polynomial 07) and the request every public client of the ring sends.
    assert wellue_o2ring.crc8(b"123456789") == 0xF4
    assert wellue_o2ring.crc8(bytes.fromhex("aa17e800000000")) == 0x1B


@given(
    data=st.binary(min_size=13, max_size=13), octet=st.integers(0, 20), change=st.integers(1, 255)
)
def test_a_changed_octet_breaks_the_seal(data: bytes, octet: int, change: int) -> None:
    head = bytes.fromhex("5500ff00000d00") + data
    whole = head + bytes([wellue_o2ring.crc8(head)])
    unsealed = wellue_o2ring.unseal(Frame.of(wellue_o2ring.ANSWER, whole), {})
    assert unsealed.data == data
    bad = whole[:octet] + bytes([whole[octet] ^ change]) + whole[octet + 1 :]
    with pytest.raises(NotUnderstood):
        wellue_o2ring.unseal(Frame.of(wellue_o2ring.ANSWER, bad), {})


def test_another_answer_of_the_ring_is_not_understood() -> None:
    with pytest.raises(NotUnderstood, match="13 octets"):
        list(wellue_o2ring.decode(Frame.of(wellue_o2ring.ANSWER, bytes(14))))


@pytest.mark.parametrize("data", ["{", '{"SN":1e9999', '{"a":' * 20_000, '{"a":"\xff"}'])
def test_facts_that_are_none_are_not_understood(data: str) -> None:
    with pytest.raises(NotUnderstood):
        list(wellue_o2ring.decode(Frame.of(wellue_o2ring.ANSWER, data.encode("latin-1"))))


def ecg(*parts: str) -> EcgSamples:
    frame = Frame(tuple((polar_h10.DATA, bytes.fromhex(part)) for part in parts))
    (found,) = polar_h10.DRIVER.decode(frame)
    assert isinstance(found, EcgSamples)
    return found


def test_polars_own_example() -> None:
    # polar-ble-sdk, EcgDataTest: 2 000 000 000 ns, 0xff8002 = -32766, 0x008002 = 32770
    found = ecg("00 0094357700000000 00 0280ff 028000")
    assert found.microvolts == ((Decimal(-32766), Decimal(32770)),)
    assert found.device_time == "2000-01-01T00:00:02"
    assert found.sampling_hz == 130


@pytest.mark.parametrize(
    ("data", "at"),
    [
        ("", 0),
        ("00 00943577000000", 8),
        ("00 0094357700000000 00", 10),
        ("00 0094357700000000 00 0280", 12),
        ("02 0094357700000000 00 0280ff", 0),
        ("00 0094357700000000 80 0280ff", 9),
    ],
)
def test_other_streams_are_not_understood(data: str, at: int) -> None:
    with pytest.raises(NotUnderstood) as refused:
        ecg(data)
    assert refused.value.at == at


def message(nanoseconds: int, count: int) -> str:
    return (b"\0" + nanoseconds.to_bytes(8, "little") + b"\0" + bytes([1, 0, 0]) * count).hex()


@given(
    first=st.integers(0, 2**62), lost=st.integers(0, 1300), count=st.integers(1, 73), late=st.data()
)
def test_a_gap_is_as_long_as_the_clock_says(
    first: int, lost: int, count: int, late: st.DataObject
) -> None:
    # A third of a sample early or late is the same gap: the strap's clock is not exact.
    jitter = late.draw(st.integers(-2_500_000, 2_500_000))
    second = first + (lost + count) * 1_000_000_000 // 130 + jitter
    (samples,) = ecg(message(first, 73), message(second, count)).microvolts
    assert samples == (None,) * lost + (Decimal(1),) * count


@pytest.mark.parametrize("seconds", [-1.0, 11.0])
def test_a_clock_set_back_or_a_long_silence_is_no_gap(seconds: float) -> None:
    first = int(timedelta(days=1).total_seconds()) * 1_000_000_000
    with pytest.raises(NotUnderstood, match="ten seconds"):
        ecg(message(first, 73), message(first + int(seconds * 1e9), 73))


def test_the_time_is_that_of_the_last_sample() -> None:
    nanoseconds = 599_616_000_123_456_789
    told = ecg(message(nanoseconds, 2)).device_time
    assert told == "2019-01-01T00:00:00.123456"
