"""The demo in a terminal of 80 columns: the newest readings, and how far each has come."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TextIO

from devicehub.ops.demo_rooms import DemoRoom
from devicehub.ops.progress import FINAL, STATE_NAMES, Progress

SHOWN = 14
"""Readings on the screen: with the heading they fill 24 lines."""

STEPS = ("saved", "published", "filed")
WIDTHS = MappingProxyType(
    {"time": 9, "device": 12, "value": 33, "saved": 11, "published": 7, "filed": 7}
)
"""Columns: 79 in all, so that no line is broken in two."""

_HOME, _REST_OF_LINE, _REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"
_CLEAR = f"{_HOME}\x1b[2J"
_BOLD, _DIM, _RED, _GREEN, _YELLOW, _PLAIN = (f"\x1b[{code}m" for code in (1, 2, 31, 32, 33, 0))
_COLOURS = MappingProxyType({"filed": _GREEN, "refused": _RED, "invalid": _RED})

_WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "fr": {
            "title": "devicehub, démonstration : appareils SIMULÉS, patient inventé",
            "page": "Page du poste",
            "patient": "Patient",
            "colon": " : ",
            "stop": "Ctrl-C pour arrêter",
            "wait": "Les appareils se réveillent ; première mesure dans quelques secondes.",
            "milliseconds": "ms écoulées depuis le dernier octet",
            "time": "Heure",
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
            "title": "devicehub, demo: SIMULATED devices, invented patient",
            "page": "Station page",
            "patient": "Patient",
            "colon": ": ",
            "stop": "Ctrl-C to stop",
            "wait": "The devices are waking up; first measurement in a few seconds.",
            "milliseconds": "ms since the last byte",
            "time": "Time",
            "device": "Device",
            "value": "Measurement",
            "saved": "saved",
            "published": "sent",
            "filed": "filed",
            "refused": "refused",
            "invalid": "invalid",
            "quarantined": "unattributed",
            "to_review": "to confirm",
        },
    }
)


class View:
    """Draws the demo; on a terminal in place and in colour, elsewhere one line a finished reading."""

    def __init__(self, page: str, room: DemoRoom, language: str, to: TextIO) -> None:
        self._words = _WORDS[language]
        self._language = language
        self._room = room
        self._page = page
        self._to = to
        self._in_place = to.isatty()
        self._readings: dict[str, Progress] = {}

    def open(self) -> None:
        """The heading, before the first reading."""
        if self._in_place:
            self._to.write(_CLEAR)
            self._draw()
        else:
            self._print(*self._heading())

    def show(self, progress: Progress) -> None:
        """A reading has moved along; one that was withdrawn, another stands for."""
        if self._in_place:
            self._readings[progress.reading] = progress
            if progress.state == "withdrawn":
                del self._readings[progress.reading]
            while len(self._readings) > SHOWN:
                self._readings.pop(next(iter(self._readings)))
            self._draw()
        elif progress.state in FINAL:
            self._print(self._line(progress))

    def _draw(self) -> None:
        lines = [self._line(each) for each in reversed(self._readings.values())]
        self._to.write(_HOME)
        self._print(
            *(
                line + _REST_OF_LINE
                for line in [*self._heading(), *(lines or [self._words["wait"]])]
            )
        )
        self._to.write(_REST_OF_SCREEN)
        self._to.flush()

    def _heading(self) -> list[str]:
        words, colon, patient = self._words, self._words["colon"], self._room.patient
        columns = [_cell(words[name], name) for name in WIDTHS]
        steps = sum(WIDTHS[step] for step in STEPS)
        indent = sum(WIDTHS.values()) - max(steps, len(words["milliseconds"]))
        return [
            self._in(_BOLD, words["title"]),
            "",
            f"{words['page']}{colon}{self._in(_BOLD, self._page)}   ({words['stop']})",
            f"{words['patient']}{colon}{patient['family_name']} {patient['given_name']}",
            "",
            self._in(_DIM, f"{'':{indent}}{words['milliseconds']}"),
            self._in(_BOLD, "".join(columns)),
        ]

    def _line(self, progress: Progress) -> str:
        name = self._room.name_of(progress.device, self._language)
        time = progress.at.astimezone().strftime("%H:%M:%S")
        said = [_cell(time, "time"), _cell(name, "device"), _cell(progress.text, "value")]
        return "".join([*said, *self._steps(progress)])

    def _steps(self, progress: Progress) -> list[str]:
        took, state = progress.milliseconds, progress.state
        if state in FINAL and state != "filed":
            width = sum(WIDTHS[step] for step in STEPS)
            return [self._in(_COLOURS.get(state, _YELLOW), f"{self._words[state]:>{width}}")]
        # A receipt may overtake the broker's acknowledgement: it was sent all the same. An ECG preparation came in
        # no frame, from whose last byte time could be counted.
        reached = {*took, STATE_NAMES.get(state, state)}
        done = max((number for number, step in enumerate(STEPS, 1) if step in reached), default=0)
        return [
            self._in(_GREEN, _cell(f"✓ {took[step]:.0f}", step))
            if step in took
            else _cell("✓" if number <= done else "…", step)
            for number, step in enumerate(STEPS, 1)
        ]

    def _in(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_PLAIN}" if self._in_place else text

    def _print(self, *lines: str) -> None:
        self._to.write("\n".join(lines) + "\n")
        self._to.flush()


def _cell(text: str, column: str) -> str:
    """A text as wide as its column: steps stand at the right, and what is too long is cut."""
    width = WIDTHS[column]
    if len(text) > width:
        text = text[: width - 1] + "…"
    return f"{text:>{width}}" if column in STEPS else f"{text:<{width}}"
