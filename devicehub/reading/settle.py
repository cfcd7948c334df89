"""Settle: which measurement is finished, and when it began. The one place that decides it.

Theory of operation. A driver declares how its device settles (`Settles`):

- *each*: every delivered frame carries a checksum (the radio's or its own) and is one finished measurement.
- *stream*: a line without checksum cannot show a lost byte (``72.40`` may arrive as ``7.40``), and a scale
  repeats itself. A weight is finished only when two consecutive stable frames agree on a load that is
  really there, and only if the scale was seen empty before: the next one counts only after the load has
  left, and whoever stands there when the line opens steps off first. A hand on the plate or a suitcase that
  is lifted again before two stable frames is nothing.
- *printed*: one frame without checksum from a device that locks its result: finished at once, but always
  confirmed by a person.

Live kinds (cuff pressure, ECG, contact, facts) are never finished, nor is a measurement that is still
moving, an early estimate, failed, of control solution or a demonstration, or without a single value. A heart
rate is finished where a driver delivers it; one that streams it only ever shows it.

A measurement began with the first of its live frames, provided the device was seen idle before: a live
frame right after connecting may belong to a measurement that began long ago, perhaps for somebody else. The
same holds for a scale that was not seen empty. Then the start is not known here, and the fence gets the
cautious interval instead; or, where the connection before ended just now with an idle device, what lies since
then. Where a scale gives no value while it moves, the load may have come with the first such frame or after the
last: both count.

The state is a value (`Settling`): it is journalled with every frame, so that a frame whose reading a crash
prevented is read again later exactly as it would have been. It starts afresh with every connection. It does
not with a new visit: a measurement going on keeps its beginning, or it would seem to begin with the visit.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from pydantic import AwareDatetime

from devicehub.driver import BloodPressure, BodyWeight, Measurement, OxygenSaturation, Settles
from devicehub.driver.measurement import Number
from devicehub.reading.reading import Record

NEVER_FINISHED = frozenset({"ecg_samples", "electrode_contact", "device_facts", "cuff_pressure"})
NOT_BEGUN_BY = frozenset({"ecg_samples", "electrode_contact", "device_facts"})
UNFINISHED_FLAGS = frozenset({"unstable", "early_estimate", "searching"})
NOBODYS_FLAGS = frozenset({"demo_data", "measurement_failed"})
"""Control solution, demonstration, a failed attempt: nothing of it is a patient's, at any time."""
IDLE = timedelta(seconds=5)
"""A device silent for this long was not measuring: live values come every second or faster."""
REJOINED = timedelta(minutes=1)
"""After a longer absence nobody knows what a device did since it was last seen idle."""
GIVEN_UP = timedelta(minutes=15)
"""An attempt silent for this long is over: no model's measurement lasts that long. A shorter silence in an attempt may as
well be a radio that was disturbed."""

NO_LOAD = Decimal("0.5")
"""Kilograms under which a scale counts as empty: a drifting zero, a sheet of paper."""


class Settling(Record):
    """How far a connection's measurement has settled, before the next frame."""

    idle_since: AwareDatetime
    """When the device last gave a sign of measuring, or since when it has been watched without one."""
    last_idle: AwareDatetime | None = None
    """When the connection before ended, if the device was idle then (`Settle.idle_at`)."""
    started_unseen: bool = False
    """A measurement is going on whose start was not seen."""
    began: AwareDatetime | None = None
    """When the measurement going on began, where its start was seen."""
    resumed: AwareDatetime | None = None
    """When it last went on after a silence: from then on it may be another, begun in place of one given up."""
    candidate: Number | None = None
    """The last stable load in kilograms, waiting for a second frame that agrees."""
    armed: bool = False
    """Whether the scale has been seen empty since the last finished weight."""


class Finished(NamedTuple):
    """A finished measurement, and when its live frames began (``None`` without any).

    ``resumed`` is when they last went on after a silence: it began then, if the attempt before was given up.
    """

    measurement: Measurement
    began: datetime | None
    resumed: datetime | None = None


class Settle:
    """The settling of one connection's measurements, from a known state on."""

    def __init__(self, rule: Settles, state: Settling) -> None:
        self.rule = rule
        self.state = state

    def finished(self, measurements: Iterable[Measurement], at: datetime) -> list[Finished]:
        """Those measurements of one delivered frame that are finished; ``at`` is when it arrived."""
        found = []
        stale = at - self.state.idle_since >= IDLE
        began, resumed = (None, None) if stale else (self.state.began, self.state.resumed)
        ended = False
        for measurement in measurements:
            if self.rule is Settles.STREAM and isinstance(measurement, BodyWeight):
                if self._weigh(measurement, at):
                    found.append(Finished(measurement, self.state.began, self.state.resumed))
                continue
            ended = ended or ends(measurement)
            if _is_whole(measurement):
                found.append(Finished(measurement, began, resumed))
        if ended and self.rule is not Settles.STREAM:
            # A failed attempt ends too: the next one must not seem to have begun with it.
            self.state = Settling(idle_since=at)
        return found

    @property
    def rests_in_vain(self) -> bool:
        """Whether a load rests on a streaming scale that is no weight to come: the scale was not seen empty before it."""
        return self.state.candidate is not None and not self.state.armed

    def watched(self, at: datetime) -> None:
        """The device can be heard from now on: before, nobody knew whether it was measuring."""
        if self.state.began is None and not self.state.started_unseen:
            self.state = self.state.model_copy(update={"idle_since": at})

    def idle_at(self, at: datetime) -> datetime | None:
        """``at``, if the device is idle then: it has been watched for long enough, and shows no sign of measuring."""
        going_on = self.state.began is not None or self.state.started_unseen
        return None if going_on or at - self.state.idle_since < IDLE else at

    def live(self, measurements: Iterable[Measurement], at: datetime) -> None:
        """Take in one live frame, which arrived ``at``."""
        for measurement in measurements:
            if self.rule is Settles.STREAM and isinstance(measurement, BodyWeight):
                self._weigh(measurement, at)
            elif measurement.kind not in NOT_BEGUN_BY:
                self._begin(at)

    def _begin(self, at: datetime) -> None:
        """Take in a sign of measuring. After a silence in an attempt nobody knows whether it is still the same."""
        silence = at - self.state.idle_since
        going_on = self.state.began is not None or self.state.started_unseen
        update: dict[str, object] = {}
        if silence >= (GIVEN_UP if going_on else IDLE):
            update = {"began": at, "resumed": None, "started_unseen": False}
        elif not going_on:
            last_idle = self.state.last_idle
            if last_idle is not None and timedelta() <= at - last_idle <= REJOINED:
                update = {"began": last_idle - IDLE, "resumed": at}
            else:
                update = {"started_unseen": True}
        elif silence >= IDLE and self.state.began is not None:
            update = {"resumed": at}
        self.state = self.state.model_copy(update={**update, "idle_since": at})

    def _weigh(self, measurement: Measurement, at: datetime) -> bool:
        """Move the state on by one frame of a streaming scale; whether it finishes a weight.

        A silence while somebody stands there may hide that they stepped off and another on: whoever it is
        steps off first. (An empty scale, or one that repeats itself, may be silent for long.)
        """
        if self.state.began is not None and at - self.state.idle_since >= IDLE:
            self.state = Settling(idle_since=at)
        if not isinstance(measurement, BodyWeight) or measurement.kilograms is None:
            # Without a value nobody knows whether the load has come: with the first such frame, or after the last.
            began = self.state.began or (at if self.state.armed else None)
            resumed = None if began is None else at
            self.state = self.state.model_copy(
                update={"candidate": None, "began": began, "resumed": resumed, "idle_since": at}
            )
            return False
        load = measurement.kilograms
        if load < NO_LOAD:
            # Below zero something was taken off: as empty as zero for the next person.
            self.state = Settling(idle_since=at, armed=True)
            return False
        if not measurement.stable:
            began = self.state.began or (at if self.state.armed else None)
            self.state = self.state.model_copy(
                update={"candidate": None, "began": began, "idle_since": at}
            )
            return False
        finished = self.state.armed and self.state.candidate == load
        self.state = Settling(
            idle_since=at,
            began=self.state.began or (at if self.state.armed else None),
            resumed=self.state.resumed,
            candidate=load,
            armed=self.state.armed and not finished,
        )
        return finished


def is_live(
    finished: Finished, rule: Settles, before: Settling, at: datetime, *, recalls: bool
) -> bool:
    """Whether the measurement was made while the hub listened, rather than told from the device's memory.

    The device's own word counts. Without it, a measurement is live that was seen going on, or that comes
    from a device that had fallen silent; what follows at once upon a connection or another measurement may
    be a memory being emptied. Of what ``recalls``, and may tell its memory at any time, only what was seen going
    on a moment ago. ``before`` is what had settled when the frame came ``at``.
    """
    if finished.measurement.stored is not None:
        return not finished.measurement.stored
    seen = before.started_unseen or finished.began is not None
    silent = at - before.idle_since >= IDLE
    if recalls:
        return seen and not silent
    return rule is not Settles.EACH or seen or silent


def ends(measurement: Measurement) -> bool:
    """Whether a delivered message says that a measurement is over, well or not."""
    unfinished = UNFINISHED_FLAGS & set(measurement.flags)
    return measurement.kind not in NEVER_FINISHED and not unfinished


def _is_whole(measurement: Measurement) -> bool:
    if measurement.kind in NEVER_FINISHED:
        return False
    if (UNFINISHED_FLAGS | NOBODYS_FLAGS) & set(measurement.flags):
        return False
    if isinstance(measurement, OxygenSaturation):
        # A saturation without the pulse it was found in is no spot value, nor a pulse alone.
        return None not in (measurement.percent, measurement.pulse_per_minute)
    if isinstance(measurement, BloodPressure):
        # A pulse alone is no blood pressure: the cuff could not measure one.
        pressures = (measurement.systolic_mmhg, measurement.diastolic_mmhg, measurement.mean_mmhg)
        return any(pressure is not None for pressure in pressures)
    if isinstance(measurement, BodyWeight) and measurement.stable is False:
        return False
    return has_value(measurement)


_COMMON = frozenset(
    {
        "kind",
        "device_time",
        "user_slot",
        "sequence",
        "stored",
        "mode",
        "said",
        "flags",
        "stable",
        "site",
        "sample",
        "location",
        "meal",
    }
)


def has_value(measurement: Measurement) -> bool:
    """Whether the device could measure anything at all."""
    fields = measurement.model_dump(exclude=set(_COMMON))
    return any(value is not None and value != () for value in fields.values())
