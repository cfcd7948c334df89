"""A scan: what one line of a barcode reader says. An INS identity, or the id of a visit. Pure.

A reader sends the text of the code and then a suffix: without the suffix the code may have been cut short, and
a name cut short is somebody else's. The suffix is therefore part of what is read here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from devicehub.visit.ins import NotRead, read_ins
from devicehub.visit.patient import PatientIdentity

SUFFIXES: Final = (b"\r", b"\n", b"\t")
"""What readers are set to send after a code (CR, LF, CR LF, TAB)."""

LONGEST: Final = 512
"""Bytes: twice the longest INS code (273 characters with every name at its longest). What is longer is none of ours."""

_AIM = re.compile(r"\][A-Za-z][0-9A-Za-z]")
"""The symbology identifier many readers put in front: ``]d1``, ``]C0``, ``]Q1`` (ISO/IEC 15424)."""

_INS_START = re.compile(rb"IS\d{2}0{22}")
_VISIT = re.compile(r"v-[0-9a-f]{20}")
"""As the dossier issues them."""


@dataclass(frozen=True, slots=True)
class VisitCode:
    """The opaque id of a visit the dossier has planned or opened, printed as Code 128 or QR."""

    visit: str


def read_scan(line: bytes, *, simulation: bool) -> PatientIdentity | VisitCode | None:
    """What a line says, its suffix included; ``None`` for a line of suffixes alone.

    Strays in front of an INS code, as of a code that was cut short, are passed over: its header shows where it
    begins. No byte at all stands for a scan that was too long. Raises `devicehub.visit.ins.NotRead`.
    """
    if not line:
        raise NotRead("unknown_code")
    if not line.endswith(SUFFIXES):
        raise NotRead("damaged")
    starts = [match.start() for match in _INS_START.finditer(line)]
    whole = line[starts[-1] :] if starts else line
    try:
        text = whole.decode("ascii").strip("\r\n\t")
    except UnicodeDecodeError:
        raise NotRead("damaged") from None
    if not text:
        return None
    aim = _AIM.match(text)
    text = text[aim.end() :] if aim else text
    if _VISIT.fullmatch(text):
        return VisitCode(text)
    return read_ins(text, simulation=simulation)
