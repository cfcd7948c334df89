"""The ECG panel in words: how the preparation stands, a light and a reason per electrode, a figure per lead."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from devicehub.devices.preparations import EcgShown
from devicehub.ecg import advice
from devicehub.ecg.advice import Labels
from devicehub.ecg.leads import AHA, ELECTRODES, IEC
from devicehub.ecg.verdict import CAUSES, UNITS, Cause, ElectrodeVerdict, LeadVerdict, Verdict
from devicehub.station.words import Words

Standing = Literal[
    "waiting", "others", "unable", "anew", "frozen", "first", "mend", "swap", "firming", "ready"
]
"""How the panel stands, in one word; ``first``: no verdict yet; ``firming``: good, but not for ten seconds yet."""

Beside = Literal["left", "right", "below"]

PLACES: Final[dict[str, tuple[int, int, Beside]]] = {
    "RA": (28, 222, "below"),
    "LA": (252, 222, "below"),
    "RL": (98, 316, "below"),
    "LL": (182, 316, "below"),
    "V1": (118, 152, "left"),
    "V2": (158, 152, "right"),
    "V3": (163, 184, "left"),
    "V4": (173, 216, "below"),
    "V5": (199, 218, "below"),
    "V6": (225, 210, "below"),
}
"""Where the electrodes and their names are on the drawing. The patient's right is the viewer's left. The chest electrodes
are further apart than on a chest, so that each light can be read."""

_COLOURS: Final[dict[str, str]] = {
    "rouge": "red",
    "jaune": "yellow",
    "vert": "green",
    "noir": "black",
    "blanc": "white",
    "marron": "brown",
    "violet": "violet",
    "bleu": "blue",
    "orange": "orange",
}


@dataclass(frozen=True)
class ElectrodeView:
    """One electrode: its printed name, its clip's one or two colours, its light, and what to do."""

    id: str
    name: str
    colour: str
    clip: tuple[str, str]
    state: str
    word: str
    reason: str | None
    advice: str | None
    x: int
    y: int
    beside: Beside


@dataclass(frozen=True)
class LeadView:
    """One lead: its state, and the cause with its figure."""

    name: str
    state: str
    word: str
    causes: str
    is_derived: bool


@dataclass(frozen=True)
class EcgView:
    """The panel. ``standing`` names colour and icon, ``title`` says it, ``detail`` what to do next."""

    device: str
    name: str
    standing: Standing
    title: str
    detail: str
    say: str
    began: str
    is_running: bool
    can_begin: bool
    can_finish: bool
    electrodes: tuple[ElectrodeView, ...]
    leads: tuple[LeadView, ...]
    notes: tuple[str, ...]
    retries: str
    result: str | None


def ecg_view(shown: EcgShown, words: Words, labels: Labels) -> EcgView:
    """What the panel shows of one front end."""
    # What touches somebody else is nobody's business on this patient's screen.
    verdict = None if shown.phase == "others" else shown.verdict
    standing = stand(shown)
    electrodes = _electrodes(shown, words, labels)
    bad = [one for one in electrodes if one.state in ("off", "poor")]
    detail = words(f"ecg.detail.{standing}")
    if standing == "unable":
        detail = words(f"ecg.unable.{shown.unable}")
    elif standing == "swap" and verdict is not None and verdict.swap is not None:
        detail = advice.advise_swap(verdict.swap, words.language, labels)
    elif standing == "mend" and bad:
        detail = words.count("ecg.mend", len(bad))
    title = words(f"ecg.standing.{standing}")
    result = shown.result
    running = shown.phase == "running"
    return EcgView(
        device=shown.device,
        name=shown.name,
        standing=standing,
        title=title,
        detail=detail,
        say=". ".join([title, *(f"{one.name}: {one.word}" for one in bad)]),
        began=shown.began.isoformat(timespec="seconds"),
        is_running=running,
        can_begin=shown.phase in ("others", "done") and shown.unable is None,
        can_finish=running and verdict is not None and bool(verdict.leads) and not shown.is_frozen,
        electrodes=electrodes,
        leads=() if verdict is None else _leads(verdict, words),
        notes=_notes(verdict, words, labels),
        retries=words.count("ecg.retries", shown.retries),
        result=None
        if result is None
        else words("ecg.filed", verdict=words("ecg.ready" if result.ready else "ecg.not_ready")),
    )


def stand(shown: EcgShown) -> Standing:
    """How the panel stands. Only what is firm is ready, and nothing that does not come is now."""
    verdict = shown.verdict
    if shown.unable is not None:
        return "unable"
    if shown.is_frozen or (verdict is not None and verdict.frozen):
        return "frozen"
    if shown.phase == "waiting":
        return "waiting"
    if shown.phase == "others":
        return "others"
    if shown.is_anew:
        return "anew"
    if shown.is_ready:
        return "ready"
    bad = verdict is not None and any(
        one.state in ("off", "poor") for one in verdict.electrodes.values()
    )
    if bad:
        return "mend"
    if verdict is None or not verdict.leads:
        return "first"
    if verdict.swap is not None and verdict.ready:
        return "swap"
    broken = any(one.state != "good" for one in verdict.leads.values())
    return "mend" if broken or (verdict.firm and not verdict.ready) else "firming"


def _electrodes(shown: EcgShown, words: Words, labels: Labels) -> tuple[ElectrodeView, ...]:
    """A light each. While nothing comes nobody knows; somebody else's are not shown."""
    known = {} if shown.verdict is None or shown.phase == "others" else shown.verdict.electrodes
    swapped: tuple[str, ...] = ()
    if shown.verdict is not None and shown.verdict.swap is not None:
        swapped = tuple(shown.verdict.swap.split("/"))
    hidden = shown.is_frozen
    unknown = ElectrodeVerdict(state="unknown")
    return tuple(
        _electrode(
            name,
            unknown if hidden else known[name],
            words,
            labels,
            is_swapped=name in swapped and not hidden,
        )
        for name in ELECTRODES
        if name in known
    )


def _electrode(
    name: str, one: ElectrodeVerdict, words: Words, labels: Labels, *, is_swapped: bool
) -> ElectrodeView:
    label = (AHA if labels == "aha" else IEC)[name]
    colours = [_COLOURS[part] for part in label.french.split("/")]
    is_bad = one.state in ("off", "poor")
    state = "swap" if is_swapped and not is_bad else one.state
    x, y, beside = PLACES[name]
    return ElectrodeView(
        id=name,
        name=label.name,
        colour=label.french if words.language == "fr" else label.english,
        clip=(colours[0], colours[-1]),
        state=state,
        word=words(f"ecg.light.{state}"),
        reason=words(f"ecg.cause.{one.cause}") if one.cause is not None and is_bad else None,
        advice=advice.advise(name, one.cause or "unclear", words.language, labels)
        if is_bad
        else None,
        x=x,
        y=y,
        beside=beside,
    )


def _leads(verdict: Verdict, words: Words) -> tuple[LeadView, ...]:
    return tuple(
        LeadView(
            name=name,
            state=one.state,
            word=words(f"ecg.lead.{one.state}"),
            causes=", ".join(_cause(cause, one, words) for cause in CAUSES if cause in one.causes),
            is_derived=one.derived,
        )
        for name, one in verdict.leads.items()
    )


def _cause(cause: Cause, lead: LeadVerdict, words: Words) -> str:
    """A cause with its figure, where the figure means something to a person."""
    named, unit = words(f"ecg.cause.{cause}"), UNITS[cause]
    if unit == "1":
        return named
    value = Decimal(lead.causes[cause]).quantize(Decimal("0.01"))
    return f"{named} {words.number(value, 1, 2)} {unit}"


def _notes(verdict: Verdict | None, words: Words, labels: Labels) -> tuple[str, ...]:
    """What the check cannot see, and what it only hints at."""
    if verdict is None:
        return ()
    notes = []
    if verdict.chest_swap_hint is not None:
        notes.append(advice.advise_chest(verdict.chest_swap_hint, words.language, labels))
    if {"LA", "LL"} <= verdict.electrodes.keys():
        notes.append(advice.admit_blindness(words.language, labels))
    if verdict.leads and not verdict.swap_visible:
        notes.append(words("ecg.swap_unseen"))
    if verdict.not_had and len(verdict.leads) > 0:
        notes.append(words("ecg.not_had", leads=", ".join(verdict.not_had)))
    return tuple(notes)
