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
class Model:
    """A model, or a family of models, that a driver reads.

    ``tells`` lists what the device can say, ``reads`` what the driver takes from it: the difference is
    the to-do list. ``longest`` is the longest time in seconds one measurement can take, from its first
    effect on the patient to its last byte: the fence relies on it. ``time_stamp`` says which end of the
    measurement the device stamps.
    """

    maker: str
    name: str
    tells: tuple[Kind, ...]
    reads: tuple[Kind, ...]
    longest: float
    time_stamp: Literal["start", "end"] = "end"


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

    ``beside`` alone need not hold: a second service this driver reads too, which makes its claim outrank
    the driver of that service alone where both are advertised.
    """

    service: str | None = None
    name_prefix: str | tuple[str, ...] | None = None
    """One of several where a family has several names."""
    company: int | None = None
    service_data: str | None = None
    beside: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The settings of a serial line and how its bytes are cut into frames.

    ``usb`` (``vid:pid`` in hexadecimal) only ever proposes a driver: makers share adapter chips.
    """

    baud: int
    framer: MakeFramer
    data_bits: Literal[7, 8] = 8
    parity: Literal["none", "even", "odd"] = "none"
    stop_bits: Literal[1, 2] = 1
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


Driver = BleDriver | SerialDriver


def by_characteristic(decoders: Mapping[str, Decode]) -> Decode:
    """A decoder that chooses by where the frame's first part came from."""

    def decode(frame: Frame) -> Iterable[Measurement]:
        decoder = decoders.get(frame.on)
        if decoder is None:
            raise NotUnderstood(f"nothing is read from {frame.on}")
        return decoder(frame)

    return decode
