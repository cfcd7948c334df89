"""The serial ECG front ends: packets worked out by hand, disturbances, noise, and what their simulators play."""

import asyncio
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import (
    SERIAL,
    BloodPressure,
    EcgSamples,
    ElectrodeContact,
    Frame,
    HeartRate,
    LinkLost,
    Measurement,
    NotUnderstood,
    SerialDriver,
)
from devicehub.testing.decode import decode_hex
from devicehub.testing.electrodes import faults
from devicehub_drivers import (
    ads1298_bridge,
    ecg_uart_22,
    healthypi,
    medlab_eg,
    medlab_eg01010,
    openbci_cyton,
    protocentral_ads1292r,
    protocentral_ads1293,
)
from devicehub_simulators import ads1298_bridge as simulated_bridge
from devicehub_simulators import ecg_uart_22 as simulated_uart
from devicehub_simulators import healthypi as simulated_pi
from devicehub_simulators import medlab_eg as simulated_medlab
from devicehub_simulators import medlab_eg01010 as simulated_old_medlab
from devicehub_simulators import openbci_cyton as simulated_cyton
from devicehub_simulators import protocentral_ads1292r as simulated_shield
from devicehub_simulators import protocentral_ads1293 as simulated_breakout
from devicehub_simulators._ecg import FrontEnd

MODULES = (
    ads1298_bridge,
    ecg_uart_22,
    healthypi,
    medlab_eg,
    medlab_eg01010,
    openbci_cyton,
    protocentral_ads1292r,
    protocentral_ads1293,
)


def read(driver: SerialDriver, hexes: str, model: str | None = None) -> list[Measurement]:
    return list(driver.decode(Frame.of(SERIAL, bytes.fromhex(hexes), model)))


def ecg(said: Iterable[Measurement]) -> EcgSamples:
    (found,) = (one for one in said if isinstance(one, EcgSamples))
    return found


def states(said: Iterable[Measurement]) -> dict[str, str]:
    (found,) = (one for one in said if isinstance(one, ElectrodeContact))
    return {name: contact.state for name, contact in found.electrodes.items()}


class Line:
    """A serial line on which all these bytes have arrived, a hundredth of a second a message."""

    def __init__(self, driver: SerialDriver, data: bytes, model: str | None = None) -> None:
        self.waiting = [Frame.of(SERIAL, one, model) for one in driver.line.framer().feed(data)]
        self.shown: list[Frame] = []
        self.written: list[bytes] = []
        self.now = datetime(2026, 11, 22, tzinfo=UTC)
        self.model = model
        self.secrets: dict[str, bytes] = {}

    def keep(self, name: str, secret: bytes) -> None:
        raise AssertionError

    async def deliver(self, frame: Frame) -> None:
        raise AssertionError("a stream delivers nothing")

    def live(self, frame: Frame) -> None:
        self.shown.append(frame)

    async def pause(self, seconds: float) -> None:
        return

    async def write(self, data: bytes) -> None:
        self.written.append(data)

    async def frame(self, *, within: float) -> Frame | None:
        if not self.waiting:
            raise LinkLost("over")
        self.now += timedelta(milliseconds=10)
        return self.waiting.pop(0)


def talk(driver: SerialDriver, line: Line) -> None:
    """Until the line is over."""

    async def session() -> None:
        await driver.session(line)

    with pytest.raises(LinkLost):
        asyncio.run(session())


def shown(driver: SerialDriver, data: bytes, model: str | None = None) -> list[list[Measurement]]:
    """What the hub would show of a stream."""
    line = Line(driver, data, model)
    talk(driver, line)
    return [list(driver.decode(frame)) for frame in line.shown]


# ------------------------------------------------------------------------------------- ADS1298

STATUS_CLEAN = "c00000"
# Channel 1 (V6): 0x7fffff, full scale: 400 000 µV. Channel 2 (I): -1. Channel 3 (II): 0x000fff, 4095 counts. Channel 8
# (V1): 0x800000.
CHANNELS = "7fffff ffffff 000fff 000000 000000 000000 000000 800000"


def test_a_bridge_frame_by_hand() -> None:
    said = read(ads1298_bridge.DRIVER, STATUS_CLEAN + CHANNELS)
    found = ecg(said)
    values = dict(zip(found.leads, (one[0] for one in found.microvolts), strict=True))
    assert found.sampling_hz == 500
    assert values["V6"] == 400_000
    # 2.4 V / 6 / (2^23 - 1) is 0.047684 µV: one count below zero, and 4095 above.
    assert values["I"] == Decimal("-0.0477")
    assert values["II"] == Decimal("195.2648")
    assert values["V1"] == Decimal("-400000.0477")
    assert states(said) == {
        **dict.fromkeys(("RA", "LA", "LL", "V1", "V2", "V3", "V4", "V5", "V6"), "connected"),
        "RL": "unknown",
    }


@pytest.mark.parametrize(
    ("status", "off"),
    [
        # 1100, P8…P1, N8…N1, GPIO.
        ("c01000", {"V6"}),
        ("c02000", {"LA"}),
        ("c04000", {"LL"}),
        ("c08000", {"V2"}),
        ("c80000", {"V1"}),
        ("c00020", {"RA"}),
        ("c00040", {"RA"}),
        # Channels 1, 4, 5 and 8 have Wilson's terminal for a negative input: no electrode.
        ("c00990", set()),
        ("c7ffff", {"V6", "LA", "LL", "V2", "V3", "V4", "V5", "RA"}),
    ],
)
def test_a_set_bit_is_an_electrode_that_is_off(status: str, off: set[str]) -> None:
    said = states(read(ads1298_bridge.DRIVER, status + CHANNELS))
    assert {name for name, state in said.items() if state == "off"} == off


def test_a_bridge_says_in_its_model_what_no_frame_says() -> None:
    model = "ADS1298 1000 Hz, gain 12, 4 V, I-II-V1-V6, no lead-off"
    said = read(ads1298_bridge.DRIVER, "c7ffff" + CHANNELS, model)
    found = ecg(said)
    # 4 V / 12 is a third of a volt.
    assert found.microvolts[0] == (Decimal("333333.3333"),)
    assert found.sampling_hz == 1000
    assert set(states(said).values()) == {"unknown"}


@pytest.mark.parametrize("status", ["b00000", "000000", "d00000"])
def test_a_status_that_is_none_is_not_understood(status: str) -> None:
    with pytest.raises(NotUnderstood) as caught:
        read(ads1298_bridge.DRIVER, STATUS_CLEAN + CHANNELS + status + CHANNELS)
    assert caught.value.at == 27


@pytest.mark.parametrize("lost", range(27))
def test_a_lost_octet_is_a_gap_and_no_wrong_voltage(lost: int) -> None:
    simulator = simulated_bridge.Ads1298Bridge(3)
    frames = [simulator.packet() for _ in range(200)]
    right = {
        tuple(one[0] for one in ecg(read(ads1298_bridge.DRIVER, f.hex())).microvolts)
        for f in frames
    }
    broken = frames[90][:lost] + frames[90][lost + 1 :]
    stretches = [
        ecg(said)
        for said in shown(ads1298_bridge.DRIVER, b"".join([*frames[:90], broken, *frames[91:]]))
    ]
    rows = [row for one in stretches for row in zip(*one.microvolts, strict=True)]
    gaps = [row for row in rows if row[0] is None]
    assert len(gaps) == 1
    assert set(rows) - set(gaps) <= right
    assert len(rows) > 150


# ------------------------------------------------------------------------------ 22 octets a packet


def uart(counter: int = 5, **more: str) -> str:
    """All samples 0x7f low, and 0x2f high but for those named by their number."""
    highs = [more.get(f"h{n}", "2f") for n in range(8)]
    return f"e8 {counter:02x} 11 20 00" + "".join(f"7f{one}" for one in highs) + "8e"


def test_a_packet_of_22_octets_by_hand() -> None:
    # 0x2f: contact, and five bits 01111; 01111_1111111 is 2047. II has LL's contact beside: 0x60 | 0x10.
    said = read(ecg_uart_22.DRIVER, uart(h1="70"))
    found = ecg(said)
    assert found.leads == ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
    assert found.counts == ((2047,), (0x10 << 7 | 0x7F,), *[(2047,)] * 6)
    assert found.microvolts == ()
    assert found.sampling_hz is None
    assert found.sequence == 5
    assert states(said) == {
        **dict.fromkeys(("RA", "LA", "LL", "V1", "V2", "V3", "V4", "V5", "V6"), "connected"),
        "RL": "unknown",
    }


@pytest.mark.parametrize(
    ("number", "high", "off"),
    [
        (0, "0f", {"LA", "LL"}),
        (1, "4f", {"RA"}),
        (1, "2f", {"LL"}),
        (2, "0f", {"V1", "LL"}),
        (7, "0f", {"V6", "LL"}),
    ],
)
def test_each_sample_tells_the_contact_of_its_electrode(
    number: int, high: str, off: set[str]
) -> None:
    said = states(read(ecg_uart_22.DRIVER, uart(5, **{f"h{number}": high})))
    assert {name for name, state in said.items() if state == "off"} == off


def test_rate_and_scale_are_the_models() -> None:
    found = ecg(read(ecg_uart_22.DRIVER, uart(), "ECG UART, 250 Hz, 2.5 µV"))
    assert found.sampling_hz == 250
    assert found.counts == ()
    assert found.microvolts[0] == (Decimal("5117.5"),)


@pytest.mark.parametrize("at", range(22))
def test_a_mark_out_of_place_is_not_understood(at: int) -> None:
    data = bytearray.fromhex(uart())
    data[at] |= 0x80
    data[at] ^= 0x40 if at in (0, 21) else 0
    with pytest.raises(NotUnderstood):
        list(ecg_uart_22.DRIVER.decode(Frame.of(SERIAL, bytes(data))))


@given(lost=st.integers(1, 62), first=st.integers(0, 63))
def test_the_counter_tells_how_many_samples_are_lost(lost: int, first: int) -> None:
    packets = [uart(n % 64) for n in (first, first + 1, first + 2 + lost, first + 3 + lost)]
    found = ecg(read(ecg_uart_22.DRIVER, "".join(packets)))
    assert found.counts[0] == (2047, 2047, *[None] * lost, 2047, 2047)


# ------------------------------------------------------------------------------------ OpenBCI Cyton


def cyton(counter: int, channels: str, end: str = "c0") -> str:
    return f"a0{counter:02x}{channels}000000000000{end}"


def test_a_cyton_packet_by_hand() -> None:
    channels = "7fffff 800000 ffffff 000001" + "000000" * 4
    found = ecg(read(openbci_cyton.DRIVER, cyton(0x45, channels)))
    # 4.5 V / 24 is 187.5 mV, and a count 0.02235 µV.
    assert [one[0] for one in found.microvolts[:4]] == [
        Decimal(187_500),
        Decimal("-187500.0224"),
        Decimal("-0.0224"),
        Decimal("0.0224"),
    ]
    assert found.sampling_hz == 250
    assert found.sequence == 0x45
    assert found.leads[0] == "CH1"


def test_a_cyton_is_put_into_a_known_state_first() -> None:
    line = Line(openbci_cyton.DRIVER, b"")
    talk(openbci_cyton.DRIVER, line)
    assert line.written == [b"s", b"c", b"d", b"b"]


def test_a_gap_is_inside_a_stretch_wherever_it_falls() -> None:
    for hole in range(3, 40):
        numbers = [n for n in range(60) if not hole <= n < hole + 3]
        data = bytes.fromhex("".join(cyton(n, f"{n:06x}" * 8) for n in numbers))
        rows = [
            row for said in shown(openbci_cyton.DRIVER, data) for row in ecg(said).microvolts[0]
        ]
        whole = [
            None
            if hole <= n < hole + 3
            else Decimal(round(n * 45_000_000_000 / 24 / 8388607)) / 10_000
            for n in range(60)
        ]
        assert len(rows) >= 45
        assert rows == whole[: len(rows)], hole


# --------------------------------------------------------------------------- HealthyPi and its kin


def pi(ecg_hex: str = "2800", values: str = "470d0e6148", state: str = "00") -> str:
    return f"0afa140002{ecg_hex}0000{'00' * 8}{values}5078{state}000b"


def test_a_healthypi_packet_by_hand() -> None:
    said = read(healthypi.DRIVER, pi())
    # 40 counts of 1024 · 2.42 V / 12 / (2^23 - 1) = 24.6175 µV.
    assert ecg(said).microvolts == ((Decimal("984.7006"),),)
    assert ecg(said).sampling_hz == 125
    (rate,) = (one for one in said if isinstance(one, HeartRate))
    assert rate.per_minute == 72
    by_kind = {one.kind: one.model_dump(exclude_defaults=True) for one in said}
    assert by_kind["oxygen_saturation"]["percent"] == 97
    assert by_kind["body_temperature"]["celsius"] == Decimal("33.99")
    assert set(states(said).values()) == {"unknown"}


@given(data=st.binary(min_size=20, max_size=20))
def test_no_healthypi_ever_tells_a_blood_pressure(data: bytes) -> None:
    try:
        said = read(healthypi.DRIVER, f"0afa140002{data.hex()}000b")
    except NotUnderstood:
        return
    assert not any(isinstance(one, BloodPressure) for one in said)


def test_an_electrode_that_is_off_makes_zero_no_voltage() -> None:
    with_one = bytes.fromhex(pi()) + bytes.fromhex(pi("0000", "0000000000", "04"))
    said = read(healthypi.DRIVER, with_one.hex())
    assert ecg(said).microvolts == ((Decimal("984.7006"), None),)
    assert states(said) == {"RA": "unknown", "LA": "off", "RL": "unknown"}


def test_a_shield_tells_no_contact() -> None:
    said = read(protocentral_ads1292r.DRIVER, "0afa090002 d8ff 0000 0d00 4200 00 000b")
    assert ecg(said).microvolts == ((Decimal("-984.7006"),),)
    assert [one.kind for one in said] == ["ecg_samples", "heart_rate"]


# ------------------------------------------------------------------------------------------ Medlab

# F8 + 0x80 = 0x178: low four bits 8. FC + 1F + 02 + 01 = 0x11E: 1E. FA + 48 = 0x142: 42.
STATE, WAVE, PULSE = "fc1e1f020100", "f81880", "fa4248"


def medlab(*blocks: str, model: str | None = None) -> list[Measurement]:
    parts = tuple((SERIAL, bytes.fromhex(one)) for one in blocks)
    return list(medlab_eg.DRIVER.decode(Frame(parts, model)))


def test_medlab_blocks_by_hand() -> None:
    said = medlab(STATE, WAVE, PULSE)
    found = ecg(said)
    assert found.leads == ("II",)
    assert found.counts == ((128,),)
    assert found.sampling_hz == 100
    assert states(said) == dict.fromkeys("12345", "connected")
    assert [one.per_minute for one in said if isinstance(one, HeartRate)] == [72]


def test_a_block_of_twelve_samples_is_the_twelve_leads() -> None:
    samples = bytes(range(100, 112))
    low = (0xF8 + sum(samples)) & 15
    said = medlab(f"f8{0xC0 | low:02x}{samples.hex()}", model="EG12000, 10 µV")
    assert ecg(said).leads[6:] == ("V1", "V2", "V3", "V4", "V5", "V6")
    assert ecg(said).microvolts[0] == (Decimal(-280),)
    assert ecg(said).sampling_hz is None


def test_a_single_block_without_state_has_no_lead() -> None:
    assert ecg(medlab(WAVE)).leads == ("1",)


@pytest.mark.parametrize("block", [STATE, WAVE, PULSE])
def test_a_flipped_bit_of_a_medlab_block_is_not_understood(block: str) -> None:
    data = bytes.fromhex(block)
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        # Four bits of checksum do not see the high half of a sample, nor seven the highest bit of a value:
        # the line's parity does.
        if (block == WAVE and bit >= 20) or (block == PULSE and bit == 23):
            continue
        with pytest.raises(NotUnderstood):
            medlab(flipped.hex())


def test_eight_sound_blocks_in_a_row_are_no_noise() -> None:
    data = bytes.fromhex(STATE + 6 * WAVE)
    assert shown(medlab_eg.DRIVER, data) == []
    (stretch,) = shown(medlab_eg.DRIVER, data + bytes.fromhex(WAVE))
    assert ecg(stretch).counts == ((128,) * 6,)


def test_the_manuals_example_of_the_older_protocol() -> None:
    said = read(medlab_eg01010.DRIVER, "f8 20 23 25 fa 78 f8 25 25")
    assert ecg(said).counts == ((0x20, 0x23, 0x25, 0x25, 0x25),)
    assert [one.per_minute for one in said if isinstance(one, HeartRate)] == [120]


@pytest.mark.parametrize("wrong", ["f8 f7", "f8 20 fa", "f8 20 fa fb", "fa 40 20", "f8 ff", ""])
def test_what_cannot_stand_in_the_older_protocol_is_not_understood(wrong: str) -> None:
    with pytest.raises(NotUnderstood):
        read(medlab_eg01010.DRIVER, wrong)


# ------------------------------------------------------------------------------------------- all

SIMULATED: dict[ModuleType, type[FrontEnd]] = {
    ads1298_bridge: simulated_bridge.Ads1298Bridge,
    ecg_uart_22: simulated_uart.EcgUart22,
    healthypi: simulated_pi.Healthypi,
    medlab_eg: simulated_medlab.MedlabEg,
    medlab_eg01010: simulated_old_medlab.MedlabEg01010,
    openbci_cyton: simulated_cyton.OpenbciCyton,
    protocentral_ads1292r: simulated_shield.ProtocentralAds1292r,
    protocentral_ads1293: simulated_breakout.ProtocentralAds1293,
}
BOUND_AS = {
    ecg_uart_22: "500 Hz, 5 µV",
    medlab_eg: "EG05000, 20 µV",
    medlab_eg01010: "EG01010, 20 µV",
    protocentral_ads1293: "ADS1293, 0.1 µV",
}
FINEST = {medlab_eg: 20, medlab_eg01010: 20, healthypi: 25, protocentral_ads1292r: 25}
"""Microvolts a count, where that is coarse."""


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.DRIVER.id)
def test_noise_shows_nothing(module: ModuleType) -> None:
    noise = random.Random(module.DRIVER.id).randbytes(300_000)
    assert shown(module.DRIVER, noise) == []


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.DRIVER.id)
def test_what_the_simulator_plays_is_what_is_shown(module: ModuleType) -> None:
    played, patient = SIMULATED[module](5), SIMULATED[module](5).patient
    data = b"".join(played.packet() for _ in range(600))
    stretches = [ecg(said) for said in shown(module.DRIVER, data, BOUND_AS.get(module))]
    rows = [row for one in stretches for row in zip(*one.microvolts, strict=True)]
    truth = [patient.read() for _ in range(600)]
    named = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
    leads = named if module is openbci_cyton else stretches[0].leads
    # The older protocol's first second begins without a mark's sample before it.
    assert len(rows) >= 540
    zero = Decimal(2048 * 5) if module is ecg_uart_22 else Decimal(0)
    for row, sample in zip(rows, truth, strict=False):
        for name, value in zip(leads, row, strict=True):
            assert value is not None
            chest = "V5" if module is protocentral_ads1293 else "V2"
            right = sample[chest if name == "C" else name]
            assert float(value - zero) == pytest.approx(right, abs=FINEST.get(module, 5))


@pytest.mark.parametrize(
    ("module", "electrode"),
    [(ads1298_bridge, name) for name in ("RA", "LA", "LL", "V1", "V4", "V6")]
    + [(ecg_uart_22, name) for name in ("RA", "LA", "LL", "V1", "V4", "V6")],
)
def test_an_electrode_that_falls_off_is_shown_within_a_tenth_of_a_second(
    module: ModuleType, electrode: str
) -> None:
    simulator = SIMULATED[module](2)
    simulator.patient.faults = faults(f"{electrode}:off@0.4")
    data = b"".join(simulator.packet() for _ in range(400))
    told = [states(said)[electrode] for said in shown(module.DRIVER, data)]
    assert told[: 200 // 20] == ["connected"] * 10
    assert set(told[10:]) == {"off"}


@pytest.mark.parametrize("module", [ads1298_bridge, ecg_uart_22, healthypi, openbci_cyton])
def test_several_packets_in_one_hex_string_are_all_read(module: ModuleType) -> None:
    simulator = SIMULATED[module](1)
    for count in (1, 2, 3, 7, 30):
        text = b"".join(simulator.packet() for _ in range(count)).hex()
        said = decode_hex(module.DRIVER, None, [text])
        samples = 0
        for one in said:
            if one["kind"] == "ecg_samples":
                found = EcgSamples.model_validate(one)
                samples += len((found.microvolts or found.counts)[0])
        assert samples == count
