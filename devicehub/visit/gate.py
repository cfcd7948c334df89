"""The gate: who may do what, and which readings an assistant's hands may accept.

An *assistant médical* measures with fully automatic devices only, under the physician's responsibility, and only
what the physician has delegated (Assurance Maladie, ameli.fr, « assistant médical », missions). There is no act
by which an assistant types a value. Pure decisions; the page and the desk ask them.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, get_args

from devicehub.driver import Kind
from devicehub.reading.reading import Reading

Role = Literal["assistant", "physician", "technician"]
"""``assistant`` measures, ``physician`` answers for it, ``technician`` looks after the devices and sees no patient."""

Act = Literal["visit", "decide", "type", "delegate", "maintain"]
"""``visit``: open, lock, switch and close visits. ``decide``: accept, reject, attribute, withdraw a reading.
``type``: enter a value by hand. ``delegate``: set what assistants may measure. ``maintain``: devices, bonds, frames."""

ACTS: tuple[Act, ...] = get_args(Act)

_MAY: dict[Role, frozenset[Act]] = {
    "assistant": frozenset({"visit", "decide"}),
    "physician": frozenset({"visit", "decide", "type", "delegate", "maintain"}),
    "technician": frozenset({"maintain"}),
}

Hold = Literal["not_automatic", "not_delegated", "metrology_lapsed"]
"""Why a reading waits for the physician: its mode needs an operator's judgement, its kind is not delegated, or
its device lacks a check without which the practice does not use it."""


def may(role: Role, act: Act) -> bool:
    """Whether this role has this act at all."""
    return act in _MAY[role]


def hold(reading: Reading, withheld: Collection[Kind]) -> Hold | None:
    """Why only the physician can accept a reading; ``None`` where an assistant can too.

    ``withheld`` are the kinds that the physician has not delegated. A derived reading is as automatic as its
    members were: each of them has passed here. What a physician typed needs nobody else.
    """
    if reading.source == "typed":
        return None
    if not reading.automatic:
        return "not_automatic"
    if reading.metrology is not None and reading.metrology.blocks:
        return "metrology_lapsed"
    return "not_delegated" if reading.kind in withheld else None


def holds(role: Role, reading: Reading, withheld: Collection[Kind]) -> Hold | None:
    """Why this role cannot lead a reading to the dossier; ``None`` where it can."""
    return None if may(role, "type") else hold(reading, withheld)
