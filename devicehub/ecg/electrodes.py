"""From leads to electrodes: which clip to press, by the algebra of the leads.

An electrode is in the leads of `devicehub.ecg.leads.POLES`. A bad RA spoils I and II but not III, LA
spoils I and III, LL spoils II and III; a bad limb electrode also shifts Wilson's terminal, so that no
chest lead can be judged while one is off. RL, the reference, spoils everything.
"""

from __future__ import annotations

from collections.abc import Mapping

from devicehub.ecg.leads import CHEST_LEADS, LIMB_ELECTRODES, OPPOSITE, POLES, electrodes_of
from devicehub.ecg.verdict import (
    CAUSES,
    Cause,
    ContactState,
    ElectrodeState,
    ElectrodeVerdict,
    LeadState,
    LeadVerdict,
)

_WORSE: dict[LeadState, int] = {"good": 0, "poor": 1, "off": 2}


def judge(
    leads: Mapping[str, LeadVerdict], contact: Mapping[str, ContactState] | None = None
) -> dict[str, ElectrodeVerdict]:
    """Every electrode that the leads need. What the device knows of contact goes before the signal."""
    contact = contact or {}
    # What a known loss spoils is explained: it accuses no other electrode.
    spoilt = spoilt_by(contact)
    evidence = {name: lead for name, lead in leads.items() if name not in spoilt}
    judged = _from_signal(evidence, electrodes_of(leads) or tuple(contact))
    for electrode, told in contact.items():
        seen = judged.get(electrode, ElectrodeVerdict(state="unknown"))
        if told == "off":
            judged[electrode] = ElectrodeVerdict(state="off", cause="off", contact="truth")
        elif told == "connected":
            # It touches, so it is not off; what its signal shows may still be poor.
            known: ElectrodeState = "good" if seen.state == "unknown" else seen.state
            judged[electrode] = ElectrodeVerdict(
                state="poor" if known == "off" else known, cause=seen.cause, contact="truth"
            )
    return judged


def spoilt_by(contact: Mapping[str, ContactState]) -> frozenset[str]:
    """The leads that cannot be good because the device reports an electrode off."""
    off = {electrode for electrode, told in contact.items() if told == "off"}
    return frozenset(lead for lead, poles in POLES.items() if off & {*poles, "RL"})


def _from_signal(
    leads: Mapping[str, LeadVerdict], needed: tuple[str, ...]
) -> dict[str, ElectrodeVerdict]:
    judged: dict[str, ElectrodeVerdict] = {}
    limbs = _limbs(leads)
    for electrode in needed:
        if electrode in leads:
            judged[electrode] = _chest(leads[electrode], limbs, leads)
        else:
            judged[electrode] = limbs.get(electrode, ElectrodeVerdict(state="unknown"))
    return judged


def _limbs(leads: Mapping[str, LeadVerdict]) -> dict[str, ElectrodeVerdict]:
    seen = {lead: leads[lead] for lead in ("I", "II", "III") if lead in leads}
    bad = {lead: verdict for lead, verdict in seen.items() if verdict.state != "good"}
    if not seen:
        return {}
    if not bad:
        return {electrode: ElectrodeVerdict(state="good") for electrode in _touched(seen)}
    if len(seen) < 3:
        # One lead cannot say which of its two electrodes it is.
        hidden = ElectrodeVerdict(state="unknown", cause=_cause(_mildest_lead(bad)))
        return dict.fromkeys(_touched(seen), hidden)
    hums = [name for name, verdict in leads.items() if "mains" in verdict.causes]
    chest = [name for name in leads if name in CHEST_LEADS]
    if chest and seen.keys() <= set(hums) and 2 * len(set(chest) & set(hums)) >= len(chest):
        # Mains nearly everywhere, in all limb leads at once: the reference itself is lost.
        humming = {name: leads[name] for name in hums if leads[name].state != "good"}
        hidden = ElectrodeVerdict(state="unknown", cause="mains")
        return {
            "RA": hidden,
            "LA": hidden,
            "LL": hidden,
            "RL": _mildest(humming),
        }
    untouched = seen.keys() - bad.keys()
    if len(bad) == 3:
        # The difference of two leads that are off says nothing of its own.
        off = [lead for lead, verdict in bad.items() if verdict.state == "off"]
        untouched = {one for one in bad if bad[one].derived and {*off, one} == bad.keys()}
    if len(untouched) == 1 and len(bad) > 1:
        bad = {lead: verdict for lead, verdict in bad.items() if lead not in untouched}
        (culprit,) = (one for one, opposite in OPPOSITE.items() if opposite in untouched)
        judged = {one: ElectrodeVerdict(state="good") for one in LIMB_ELECTRODES}
        return judged | {culprit: _mildest(bad)}
    if len(bad) == 1:
        # A single bad limb lead is noise on either end of it, just above the limit here, below it there.
        (lead,) = bad
        return {
            one: ElectrodeVerdict(state="good")
            if one == "RL" or OPPOSITE.get(one) == lead
            else ElectrodeVerdict(state="unknown", cause=_cause(bad[lead]))
            for one in LIMB_ELECTRODES
        }
    common = _mildest(bad)
    return {"RA": common, "LA": common, "LL": common, "RL": ElectrodeVerdict(state="unknown")}


def _touched(seen: Mapping[str, LeadVerdict]) -> tuple[str, ...]:
    """The electrodes in these leads, and the reference, without which none would be good."""
    return electrodes_of(seen)


def _chest(
    verdict: LeadVerdict,
    limbs: Mapping[str, ElectrodeVerdict],
    leads: Mapping[str, LeadVerdict],
) -> ElectrodeVerdict:
    if verdict.state == "good":
        return ElectrodeVerdict(state="good")
    neutral = limbs.get("RL", ElectrodeVerdict(state="unknown"))
    if neutral.state in ("off", "poor") and "mains" in verdict.causes:
        return ElectrodeVerdict(state="unknown", cause="mains")
    spoilt = [chest for chest in CHEST_LEADS if chest in leads and leads[chest].state != "good"]
    had = [chest for chest in CHEST_LEADS if chest in leads]
    terminal = any(one.state in ("off", "poor") for one in limbs.values())
    if terminal and len(spoilt) == len(had) > 1:
        # All chest leads share Wilson's terminal, which the bad limb electrode has moved.
        return ElectrodeVerdict(state="unknown")
    return ElectrodeVerdict(state=verdict.state, cause=_cause(verdict))


def _mildest(bad: Mapping[str, LeadVerdict]) -> ElectrodeVerdict:
    """What all the bad leads have in common: the mildest of their states."""
    mildest = _mildest_lead(bad)
    return ElectrodeVerdict(state=mildest.state, cause=_cause(mildest))


def _mildest_lead(bad: Mapping[str, LeadVerdict]) -> LeadVerdict:
    return min(bad.values(), key=lambda verdict: _WORSE[verdict.state])


def _cause(verdict: LeadVerdict) -> Cause | None:
    return min(verdict.causes, key=CAUSES.index, default=None)
