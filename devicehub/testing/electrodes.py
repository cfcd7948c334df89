"""Ten electrodes on an invented patient: skin, mains, muscles, faults. What the ECG simulators play.

Theory of operation. Everything is made per *electrode* (RA, LA, LL, RL, V1 to V6) and only then made into leads, so that a
fault shows where it shows in life: LA off spoils I, III, the augmented leads and, through Wilson's terminal, a third of
it every chest lead. `Electrodes.read` gives the leads of the next sample, in microvolts; `contact` says which electrodes
a front end with detection would call connected. Any rate from 100 to 1000 Hz; mains of 50 or 60 Hz; pure and decided
by ``seed``; each electrode draws from a chance of its own, so that a fault changes no other.

    patient = Electrodes(seed=1, sampling_hz=500, faults=faults("LA:off@5-12,V3:emg,LA/RA:swap"))
    for _ in range(500):
        leads = patient.read()         # {"I": …, "II": …, …, "V6": …}
    patient.contact["LA"]              # False between 5 and 12 seconds

A fault is ``electrode:kind``, with ``@from``, ``@from-until`` in seconds since the beginning and ``x2`` for its size (1 is
what the table says: enough to spoil an ECG; ``x0.15`` is what one can just see). Kinds:

    off         the wire hangs: it drifts to a rail and picks up millivolts of mains; not connected
    dry         a dried gel: a third of the mains of a hanging wire, the baseline wanders; connected
    mains       600 µV of mains with its third and fifth harmonic
    emg         muscle: 400 µV rms of noise between 20 and 150 Hz (or four tenths of the sampling rate)
    motion      the electrode is pulled: steps of millivolts that fade within half a second
    drift       6 mV of slow wandering, below 0.5 Hz
    saturated   at the rail
    flat        shorted to the terminal: no signal of its own
    swap        two electrodes (``LA/RA:swap``) have each other's wires

RL is in no lead: ``RL:off`` leaves the patient without his reference, and all the mains he has comes through, in
each electrode as strongly as its skin lets it; ``RL:dry`` a third of it. Swapped with another it measures there what RL
has and drives the patient from there.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

from devicehub.testing.heart import ELECTRODES, LEADS, Heart, leads_of

__all__ = ["ELECTRODES", "LEADS", "BadFault", "Electrodes", "Fault", "faults"]

FaultKind = Literal["off", "dry", "mains", "emg", "motion", "drift", "saturated", "flat", "swap"]

_FAULT = re.compile(
    r"(?P<on>\w+)(/(?P<other>\w+))?:(?P<kind>[a-z]+)"
    r"(@(?P<since>\d+(\.\d+)?)(-(?P<until>\d+(\.\d+)?))?)?(x(?P<size>\d+(\.\d+)?))?"
)

RAIL = 300_000.0
"""Microvolts: 300 mV, beyond which an amplifier of gain 6 saturates with its electrodes' offset."""
SLOWEST, FASTEST = 100.0, 1000.0
QUIET_SKIN, QUIET_MAINS = 1.5, 3.0
ANTENNA, HUM, BREAK = 2500.0, 600.0, 15_000.0
HARMONICS = ((1, 1.0), (3, 0.25), (5, 0.12))
MUSCLE, MUSCLE_BAND = 400.0, (20.0, 150.0)
WANDER, WANDER_HERTZ = 6000.0, (0.05, 0.12, 0.21, 0.37)
PULL, PULL_FADES, PULLS_PER_SECOND = 6000.0, 0.25, 0.7
TO_RAIL_SECONDS = 0.6
DRY = 0.3


class BadFault(ValueError):
    """A fault nobody knows. The message says what is known."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with an electrode, from when until when, and how much."""

    electrode: str
    kind: FaultKind
    since: float = 0.0
    until: float = math.inf
    size: float = 1.0
    other: str | None = None
    """The electrode it has changed places with."""

    def __post_init__(self) -> None:
        known = get_args(FaultKind)
        if self.kind not in known:
            raise BadFault(f"{self.kind!r} is no fault; known: {', '.join(known)}")
        for name in (self.electrode, self.other):
            if name is not None and name not in ELECTRODES:
                raise BadFault(f"{name!r} is no electrode; known: {', '.join(ELECTRODES)}")
        if (self.kind == "swap") != (self.other is not None):
            raise BadFault("a swap has two electrodes, as LA/RA:swap, every other fault one")

        if self.until <= self.since:
            raise BadFault(f"@{self.since:g}-{self.until:g}: a fault ends after it began, as @5-12")

    def lasts(self, at: float) -> bool:
        """Whether it is there ``at`` so many seconds."""
        return self.since <= at < self.until


def faults(script: str) -> tuple[Fault, ...]:
    """The faults of a script such as ``LA:off@5-12,V3:emg x2``. Raises `BadFault`."""
    return tuple(_fault(one) for one in script.replace(" ", "").split(",") if one)


def _fault(text: str) -> Fault:
    found = _FAULT.fullmatch(text)
    if found is None:
        raise BadFault(f"{text!r}: a fault is written electrode:kind@from-until, as LA:off@5-12")
    return Fault(
        electrode=found["on"],
        kind=found["kind"],  # type: ignore[arg-type]  # judged by the record itself
        since=float(found["since"] or 0),
        until=float(found["until"] or math.inf),
        size=float(found["size"] or 1),
        other=found["other"],
    )


class Electrodes:
    """Ten electrodes on one patient, sample by sample."""

    def __init__(
        self,
        seed: int = 0,
        *,
        sampling_hz: float = 500.0,
        faults: Sequence[Fault] = (),
        mains_hz: float = 50.0,
        rate: float | None = None,
    ) -> None:
        if not SLOWEST <= sampling_hz <= FASTEST:
            raise ValueError(f"{sampling_hz} Hz: from {SLOWEST:g} to {FASTEST:g}")
        self.heart = Heart(seed, rate=rate)
        self.faults = tuple(faults)
        self.sampling_hz = sampling_hz
        self.mains_hz = mains_hz
        self.samples = 0
        """How many have been read."""
        self._skins = {name: _Skin(f"{seed} {name}", sampling_hz) for name in ELECTRODES}

    @property
    def seconds(self) -> float:
        """When the next sample is, since the beginning."""
        return self.samples / self.sampling_hz

    @property
    def contact(self) -> Mapping[str, bool]:
        """Which electrodes touch the skin now."""
        off = {one.electrode for one in self._lasting("off")}
        return {name: name not in off for name in ELECTRODES}

    def read(self) -> dict[str, float]:
        """The twelve leads of the next sample, in microvolts."""
        return leads_of(self.potentials())

    def potentials(self) -> dict[str, float]:
        """What arrives on the wire of each electrode at the next sample, in microvolts."""
        at = self.seconds
        self.samples += 1
        clean = self.heart.potentials(at)
        hum = sum(
            size * math.sin(2 * math.pi * number * self.mains_hz * at)
            for number, size in HARMONICS
            if number * self.mains_hz < self.sampling_hz / 2
        )
        lasting = [one for one in self.faults if one.lasts(at)]
        loose = sum(_LOOSE.get(one.kind, 0.0) for one in lasting if one.electrode == "RL")
        found = {}
        for name, potential in clean.items():
            skin = self._skins[name]
            noisy = potential + skin.noise() + (QUIET_MAINS + loose) * skin.lets_through * hum
            for one in lasting:
                if one.electrode == name != "RL":
                    noisy = skin.with_fault(one, noisy, at, hum)
            found[name] = max(-RAIL, min(RAIL, noisy))
        for one in lasting:
            if one.other is not None:
                found[one.electrode], found[one.other] = found[one.other], found[one.electrode]
        return found

    def _lasting(self, kind: FaultKind) -> list[Fault]:
        return [one for one in self.faults if one.kind == kind and one.lasts(self.seconds)]


_LOOSE = {"off": BREAK, "dry": BREAK / 3}
"""Microvolts of mains that come through without the neutral electrode."""


class _Skin:
    """The skin under one electrode: its chance, its noise, and how a fault sounds there."""

    def __init__(self, seed: str, sampling_hz: float) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - noise, nothing secret
        self._step = 1 / sampling_hz
        self.lets_through = self._chance.uniform(0.6, 1.4)
        """How much of what the whole patient has arrives here: no two skins are alike."""
        self._phases = [self._chance.uniform(0, 2 * math.pi) for _ in WANDER_HERTZ]
        self._sign = self._chance.choice((-1, 1))
        self._pulls = random.Random(f"pulls {seed}")  # noqa: S311 - the same
        self._pulled = 0.0
        self._seed, self._hertz = seed, sampling_hz

    @cached_property
    def _muscle(self) -> _Band:
        high = min(MUSCLE_BAND[1], 0.4 * self._hertz)
        chance = random.Random(f"muscle {self._seed}")  # noqa: S311 - the same
        return _Band(MUSCLE_BAND[0], high, self._hertz, chance)

    def noise(self) -> float:
        """What even a good electrode has."""
        return self._chance.gauss(0, QUIET_SKIN)

    def with_fault(self, fault: Fault, potential: float, at: float, hum: float) -> float:
        """The potential of this electrode with one more fault."""
        size, through = fault.size, self.lets_through
        match fault.kind:
            case "off":
                charged = 1 - math.exp(-(at - fault.since) / TO_RAIL_SECONDS)
                return self._sign * RAIL * charged + size * ANTENNA * through * hum
            case "dry":
                wander = 0.3 * size * self._wander(at)
                return potential + wander + size * DRY * ANTENNA * through * hum
            case "mains":
                return potential + size * HUM * hum
            case "emg":
                return potential + size * MUSCLE * self._muscle.next()
            case "motion":
                return potential + size * self._pull()
            case "drift":
                return potential + size * self._wander(at)
            case "saturated":
                return self._sign * RAIL
            case "flat":
                return 0.0
            case "swap":
                return potential

    def _wander(self, at: float) -> float:
        tones = zip(WANDER_HERTZ, self._phases, strict=True)
        total = sum(math.sin(2 * math.pi * hertz * at + phase) for hertz, phase in tones)
        return WANDER / len(WANDER_HERTZ) * total

    def _pull(self) -> float:
        self._pulled *= math.exp(-self._step / PULL_FADES)
        if self._pulls.random() < PULLS_PER_SECOND * self._step:
            self._pulled += self._pulls.uniform(0.5, 1.0) * PULL * self._pulls.choice((-1, 1))
        return self._pulled


class _Band:
    """Noise of 1 rms between two frequencies: white noise through a first-order high- and two low-passes."""

    def __init__(self, low: float, high: float, sampling_hz: float, chance: random.Random) -> None:
        self._chance = chance
        self._keep = math.exp(-2 * math.pi * low / sampling_hz)
        self._smooth = 1 - math.exp(-2 * math.pi * high / sampling_hz)
        self._slow = self._once = self._twice = 0.0
        warm = [self._filtered() for _ in range(4000)]
        self._size = 1 / math.sqrt(sum(value * value for value in warm[1000:]) / 3000)

    def next(self) -> float:
        """The next value."""
        return self._size * self._filtered()

    def _filtered(self) -> float:
        white = self._chance.gauss(0, 1)
        self._slow = self._keep * self._slow + (1 - self._keep) * white
        self._once += self._smooth * (white - self._slow - self._once)
        self._twice += self._smooth * (self._once - self._twice)
        return self._twice
