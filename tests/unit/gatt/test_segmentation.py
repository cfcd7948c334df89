"""Segments: every cut of a message gives it back, and what is missing is noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import Frame, NotUnderstood
from devicehub.gatt import segmentation
from devicehub.gatt.segmentation import Segments


def frame(*segments: bytes) -> Frame:
    return Frame(tuple(("2b8b", segment) for segment in segments))


def taken(segments: Segments, *messages: bytes, on: str = "2b8b") -> list[Frame]:
    return [whole for data in messages for whole in segments.take(Frame.of(on, data))]


@given(message=st.binary(max_size=300), size=st.integers(2, 40), counter=st.integers(0, 63))
def test_a_message_survives_any_cut(message: bytes, size: int, counter: int) -> None:
    pieces = segmentation.segments(message, size, counter)
    assert all(len(piece) <= size for piece in pieces)
    (whole,) = taken(Segments(), *pieces)
    assert segmentation.joined(whole)[1:] == message


def test_headers() -> None:
    assert segmentation.segments(b"abc", 10) == [b"\x03abc"]
    assert segmentation.segments(b"abc", 2, counter=63) == [b"\xfda", b"\x00b", b"\x06c"]


@pytest.mark.parametrize(
    "segments",
    [
        [b""],
        [b"\x02a"],  # no first
        [b"\x01a"],  # no last
        [b"\x01a", b"\x0ac"],  # the second is lost
        [b"\x01a", b"\x02c"],  # the counter stands still
        [b"\x01a", b"\x07c"],  # two firsts
        [b"\x03a", b"\x06c"],  # two lasts
        [b"\x01a", b""],
    ],
)
def test_what_is_missing_is_noticed(segments: list[bytes]) -> None:
    with pytest.raises(NotUnderstood):
        segmentation.joined(frame(*segments))


def test_a_message_that_breaks_off_is_kept_as_evidence() -> None:
    segments = Segments()
    assert taken(segments, b"\x01a", b"\x04b") == []
    assert taken(segments, b"\x03c") == [frame(b"\x01a", b"\x04b"), frame(b"\x03c")]
    assert list(segments.rest()) == []


def test_a_segment_that_comes_twice_is_taken_once() -> None:
    twice = taken(Segments(), b"\x01a", b"\x01a", b"\x04b", b"\x04b", b"\x0ac")
    assert twice == [frame(b"\x01a", b"\x04b", b"\x0ac")]


def test_two_equal_messages_both_survive() -> None:
    assert taken(Segments(), b"\x03a", b"\x03a") == [frame(b"\x03a"), frame(b"\x03a")]


def test_messages_of_two_places_do_not_mix() -> None:
    segments = Segments()
    assert taken(segments, b"\x01a") == []
    assert taken(segments, b"\x03b", on="2bdd") == [Frame.of("2bdd", b"\x03b")]
    assert taken(segments, b"\x06c") == [frame(b"\x01a", b"\x06c")]


def test_an_empty_message_finishes_nothing() -> None:
    assert taken(Segments(), b"") == []
