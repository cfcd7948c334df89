"""A blood-pressure series in words: what to do next, until when to wait, what was measured, the mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID

from devicehub.reading.derivation import Arm
from devicehub.station import telling
from devicehub.station.picture import SeriesShown
from devicehub.station.words import Words
from devicehub.visit.course import Act, look
from devicehub.visit.series import Series, aside_of


@dataclass(frozen=True)
class MemberView:
    """A measurement of the series: where, how much, whether it counts towards the mean."""

    reading: str
    label: str
    value: str
    is_counted: bool
    is_early: bool


@dataclass(frozen=True)
class Step:
    """Something the operator can say: a button that posts ``said`` to ``act`` of the series."""

    act: str
    said: str
    label: str
    is_next: bool


@dataclass(frozen=True)
class SeriesView:
    """``ends`` is when the countdown ends, for the script that counts; ``is_pressing``: now the button of the cuff."""

    act: Act
    text: str
    ends: str | None
    is_pressing: bool
    progress: str | None
    members: tuple[MemberView, ...]
    mean: str | None
    mean_note: str | None
    no_mean: str | None
    """Why there is none where there was to be one by now, and what to do."""
    aside: tuple[str, ...]
    """What came meanwhile and is none of its measurements."""
    steps: tuple[Step, ...]
    is_over: bool


_PRESSES: Final[frozenset[Act]] = frozenset({"measure", "measure_arm", "measure_standing"})
_NEXT: Final[Mapping[Act, tuple[tuple[str, Arm | None, str], ...]]] = MappingProxyType(
    {
        "rest": (("rest_over", None, "series.say.rested"),),
        "other_arm": (("arm", "left", "series.say.left"), ("arm", "right", "series.say.right")),
        "choose_arm": (
            ("choose_arm", "left", "series.say.left"),
            ("choose_arm", "right", "series.say.right"),
        ),
        "stand_up": (("stood_up", None, "series.say.stands"),),
    }
)


def series_view(shown: SeriesShown, words: Words, now: datetime) -> SeriesView:
    """Where a series stands at this moment."""
    series = shown.series
    course = look(series, shown.filings, now)
    waits = course.due_at is not None and course.due_at > now
    early = {one.reading for one in series.taken if one.early}
    members = tuple(
        MemberView(
            str(member.reading),
            telling.label(words, member),
            _value(shown, member.reading, words),
            member.counted,
            member.reading in early,
        )
        for member in course.members
        if member.reading in shown.filings
    )
    is_over = course.act == "done"
    mean = words.figures(course.mean.measurement)[0] if course.mean else None
    steps = [
        Step(act, _said(series, arm), words(label), is_next=True)
        for act, arm, label in _NEXT.get(course.act, ())
    ]
    if not is_over:
        steps.append(Step("end", _said(series, None), words("series.say.end"), is_next=False))
    return SeriesView(
        act=course.act,
        text=telling.course(words, series, course, now),
        ends=course.due_at.isoformat(timespec="seconds") if course.due_at and waits else None,
        is_pressing=course.act in _PRESSES and not waits,
        progress=None
        if course.number is None
        else words("series.progress", number=course.number, count=course.count),
        members=members,
        mean=f"{mean.text} {mean.unit}" if mean else None,
        mean_note=None
        if course.mean is None
        else words("series.settled" if course.settled else "series.unsettled"),
        no_mean=telling.no_mean(words, series, course),
        aside=tuple(
            words(f"series.aside.{one.purpose}", value=_value(shown, one.reading, words))
            for one in aside_of(series, shown.filings)
        ),
        steps=tuple(steps),
        is_over=is_over,
    )


def _value(shown: SeriesShown, reading: UUID, words: Words) -> str:
    return words.figures(shown.filings[reading].reading.measurement)[0].text


def _said(series: Series, arm: Arm | None) -> str:
    """What a button posts: it is for the series it stands beside, whichever is under way when it is pressed."""
    said = {"series": str(series.id)}
    return json.dumps(said if arm is None else {**said, "arm": arm})
