"""The laws of decoding: of noise, of frames cut short and of flipped bits, nothing is made up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from devicehub.driver import Driver, Frame, Measurement, NotUnderstood, Secrets, unsealed
from devicehub.testing.capture import Captured
from devicehub.testing.laws.said import decoded, handed, says_less, shown
from devicehub.testing.replay import Handed

_MOST_FRAMES = 60
"""Of many captured frames, as many are cut and flipped as this, one of each length and place first."""


def law_noise(driver: Driver, captures: Sequence[Captured]) -> None:
    """Of noise, only `NotUnderstood` or a bounded number of measurements, the same each time.

    The noise comes before the seal and behind it, where no checksum keeps it from `decode`.
    """
    captured = list(handed(driver, captures))
    assert captured, f"{driver.id}: no capture whose session hands over a frame"
    places = sorted({on for one in captured for on, _data in one.frame.parts})

    @settings(deadline=None)
    @given(one=st.sampled_from(captured), on=st.sampled_from(places), data=st.binary(max_size=80))
    def of_one_part(one: Handed, on: str, data: bytes) -> None:
        _check_noise(driver, Frame.of(on, data, one.frame.model), one.secrets)

    @settings(deadline=None)
    @given(one=st.sampled_from(captured), data=st.data())
    def in_place_of_a_part(one: Handed, data: st.DataObject) -> None:
        at = data.draw(st.integers(0, len(one.frame.parts) - 1))
        changed = _with_part(one.frame, at, data.draw(st.binary(max_size=80)))
        _check_noise(driver, changed, one.secrets)

    @settings(deadline=None)
    @given(one=st.sampled_from(captured), data=st.data())
    def of_one_byte(one: Handed, data: st.DataObject) -> None:
        at = data.draw(st.integers(0, len(one.frame.parts) - 1))
        whole = one.frame.parts[at][1]
        if whole:
            byte = data.draw(st.integers(0, len(whole) - 1))
            value = bytes([data.draw(st.integers(0, 255))])
            changed = _with_part(one.frame, at, whole[:byte] + value + whole[byte + 1 :])
            _check_noise(driver, changed, one.secrets)

    of_one_part()
    in_place_of_a_part()
    of_one_byte()


def _check_noise(driver: Driver, frame: Frame, secrets: Secrets) -> None:
    size = sum(len(data) for _on, data in frame.parts)
    for say in (decoded, _decoded_bare):
        found = say(driver, frame, secrets)
        again = say(driver, frame, secrets)
        assert found == again, f"{frame.hex()}: another answer the second time"
        assert found is None or len(found) <= size + 1, f"{frame.hex()}: {len(found)} measurements"


def _decoded_bare(driver: Driver, frame: Frame, _secrets: Secrets) -> list[Measurement] | None:
    """What the frame says as if it had been unsealed."""
    try:
        return list(driver.decode(frame))
    except NotUnderstood:
        return None


def law_truncation(driver: Driver, captures: Sequence[Captured]) -> None:
    """A finished frame cut at any byte is not understood, or visibly says less."""
    for one, whole in _understood(driver, captures):
        for at, (_on, data) in enumerate(one.frame.parts):
            for length in range(len(data)):
                cut = _with_part(one.frame, at, data[:length])
                found = decoded(driver, cut, one.secrets)
                if found is not None and data[length:].strip(b"\0"):
                    assert found != whole, f"{cut.hex()}: cut, and read as if whole"
                assert found is None or says_less(found, whole), (
                    f"{cut.hex()}: cut, and read as\n{shown(found)}\nwhole\n{shown(whole)}"
                )


def law_seal(driver: Driver, captures: Sequence[Captured]) -> None:
    """A sealed frame with any bit flipped, or cut at any byte, is not understood.

    A bit that the seal does not cover may change where it says nothing: then the frame says the same as
    before, or nothing at all.
    """
    if driver.unseal is unsealed:
        return
    sealed = [
        (one, whole)
        for one, whole in _understood(driver, captures)
        if driver.unseal(one.frame, one.secrets) != one.frame
    ]
    assert sealed, f"{driver.id}: no capture holds a sealed frame that is understood (test keys?)"
    for one, whole in sealed:
        for at, (_on, data) in enumerate(one.frame.parts):
            for bit in range(len(data) * 8):
                flipped = bytearray(data)
                flipped[bit // 8] ^= 1 << bit % 8
                changed = _with_part(one.frame, at, bytes(flipped))
                found = decoded(driver, changed, one.secrets)
                assert not found or found == whole, (
                    f"{changed.hex()}: bit {bit} of part {at} flipped, and read as\n{shown(found)}"
                )
            for length in range(len(data)):
                cut = _with_part(one.frame, at, data[:length])
                found = decoded(driver, cut, one.secrets)
                same = found == whole and not data[length:].strip(b"\0")
                assert not found or same, f"{cut.hex()}: sealed, cut, and read as\n{shown(found)}"


def _understood(
    driver: Driver, captures: Sequence[Captured]
) -> Iterator[tuple[Handed, list[Measurement]]]:
    """The finished frames that are understood, different kinds first, and what each says."""
    kinds: dict[object, list[Handed]] = {}
    for one in handed(driver, captures):
        if one.finished:
            kind = tuple((on, len(data)) for on, data in one.frame.parts)
            kinds.setdefault(kind, []).append(one)
    ranked = sorted(
        ((number, one) for alike in kinds.values() for number, one in enumerate(alike)),
        key=lambda ranked: ranked[0],
    )
    for _number, one in ranked[:_MOST_FRAMES]:
        whole = decoded(driver, one.frame, one.secrets)
        if whole is not None:
            yield one, whole


def _with_part(frame: Frame, at: int, data: bytes) -> Frame:
    parts = list(frame.parts)
    parts[at] = (parts[at][0], data)
    return Frame(tuple(parts), frame.model)
