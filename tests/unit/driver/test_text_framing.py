"""Lines of text and messages with an end mark, however their bytes arrive."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import Framer, MakeFramer, text_lines, until

END, OTHER_END = b"\x03", b"\x1bT\x00"
ENDED = until(END, OTHER_END, limit=12)
LINES = text_lines(limit=12)
WORDS = st.lists(
    st.binary(min_size=1, max_size=9).filter(lambda word: not set(word) & set(b"\r\n\x03\x1b"))
)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def fed(framer: Framer, chunks: list[bytes]) -> list[bytes]:
    return [message for chunk in chunks for message in framer.feed(chunk)]


@pytest.mark.parametrize("make", [ENDED, LINES])
@given(data=st.binary(max_size=120), cuts=st.lists(st.integers(0, 120)))
def test_the_cuts_do_not_matter(make: MakeFramer, data: bytes, cuts: list[int]) -> None:
    data = (
        data.replace(b"a", b"\r").replace(b"b", b"\n").replace(b"c", END).replace(b"d", OTHER_END)
    )
    whole = fed(make(), [data])
    assert fed(make(), pieces(data, cuts)) == whole
    assert fed(make(), [bytes([byte]) for byte in data]) == whole
    assert all(len(message) <= 12 for message in whole)


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\n\r", b"\r\n\n"])
@given(words=WORDS)
def test_lines_end_as_they_like(end: bytes, words: list[bytes]) -> None:
    assert fed(LINES(), [b"".join(word + end for word in words)]) == words
    assert fed(LINES(), [b"".join(b"\n" + word + b"\r" for word in words)]) == words


@given(words=WORDS, ends=st.data())
def test_messages_keep_their_end(words: list[bytes], ends: st.DataObject) -> None:
    wanted = [word + ends.draw(st.sampled_from([END, OTHER_END])) for word in words]
    assert fed(ENDED(), [b"".join(wanted)]) == wanted


@pytest.mark.parametrize("make", [ENDED, LINES])
@pytest.mark.parametrize("length", [12, 13, 14, 40, 5000])
def test_a_message_too_long_is_refused_whole(make: MakeFramer, length: int) -> None:
    end = END if make is ENDED else b"\n"
    stream = b"a" * length + end + b"next" + end
    for size in (1, 3, len(stream)):
        found = fed(make(), [stream[at : at + size] for at in range(0, len(stream), size)])
        kept = b"" if make is LINES else end
        assert found[-1] == b"next" + kept
        assert (found[0] == b"a" * length + kept) == (length + len(kept) <= 12)
        assert found.count(b"") == (make is ENDED and length + len(kept) > 12), "told once"


def test_each_connection_starts_afresh() -> None:
    for make in (ENDED, LINES):
        assert make().feed(b"half a li") == []
        assert not any(b"half" in message for message in make().feed(b"\n\x03"))
