"""Adoption: a physical Bluetooth device becomes the room's by a deliberate act, and its doubles stay strangers. Pure.

Two devices of one model look the same from afar. So a device that the configuration names by the beginning of its
name is made the room's once: the technician wakes it (on most devices: measures once) while the page shows a
code. Only a device that was *not* heard before the code was shown, and wakes while it is, is proposed; a
neighbour's that advertises all the time is not, and when two wake, neither is. Nothing connects to a device
before it is adopted: its memory may hold somebody else's measurements.

A device that the configuration names by its address is the room's by that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from devicehub.devices.binding import BleBinding
from devicehub.journal.adoptions import Adoption
from devicehub.transport.ble import Sighting

LASTS = timedelta(minutes=3)
"""How long the code is shown."""

Standing = Literal["ours", "look_alike", "not_adopted", "stranger"]
"""``look_alike``: it answers to a device of the room and is another one. ``not_adopted``: nobody has made any
device the room's under this name, and the practice wants that first."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """What a device in range is to this room, and which of the room's devices it answers to."""

    standing: Standing
    binding: BleBinding | None = None


def sort(
    seen: Sighting,
    bindings: Iterable[BleBinding],
    adopted: Mapping[str, str],
    *,
    known_only: bool,
) -> Sorted:
    """What a device in range is to this room. ``adopted`` is the address of each adopted device, by its id.

    ``known_only`` (``accept = "known"``) reads no device before it is adopted; without it the first that
    answers to a name is taken, as long as none is adopted. A binding whose own device this is outranks
    one whose name merely fits.
    """
    fitting = [binding for binding in bindings if binding.fits(seen)]
    mine = next((one for one in fitting if _is_named(one, seen, adopted)), None)
    if mine is not None:
        return Sorted("ours", mine)
    if not fitting:
        return Sorted("stranger")
    free = next((one for one in fitting if one.id not in adopted), None)
    if free is None:
        return Sorted("look_alike", fitting[0])
    return Sorted("not_adopted" if known_only else "ours", free)


def _is_named(binding: BleBinding, seen: Sighting, adopted: Mapping[str, str]) -> bool:
    address = binding.address or adopted.get(binding.id)
    return address is not None and address.lower() == seen.address.lower()


# ------------------------------------------------------------------------------------------- the challenge

Stage = Literal["waiting", "proposed", "ambiguous", "over"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A device that woke while the code was shown."""

    address: str
    name: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Challenge:
    """The adoption of one device, under way. ``there_before`` was heard before and proves nothing."""

    device: str
    code: str
    author: str
    begun_at: datetime
    there_before: frozenset[str]
    woken: tuple[Candidate, ...] = ()

    @property
    def until(self) -> datetime:
        """When the code is taken away."""
        return self.begun_at + LASTS


class NotAdopted(Exception):
    """The adoption was not made; ``why`` is for the page's words."""

    def __init__(self, why: Literal["wrong_code", "nothing_woke", "ambiguous", "over"]) -> None:
        super().__init__(why)
        self.why = why


def begin(
    binding: BleBinding, code: str, author: str, at: datetime, around: Iterable[Sighting]
) -> Challenge:
    """Show the code. ``around`` is what is heard now, or was heard a moment ago.

    Raises ``ValueError`` for a device that the configuration names by its address.
    """
    if binding.name_prefix is None:
        raise ValueError(f"{binding.id} has its address in the configuration: it is the room's")
    before = frozenset(seen.address.lower() for seen in around if binding.fits(seen))
    return Challenge(binding.id, code, author, at, before)


def heard(challenge: Challenge, binding: BleBinding, seen: Sighting, at: datetime) -> Challenge:
    """The challenge after a device was heard; the same one where that proves nothing."""
    address = seen.address.lower()
    known = address in challenge.there_before or any(
        one.address == address for one in challenge.woken
    )
    if known or not binding.fits(seen) or not challenge.begun_at <= at <= challenge.until:
        return challenge
    return replace(challenge, woken=(*challenge.woken, Candidate(address, seen.name, at)))


def stage(challenge: Challenge, now: datetime) -> Stage:
    """Where the challenge stands: waiting for a device to wake, for the person's word, or at its end."""
    if now > challenge.until:
        return "over"
    if len(challenge.woken) > 1:
        return "ambiguous"
    return "proposed" if challenge.woken else "waiting"


def adopt(challenge: Challenge, code: str, now: datetime) -> Adoption:
    """What to write down when the person confirms, giving back the code they see. Raises `NotAdopted`."""
    match stage(challenge, now):
        case "over":
            raise NotAdopted("over")
        case "ambiguous":
            raise NotAdopted("ambiguous")
        case "waiting":
            raise NotAdopted("nothing_woke")
        case "proposed":
            if code != challenge.code:
                raise NotAdopted("wrong_code")
    return Adoption(
        device=challenge.device,
        address=challenge.woken[0].address,
        code=challenge.code,
        author=challenge.author,
        at=now,
    )


def addresses(adoptions: Sequence[Adoption]) -> dict[str, str]:
    """The address of each adopted device, by its id."""
    return {adoption.device: adoption.address for adoption in adoptions}
