"""What every driver owes to those who rely on it: each law is a plain function that asserts.

`devicehub.testing.conformance` runs them under pytest. A law takes the driver and its captures; where it
fails, the message says what was fed and what came out.
"""

from __future__ import annotations

import re
import sys
import tracemalloc
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import pairwise
from types import ModuleType

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from devicehub.driver import (
    KINDS,
    AnyMeasurement,
    BleDriver,
    Driver,
    Frame,
    Framer,
    Measurement,
    NotUnderstood,
    SerialDriver,
)
from devicehub.testing.capture import Captured
from devicehub.testing.replay import Handed, converse, replay

_ID = re.compile(r"[a-z][a-z0-9_]*")
_UUID = re.compile(r"[0-9a-f]{4}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_USB = re.compile(r"[0-9a-f]{4}:[0-9a-f]{4}")
_LONGEST_MEASUREMENT = 3600.0
_FLOOD = 1 << 20
_MOST_KEPT = 1 << 16
_MEASUREMENT: TypeAdapter[Measurement] = TypeAdapter(AnyMeasurement)

_noise = settings(deadline=None, max_examples=200)


def law_declaration(driver: Driver, captures: Sequence[Captured]) -> None:
    """The record is complete, says what the captures show, and is called like its module."""
    modules = {module.__name__.rpartition(".")[2]: module for module in _modules_of(driver)}
    assert modules, f"{driver.id}: it is no module's DRIVER"
    assert driver.id in modules, f"{driver.id!r} in a module called {', '.join(modules)}"
    module = modules[driver.id]
    assert _ID.fullmatch(driver.id), f"{driver.id!r}: small letters, digits and _ only"
    assert (module.__doc__ or "").strip(), f"{module.__name__}: the docstring names the devices"
    assert captures, f"{driver.id}: no capture in the folder of this name"
    assert driver.models, f"{driver.id}: which models?"
    for model in driver.models:
        assert model.maker.strip(), f"{model}: who makes it?"
        assert model.name.strip(), f"{model}: what is it called?"
        assert model.reads, f"{model.name}: reads nothing"
        assert set(model.reads) <= set(model.tells) <= set(KINDS), f"{model.name}: reads, tells"
        assert 0 < model.longest <= _LONGEST_MEASUREMENT, f"{model.name}: longest={model.longest}"
    assert driver.automatic.source.strip(), f"{driver.id}: automatic without a source"
    if isinstance(driver, BleDriver):
        _check_advert(driver)
    else:
        assert driver.line.baud > 0, f"baud={driver.line.baud}"
        assert driver.line.usb is None or _USB.fullmatch(driver.line.usb), f"usb={driver.line.usb}"
    for one in captures:
        assert one.capture.header.driver == driver.id, f"{one.capture.path}:1: of another driver"


def _check_advert(driver: BleDriver) -> None:
    match = driver.match
    given_fields = (match.service, match.name_prefix, match.company, match.service_data)
    assert any(field is not None for field in given_fields), f"{driver.id}: matches every device"
    assert match.name_prefix != "", f"{driver.id}: an empty name matches every device"
    for uuid in (match.service, match.service_data, driver.main.removeprefix("adv:")):
        if uuid == driver.main == "adv":
            continue
        assert uuid is None or _UUID.fullmatch(uuid), f"{driver.id}: {uuid!r} is no UUID of ours"


def law_replay(driver: Driver, captures: Sequence[Captured]) -> None:
    """Each capture, played step by step, gives its approved measurements and no other."""
    declared = {kind for model in driver.models for kind in model.reads}
    for one in captures:
        found = replay(driver, one.capture)
        assert found == list(one.approved), (
            f"{one.capture.path}: read\n{_shown(found)}\napproved\n{_shown(one.approved)}"
        )
        undeclared = {measurement.kind for measurement in found} - declared
        assert not undeclared, f"{one.capture.path}: {undeclared} is not in any model's reads"


def law_any_time(driver: Driver, captures: Sequence[Captured]) -> None:
    """What is read does not depend on when it is read."""
    for one in captures:
        recorded = one.capture.header.recorded
        for shift in (timedelta(days=-400), timedelta(seconds=1), timedelta(days=9000, hours=7)):
            found = replay(driver, one.capture, started=recorded + shift)
            assert found == list(one.approved), f"{one.capture.path}: other values {shift} later"


def law_cut_short(driver: Driver, captures: Sequence[Captured]) -> None:
    """A link lost after any step ends the session; what was read by then is what is read in full."""
    for one in captures:
        steps = one.capture.steps
        for count in range(len(steps)):
            cut = one.capture.model_copy(update={"steps": steps[:count]})
            found = replay(driver, cut)
            assert found == list(one.approved[: len(found)]), f"cut at {one.capture.place(count)}"


def law_noise(driver: Driver, captures: Sequence[Captured]) -> None:
    """Of noise, only `NotUnderstood` or a bounded number of measurements, the same each time."""
    frames = [handed.frame for handed in _handed(driver, captures)]
    places = sorted({on for frame in frames for on, _data in frame.parts})

    @_noise
    @given(on=st.sampled_from(places), data=st.binary(max_size=80))
    def of_one_part(on: str, data: bytes) -> None:
        _check_noise(driver, Frame.of(on, data))

    @_noise
    @given(frame=st.sampled_from(frames), data=st.data())
    def in_place_of_a_part(frame: Frame, data: st.DataObject) -> None:
        at = data.draw(st.integers(0, len(frame.parts) - 1))
        noise = (frame.parts[at][0], data.draw(st.binary(max_size=80)))
        parts = (*frame.parts[:at], noise, *frame.parts[at + 1 :])
        _check_noise(driver, Frame(parts, frame.model))

    @_noise
    @given(frame=st.sampled_from(frames), data=st.data())
    def of_one_byte(frame: Frame, data: st.DataObject) -> None:
        at = data.draw(st.integers(0, len(frame.parts) - 1))
        on, whole = frame.parts[at]
        if whole:
            byte = data.draw(st.integers(0, len(whole) - 1))
            value = bytes([data.draw(st.integers(0, 255))])
            part = (on, whole[:byte] + value + whole[byte + 1 :])
            parts = (*frame.parts[:at], part, *frame.parts[at + 1 :])
            _check_noise(driver, Frame(parts, frame.model))

    of_one_part()
    in_place_of_a_part()
    of_one_byte()


def _check_noise(driver: Driver, frame: Frame) -> None:
    found = _decoded(driver, frame)
    assert found == _decoded(driver, frame), f"{frame.hex()}: another answer the second time"
    size = sum(len(data) for _on, data in frame.parts)
    assert found is None or len(found) <= size + 1, f"{frame.hex()}: {len(found)} measurements"


def law_truncation(driver: Driver, captures: Sequence[Captured]) -> None:
    """A finished frame cut at any byte is not understood, or visibly says less."""
    for handed in _handed(driver, captures):
        whole = _decoded(driver, handed.frame)
        if whole is None or not handed.finished:
            continue
        for at, (on, data) in enumerate(handed.frame.parts):
            for length in range(len(data)):
                parts = list(handed.frame.parts)
                parts[at] = (on, data[:length])
                cut = Frame(tuple(parts), handed.frame.model)
                found = _decoded(driver, cut)
                if found is not None and data[length:].strip(b"\0"):
                    assert found != whole, f"{cut.hex()}: cut, and read as if whole"
                assert found is None or _says_less(found, whole), (
                    f"{cut.hex()}: cut, and read as\n{_shown(found)}\nwhole\n{_shown(whole)}"
                )


def _says_less(found: list[Measurement], whole: list[Measurement]) -> bool:
    return len(found) <= len(whole) and all(
        _is_less(small.model_dump(), full.model_dump())
        for small, full in zip(found, whole, strict=False)
    )


def _is_less(found: object, whole: object) -> bool:
    match found, whole:
        case dict(), dict():
            return all(_is_less(value, whole.get(key)) for key, value in found.items())
        case str(), str():
            return whole.startswith(found)
        case tuple(), tuple():
            return set(found) <= set(whole)
        case _:
            return found is None or found == whole


def law_stream(driver: Driver, captures: Sequence[Captured]) -> None:
    """A serial stream gives the same frames however its bytes arrive, and recovers from garbage."""
    if isinstance(driver, BleDriver):
        return
    stream, frames = _stream(driver, captures)

    @_noise
    @given(cuts=st.lists(st.integers(0, len(stream)), max_size=40), garbage=st.binary(max_size=400))
    def split(cuts: list[int], garbage: bytes) -> None:
        edges = [0, *sorted(cuts), len(stream)]
        pieces = [stream[a:b] for a, b in pairwise(edges)]
        assert _cut(driver, pieces) == frames, f"in other pieces: {cuts}"
        # What precedes a message without an end of its own may spoil that one message.
        tail = frames[1:]
        found = _cut(driver, [garbage, *pieces])
        assert found[len(found) - len(tail) :] == tail, f"after {garbage.hex(' ')}: {found}"

    assert frames, f"{driver.id}: no capture holds a whole message"
    assert _cut(driver, [stream]) == frames, "other frames in one piece than byte by byte"
    assert _cut(driver, [stream + stream]) == frames * 2, "two glued streams give other frames"
    split()
    _check_flood(driver, stream, frames)


def _check_flood(driver: SerialDriver, stream: bytes, frames: list[bytes]) -> None:
    framer = driver.line.framer()
    tracemalloc.start()
    try:
        before, _peak = tracemalloc.get_traced_memory()
        for _ in range(_FLOOD >> 10):
            for message in framer.feed(b"A" * 1024):
                assert len(message) < _MOST_KEPT, "an endless message was handed over"
        kept = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert kept < _MOST_KEPT, f"an endless message is buffered: {kept} bytes kept"
    found = _fed(framer, [stream + stream])
    tail = frames[1:] + frames
    assert found[len(found) - len(tail) :] == tail, "no recovery after an endless message"


def _stream(driver: SerialDriver, captures: Sequence[Captured]) -> tuple[bytes, list[bytes]]:
    """The captured bytes up to the end of the last whole message, and the messages."""
    stream, frames = b"", list[bytes]()
    for one in captures:
        framer, received, whole = driver.line.framer(), b"", 0
        for step in one.capture.steps:
            for byte in step.data if step.by == "device" else b"":
                received += bytes([byte])
                if messages := framer.feed(bytes([byte])):
                    frames += messages
                    whole = len(received)
        stream += received[:whole]
    return stream, frames


def _cut(driver: SerialDriver, pieces: Iterable[bytes]) -> list[bytes]:
    return _fed(driver.line.framer(), pieces)


def _fed(framer: Framer, pieces: Iterable[bytes]) -> list[bytes]:
    return [message for piece in pieces for message in framer.feed(piece)]


def law_json(driver: Driver, captures: Sequence[Captured]) -> None:
    """A measurement written as JSON and read again is the same measurement."""
    for one in captures:
        for measurement in replay(driver, one.capture):
            text = measurement.model_dump_json()
            assert _MEASUREMENT.validate_json(text) == measurement, text


def _handed(driver: Driver, captures: Sequence[Captured]) -> Iterator[Handed]:
    for one in captures:
        yield from converse(driver, one.capture)


def _decoded(driver: Driver, frame: Frame) -> list[Measurement] | None:
    """What the frame says; ``None`` where it is not understood. Any other failure is a bug."""
    try:
        return list(driver.decode(driver.unseal(frame, {})))
    except NotUnderstood:
        return None


def _modules_of(driver: Driver) -> list[ModuleType]:
    modules = list(sys.modules.values())
    return [module for module in modules if vars(module).get("DRIVER") is driver]


def _shown(measurements: Iterable[Measurement]) -> str:
    lines = (measurement.model_dump_json(exclude_defaults=True) for measurement in measurements)
    return "\n".join(f"  {line}" for line in lines)
