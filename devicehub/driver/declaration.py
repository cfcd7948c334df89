"""What a driver declares: one frozen record. No base class, no decorator, nothing to register."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from devicehub.driver.failures import NotUnderstood
from devicehub.driver.frame import Frame
from devicehub.driver.framing import MakeFramer
from devicehub.driver.measurement import Kind, Measurement
from devicehub.driver.session import BleSession, Overhear, SerialSession

Decode = Callable[[Frame], Iterable[Measurement]]
Secrets = Mapping[str, bytes]
Unseal = Callable[[Frame, Secrets], Frame]


class Settles(Enum):
    """How the hub knows that a measurement is finished. The driver declares it, `reading.settle` applies it."""

    EACH = "each"
    """Each delivered frame is one finished measurement, protected by the radio's or its own checksum."""
    STREAM = "stream"
    """Streamed or polled without checksum: two consecutive stable frames must agree, and the load must leave."""
    PRINTED = "printed"
    """One frame without checksum from a device that locks its result: always confirmed by a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSettings:
    """How the bits of a serial line travel. Both ends must agree."""

    baud: int
    data_bits: Literal[7, 8] = 8
    parity: Literal["none", "even", "odd"] = "none"
    stop_bits: Literal[1, 2] = 1
    flow: Literal["none", "rtscts", "xonxoff", "dsrdtr"] = "none"

    def __str__(self) -> str:
        """As technicians write it: ``2400 7E1``."""
        flow = "" if self.flow == "none" else f" {self.flow}"
        return f"{self.baud} {self.data_bits}{self.parity[0].upper()}{self.stop_bits}{flow}"


class Pairing(Enum):
    """When the hub may ask a model to pair. ``devicehub pair``, a person's deliberate act, always may."""

    ON_DEMAND = "on_demand"
    """Whenever the device asks for a bond: a refused attempt costs nothing."""
    IN_PAIRING_MODE = "in_pairing_mode"
    """Only while its advertised name says that somebody has put it into its pairing mode: a failed attempt can
    erase the key it holds."""
    BY_HAND = "by_hand"
    """Never by the hub itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model, or a family of models, that a driver reads.

    ``tells`` lists what the device can say, ``unread`` what of it the driver does not take: the to-do list.
    ``longest`` is the longest time in seconds one measurement can take, from its first
    effect on the patient to its last byte: the fence relies on it. ``time_stamp`` says which end of the
    measurement the device stamps. ``pairing`` is when the hub may send it a pair request.
    """

    maker: str
    name: str
    tells: tuple[Kind, ...]
    longest: float
    unread: tuple[Kind, ...] = ()
    time_stamp: Literal["start", "end"] = "end"
    pairing: Pairing = Pairing.ON_DEMAND
    recalls: bool = False
    """Asked to, it tells an older result in the same words, at any time: what it was not seen measuring may be old."""
    line: LineSettings | None = None
    """How its line is set, where that is not how the driver's `Line` is."""

    @property
    def reads(self) -> tuple[Kind, ...]:
        """What the driver takes from what the device tells."""
        return tuple(kind for kind in self.tells if kind not in self.unread)


@dataclass(frozen=True, slots=True, kw_only=True)
class Automatic:
    """Which modes need no judgement of the operator.

    ``modes`` are values of `Measurement.mode`; ``None`` stands for a device that has one mode only.
    ``source`` names the manual and page, or the specification section, that says so.
    """

    modes: frozenset[str | None]
    source: str


ONLY_MODE: frozenset[str | None] = frozenset({None})
"""For devices that have a single, fully automatic mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advert:
    """What a device must advertise to be ours. Every given field must hold; more fields outrank fewer.

    ``beside`` alone need not hold: services a device of ours may advertise too, because this driver reads them
    or because they tell less. Each makes the claim outrank the driver of that service alone.
    """

    service: str | tuple[str, ...] | None = None
    """One of several where a family has several services."""
    name_prefix: str | tuple[str, ...] | None = None
    """One of several where a family has several names."""
    company: int | None = None
    service_data: str | None = None
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line(LineSettings):
    """The settings of a serial line and how its bytes are cut into frames.

    ``also`` are settings the same devices can be at, by their menu. ``usb`` (``vid:pid`` in hexadecimal) only
    ever proposes a driver: makers share adapter chips.
    """

    framer: MakeFramer
    also: tuple[LineSettings, ...] = ()
    usb: str | None = None


def unsealed(frame: Frame, _secrets: Secrets) -> Frame:
    """The frame carries neither checksum nor cipher."""
    return frame


@dataclass(frozen=True, slots=True, kw_only=True)
class BleDriver:
    """A driver for devices that speak Bluetooth Low Energy.

    ``main`` is where its finished measurements come from: bytes that name no place are read as if they
    came from there (`devicehub drivers decode`).
    """

    id: str
    models: tuple[Model, ...]
    automatic: Automatic
    match: Advert
    main: str
    session: BleSession | Overhear
    decode: Decode
    unseal: Unseal = unsealed
    settles: Settles = Settles.EACH
    pairing_name: str | None = None
    """How the advertised name starts in the pairing mode, where that tells."""

    def may_pair(self, model: str | None, name: str | None) -> bool:
        """Whether the hub may pair by itself with a device advertised as ``name`` and bound as ``model``.

        Where the model is not known, the strictest of the driver's holds.
        """
        known = [each for each in self.models if each.name == model] or self.models
        policies = {each.pairing for each in known}
        if Pairing.BY_HAND in policies:
            return False
        if Pairing.IN_PAIRING_MODE in policies:
            return self.pairing_name is not None and (name or "").startswith(self.pairing_name)
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialDriver:
    """A driver for devices on a serial line."""

    id: str
    models: tuple[Model, ...]
    automatic: Automatic
    line: Line
    session: SerialSession
    decode: Decode
    unseal: Unseal = unsealed
    settles: Settles = Settles.STREAM
    witnessed: bool = False
    """What its bytes mean is what a technician has seen, in no document: every reading is confirmed by a person."""


Driver = BleDriver | SerialDriver


def by_characteristic(decoders: Mapping[str, Decode]) -> Decode:
    """A decoder that chooses by where the frame's first part came from."""

    def decode(frame: Frame) -> Iterable[Measurement]:
        decoder = decoders.get(frame.on)
        if decoder is None:
            raise NotUnderstood(f"nothing is read from {frame.on}")
        return decoder(frame)

    return decode
