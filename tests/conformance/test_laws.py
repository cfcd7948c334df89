"""The laws catch what they are for: each is broken by a driver made for it."""

import asyncio
import itertools
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.devices import registry
from devicehub.driver import (
    ONLY_MODE,
    Advert,
    Automatic,
    BleDriver,
    BleLink,
    BleSession,
    BloodPressure,
    BodyWeight,
    CuffPressure,
    Driver,
    Frame,
    LineSettings,
    LinkLost,
    Measurement,
    NotUnderstood,
    SerialDriver,
    Settles,
    encode_date_time,
    listen,
    receive,
    text_lines,
)
from devicehub.gatt import blood_pressure
from devicehub.testing import laws, simulate
from devicehub.testing.capture import Captured, captured
from devicehub.testing.laws.line_noise import misheard
from devicehub.testing.laws.simulation import recorded
from devicehub.testing.loop import loop
from devicehub.testing.replay import ReplayFailed

CAPTURES = Path(__file__).parents[1] / "captures"
CUFF = cast("BleDriver", registry.find("sig_blood_pressure"))
SCALE = cast("SerialDriver", registry.find("mt_sics"))
MODEL = CUFF.models[0]


def of(driver: Driver, *names: str) -> list[Captured]:
    found = captured(driver.id, CAPTURES)
    return [one for one in found if not names or one.capture.path.stem in names]


def published(driver: Driver, monkeypatch: pytest.MonkeyPatch, words: str = "A cuff.") -> Driver:
    """The driver as the ``DRIVER`` of a module of its own."""
    module = ModuleType("invented.sig_blood_pressure", words)
    module.__dict__["DRIVER"] = driver
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return driver


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (replace(CUFF, id="sig_cuff"), "'sig_cuff' in a module called sig_blood_pressure"),
        (replace(CUFF, models=()), "which models"),
        (replace(CUFF, models=(replace(MODEL, maker=" "),)), "who makes it"),
        (replace(CUFF, models=(replace(MODEL, unread=MODEL.tells),)), "reads nothing"),
        (replace(CUFF, models=(replace(MODEL, unread=("glucose",)),)), "unread, tells"),
        (replace(CUFF, models=(replace(MODEL, longest=0.0),)), "longest"),
        (replace(CUFF, automatic=Automatic(modes=ONLY_MODE, source="")), "without a source"),
        (replace(CUFF, match=Advert()), "matches every device"),
        (replace(CUFF, match=Advert(service="0x1810")), "no UUID"),
        (replace(CUFF, main="2A35"), "no place"),
        (replace(CUFF, pairing_name="PAIR"), "pairing_name"),
    ],
)
def test_declaration(broken: Driver, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match=words):
        laws.law_declaration(published(broken, monkeypatch), of(CUFF))


def test_declaration_without_docstring_captures_or_module(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match="no module's DRIVER"):
        laws.law_declaration(replace(CUFF), of(CUFF))
    with pytest.raises(AssertionError, match="no capture"):
        laws.law_declaration(published(replace(CUFF), monkeypatch), [])
    with pytest.raises(AssertionError, match="of another driver"):
        laws.law_declaration(published(replace(CUFF), monkeypatch), of(SCALE))
    with pytest.raises(AssertionError, match="docstring"):
        laws.law_declaration(published(replace(CUFF), monkeypatch, ""), of(CUFF))


def test_replay_of_wrong_values() -> None:
    def swapped(frame: Frame) -> Iterable[Measurement]:
        for one in CUFF.decode(frame):
            if isinstance(one, BloodPressure):
                yield one.model_copy(update={"systolic_mmhg": one.diastolic_mmhg})

    with pytest.raises(AssertionError, match=r"kilopascals.jsonl: read\n"):
        laws.law_replay(replace(CUFF, decode=swapped), of(CUFF, "kilopascals"))


def test_replay_of_kinds_not_declared() -> None:
    quiet = replace(CUFF, models=(replace(MODEL, unread=("cuff_pressure",)),))
    with pytest.raises(AssertionError, match="cuff_pressure"):
        laws.law_replay(quiet, of(CUFF, "kilopascals"))


async def dozing(link: BleLink) -> None:
    await link.subscribe("2a35", "2a36")
    await asyncio.sleep(0)


async def deaf(link: BleLink) -> None:
    await link.subscribe("2a36")


async def hasty(link: BleLink) -> None:
    await link.subscribe("2a36", "2a35")
    async for frame in link.frames("2a36", quiet=1):
        await link.deliver(frame)
        return


async def talkative(link: BleLink) -> None:
    await link.write("2a2b", bytes(10))


async def half_deaf(link: BleLink) -> None:
    await link.subscribe("2a36", "2a35")
    async for frame in link.frames("2a36", quiet=1):
        await link.deliver(frame)


@pytest.mark.parametrize(
    ("session", "words"),
    [
        (dozing, "jsonl:4: the session awaited something that is not the link"),
        (deaf, "jsonl:3: the session ended before: subscribe 2a35"),
        (hasty, "jsonl:5: the session ended before: message 2a35 01 b0"),
        (talkative, "jsonl:2: the session did: write 2a2b 00 .*; captured: subscribe 2a36"),
        (half_deaf, r"jsonl:5: the session never took \[\['2a35'"),
    ],
)
def test_replay_of_a_wrong_conversation(session: BleSession, words: str) -> None:
    with pytest.raises(ReplayFailed, match=words):
        laws.law_replay(replace(CUFF, session=session), of(CUFF, "kilopascals"))


def test_replay_of_a_clock_set_wrongly() -> None:
    session = listen("2a35", live=("2a36",), first=set_to_midnight)
    with pytest.raises(
        ReplayFailed, match=r"the session did: write 2a2b 00 .*captured: write 2a2b"
    ):
        laws.law_replay(replace(CUFF, session=session), of(CUFF, "refusals"))


async def set_to_midnight(link: BleLink) -> None:
    try:
        await link.read("2a25")
    except Exception:  # noqa: BLE001 - a broken driver may do so
        await link.read("2a19")
    await link.read("2a2b")
    await link.write("2a2b", bytes(10))


def test_a_driver_that_looks_at_the_time() -> None:
    async def in_november(link: BleLink) -> None:
        await link.subscribe("2a36", "2a35")
        async for frame in link.frames("2a36", "2a35", quiet=1):
            if link.now.month == 11:
                await link.deliver(frame)

    broken = replace(CUFF, session=in_november)
    laws.law_replay(broken, of(CUFF, "kilopascals"))
    with pytest.raises(AssertionError, match="other values"):
        laws.law_any_time(broken, of(CUFF, "kilopascals"))


def test_a_driver_that_fills_in_what_was_lost() -> None:
    async def inventive(link: BleLink) -> None:
        await link.subscribe("2a36", "2a35")
        heard = 0
        try:
            async for frame in link.frames("2a36", "2a35", quiet=1):
                heard += 1
                await link.deliver(frame)
        except LinkLost:
            if heard < 2:
                await link.deliver(Frame.of("2a35", bytes.fromhex("00780050005d00")))

    broken = replace(CUFF, session=inventive)
    laws.law_replay(broken, of(CUFF, "kilopascals"))
    with pytest.raises(AssertionError, match=r"kilopascals.jsonl:4: cut: invented"):
        laws.law_faults(broken, of(CUFF, "kilopascals"))


async def clinging(link: BleLink) -> None:
    await link.subscribe("2a36", "2a35")
    heard = 0
    while heard < 2:
        try:
            async for frame in link.frames("2a36", "2a35", quiet=1):
                heard += 1
                await link.deliver(frame)
        except LinkLost:
            continue


async def nagging(link: BleLink) -> None:
    await link.subscribe("2a36", "2a35")
    async for frame in link.frames("2a36", "2a35", quiet=1):
        await link.deliver(frame)
    while True:
        await link.pause(0)


async def drowsy(link: BleLink) -> None:
    await link.subscribe("2a36", "2a35")
    async for frame in link.frames("2a36", "2a35", quiet=1):
        await link.deliver(frame)
    await asyncio.sleep(0)


async def pairing_up(link: BleLink) -> None:
    """Takes every second message for the other half of the first."""
    await link.subscribe("2a36", "2a35")
    parts: list[tuple[str, bytes]] = []
    async for frame in link.frames("2a36", "2a35", quiet=1):
        parts += frame.parts
        if len(parts) == 2:
            await link.deliver(Frame(tuple(parts)))
            parts.clear()


def halves(frame: Frame) -> Iterable[Measurement]:
    if len(frame.parts) != 2:
        raise NotUnderstood("two parts expected")
    first, second = (data for _on, data in frame.parts)
    yield BloodPressure(systolic_mmhg=Decimal(first[1]), diastolic_mmhg=Decimal(second[-1]))


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (replace(CUFF, session=clinging), "goes on although the link is lost"),
        (replace(CUFF, session=nagging), "goes on without letting time pass"),
        (replace(CUFF, session=drowsy), "awaited something that is not the link"),
        (replace(CUFF, session=pairing_up, decode=halves), "double: invented"),
    ],
)
def test_faults(broken: Driver, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        laws.law_faults(broken, of(CUFF, "kilopascals"))


def test_a_session_that_fails_in_a_way_of_its_own() -> None:
    async def brittle(link: BleLink) -> None:
        await link.subscribe("2a36", "2a35")
        heard = 0
        try:
            async for _frame in link.frames("2a36", "2a35", quiet=1):
                heard += 1
        except LinkLost as lost:
            if heard < 2:
                raise RuntimeError("how odd") from lost

    with pytest.raises(RuntimeError):
        laws.law_faults(replace(CUFF, session=brittle), of(CUFF, "kilopascals"))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("import time", "imports time"),
        ("from devicehub.journal import journal", "imports devicehub.journal.journal"),
        ("def late(): import asyncio", "imports asyncio"),
        ("from invented import shared", "shared.py:1: imports socket"),
        ("from invented import another", "imports invented.another"),
        ("from . import shared", "shared.py:1: imports socket"),
        ("import numpy", "imports numpy"),
        ("from datetime import datetime\nNOW = datetime.now()", "reads the clock: datetime.now"),
        ("def decode(frame): open('/tmp/x')", "calls open"),
    ],
)
def test_purity(line: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"__init__": "", "shared": "import socket", "another": "", "sig_blood_pressure": line}
    for name, text in files.items():
        file = tmp_path / f"{name}.py"
        file.write_text(f"{text}\n", "utf-8")
        module = ModuleType(f"invented.{name}" if name != "__init__" else "invented")
        module.__file__ = str(file)
        module.__dict__["__path__"] = []
        monkeypatch.setitem(sys.modules, module.__name__, module)
    driver = replace(CUFF)
    sys.modules["invented.sig_blood_pressure"].__dict__["DRIVER"] = driver
    sys.modules["invented.another"].__dict__["DRIVER"] = SCALE
    with pytest.raises(AssertionError, match=words):
        laws.law_purity(driver)
    laws.law_purity(CUFF)


def test_matching() -> None:
    others = {"sig_blood_pressure": CUFF, "rival": replace(CUFF, id="rival")}
    with pytest.raises(AssertionError, match="rival and sig_blood_pressure claim CUFF equally"):
        laws.law_matching(CUFF, of(CUFF, "conversation"), others)
    greedy = replace(CUFF, id="greedy", match=Advert(service="1810", name_prefix="C"))
    with pytest.raises(AssertionError, match="taken by greedy"):
        laws.law_matching(CUFF, of(CUFF, "conversation"), {"greedy": greedy})
    deaf_to_it = replace(CUFF, match=Advert(service="1809"))
    with pytest.raises(AssertionError, match="does not take what is advertised"):
        laws.law_matching(deaf_to_it, of(CUFF, "conversation"), {})
    with pytest.raises(AssertionError, match="no capture's first line says"):
        laws.law_matching(CUFF, [], {})


def opened(frame: Frame, _secrets: object) -> Frame:
    return Frame(frame.parts, "without a look at the seal")


def closed(_frame: Frame, _secrets: object) -> Frame:
    raise NotUnderstood("no frame is good enough")


def test_seal() -> None:
    with pytest.raises(AssertionError, match=r"bit . of part 0 flipped, and read as"):
        laws.law_seal(replace(CUFF, unseal=opened), of(CUFF, "kilopascals"))
    with pytest.raises(AssertionError, match="no capture holds a sealed frame"):
        laws.law_seal(replace(CUFF, unseal=closed), of(CUFF, "kilopascals"))
    laws.law_seal(CUFF, of(CUFF))  # nothing to open


def test_noise_behind_the_seal() -> None:
    with pytest.raises(IndexError):
        laws.law_noise(replace(CUFF, unseal=closed, decode=careless), of(CUFF, "kilopascals"))


def test_units() -> None:
    def rounding_up(frame: Frame) -> Iterable[Measurement]:
        for one in SCALE.decode(frame):
            if isinstance(one, BodyWeight) and one.kilograms is not None:
                yield one.model_copy(update={"kilograms": one.kilograms + Decimal("0.01")})

    with pytest.raises(AssertionError, match=r"body_weight.kilograms: .* \[lb_av\]: is"):
        laws.law_units(replace(SCALE, decode=rounding_up), of(SCALE, "pounds"))


def test_wire() -> None:
    def tenfold(frame: Frame) -> Iterable[Measurement]:
        for one in CUFF.decode(frame):
            if isinstance(one, BloodPressure) and one.systolic_mmhg is not None:
                yield one.model_copy(update={"systolic_mmhg": one.systolic_mmhg * 10})

    (typed,) = of(CUFF, "kilopascals")
    header = typed.capture.header.model_copy(update={"origin": "hardware"})
    recorded = replace(typed, capture=typed.capture.model_copy(update={"header": header}))
    laws.law_wire(CUFF, [recorded])
    with pytest.raises(AssertionError, match="no sensor measures"):
        laws.law_wire(replace(CUFF, decode=tenfold), [recorded])


def test_simulator() -> None:
    def hiding(frame: Frame) -> Iterable[Measurement]:
        return [one for one in CUFF.decode(frame) if not isinstance(one, BloodPressure)]

    make = simulate.installed()["sig_blood_pressure"]
    with pytest.raises(AssertionError, match=r"and its simulator, seed 1: read\n\nmeasured"):
        laws.law_simulator(replace(CUFF, decode=hiding), make)
    with pytest.raises(AssertionError, match="awaited something that is not the link"):
        laws.law_simulator(replace(CUFF, session=dozing), make)
    with pytest.raises(AssertionError, match="without letting time pass"):
        laws.law_simulator(replace(CUFF, session=nagging), make)


def test_recording() -> None:
    moods = itertools.count()

    async def capricious(link: BleLink) -> None:
        await link.subscribe("2a36", "2a35")
        await link.write(
            "2a2b", encode_date_time(link.now + timedelta(hours=next(moods))) + bytes(3)
        )
        async for frame in link.frames("2a36", "2a35", quiet=30):
            await link.deliver(frame)

    with pytest.raises(ReplayFailed, match="the session did: write 2a2b"):
        laws.law_recording(
            replace(CUFF, session=capricious), simulate.installed()["sig_blood_pressure"]
        )


def remembering() -> Callable[[Frame], Iterable[Measurement]]:
    """Fills what a measurement lacks from the one before."""
    before: list[Decimal] = []

    def decode(frame: Frame) -> Iterable[Measurement]:
        for one in CUFF.decode(frame):
            if isinstance(one, BloodPressure) and one.systolic_mmhg is not None:
                kept = before[-1] if before else None
                before.append(one.systolic_mmhg)
                yield one.model_copy(update={"pulse_per_minute": one.pulse_per_minute or kept})

    return decode


def test_the_only_capture_of_a_device_that_names_itself_and_has_a_clock() -> None:
    one = recorded(CUFF, loop(CUFF, simulate.installed()[CUFF.id], seed=1))
    first = [step for step in one.capture.steps if step.t < 1.0]
    assert any(step.on == CUFF.main and step.do == "message" for step in first)
    brief = one.capture.model_copy(update={"steps": tuple(first)})
    laws.law_two_patients(CUFF, [replace(one, capture=brief)])


def test_only_the_replay_asks_for_what_nobody_has_written_down() -> None:
    asking = [replace(each, approved=(), asks="what was shown?") for each in of(CUFF)]
    laws.law_any_time(CUFF, asking)
    with pytest.raises(AssertionError, match="what was shown"):
        laws.law_replay(CUFF, asking)


def test_replay_shows_only_what_differs() -> None:
    (one,) = of(CUFF, "conversation")
    *same, last = one.approved
    other = last.model_copy(update={"stored": True})
    with pytest.raises(AssertionError) as told:
        laws.law_replay(CUFF, [replace(one, approved=(*same, other))])
    assert str(told.value).count("systolic_mmhg") == 2
    assert "pressure_mmhg" not in str(told.value)


def test_two_patients() -> None:
    broken = replace(CUFF, decode=remembering())
    with pytest.raises(AssertionError, match="carried over"):
        laws.law_two_patients(broken, of(CUFF, "reserved_bits", "kilopascals"))


def test_read_again() -> None:
    number = itertools.count(1)

    def counting(frame: Frame) -> Iterable[Measurement]:
        for one in CUFF.decode(frame):
            yield one.model_copy(update={"sequence": next(number)})

    with pytest.raises(AssertionError, match="read again, and found"):
        laws.law_read_again(replace(CUFF, decode=counting), of(CUFF, "kilopascals"))


def test_repeats() -> None:
    """A driver that takes two equal measurements for one."""
    seen: dict[Frame, int] = {}

    def once(frame: Frame) -> Iterable[Measurement]:
        seen[frame] = seen.get(frame, 0) + 1
        return CUFF.decode(frame) if seen[frame] < 3 else ()

    with pytest.raises(AssertionError, match="of two equal measurements"):
        laws.law_repeats(replace(CUFF, decode=once), of(CUFF, "kilopascals"))


def test_clocks() -> None:
    moment = itertools.count()

    def dating(frame: Frame) -> Iterable[Measurement]:
        for one in CUFF.decode(frame):
            yield one.model_copy(update={"device_time": f"2026-11-22T08:{next(moment) % 60:02}:00"})

    with pytest.raises(AssertionError, match="with its own clock"):
        laws.law_clocks(replace(CUFF, decode=dating), of(CUFF, "kilopascals"))


def careless(frame: Frame) -> Iterable[Measurement]:
    yield BloodPressure(systolic_mmhg=Decimal(frame.parts[0][1][1]))


def endless(frame: Frame) -> Iterable[Measurement]:
    yield from [CuffPressure()] * (len(frame.parts[0][1]) + 2)


def moody() -> Callable[[Frame], Iterable[Measurement]]:
    count = itertools.count()
    return lambda _frame: [CuffPressure(sequence=next(count))]


def test_noise() -> None:
    for decode, error in (
        (careless, IndexError),
        (endless, AssertionError),
        (moody(), AssertionError),
    ):
        with pytest.raises(error):
            laws.law_noise(replace(CUFF, decode=decode), of(CUFF, "kilopascals"))


def test_line_noise() -> None:
    def credulous(frame: Frame) -> Iterable[Measurement]:
        digits = bytes(byte for byte in frame.data if 0x30 <= byte <= 0x39)
        if len(digits) >= 2:
            yield BodyWeight(kilograms=Decimal(digits[:2].decode()), stable=True)

    line = replace(SCALE.line, framer=text_lines(limit=400))
    printer = replace(
        SCALE, line=line, session=receive(), settles=Settles.PRINTED, decode=credulous
    )
    with pytest.raises(AssertionError, match="mt_sics: of 50000 bytes of noise was read"):
        laws.law_line_noise(printer, [])
    with pytest.raises(AssertionError, match="bytes of noise was read"):
        laws.law_line_noise(printer, of(SCALE))


@given(st.binary(max_size=60))
def test_what_is_heard_as_it_was_said_is_no_noise(data: bytes) -> None:
    for said in (
        LineSettings(baud=9600),
        LineSettings(baud=2400, parity="even"),
        LineSettings(baud=1200, parity="odd", stop_bits=2),
    ):
        assert misheard(data, said, said) == data
    said = LineSettings(baud=1200, data_bits=7, parity="odd")
    assert misheard(data, said, said) == bytes(byte & 0x7F for byte in data)


def test_a_slower_speed_bends_digits_into_others() -> None:
    heard = misheard(b"72.40 kg\r\n" * 4, LineSettings(baud=19200), LineSettings(baud=9600))
    assert heard
    assert not set(heard) & set(b"72.40")


def test_truncation() -> None:
    def padding(frame: Frame) -> Iterable[Measurement]:
        return blood_pressure.decode(Frame.of(frame.on, frame.data.ljust(9, b"\x01")[:9]))

    def ignoring(frame: Frame) -> Iterable[Measurement]:
        if len(frame.data) < 3:
            raise NotUnderstood("short")
        yield BloodPressure(systolic_mmhg=Decimal(frame.data[1]))

    with pytest.raises(AssertionError, match="cut, and read as\n"):
        laws.law_truncation(replace(CUFF, decode=padding), of(CUFF, "reserved_bits"))
    with pytest.raises(AssertionError, match="cut, and read as if whole"):
        laws.law_truncation(replace(CUFF, decode=ignoring), of(CUFF, "reserved_bits"))


class PerRead:
    """Takes what one read gave for a message."""

    def feed(self, data: bytes) -> list[bytes]:
        return [data.rstrip(b"\r\n")] if data.endswith(b"\n") else []


class Hoarding:
    """Keeps everything until an end comes."""

    def __init__(self) -> None:
        self._kept = b""

    def feed(self, data: bytes) -> list[bytes]:
        *found, self._kept = (self._kept + data).split(b"\r\n")
        return [message for message in found if message]


@pytest.mark.parametrize("framer", [PerRead, Hoarding])
def test_stream(framer: type[PerRead | Hoarding]) -> None:
    broken = replace(SCALE, line=replace(SCALE.line, framer=framer))
    with pytest.raises(AssertionError):
        laws.law_stream(broken, of(SCALE, "step_on_step_off"))
    laws.law_stream(CUFF, of(CUFF))  # messages need no framer


def test_json() -> None:
    def too_exact(_frame: Frame) -> Iterable[Measurement]:
        yield BodyWeight(kilograms=Decimal("72.40000000000000000001"))

    with pytest.raises(AssertionError, match="body_weight"):
        laws.law_json(replace(SCALE, decode=too_exact), of(SCALE, "pounds"))
