"""The check of a stream: ten seconds are remembered, every half second there is a verdict.

No clock and no thread: time is the number of samples. See `devicehub.ecg.check` for one window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from devicehub.ecg import electrodes
from devicehub.ecg.check import LONGEST, SHORTEST, Examined, conclude, examine
from devicehub.ecg.glance import GLANCE, glance
from devicehub.ecg.leads import complete, not_had, spell
from devicehub.ecg.verdict import Cause, ContactState, LeadState, LeadVerdict, Verdict
from devicehub.ecg.window import Floats

Value = TypeVar("Value")

HOP = 0.5
"""Seconds between two verdicts."""

STEADY = 2
"""Hops for which a change must hold before it is shown. What the device knows of contact shows at once."""

UNEXAMINED = 0.3
"""Probability that a lead is bad when all that is known is that it shows no gross fault any more."""

GAP = 0.2
"""Share of a hop's samples that may be missing in all leads before the verdict freezes."""


class Stream:
    """The check of one connected device, from the first sample on.

    ``leads``: names in the order of the rows pushed. ``fs``: hertz, 100 to 1000. ``mains``: 50 or 60
    where only that line is to be looked at.
    """

    def __init__(self, leads: Sequence[str], fs: float, mains: int | None = None) -> None:
        self.leads, self.fs, self.mains = tuple(map(spell, leads)), fs, mains
        self._hop, self._room = round(HOP * fs), round(LONGEST * fs)
        self._kept: Floats = np.empty((len(self.leads), 0))
        self._count = 0
        """Samples pushed so far."""
        self._since = 0
        """The sample from which on nothing has broken the signal."""
        self._glanced_from = 0
        """The sample from which on a glance tells something: contact has come back there."""
        self._contact: dict[str, ContactState] = {}
        names = tuple(complete(dict.fromkeys(self.leads, 0.0)))
        self._faults: dict[str, _Steady[dict[Cause, float]]] = {name: _Steady({}) for name in names}
        self._shown: dict[str, _Steady[LeadVerdict]] = {}
        self._fresh: set[str] = set()
        """Leads that have come clear and have not been examined since."""
        self._gap = self._stale = False
        """Whether the last examined window lies before a gap; before a gap or a change of contact."""
        self._ready = _Steady(value=False)
        self._examined: Examined | None = None
        self._last: Verdict | None = None

    def push(
        self,
        samples_mv: Floats | Sequence[Sequence[float | None]],
        contact: Mapping[str, ContactState] | None = None,
    ) -> list[Verdict]:
        """The verdicts that these samples bring, oldest first: one each half second from 3 s on.

        ``samples_mv``: lead × sample, millivolts, NaN or None where a sample is missing. ``contact``:
        the electrodes' state where the device has reported one since the last call; a change brings a
        verdict at once, before the samples'.
        """
        verdicts = []
        if contact is not None and dict(contact) != self._contact:
            verdicts.append(self._touch(contact))
        samples = np.asarray(samples_mv, dtype=np.float64).reshape(len(self.leads), -1)
        while samples.shape[1]:
            take = min(self._hop - self._count % self._hop, samples.shape[1])
            self._kept = np.concatenate((self._kept, samples[:, :take]), axis=1)[:, -self._room :]
            self._count += take
            samples = samples[:, take:]
            if self._count % self._hop == 0 and (verdict := self._look()) is not None:
                self._last = verdict
                verdicts.append(verdict)
        return verdicts

    def _touch(self, contact: Mapping[str, ContactState]) -> Verdict:
        """An electrode was touched: what is known, with the new contact, at once."""
        now_off = {one for one, told in contact.items() if told == "off"}
        if {one for one, told in self._contact.items() if told == "off"} != now_off:
            self._since, self._stale = self._count, True
        before = electrodes.spoilt_by(self._contact)
        self._contact = dict(contact)
        regained = before - electrodes.spoilt_by(self._contact)
        if regained:
            # What was seen of these leads was an open wire, and so are the samples that come with the news.
            self._fresh |= regained
            self._since = self._glanced_from = self._count + self._hop
            self._faults |= {name: _Steady({}) for name in regained & self._faults.keys()}
        self._last = self._verdict()
        return self._last

    def _look(self) -> Verdict | None:
        """The verdict at the end of a hop; None before there is one."""
        if np.isnan(self._kept[:, -self._hop :]).all(axis=0).mean() > GAP:
            self._since, self._gap, self._stale = self._count, True, True
            return None if self._last is None else self._verdict()
        self._notice()
        length = min(self._count - self._since, self._kept.shape[1])
        if length >= SHORTEST * self.fs:
            window = self._kept[:, -length:]
            self._examined = examine(window, self.fs, self.leads, self.mains)
            self._fresh.clear()
            self._gap = self._stale = False
        elif self._last is None:
            return None
        return self._verdict()

    def _notice(self) -> None:
        """Glance at the last second; where a lead has come clear, the window begins anew."""
        length = round(GLANCE * self.fs)
        if self._count - self._glanced_from < length:
            return
        recent = complete(dict(zip(self.leads, self._kept[:, -length:], strict=True)))
        usual = None
        if self._examined is not None:
            figures = self._examined.figures
            # A lead that stood still has no usual second: nothing is called motion by it.
            still = np.full_like(figures.jolt_mv, np.inf)
            usual = np.divide(figures.jolt_mv, figures.jolt, out=still, where=figures.jolt > 0)
        seen = glance(np.stack(list(recent.values())), self.fs, tuple(recent), self.mains, usual)
        for name, found in zip(recent, seen, strict=True):
            faults = self._faults[name]
            had = bool(faults.value)
            faults.see(found, same=bool(found) == had)
            if had and not faults.value:
                # It was clear at the hop before this one already, and no longer ago for sure.
                self._since = max(self._since, self._count - self._hop)
                self._fresh.add(name)
                self._stale = True

    def _verdict(self) -> Verdict:
        """What is shown: the last examined window under today's faults and contact, made steady."""
        at = self._count / self.fs
        length = min(max(self._count - self._since, 0), self._room)
        broken = any(faults.value for faults in self._faults.values())
        known: dict[str, Any] = {
            "at": at,
            "seconds": length / self.fs,
            "firm": length >= self._room and not broken,
            "frozen": self._gap,
        }
        if self._examined is None:
            return Verdict(
                ready=False,
                probability_bad=1.0 if "off" in self._contact.values() else 0.5,
                leads={},
                electrodes=electrodes.judge({}, self._contact),
                not_had=not_had(self.leads),
                **known,
            )
        whole = conclude(self._examined, self._contact)
        leads = {name: self._steady(name, verdict) for name, verdict in whole.leads.items()}
        if broken or "off" in self._contact.values() or (self._stale and not self._gap):
            self._ready = _Steady(value=False)
        elif not self._gap:
            self._ready.see(whole.ready, same=whole.ready == self._ready.value)
        return whole.model_copy(
            update=known
            | {
                "leads": leads,
                "electrodes": electrodes.judge(leads, self._contact),
                "ready": self._ready.value,
                "probability_bad": max(whole.probability_bad, 0.95 if broken else 0.0),
                "swap": None if broken else whole.swap,
                "chest_swap_hint": None if broken else whole.chest_swap_hint,
            }
        )

    def _steady(self, name: str, verdict: LeadVerdict) -> LeadVerdict:
        """One lead as it is shown: gross faults and known contact at once, the rest when it has held."""
        faults = self._faults[name].value
        told = name in electrodes.spoilt_by(self._contact)
        shown = self._shown.get(name)
        if faults or told or shown is None or name in self._fresh:
            if faults:
                verdict = _overlaid(verdict, faults)
            elif name in self._fresh and not told:
                verdict = LeadVerdict(
                    state="good", probability_bad=UNEXAMINED, derived=verdict.derived
                )
            self._shown[name] = _Steady(verdict)
            return verdict
        shown.see(verdict, same=verdict.state == shown.value.state)
        return shown.value


class _Steady(Generic[Value]):
    """A value that changes when the change has been seen `STEADY` times running."""

    def __init__(self, value: Value) -> None:
        self.value = value
        self._seen = 0

    def see(self, value: Value, *, same: bool) -> None:
        """One hop's value; ``same``: it does not differ from the one shown in what must be steady."""
        self._seen = 0 if same else self._seen + 1
        if same or self._seen >= STEADY:
            self.value = value
            self._seen = 0


def _overlaid(verdict: LeadVerdict, faults: Mapping[Cause, float]) -> LeadVerdict:
    state: LeadState = "off" if "off" in faults else "poor"
    return verdict.model_copy(
        update={
            "state": "off" if verdict.state == "off" else state,
            "probability_bad": max(verdict.probability_bad, 0.95),
            "causes": dict(faults),
        }
    )
