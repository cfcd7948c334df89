"""Words and figures for people: values with units, flags, states and times, in French or English.

All words come from one pair of catalogues, ``locales/fr.json`` and ``locales/en.json``, with the same keys
and the same placeholders. Figures show the digits a device of that kind means; the reading keeps its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from pathlib import Path
from typing import Final, Literal, NamedTuple, get_args

from devicehub.driver import (
    BloodPressure,
    BodyTemperature,
    EcgPreparation,
    Glucose,
    Kind,
    Measurement,
)
from devicehub.driver.measurement import GRAMS_PER_MOLE_OF_GLUCOSE
from devicehub.reading.clock import whole

Language = Literal["fr", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

_LOCALES = Path(__file__).with_name("locales")
_TOLD_IN_MONTHS = 24
"""The age of a child younger than this is told in months."""


@dataclass(frozen=True)
class Figure:
    """One value as people read it. ``spoken`` says it whole, units in words, for a screen reader."""

    label: str
    text: str
    unit: str
    spoken: str


class _Field(NamedTuple):
    name: str
    unit: str
    least: int
    most: int


_PULSE: Final = _Field("pulse_per_minute", "per_minute", 0, 0)
_FIELDS: Final[dict[Kind, tuple[_Field, ...]]] = {
    "blood_pressure": (_PULSE, _Field("mean_mmhg", "mmhg", 0, 0)),
    "cuff_pressure": (_Field("pressure_mmhg", "mmhg", 0, 0),),
    "body_weight": (_Field("kilograms", "kilograms", 1, 2),),
    "body_height": (_Field("centimetres", "centimetres", 0, 1),),
    "body_mass_index": (_Field("kilograms_per_square_metre", "kilograms_per_square_metre", 1, 1),),
    "body_composition": (
        _Field("fat_percent", "percent", 1, 1),
        _Field("muscle_percent", "percent", 1, 1),
        _Field("muscle_kilograms", "kilograms", 1, 2),
        _Field("fat_free_kilograms", "kilograms", 1, 2),
        _Field("soft_lean_kilograms", "kilograms", 1, 2),
        _Field("water_kilograms", "kilograms", 1, 2),
        _Field("water_percent", "percent", 1, 1),
        _Field("bone_kilograms", "kilograms", 1, 2),
        _Field("basal_metabolism_kilojoules", "kilojoules", 0, 0),
        _Field("impedance_ohms", "ohms", 0, 1),
        _Field("kilograms", "kilograms", 1, 2),
        _Field("centimetres", "centimetres", 0, 1),
    ),
    "body_temperature": (_Field("celsius", "celsius", 1, 1),),
    "oxygen_saturation": (
        _Field("percent", "percent", 0, 0),
        _PULSE,
        _Field("perfusion_index_percent", "percent", 1, 2),
    ),
    "heart_rate": (_Field("per_minute", "per_minute", 0, 0),),
    "glucose": (_Field("milligrams_per_decilitre", "milligrams_per_decilitre", 0, 0),),
}
"""What is shown of a kind, the most important first, with the fewest and most decimals."""


@cache
def catalogue(language: Language) -> dict[str, str]:
    """The words of one language by key."""
    text = (_LOCALES / f"{language}.json").read_text("utf-8")
    words: dict[str, str] = json.loads(text)
    return words


class Words:
    """One language: its catalogue, and how it writes numbers, times and values."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._catalogue = catalogue(language)

    def __call__(self, key: str, **values: object) -> str:
        """The words behind a key, its placeholders filled. Raises ``KeyError`` for a key that is not there."""
        return self._catalogue[key].format(**values)

    def count(self, key: str, number: int, **values: object) -> str:
        """The words behind a key in the singular or the plural of this language."""
        # French: 0 and 1 are singular.
        single = number < 2 if self.language == "fr" else number == 1
        return self(f"{key}.{'one' if single else 'other'}", count=number, **values)

    def pick(self, both: str) -> str | None:
        """This language's half of a sentence written « French · English »; ``None`` where it is not."""
        french, point, english = both.partition(" · ")
        if not point:
            return None
        return french if self.language == "fr" else english

    def number(self, value: Decimal, least: int = 0, most: int = 2) -> str:
        """A number with at least and at most so many decimals, and the language's decimal mark."""
        given = -int(value.normalize().as_tuple().exponent)
        digits = min(max(given, least), most)
        shown = value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)
        text = f"{shown:f}".replace("-", "\N{MINUS SIGN}")
        return text.replace(".", ",") if self.language == "fr" else text

    def figures(self, measurement: Measurement) -> tuple[Figure, ...]:
        """The values of a measurement, the most important first; those not given are left out.

        The first is always there: where the device could not measure it, it is a dash.
        """
        if isinstance(measurement, EcgPreparation):
            text = self("ecg.ready" if measurement.ready else "ecg.not_ready")
            return (Figure(self.kind(measurement.kind), text, "", text),)
        first: tuple[Figure, ...] = ()
        if isinstance(measurement, BloodPressure):
            first = (self._pressure(measurement),)
        fields = _FIELDS.get(measurement.kind, ())
        values = [(field, getattr(measurement, field.name)) for field in fields]
        shown = first + tuple(
            self._figure(field, value)
            for index, (field, value) in enumerate(values)
            if value is not None or (index == 0 and not first)
        )
        if isinstance(measurement, BodyTemperature) and measurement.site is not None:
            site = self(f"site.{measurement.site}")
            shown += (Figure(self("figure.site"), site, "", f"{self('figure.site')} {site}"),)
        if isinstance(measurement, Glucose) and measurement.milligrams_per_decilitre is not None:
            shown += self._other_units(measurement.milligrams_per_decilitre)
        return shown

    def value(self, measurement: Measurement) -> str:
        """The values of a measurement and their units, on one line; what each but the first is."""
        said: list[str] = []
        for figure in self.figures(measurement):
            label = f"{_within(figure.label)} " if said else ""
            said.append(f"{label}{figure.text}\N{NO-BREAK SPACE}{figure.unit}".rstrip())
        return ", ".join(said)

    def kind(self, kind: Kind) -> str:
        """What is measured, in words."""
        return self(f"kind.{kind}")

    def flags(self, measurement: Measurement) -> tuple[str, ...]:
        """What the device says about the quality of its measurement, in words."""
        return tuple(self(f"flag.{flag}") for flag in measurement.flags)

    def clock(self, moment: datetime, *, seconds: bool = True) -> str:
        """The time of day on the station's own clock."""
        return moment.astimezone().strftime("%H:%M:%S" if seconds else "%H:%M")

    def day(self, day: date) -> str:
        """A date in digits."""
        return self("date", day=f"{day.day:02}", month=f"{day.month:02}", year=f"{day.year:04}")

    def moment(self, moment: datetime, now: datetime, *, seconds: bool = True) -> str:
        """The time of day, with the date before it where that is not today."""
        local = moment.astimezone()
        clock = self.clock(moment, seconds=seconds)
        if local.date() == now.astimezone().date():
            return clock
        return f"{self.day(local.date())} {clock}"

    def device_time(self, told: str, now: datetime) -> str:
        """A device's own time as it said it, without the date where that is today's or unknown."""
        known = whole(told)
        clock = told.partition("T")[2].partition(".")[0]
        if known is None or known.date() == now.astimezone().date():
            return clock
        return f"{self.day(known.date())} {clock}"

    def duration(self, length: timedelta) -> str:
        """A length of time in its largest unit, rounded down."""
        seconds = max(int(length.total_seconds()), 0)
        for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
            if seconds >= size:
                return self.count(f"duration.{unit}", seconds // size)
        return self.count("duration.seconds", seconds)

    def whole_duration(self, length: timedelta) -> str:
        """A length of time to the second, in minutes and seconds."""
        minutes, seconds = divmod(max(int(length.total_seconds()), 0), 60)
        parts = [self.count("duration.minutes", minutes)] if minutes else []
        if seconds or not minutes:
            parts.append(self.count("duration.seconds", seconds))
        return " ".join(parts)

    def age(self, born: date, today: date) -> str:
        """A person's age in whole years, in months for a small child."""
        months = (today.year - born.year) * 12 + today.month - born.month
        months -= today.day < born.day
        if months < _TOLD_IN_MONTHS:
            return self.count("age.months", max(months, 0))
        return self.count("age.years", months // 12)

    def _pressure(self, measurement: BloodPressure) -> Figure:
        pair = (measurement.systolic_mmhg, measurement.diastolic_mmhg)
        texts = ["–" if value is None else self.number(value, 0, 0) for value in pair]
        spoken = [
            self("unmeasured") if value is None else text
            for value, text in zip(pair, texts, strict=True)
        ]
        return Figure(
            self("figure.pressure"),
            "/".join(texts),
            self("unit.mmhg"),
            self("spoken.pressure", systolic=spoken[0], diastolic=spoken[1]),
        )

    def _other_units(self, milligrams: Decimal) -> tuple[Figure, ...]:
        """A glucose as a French laboratory writes it; the meter's own screen shows mg/dL, or one of these."""
        grams = milligrams / 100
        return (
            self._figure(_Field("grams_per_litre", "grams_per_litre", 2, 2), grams),
            self._figure(
                _Field("millimoles_per_litre", "millimoles_per_litre", 1, 1),
                grams * 1000 / GRAMS_PER_MOLE_OF_GLUCOSE,
            ),
        )

    def _figure(self, field: _Field, value: Decimal | None) -> Figure:
        label = self(f"figure.{field.name}")
        unit = self(f"unit.{field.unit}")
        if value is None:
            return Figure(label, "–", unit, f"{label} {self('unmeasured')}")
        text = self.number(value, field.least, field.most)
        spoken = self(f"spoken.{field.unit}")
        return Figure(label, text, unit, f"{label} {text} {spoken}")


def _within(label: str) -> str:
    """A label inside a sentence: without its capital, unless it is an abbreviation."""
    return label if label.isupper() else label[:1].lower() + label[1:]
