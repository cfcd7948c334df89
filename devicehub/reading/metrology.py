"""Metrology: what is known, on the day of a measurement, of the checks its device must have had.

A scale that weighs patients for diagnosis, treatment or follow-up is under control in service, with a
*carnet métrologique* (décret n° 2001-387, article 5-1; arrêté du 26 mai 2004). A cuff's model is clinically
validated (ISO 81060-2), the unit checked as its maker says. The practice names the checks each of its devices
must have; the hub judges dates, not devices.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

Check = Literal["verification", "calibration", "validation"]
"""Yearly verification by an approved body; the maker's or the practice's own calibration; a cuff's validation."""

RUNS_OUT: frozenset[Check] = frozenset({"verification", "calibration"})
"""The checks that hold for a time only: one that was passed says until when."""

Standing = Literal["in_force", "due_soon", "missing", "overdue", "failed"]
"""``missing``: the practice asks for this check and no record of one is known. ``failed``: the newest was not passed."""

LAPSED: frozenset[Standing] = frozenset({"missing", "overdue", "failed"})


class Checked(BaseModel):
    """One check of a device as its newest record says, and how it stands on the day of the measurement.

    A check without ``due`` holds for good: a model's validation does not run out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    check: Check
    standing: Standing
    done_on: date | None = None
    due: date | None = None
    certificate: str | None = None


class Metrology(BaseModel):
    """The checks of the device behind a reading.

    ``lapsed``: one that the practice asks for is no longer in force. ``blocks``: the practice's rule then
    holds the reading back for the physician.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    checks: tuple[Checked, ...]
    lapsed: bool = False
    blocks: bool = False

    @property
    def worst(self) -> Standing:
        """How the worst of its checks stands."""
        return max((one.standing for one in self.checks), key=get_args(Standing).index)

    @property
    def worst_lapsed(self) -> Checked:
        """The check that stands worst, for a `lapsed` one: missing, overdue or not passed."""
        return max(self.checks, key=lambda one: get_args(Standing).index(one.standing))


class Done(BaseModel):
    """The newest record of one check: when it was done, until when it holds, under which certificate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    check: Check
    done_on: date
    passed: bool = True
    due: date | None = None
    certificate: str | None = None


def judge(
    required: Sequence[Check],
    newest: Iterable[Done],
    today: date,
    *,
    warn: timedelta,
    block: bool,
) -> Metrology | None:
    """How a device's checks stand today; ``None`` where none is asked for and none is recorded.

    A check is in force through its due day. ``warn`` before that day it is due soon. With ``block``, a
    required check that has lapsed holds the device's readings back.
    """
    known = {one.check: one for one in newest}
    named = dict.fromkeys((*required, *sorted(known)))
    if not named:
        return None
    checks = tuple(_checked(check, known.get(check), today, warn) for check in named)
    lapsed = any(one.check in required and one.standing in LAPSED for one in checks)
    return Metrology(checks=checks, lapsed=lapsed, blocks=block and lapsed)


def _checked(check: Check, done: Done | None, today: date, warn: timedelta) -> Checked:
    if done is None:
        return Checked(check=check, standing="missing")
    standing: Standing = "in_force"
    if not done.passed:
        standing = "failed"
    elif done.due is not None and today > done.due:
        standing = "overdue"
    elif done.due is not None and today >= done.due - warn:
        standing = "due_soon"
    return Checked(
        check=check,
        standing=standing,
        done_on=done.done_on,
        due=done.due,
        certificate=done.certificate,
    )
