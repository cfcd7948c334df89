"""Verdict: what the check says about one stretch of ECG, lead by lead and electrode by electrode.

Plain records without numpy: the station reads them from the process that computes them, as JSON.
"""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Cause = Literal[
    "off",
    "flat",
    "saturated",
    "mains",
    "muscle",
    "drift",
    "motion",
    "weak",
    "unclear",
]
"""Why a signal is not good.

======== ================================================= ===========================================
cause    meaning                                           figure
======== ================================================= ===========================================
off      no contact: the device says so, or what is seen   share of the window (0-1) at a stop or
         is no heart's                                     missing; 1 where the rest is no heart's
flat     the same value again and again                    longest run of equal samples, s
saturated the amplifier is at its end stop                 share of the samples there (0-1)
mains    50 or 60 Hz                                       amplitude (peak), mV
muscle   EMG                                               quiet-moment rms, flat spectrum 20-150 Hz, mV
drift    the baseline wanders                              peak to peak below 0.7 Hz, mV
motion   a jolt: one second unlike the others              worst second's peak to peak, mV
weak     hardly any signal                                 99th percentile of |signal| at 5-25 Hz, mV
unclear  beats do not resemble each other, cause not named signal-to-noise ratio of the beats, dB
======== ================================================= ===========================================
"""
CAUSES: tuple[Cause, ...] = get_args(Cause)

UNITS: dict[Cause, str] = {
    "off": "1",
    "flat": "s",
    "saturated": "1",
    "mains": "mV",
    "muscle": "mV",
    "drift": "mV",
    "motion": "mV",
    "weak": "mV",
    "unclear": "dB",
}
"""UCUM unit of each cause's figure."""

LeadState = Literal["good", "poor", "off"]
ElectrodeState = Literal["good", "poor", "off", "unknown"]
ContactState = Literal["connected", "off", "unknown"]
"""What a device says of one electrode; the words of `devicehub.driver.ElectrodeContact`."""

Swap = Literal["LA/RA", "RA/LL", "RA/RL", "LA/RL"]
"""Exchanged limb electrodes that can be seen. LA/LL cannot: the ECG it gives looks like another heart's."""
SWAPS: tuple[Swap, ...] = get_args(Swap)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LeadVerdict(_Record):
    """One lead. ``causes`` may name something present that does not yet make a ``good`` lead ``poor``.

    ``derived``: the device did not send this lead; it was computed from two others.
    """

    state: LeadState
    probability_bad: float = Field(ge=0, le=1)
    causes: dict[Cause, float] = {}
    derived: bool = False


class ElectrodeVerdict(_Record):
    """One electrode. ``contact`` says who knows: the device itself (truth) or the signal's algebra.

    ``unknown``: no lead tells about it, or a fault elsewhere hides it.
    """

    state: ElectrodeState
    cause: Cause | None = None
    contact: Literal["truth", "signal"] = "signal"


class Verdict(_Record):
    """One verdict of the check.

    ``at``: seconds since the stream (or the recording) began, at the window's end. ``seconds``: the
    window's length. ``firm``: ten seconds of unbroken signal stand behind it; before, it is provisional.
    ``ready``: the signal is good enough for the physician's ECG. It does not judge ``swap``: whoever
    shows "ready" asks to check the named electrodes first where ``swap`` is not None.
    ``probability_bad``: that an expert would send the whole ECG back. ``chest_swap_hint``: two chest
    electrodes that may be exchanged, e.g. ``V1/V3``; advice only, it is often wrong.
    ``swap_visible``: the leads and their quality allow to look for exchanged limb electrodes at all.
    ``mains_hz``: the mains frequency found, 50 or 60. ``not_had``: standard leads that were neither
    sent nor can be derived. ``frozen``: samples are missing, so this repeats what was known before.
    """

    at: float
    seconds: float
    firm: bool
    ready: bool
    probability_bad: float = Field(ge=0, le=1)
    leads: dict[str, LeadVerdict]
    electrodes: dict[str, ElectrodeVerdict]
    swap: Swap | None = None
    swap_visible: bool = False
    chest_swap_hint: str | None = None
    mains_hz: int | None = None
    not_had: tuple[str, ...] = ()
    frozen: bool = False
