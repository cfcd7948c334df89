import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import (
    SERIAL,
    Frame,
    LinkLost,
    NotUnderstood,
    counts_of,
    microvolts_of,
    packets,
    read_packets,
    show,
    stated,
)
from devicehub.driver.stream import Follows


def is_packet(data: bytes) -> bool:
    return data[0] == 0xAA and data[-1] == 0x55


def packet(number: int) -> bytes:
    return bytes((0xAA, number, 0x55))


class Read(NamedTuple):
    number: int

    @property
    def samples(self) -> Sequence[int]:
        return (self.number, -self.number)


def read(data: bytes) -> Read:
    if len(data) != 3 or not is_packet(data):
        raise NotUnderstood("no packet", at=0)
    return Read(data[1])


def missing(before: Read, after: Read) -> int:
    return (after.number - before.number - 1) % 256


def follows(before: bytes, after: bytes) -> bool:
    return after[1] == (before[1] + 1) % 256


def counts_on(row: list[bytes]) -> bool:
    return all(follows(*pair) for pair in pairwise(row))


class Line:
    now = datetime(2026, 11, 22, tzinfo=UTC)

    def __init__(self, *messages: bytes | float | None) -> None:
        self.messages = list(messages)
        self.shown: list[list[bytes]] = []
        self.written: list[bytes] = []

    async def write(self, data: bytes) -> None:
        self.written.append(data)

    def live(self, frame: Frame) -> None:
        self.shown.append([data for _on, data in frame.parts])

    async def frame(self, *, within: float) -> Frame | None:
        while self.messages and isinstance(self.messages[0], float):
            self.now += timedelta(seconds=self.messages.pop(0))  # type: ignore[arg-type]  # a float
        if not self.messages:
            raise LinkLost("over")
        data = self.messages.pop(0)
        assert not isinstance(data, float)
        return None if data is None else Frame.of(SERIAL, data)


def played(
    *messages: bytes | float | None, size: int = 3, follows: Follows = follows, start: bytes = b""
) -> Line:
    line = Line(*messages)

    async def session() -> None:
        await show(size, follows=follows, start=[start] if start else ())(line)  # type: ignore[arg-type]  # as much of a link as is used

    with pytest.raises(LinkLost):
        asyncio.run(session())
    return line


def test_packets_are_shown_so_many_at_a_time() -> None:
    line = played(*(packet(n) for n in range(8)))
    assert line.shown == [[packet(n) for n in range(3)], [packet(n) for n in range(3, 6)]]


def numbers(line: Line) -> list[list[int | None]]:
    """The packets of each stretch; ``None`` is a disturbance."""
    return [[one[1] if one else None for one in stretch] for stretch in line.shown]


def test_a_stretch_never_ends_at_a_loss() -> None:
    assert numbers(played(*map(packet, (0, 1, 2, 9, 10, 11, 12)))) == [[0, 1, 2, 9]]


def test_a_disturbance_stays_inside_a_stretch() -> None:
    messages = (b"", packet(0), packet(1), packet(2), b"", packet(3), packet(4), packet(5))
    assert numbers(played(*messages)) == [[0, 1, 2, None, 3]]


def test_where_every_packet_follows_a_loss_they_are_shown_all_the_same() -> None:
    shown = numbers(played(*(packet(2 * n) for n in range(60))))
    assert [len(stretch) for stretch in shown] == [24, 24]


def test_what_a_silence_leaves_incomplete_is_not_shown() -> None:
    messages = (packet(0), packet(1), 1.5, packet(2), packet(3), packet(4), packet(5))
    assert numbers(played(*messages)) == [[2, 3, 4]]


def test_a_device_that_must_be_told_is_told_again_after_a_silence() -> None:
    line = played(packet(0), packet(1), None, *(packet(n) for n in range(2, 6)), start=b"go")
    assert line.written == [b"go", b"go"]
    assert numbers(line) == [[2, 3, 4]]


# ------------------------------------------------------------------------------- reading a stretch


def frame(*messages: bytes) -> Frame:
    return Frame(tuple((SERIAL, one) for one in messages))


def read_numbers(
    *messages: bytes, counted: bool = True, end_marked: bool = True
) -> list[int | None]:
    said = read_packets(
        frame(*messages), 3, read, missing if counted else None, end_marked=end_marked
    )
    return [None if one is None else one.number for one in said]


def test_a_counter_tells_what_is_missing() -> None:
    assert read_numbers(*map(packet, (254, 255, 2))) == [254, 255, None, None, 2]
    # The counter knows better than the disturbance.
    assert read_numbers(packet(1), b"", packet(2)) == [1, 2]
    assert read_numbers(packet(1), b"", b"junk", packet(4)) == [1, None, None, 4]


def test_without_a_counter_each_disturbance_is_one_gap() -> None:
    found = read_numbers(packet(1), b"", b"junk", packet(4), packet(9), counted=False)
    assert found == [1, None, 4, 9]


def test_without_an_end_mark_the_packet_before_a_disturbance_is_not_trusted() -> None:
    said = (packet(1), packet(2), b"", packet(4))
    assert read_numbers(*said, counted=False, end_marked=False) == [1, None, 4]


def test_a_single_part_is_read_whole_or_not_at_all() -> None:
    assert read_numbers(packet(1) + packet(2)) == [1, 2]
    for wrong, at in ((b"", 0), (packet(1) + b"junk"[:3], 3), (packet(1) + packet(2)[:2], 3)):
        with pytest.raises(NotUnderstood) as caught:
            read_numbers(wrong)
        assert caught.value.at == at


def test_a_frame_of_nothing_but_disturbances_is_not_understood() -> None:
    with pytest.raises(NotUnderstood):
        read_numbers(b"", b"junk")


def test_counts_stand_by_lead_and_become_microvolts() -> None:
    counts = counts_of([Read(3), None, Read(7)], 2)
    assert counts == ((3, None, 7), (-3, None, -7))
    assert microvolts_of(counts, Decimal("0.5")) == (
        (Decimal("1.50"), None, Decimal("3.50")),
        (Decimal("-1.50"), None, Decimal("-3.50")),
    )


@given(count=st.integers(-(1 << 23), (1 << 23) - 1), thousandths=st.integers(1, 10_000))
def test_microvolts_are_right_to_a_tenth_of_a_nanovolt(count: int, thousandths: int) -> None:
    ((value,),) = microvolts_of([[count]], Decimal(thousandths) / 1000)
    assert value is not None
    assert abs(value - count * Decimal(thousandths) / 1000) <= Decimal("0.00005")


@pytest.mark.parametrize(
    ("model", "found"),
    [("ADS1298, 250 Hz", 250), ("500Hz", 500), ("gain 6", None), ("", None), (None, None)],
)
def test_a_model_states_a_number(model: str | None, found: int | None) -> None:
    assert stated(model, r"(\d+) ?Hz") == found


# ------------------------------------------------------------------------------------- the framer


def fed(data: bytes, *, sure: int = 1) -> list[bytes]:
    framer = packets(3, is_packet, sure=sure, alike=counts_on)()
    return framer.feed(data)


def test_packets_in_a_row_are_found_behind_noise() -> None:
    data = b"".join(packet(n) for n in range(5))
    assert fed(data, sure=3) == [packet(n) for n in range(5)]
    assert fed(b"\xaa\x00" + data, sure=3) == [b"", *(packet(n) for n in range(5))]
    assert fed(packet(0) + packet(7) + packet(8), sure=3) == []


def test_after_a_disturbance_the_row_begins_anew() -> None:
    data = (
        b"".join(packet(n) for n in range(4))
        + b"\xaa\x04"
        + b"".join(packet(n) for n in range(5, 9))
    )
    assert fed(data, sure=3) == [*map(packet, range(4)), b"", *map(packet, range(5, 9))]


@given(
    pieces=st.lists(st.one_of(st.binary(max_size=9), st.integers(0, 250).map(packet)), max_size=30),
    cut=st.integers(1, 7),
)
def test_pieces_make_no_difference(pieces: list[bytes], cut: int) -> None:
    data = b"".join(pieces)
    framer = packets(3, is_packet, sure=2)()
    found = [one for at in range(0, len(data), cut) for one in framer.feed(data[at : at + cut])]
    assert found == packets(3, is_packet, sure=2)().feed(data)
