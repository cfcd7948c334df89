"""Messages between marks, and messages known by their build, however their bytes arrive."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import MakeFramer, enclosed, probed

STX, ETX = b"\x02", b"\x03"


def length(data: bytes) -> int | None:
    """``#``, a length, and as many bytes, which sum up to the last."""
    if len(data) < 2:
        return 0
    if not 3 <= data[1] <= 8:
        return None
    if len(data) < data[1]:
        return 0
    return data[1] if sum(data[: data[1] - 1]) & 0xFF == data[data[1] - 1] else None


def built(body: bytes) -> bytes:
    message = bytes((ord("#"), len(body) + 3)) + body
    return message + bytes([sum(message) & 0xFF])


MAKERS: dict[str, MakeFramer] = {
    "enclosed": enclosed(STX, ETX, limit=20),
    "with a checksum": enclosed(STX, ETX, trailing=1, limit=20),
    "probed": probed(length, starts=b"#", longest=8),
    "probed anywhere": probed(length, longest=8),
}


def fed(make: MakeFramer, data: bytes, cuts: list[int]) -> list[bytes]:
    framer = make()
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [found for a, b in pairwise(edges) for found in framer.feed(data[a:b])]


@pytest.mark.parametrize("maker", MAKERS)
@given(data=st.binary(max_size=120), cuts=st.lists(st.integers(0, 120)))
def test_the_cuts_do_not_matter(maker: str, data: bytes, cuts: list[int]) -> None:
    assert fed(MAKERS[maker], data, cuts) == fed(MAKERS[maker], data, [])


@given(st.lists(st.binary(max_size=15).map(lambda body: body.translate(None, STX + ETX))))
def test_what_is_enclosed_comes_out_and_the_rest_does_not(bodies: list[bytes]) -> None:
    messages = [STX + body + ETX for body in bodies]
    stream = b"\x15between".join([b"", *messages, b""])
    assert fed(MAKERS["enclosed"], stream, []) == messages


def test_the_checksum_may_be_any_byte() -> None:
    messages = [STX + b"a" + ETX + end for end in (STX, ETX, b"\x00", b"#")]
    assert fed(MAKERS["with a checksum"], b"".join(messages), []) == messages


@pytest.mark.parametrize(
    ("stream", "found"),
    [
        (b"\x02half a mess\x02whole\x03", [b"\x02whole\x03"]),
        (b"\x02" + b"a" * 19 + b"\x03\x02b\x03", [b"\x02b\x03"]),
        (b"\x02" + b"a" * 18 + b"\x03", [b"\x02" + b"a" * 18 + b"\x03"]),
        (b"\x03\x03\x02b\x03\x03", [b"\x02b\x03"]),
    ],
    ids=["begun anew", "too long", "just short enough", "stray ends"],
)
def test_enclosed_messages_are_found_again(stream: bytes, found: list[bytes]) -> None:
    assert fed(MAKERS["enclosed"], stream, []) == found


@given(
    garbage=st.binary(max_size=40),
    bodies=st.lists(st.binary(max_size=5), min_size=4),
)
def test_a_built_message_is_found_after_anything(garbage: bytes, bodies: list[bytes]) -> None:
    messages = [built(body) for body in bodies]
    found = fed(MAKERS["probed"], garbage + b"".join(messages), [])
    # A chance message of the garbage's end and the beginning of the first takes at most eight bytes.
    assert found[-1:] == messages[-1:]


def test_a_message_that_never_ends_is_not_awaited_for_ever() -> None:
    framer = probed(lambda _data: 0, longest=4)()
    assert framer.feed(b"abcdefgh" * 1000) == []
    assert framer.feed(b"") == []


def test_each_connection_starts_afresh() -> None:
    for maker in (MAKERS["enclosed"], MAKERS["probed"]):
        whole = STX + b"#\x03\x26" + ETX
        assert maker().feed(whole[:2]) == []
        assert len(maker().feed(whole[2:])) == 0
