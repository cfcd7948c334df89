"""The demo in a terminal: the newest readings, and how far each has come."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TextIO

from devicehub.ops.demo import FINAL, PATIENT, Progress

SHOWN = 12
STEPS = ("saved", "published", "filed")
_CLEAR = "\x1b[H\x1b[2J"

_WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "fr": {
            "title": "devicehub, démonstration : appareils SIMULÉS, patient inventé",
            "page": "Page du poste",
            "patient": "Patient",
            "stop": "Ctrl-C pour arrêter",
            "device": "Appareil",
            "value": "Mesure",
            "saved": "enregistré",
            "published": "envoyé",
            "filed": "classé",
            "refused": "refusé",
            "invalid": "invalide",
            "quarantined": "à attribuer",
            "to_review": "à confirmer",
        },
        "en": {
            "title": "devicehub demo: SIMULATED devices, invented patient",
            "page": "Station page",
            "patient": "Patient",
            "stop": "Ctrl-C to stop",
            "device": "Device",
            "value": "Measurement",
            "saved": "saved",
            "published": "published",
            "filed": "filed",
            "refused": "refused",
            "invalid": "invalid",
            "quarantined": "unattributed",
            "to_review": "to confirm",
        },
    }
)


class View:
    """Draws the demo; on a terminal in place, elsewhere one line a finished reading."""

    def __init__(self, page: str, language: str, to: TextIO) -> None:
        self._words = _WORDS[language]
        self._page = page
        self._to = to
        self._in_place = to.isatty()
        self._readings: dict[str, Progress] = {}

    def open(self) -> None:
        """The heading, before the first reading."""
        self._draw() if self._in_place else self._print(*self._heading())

    def show(self, progress: Progress) -> None:
        """A reading has moved along."""
        self._readings[progress.reading] = progress
        while len(self._readings) > SHOWN:
            self._readings.pop(next(iter(self._readings)))
        if self._in_place:
            self._draw()
        elif progress.state in FINAL:
            self._print(self._line(progress))

    def _draw(self) -> None:
        self._to.write(_CLEAR)
        self._print(*self._heading(), *map(self._line, self._readings.values()))

    def _heading(self) -> list[str]:
        words = self._words
        columns = "".join(f"{words[step]:>14}" for step in STEPS)
        return [
            words["title"],
            f"{words['page']} : {self._page}   ({words['stop']})",
            f"{words['patient']} : {PATIENT['family_name']} {PATIENT['given_name']}",
            "",
            f"{words['device']:<22}{words['value']:<34}{columns}",
        ]

    def _line(self, progress: Progress) -> str:
        took = progress.milliseconds
        steps = "".join(
            f"{f'✓ {took[step]:.0f} ms':>14}" if step in took else f"{'…':>14}" for step in STEPS
        )
        last = progress.state
        other = f"  {self._words[last]}" if last in FINAL and last != "filed" else ""
        return f"{progress.device:<22}{progress.text:<34}{steps}{other}"

    def _print(self, *lines: str) -> None:
        self._to.write("\n".join(lines) + "\n")
        self._to.flush()
