"""A preparation: the electrodes of one patient, from the first one to the verdict that is filed. Pure.

It begins when the first electrode touches (where a front end streams all day) or with the stream. It is *ready* when the
signal is, firmly, and no exchange of electrodes is seen. A person ends it; or it ends by itself with the stream, when
the electrodes come off, or with the visit. One that ends by itself is filed only where it had been ready for `STANDS`
and no longer ago than `REMOVAL`: that the clips come off one by one after the physician's ECG takes nothing back. One that
never was ready is filed only by a person's word.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from devicehub.driver import EcgPreparation
from devicehub.ecg.verdict import CAUSES, Cause, Verdict

STANDS = timedelta(seconds=5)
"""How long "ready" must have stood, beyond the ten seconds behind a firm verdict, to be filed without a word."""
REMOVAL = timedelta(minutes=2)
"""How long after "ready" the stream may end: a resting ECG, and the clips taken off."""

# ISO/IEEE 11073-10101, alert codes (partition 3), as HL7 v2 and FHIR carry them: partition * 65536 + term.
MDC_EVT_SIG_QUALITY = 196632
MDC_EVT_LEAD_NOISY = 196878
MDC_EVT_LEAD_OFF = 196880
MDC_EVT_LEADS_OFF = 196882

NOISE: frozenset[Cause] = frozenset({"mains", "muscle", "motion", "drift"})


@dataclass(frozen=True, slots=True)
class Ended:
    """What is filed of a preparation, and when its verdict was given."""

    measurement: EcgPreparation
    at: datetime


class Preparation:
    """One preparation under way. Times are handed in, and only go on."""

    def __init__(self, began: datetime) -> None:
        self.began = began
        self.verdict: Verdict | None = None
        self.ready_since: datetime | None = None
        self.retries = 0
        """How often an electrode that was on, and named as bad or off, came good again."""
        self.has_touched = False
        """Whether any electrode has touched."""
        self._on: set[str] = set()
        self._bad: set[str] = set()
        self._stood: tuple[Verdict, datetime, datetime, int] | None = None
        """The last verdict that had stood, since when, until when, and the retries until then."""

    def see(self, verdict: Verdict, at: datetime) -> None:
        """Take in a verdict."""
        self.verdict = verdict
        if not nothing_touches(verdict):
            self.has_touched = True
        elif not self.has_touched:
            self.began = at
        self._count(verdict)
        if not is_ready(verdict):
            self.ready_since = None
            return
        self.ready_since = self.ready_since or at
        if at - self.ready_since >= STANDS:
            self._stood = verdict, self.ready_since, at, self.retries

    def forget(self) -> None:
        """The check has begun anew: what it knew of the signal is gone, and with it whether it is ready."""
        self.verdict = None
        self.ready_since = None

    def end(self, at: datetime) -> Ended | None:
        """What a person files now, ready or not; None as long as there is no verdict on any lead."""
        if self.verdict is None or not self.verdict.leads:
            return None
        return self._ended(self.verdict, self.ready_since, at, self.retries)

    def end_by_itself(self, at: datetime) -> Ended | None:
        """What is filed where the stream, the contact or the visit has ended."""
        if self._stood is None:
            return None
        verdict, since, until, retries = self._stood
        return None if at - until > REMOVAL else self._ended(verdict, since, until, retries)

    def _ended(
        self, verdict: Verdict, ready_since: datetime | None, at: datetime, retries: int
    ) -> Ended:
        took = (ready_since or at) - self.began
        measurement = EcgPreparation(
            ready=is_ready(verdict),
            electrodes={name: one.state for name, one in verdict.electrodes.items()},
            leads={name: one.state for name, one in verdict.leads.items()},
            causes=causes_of(verdict),
            duration_seconds=Decimal(round(took.total_seconds())),
            retries=retries,
            swap=verdict.swap,
            mdc_codes=codes_of(verdict),
        )
        return Ended(measurement, at)

    def _count(self, verdict: Verdict) -> None:
        for name, one in verdict.electrodes.items():
            if one.state == "good":
                self.retries += name in self._bad
                self._bad.discard(name)
                self._on.add(name)
            elif one.state == "poor" or (one.state == "off" and name in self._on):
                self._bad.add(name)
                self._on.add(name)


def is_ready(verdict: Verdict) -> bool:
    """Whether the physician's ECG can be taken: a firm verdict, of now, without an exchange that is seen."""
    return verdict.ready and verdict.firm and not verdict.frozen and verdict.swap is None


def nothing_touches(verdict: Verdict) -> bool:
    """Whether no electrode touches: the device says so of all it watches, else no lead has a signal."""
    told = [one.state for one in verdict.electrodes.values() if one.contact == "truth"]
    if told:
        return all(state == "off" for state in told)
    return bool(verdict.leads) and all(lead.state == "off" for lead in verdict.leads.values())


def causes_of(verdict: Verdict) -> tuple[Cause, ...]:
    """What is wrong with the leads that are not good, and with the electrodes, each once."""
    found = {one for lead in verdict.leads.values() if lead.state != "good" for one in lead.causes}
    found |= {
        one.cause
        for one in verdict.electrodes.values()
        if one.cause is not None and one.state != "good"
    }
    return tuple(cause for cause in CAUSES if cause in found)


def codes_of(verdict: Verdict) -> tuple[int, ...]:
    """The same in ISO/IEEE 11073-10101 codes; none where all is well."""
    off = sum(one.state == "off" for one in verdict.electrodes.values())
    poor = [lead for lead in verdict.leads.values() if lead.state == "poor"]
    noisy = any(NOISE & lead.causes.keys() for lead in poor)
    other = any(not NOISE & lead.causes.keys() for lead in poor) or verdict.swap is not None
    codes = {
        MDC_EVT_LEAD_OFF: off == 1,
        MDC_EVT_LEADS_OFF: off > 1,
        MDC_EVT_LEAD_NOISY: noisy,
        MDC_EVT_SIG_QUALITY: other,
    }
    return tuple(sorted(code for code, applies in codes.items() if applies))
