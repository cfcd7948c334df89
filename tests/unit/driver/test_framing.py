"""Lines, however their bytes arrive."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import lines

ENDS = [b"\r\n", b"\n", b"\r", b"\x1bE\x00"]


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@pytest.mark.parametrize("end", ENDS)
@given(data=st.binary(max_size=120), cuts=st.lists(st.integers(0, 120)), glue=st.data())
def test_the_cuts_do_not_matter(
    end: bytes, data: bytes, cuts: list[int], glue: st.DataObject
) -> None:
    words = glue.draw(
        st.lists(st.binary(max_size=12).filter(lambda w: end[0] not in w), max_size=6)
    )
    stream = data + end + b"".join(word + end for word in words)
    wanted = [word for word in stream.split(end)[:-1] if word and len(word) <= 10]
    framer = lines(end, limit=10)()
    assert [found for piece in pieces(stream, cuts) for found in framer.feed(piece)] == wanted
    one_by_one = lines(end, limit=10)()
    assert [found for byte in stream for found in one_by_one.feed(bytes([byte]))] == wanted


def test_each_connection_starts_afresh() -> None:
    make = lines(b"\r\n")
    assert make().feed(b"half a li") == []
    assert make().feed(b"ne\r\n") == [b"ne"]


@pytest.mark.parametrize("length", [10, 11, 12, 13, 14, 40])
def test_a_line_longer_than_the_limit_is_refused_whole(length: int) -> None:
    stream = b"a" * length + b"\r\nshort\r\n"
    wanted = [b"short"] if length > 10 else [b"a" * 10, b"short"]
    for size in (1, 3, len(stream)):
        framer = lines(b"\r\n", limit=10)()
        chunks = [stream[at : at + size] for at in range(0, len(stream), size)]
        assert [found for chunk in chunks for found in framer.feed(chunk)] == wanted
