"""The upkeep of the room's devices: which checks each must have, and what a person should see to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

from devicehub.reading.metrology import LAPSED, Check, Done, Metrology, Standing, judge

LOW_BATTERY_PERCENT = 15.0
"""Below this a battery should be changed before the next session."""

Matter = Literal["check_due_soon", "check_missing", "check_overdue", "check_failed", "battery_low"]

_MATTERS: Mapping[Standing, Matter] = {
    "due_soon": "check_due_soon",
    "missing": "check_missing",
    "overdue": "check_overdue",
    "failed": "check_failed",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to see to before a device is used further. It tells of the device, never of a patient."""

    matter: Matter
    check: Check | None = None
    due: date | None = None
    blocks: bool = False


@dataclass(frozen=True, slots=True)
class Upkeep:
    """The practice's rules: the checks ``required`` of each device, how long to ``warn`` before, ``block`` after."""

    required: Mapping[str, tuple[Check, ...]] = field(default_factory=dict)
    warn: timedelta = timedelta(days=30)
    block: bool = False

    def metrology(self, device: str, newest: Iterable[Done], today: date) -> Metrology | None:
        """How a device's checks stand on a day."""
        required = self.required.get(device, ())
        return judge(required, newest, today, warn=self.warn, block=self.block)

    def notices(
        self, device: str, newest: Iterable[Done], battery_percent: float | None, today: date
    ) -> tuple[Notice, ...]:
        """What a person should see to about a device, checks first."""
        required = self.required.get(device, ())
        metrology = self.metrology(device, newest, today)
        notices = [
            Notice(
                _MATTERS[one.standing],
                one.check,
                one.due,
                blocks=self.block and one.check in required and one.standing in LAPSED,
            )
            for one in (metrology.checks if metrology is not None else ())
            if one.standing in _MATTERS
        ]
        if battery_percent is not None and battery_percent < LOW_BATTERY_PERCENT:
            notices.append(Notice("battery_low"))
        return tuple(notices)
