"""What frames say, and how one saying compares to another: what the laws judge with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from devicehub.driver import Driver, Frame, Measurement, NotUnderstood, Secrets
from devicehub.testing.capture import Captured
from devicehub.testing.replay import Handed, converse


def handed(driver: Driver, captures: Sequence[Captured]) -> Iterator[Handed]:
    """Every frame a session hands over when it plays the captures."""
    for one in captures:
        yield from converse(driver, one.capture)


def decoded(driver: Driver, frame: Frame, secrets: Secrets) -> list[Measurement] | None:
    """What the frame says; ``None`` where it is not understood. Any other failure is a bug."""
    try:
        return list(driver.decode(driver.unseal(frame, secrets)))
    except NotUnderstood:
        return None


def all_said(driver: Driver, frames: Iterable[Handed]) -> list[list[Measurement]]:
    """What each finished frame says that is understood."""
    found = (decoded(driver, one.frame, one.secrets) for one in frames if one.finished)
    return [said for said in found if said]


def says_less(found: Sequence[Measurement], whole: Sequence[Measurement]) -> bool:
    """Whether nothing is said that ``whole`` does not say in the same place."""
    return len(found) <= len(whole) and all(
        is_less(small, full) for small, full in zip(found, whole, strict=False)
    )


def is_less(found: Measurement, whole: Measurement) -> bool:
    """Whether every field is the other's, or empty."""
    return _is_less(found.model_dump(), whole.model_dump())


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


def strangers(found: Iterable[Measurement], whole: Iterable[Measurement]) -> list[Measurement]:
    """What is in ``found`` beyond ``whole``, each measurement of which may be said once, or in part."""
    left = list(whole)
    beyond = []
    for one in found:
        match = next((other for other in left if one == other), None)
        match = match or next((other for other in left if is_less(one, other)), None)
        if match is None:
            beyond.append(one)
        else:
            left.remove(match)
    return beyond


def shown(measurements: Iterable[Measurement]) -> str:
    """Measurements as a person reads them in a failure."""
    lines = (measurement.model_dump_json(exclude_defaults=True) for measurement in measurements)
    return "\n".join(f"  {line}" for line in lines)
