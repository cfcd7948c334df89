"""The two sides of the pipe understand each other, and say so when they do not."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.ecg import messages
from devicehub.ecg.messages import HEAD, LARGEST, BadMessage, Kind

NUMBERS = st.floats(-400, 400, width=32)
ROWS = st.integers(1, 12).flatmap(
    lambda leads: st.integers(0, 30).flatmap(
        lambda length: st.lists(
            st.lists(NUMBERS, min_size=length, max_size=length), min_size=leads, max_size=leads
        )
    )
)
CONTACT = st.none() | st.dictionaries(
    st.sampled_from(["RA", "LA", "V3"]), st.sampled_from(["connected", "off", "unknown"])
)


def parted(octets: bytes) -> tuple[Kind, bytes]:
    length, kind = messages.head(octets[: HEAD.size])
    body = octets[HEAD.size :]
    assert len(body) == length
    return kind, body


@given(st.integers(0, 2**32 - 1), ROWS, CONTACT)
def test_samples_come_through_as_they_were(
    stream: int, rows: list[list[float]], contact: dict[str, str] | None
) -> None:
    kind, body = parted(messages.samples(stream, rows, contact))  # type: ignore[arg-type]  # made of its words
    given = messages.read_samples(body)
    count = len(rows) * len(rows[0])
    flat = struct.unpack(f"<{count}f", given.floats)
    assert kind is Kind.SAMPLES
    assert (given.stream, given.leads, given.contact) == (stream, len(rows), contact)
    assert list(flat) == [value for row in rows for value in row]


def test_a_missing_sample_stays_missing() -> None:
    _, body = parted(messages.samples(1, [[0.5, math.nan]]))
    assert math.isnan(struct.unpack("<2f", messages.read_samples(body).floats)[1])


def test_an_opening_and_what_is_said_come_through() -> None:
    kind, body = parted(messages.opening(7, ("I", "aVF"), 500.0))
    assert kind is Kind.OPEN
    assert messages.read_opening(body) == (7, ("I", "aVF"), 500.0)
    kind, body = parted(messages.about(Kind.TRACE, 7, '{"é":1}'))
    assert kind is Kind.TRACE
    assert messages.read_about(body) == (7, '{"é":1}')


@given(st.binary(max_size=60))
def test_other_octets_are_refused_and_nothing_else_happens(octets: bytes) -> None:
    for read in (messages.read_samples, messages.read_about, messages.read_opening):
        try:
            read(octets)
        except BadMessage:
            continue


@pytest.mark.parametrize("head", [HEAD.pack(LARGEST + 1, 2), HEAD.pack(3, 77)])
def test_a_head_that_cannot_be_is_refused(head: bytes) -> None:
    with pytest.raises(BadMessage):
        messages.head(head)


def test_a_body_that_is_too_long_is_not_sent() -> None:
    with pytest.raises(BadMessage):
        messages.message(Kind.SAMPLES, bytes(LARGEST + 1))
