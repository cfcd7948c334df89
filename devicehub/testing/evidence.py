"""How well a driver is known to be right: computed from its captures, never claimed.

And what nobody has shown yet: a driver's checklist, whose blanks are the to-do list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from devicehub.driver import Driver, Kind, Measurement, NotUnderstood, SerialDriver
from devicehub.driver.measurement import Flag, MeasurementBase
from devicehub.testing.capture import Captured
from devicehub.testing.replay import Handed, converse
from devicehub.transport.tape import Capture

_SILENCE_SECONDS = 10.0
"""A device that says nothing for so long in a recording was silent."""
_NOT_ERRORS: frozenset[Flag] = frozenset({"demo_data", "irregular_pulse", "low_battery"})
"""Flags that say something of the patient or the device, not of a measurement that went wrong."""


class Evidence(IntEnum):
    """Each level has what the levels below it have."""

    DRAFTED = 0
    """It keeps the laws on bytes its author invented."""
    SIMULATED = 1
    """A simulator, written without the driver, agrees with it."""
    DOCUMENTED = 2
    """Bytes typed from a manual, a specification or somebody else's recording agree."""
    CAPTURED = 3
    """Bytes recorded from the hardware agree."""
    PROVEN = 4
    """Two devices or firmwares were recorded, one falling silent and one unplugged or out of range."""

    def __str__(self) -> str:
        """The word for it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Checklist:
    """What a driver's captures show, beside what its models declare."""

    told: tuple[Kind, ...]
    """Kinds its devices can tell."""
    read: tuple[Kind, ...]
    """Kinds the driver reads of them."""
    seen: tuple[Kind, ...]
    """Kinds some capture holds."""
    units: tuple[str, ...]
    """``field: unit`` for each unit a capture was converted from; without any, the canonical one only."""
    device_time: bool
    """Some capture holds a measurement with the device's own time."""
    stored: bool
    """Some capture holds a measurement from the device's memory."""
    not_measured: bool
    """Some capture holds a value the device could not measure."""
    errors: tuple[Flag, ...]
    """Flags of failed or doubtful measurements that were seen."""
    not_understood: bool
    """Some capture holds a frame that is rightly not understood."""

    @property
    def missing(self) -> tuple[str, ...]:
        """What no capture shows yet, in words."""
        unread = [f"{kind} is told, not read" for kind in self.told if kind not in self.read]
        unseen = [f"{kind} is read, not seen" for kind in self.read if kind not in self.seen]
        blanks = {
            "no measurement with the device's time": self.device_time,
            "no value that could not be measured": self.not_measured,
            "no doubtful or failed measurement": bool(self.errors),
        }
        return (*unread, *unseen, *(words for words, shown in blanks.items() if not shown))


def evidence(driver: Driver, captures: Sequence[Captured], *, simulated: bool) -> Evidence:
    """The level of a driver that keeps the laws; ``simulated`` says whether it has a simulator.

    Only captures in which the driver finishes a measurement count: a device that says nothing proves nothing.
    """
    telling = [one.capture for one in captures if one.approved]
    recorded = [one for one in telling if one.header.origin == "hardware"]
    if recorded:
        makes = {(one.header.device, one.header.firmware) for one in recorded}
        every = [one.capture for one in captures if one.capture.header.origin == "hardware"]
        silent = any(map(_falls_silent, every))
        cut = any(_is_cut(driver, one) for one in every)
        return Evidence.PROVEN if len(makes) > 1 and silent and cut else Evidence.CAPTURED
    if any(one.header.origin == "manual" for one in telling):
        return Evidence.DOCUMENTED
    return Evidence.SIMULATED if simulated else Evidence.DRAFTED


def checklist(driver: Driver, captures: Sequence[Captured]) -> Checklist:
    """What the approved measurements of a driver's captures show."""
    measurements = [measurement for one in captures for measurement in one.approved]
    handed = [frame for one in captures for frame in converse(driver, one.capture)]
    units = {
        f"{name}: {said.unit}"
        for measurement in measurements
        for name, said in (measurement.said or {}).items()
    }
    flags = {flag for measurement in measurements for flag in measurement.flags}
    kinds = {measurement.kind for measurement in measurements}
    told = {kind for model in driver.models for kind in model.tells}
    read = {kind for model in driver.models for kind in model.reads}
    return Checklist(
        told=tuple(sorted(told)),
        read=tuple(sorted(read)),
        seen=tuple(sorted(kinds)),
        units=tuple(sorted(units)),
        device_time=any(measurement.device_time for measurement in measurements),
        stored=any(measurement.stored for measurement in measurements),
        not_measured=any(map(_lacks_its_value, measurements)),
        errors=tuple(sorted(flags - _NOT_ERRORS)),
        not_understood=any(not _is_understood(driver, frame) for frame in handed),
    )


def _falls_silent(capture: Capture) -> bool:
    moments = [step.t for step in capture.steps if step.by == "device"]
    end = capture.steps[-1].t if capture.steps else 0.0
    return any(
        later - earlier >= _SILENCE_SECONDS
        for earlier, later in zip([0.0, *moments], [*moments, end], strict=True)
    )


def _is_cut(driver: Driver, capture: Capture) -> bool:
    """The recording ends in the middle: of a serial message, of an answer, of a measurement."""
    if not capture.steps:
        return False
    last = capture.steps[-1]
    if isinstance(driver, SerialDriver):
        return last.by == "device" and not driver.line.framer().feed(last.data)
    handed = converse(driver, capture)
    return last.do == "read" or (bool(handed) and not handed[-1].finished)


def _lacks_its_value(measurement: Measurement) -> bool:
    """The first value of its kind, the one it is named after, is missing."""
    common = {*MeasurementBase.model_fields, "kind"}
    first = next(name for name in type(measurement).model_fields if name not in common)
    return measurement.kind != "device_facts" and getattr(measurement, first) is None


def _is_understood(driver: Driver, handed: Handed) -> bool:
    try:
        list(driver.decode(driver.unseal(handed.frame, handed.secrets)))
    except NotUnderstood:
        return False
    return True
