"""Advice: what the assistant does next, one sentence per electrode and cause, French and English.

It names the electrode by its IEC letter and colour, or AHA where the station is set so. It speaks of
clips, skin and cables, never of the heart.
"""

from __future__ import annotations

from typing import Literal

from devicehub.ecg.leads import AHA, IEC
from devicehub.ecg.verdict import Cause, Swap

Language = Literal["fr", "en"]
Labels = Literal["iec", "aha"]

_ACTS: dict[Cause, tuple[str, str]] = {
    "off": (
        "{E} ne fait pas contact : remettez la pince, ou changez l'électrode.",
        "{E} makes no contact: put the clip back on, or use a new electrode.",
    ),
    "flat": (
        "{E} ne donne aucun signal : vérifiez la pince et le fil jusqu'à l'appareil.",
        "{E} gives no signal: check the clip and the wire up to the device.",
    ),
    "saturated": (
        "{E} sature l'amplificateur : nettoyez la peau et collez une électrode neuve.",
        "{E} saturates the amplifier: clean the skin and stick a new electrode.",
    ),
    "mains": (
        "{E} capte le secteur : pressez l'électrode, nettoyez la peau, éloignez les fils des câbles électriques.",
        "{E} picks up mains: press the electrode, clean the skin, keep the wires away from power cables.",
    ),
    "muscle": (
        "{E} montre du muscle : faites poser les bras et les jambes, détendus et au chaud.",
        "{E} shows muscle: have arms and legs rest, relaxed and warm.",
    ),
    "drift": (
        "{E} dérive : pressez l'électrode et demandez de respirer calmement.",
        "{E} drifts: press the electrode and ask for calm breathing.",
    ),
    "motion": (
        "{E} a bougé : libérez le fil, et demandez de ne plus bouger.",
        "{E} has moved: free its wire, and ask to lie still.",
    ),
    "weak": (
        "{E} donne un signal très faible : frottez la peau et collez une électrode neuve.",
        "{E} gives a very weak signal: rub the skin and stick a new electrode.",
    ),
    "unclear": (
        "{E} donne un signal irrégulier, sans cause nette : vérifiez la pince, la peau et le fil.",
        "{E} gives an irregular signal without a plain cause: check the clip, the skin and the wire.",
    ),
}

_SWAP = (
    "Vérifiez {one} et {other} : elles semblent inversées.",
    "Check {one} and {other}: they seem to be exchanged.",
)
_CHEST_HINT = (
    "Regardez si {one} et {other} sont bien à leur place ; ce n'est qu'un indice.",
    "See whether {one} and {other} are in their places; this is only a hint.",
)
_BLIND = (
    "Une inversion de {one} et {other} ne se voit pas dans le signal : contrôlez-les à l'œil.",
    "An exchange of {one} and {other} cannot be seen in the signal: check them by eye.",
)


def name(electrode: str, language: Language, labels: Labels = "iec") -> str:
    """The electrode as a person finds it: ``R (rouge)``, ``R (red)``; any other name stays as it is."""
    label = (AHA if labels == "aha" else IEC).get(electrode)
    if label is None:
        return electrode
    return f"{label.name} ({label.french if language == 'fr' else label.english})"


def advise(electrode: str, cause: Cause, language: Language, labels: Labels = "iec") -> str:
    """One sentence: what is the matter with this electrode, and the next physical act."""
    article = "L'électrode" if language == "fr" else "Electrode"
    return _said(_ACTS[cause], language).format(E=f"{article} {name(electrode, language, labels)}")


def advise_swap(swap: Swap, language: Language, labels: Labels = "iec") -> str:
    """One sentence on limb electrodes that seem exchanged."""
    return _pair(_SWAP, swap, language, labels)


def advise_chest(hint: str, language: Language, labels: Labels = "iec") -> str:
    """One sentence on chest electrodes that may be exchanged."""
    return _pair(_CHEST_HINT, hint, language, labels)


def admit_blindness(language: Language, labels: Labels = "iec") -> str:
    """One sentence on what no signal shows: LA and LL exchanged."""
    return _pair(_BLIND, "LA/LL", language, labels)


def _pair(sentence: tuple[str, str], pair: str, language: Language, labels: Labels) -> str:
    one, other = (name(electrode, language, labels) for electrode in pair.split("/"))
    return _said(sentence, language).format(one=one, other=other)


def _said(both: tuple[str, str], language: Language) -> str:
    return both[0] if language == "fr" else both[1]
