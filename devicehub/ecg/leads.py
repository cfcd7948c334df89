"""Leads and electrodes: names, colours, and which electrode is in which lead.

Colours: IEC 60601-2-25 (code 1, Europe) and its code 2 (AHA, America). Algebra: Einthoven's
``II = I + III``, Goldberger's augmented leads, Wilson's central terminal, as in the AHA/ACCF/HRS
recommendations for the electrocardiogram, part I (Kligfield et al., Circulation 2007;115:1306).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

LIMB_LEADS = ("I", "II", "III", "aVR", "aVL", "aVF")
CHEST_LEADS = ("V1", "V2", "V3", "V4", "V5", "V6")
STANDARD = LIMB_LEADS + CHEST_LEADS
"""The twelve leads, in the order in which they are printed."""

OTHERS = (
    *("MLI", "MLII", "MLIII", "ECG", "VX", "VY", "VZ"),
    *("V7", "V8", "V9", "V1R", "V2R", "V3R", "V4R", "V5R", "V6R"),
)
"""Leads beside the twelve: modified limb leads, Frank's, the dorsal and right chest ones. None has an electrode here."""

LIMB_ELECTRODES = ("RA", "LA", "LL", "RL")
ELECTRODES = LIMB_ELECTRODES + CHEST_LEADS
"""The ten electrodes; a chest electrode bears the name of its lead."""


class Label(NamedTuple):
    """What is printed on an electrode's clip, and its colour in both languages."""

    name: str
    french: str
    english: str


IEC: dict[str, Label] = {
    "RA": Label("R", "rouge", "red"),
    "LA": Label("L", "jaune", "yellow"),
    "LL": Label("F", "vert", "green"),
    "RL": Label("N", "noir", "black"),
    "V1": Label("C1", "blanc/rouge", "white/red"),
    "V2": Label("C2", "blanc/jaune", "white/yellow"),
    "V3": Label("C3", "blanc/vert", "white/green"),
    "V4": Label("C4", "blanc/marron", "white/brown"),
    "V5": Label("C5", "blanc/noir", "white/black"),
    "V6": Label("C6", "blanc/violet", "white/violet"),
}
"""IEC 60601-2-25 code 1, used in France."""

AHA: dict[str, Label] = {
    "RA": Label("RA", "blanc", "white"),
    "LA": Label("LA", "noir", "black"),
    "LL": Label("LL", "rouge", "red"),
    "RL": Label("RL", "vert", "green"),
    "V1": Label("V1", "marron/rouge", "brown/red"),
    "V2": Label("V2", "marron/jaune", "brown/yellow"),
    "V3": Label("V3", "marron/vert", "brown/green"),
    "V4": Label("V4", "marron/bleu", "brown/blue"),
    "V5": Label("V5", "marron/orange", "brown/orange"),
    "V6": Label("V6", "marron/violet", "brown/violet"),
}
"""IEC 60601-2-25 code 2, the American one: its red is a foot, its green the neutral electrode."""

POLES: dict[str, tuple[str, ...]] = {
    "I": ("RA", "LA"),
    "II": ("RA", "LL"),
    "III": ("LA", "LL"),
    "aVR": ("RA", "LA", "LL"),
    "aVL": ("RA", "LA", "LL"),
    "aVF": ("RA", "LA", "LL"),
    **{chest: (chest, "RA", "LA", "LL") for chest in CHEST_LEADS},
}
"""The electrodes whose potential is in a lead. RL, the reference, is in none and spoils all."""

OPPOSITE = {"RA": "III", "LA": "II", "LL": "I"}
"""The limb lead that a limb electrode has no part in."""

_SPELLINGS = {name.upper(): name for name in STANDARD + OTHERS} | {
    **{f"C{number}": f"V{number}" for number in range(1, 7)},
}


def spell(name: str) -> str:
    """The standard spelling of a lead's name: ``AVR``, ``MDC_ECG_LEAD_aVR`` and ``C1`` are known.

    A name that is no standard lead (``ECG``, ``MLII``) comes back stripped, else as it is.
    """
    stripped = name.strip()
    bare = stripped.upper().removeprefix("MDC_ECG_").removeprefix("LEAD_").removeprefix("LEAD ")
    return _SPELLINGS.get(bare, stripped)


def complete(signal: Mapping[str, Any]) -> dict[str, Any]:
    """All leads that the given ones determine, in standard order, then the leads of other names.

    Two of I, II, III give all six limb leads; values may be numbers or arrays. Leads that cannot be
    had are left out: see `not_had`.
    """
    known = dict(signal)
    if "I" in known and "II" in known:
        first, second = known["I"], known["II"]
    elif "I" in known and "III" in known:
        first, second = known["I"], known["I"] + known["III"]
    elif "II" in known and "III" in known:
        first, second = known["II"] - known["III"], known["II"]
    else:
        return _in_order(known)
    derived = {
        "I": first,
        "II": second,
        "III": second - first,
        "aVR": -(first + second) / 2,
        "aVL": first - second / 2,
        "aVF": second - first / 2,
    }
    return _in_order(derived | known)


def not_had(names: Iterable[str]) -> tuple[str, ...]:
    """The standard leads that neither are among ``names`` nor follow from them."""
    had = complete(dict.fromkeys(names, 0.0))
    return tuple(lead for lead in STANDARD if lead not in had)


def electrodes_of(names: Iterable[str]) -> tuple[str, ...]:
    """The electrodes that these leads need, in `ELECTRODES` order; none for leads of other names."""
    needed = {electrode for lead in names for electrode in POLES.get(lead, ())}
    if needed:
        needed.add("RL")
    return tuple(electrode for electrode in ELECTRODES if electrode in needed)


def _in_order(signal: dict[str, Any]) -> dict[str, Any]:
    standard = {lead: signal[lead] for lead in STANDARD if lead in signal}
    return standard | {lead: value for lead, value in signal.items() if lead not in standard}
