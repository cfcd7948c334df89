"""Expected but absent: which planned measurements have not come, why, and what to do next. Pure.

The plan of a visit says what should come. For each kind that has not, the causes that can be seen are told, the
likeliest first. A cause is something a person can check with their hands; nothing is guessed about a device that
nobody has heard.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from devicehub.driver import Kind
from devicehub.journal.records import Filing, QuarantineReason, State, Visit
from devicehub.reading.interval import Began

Condition = Literal["not_seen", "waiting", "connecting", "connected", "measuring", "lost", "failed"]
"""``not_seen``: nothing was heard of it since the station started."""

Trouble = Literal[
    "not_adopted",
    "no_place",
    "not_paired",
    "pairing_refused",
    "pairing_put_off",
    "bond_lost",
    "bond_elsewhere",
    "port_held",
    "port_shared",
    "port_denied",
    "port_unclear",
    "port_wrong",
    "server_refused",
]
"""Why a device is not read, though it may be there."""

CauseCode = Literal[
    "visit_locked",
    "in_quarantine",
    "not_emptied",
    "could_not_measure",
    "measuring",
    "withdrawn",
    "rejected",
    "impossible",
    "no_device",
    "unknown_not_adopted",
    "unknown_device",
    "bond_lost",
    "bond_elsewhere",
    "not_paired",
    "pairing_refused",
    "pairing_put_off",
    "not_adopted",
    "port_held",
    "port_shared",
    "port_denied",
    "port_unclear",
    "port_wrong",
    "server_refused",
    "no_place",
    "device_failed",
    "computed",
    "came_without",
    "not_measured",
    "link_lost",
    "unplugged",
    "radio_down",
    "asleep",
]
"""What may keep a measurement away, the likeliest first where several hold.

``asleep``: not heard since the visit was opened; a device that talks to somebody else's telephone is silent too.
``not_measured``: heard, and nothing was measured with it yet. ``not_emptied``: a load rests on the scale, which was not seen
empty before it, and is no weight to come. ``came_without``: it has measured in this visit,
and did not tell this along with it. ``impossible``: what came last no sensor can have measured. ``withdrawn``: a
person took it back. ``computed``: no device is needed, what it is made of has to come. ``unknown_device``: no device
is known to tell this, and of this one nobody knows yet what it tells; ``unknown_not_adopted`` as long as it is not the room's. ``bond_elsewhere``: another radio holds its bond.
"""

NotFiledCode = Literal["broker_down", "dossier_silent", "refused"]
"""Why what came is not in the record: never a reason to measure again."""

LIKELIEST: Mapping[CauseCode, int] = {code: n for n, code in enumerate(get_args(CauseCode))}

ALONGSIDE: Mapping[Kind, frozenset[Kind]] = {
    "heart_rate": frozenset({"oxygen_saturation", "blood_pressure"}),
    "body_height": frozenset({"body_weight"}),
}
"""What a device may tell, or not, along with the measurement it is for."""

BEGAN_ELSEWHEN: frozenset[QuarantineReason] = frozenset(
    {"no_visit", "before_visit", "after_visit", "straddles_visits", "visit_locked", "restarted"}
)
"""Why a reading is in the tray where it may have begun at another time than the visit's: a later one will not have."""

HERE: frozenset[State] = frozenset({"to_review", "accepted", "published", "filed", "refused"})
"""The states of a reading that is there: it needs a decision or a receipt, and no measurement."""


@dataclass(frozen=True, slots=True)
class RoomDevice:
    """A device of the room, as far as the plan is concerned.

    ``tells`` is what its driver reads; ``None`` until it was heard once and has got one. ``heard_at`` is the last time anything came from it, an advertisement included; ``on_radio`` tells
    Bluetooth from a wire.
    """

    id: str
    name: str
    tells: frozenset[Kind] | None
    on_radio: bool
    condition: Condition = "not_seen"
    trouble: Trouble | None = None
    heard_at: datetime | None = None
    could_not_measure_at: datetime | None = None
    """When it last said that it could not measure."""
    holder: str | None = None
    """Who has its port: a program, or another device of the room."""
    not_emptied: bool = False
    """A load rests on it that is no weight to come: it was not seen empty before."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known in the room at one moment.

    ``now`` is that moment. ``filings`` are the visit's, ``withdrawn`` what was taken back from it, ``quarantined``
    what belongs to nobody yet. ``radio_fault`` is the fault of the radio where none hears; ``broker_up`` and ``dossier_up`` are ``None`` until somebody has said.
    """

    visit: Visit
    devices: Sequence[RoomDevice]
    now: datetime
    filings: Sequence[Filing] = ()
    quarantined: Sequence[Filing] = ()
    withdrawn: Sequence[Filing] = ()
    radio_fault: str | None = None
    broker_up: bool | None = None
    dossier_up: bool | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that keeps a measurement away. The page has words for it, and for the next act, by its code.

    ``device`` is the name the practice gave; ``detail`` is the radio's fault, the reason of the quarantine, or who has
    the port.
    """

    code: CauseCode
    device: str | None = None
    detail: str | QuarantineReason | None = None
    at: datetime | None = None
    """When the reading came that lies in the tray, or was taken back."""
    counts_from: datetime | None = None
    """From when on a new measurement belongs to the visit, as long as that is still to come."""


@dataclass(frozen=True, slots=True)
class Absent:
    """A planned measurement that has not come, with its causes, the likeliest first; there is at least one."""

    kind: Kind
    causes: tuple[Cause, ...]


@dataclass(frozen=True, slots=True)
class NotFiled:
    """Readings that are accepted and not in the record, and why."""

    code: NotFiledCode
    count: int


def absent(room: Snapshot) -> tuple[Absent, ...]:
    """The planned kinds that have not come, in the order of the plan."""
    here = {filing.reading.kind for filing in room.filings if filing.state in HERE}
    return tuple(
        Absent(kind, _causes(room, kind))
        for kind in dict.fromkeys(room.visit.plan)
        if kind not in here
    )


def in_tray(room: Snapshot, kind: Kind) -> Cause | None:
    """The reading of a kind that came last in this visit, where it lies in the tray and was not taken for the visit's.

    So it is whether the visit has earlier ones or none.
    """
    came = _newest(
        filing
        for filing in room.filings
        if filing.reading.kind == kind and filing.reading.source != "derived"
    )
    held = _newest(
        filing
        for filing in room.quarantined
        if filing.reading.kind == kind
        and filing.reading.received_at >= room.visit.opened_at
        and (came is None or filing.reading.measured_at > came.reading.measured_at)
    )
    if held is None:
        return None
    reading, why = held.reading, held.attribution.quarantine
    return Cause(
        "in_quarantine",
        reading.device.id,
        why,
        at=reading.received_at,
        counts_from=_counts_from(room, reading.began) if why in BEGAN_ELSEWHEN else None,
    )


def came_alongside(filings: Iterable[Filing], device: str, kind: Kind) -> bool:
    """Whether a device has told of this visit what it might have told this kind along with."""
    with_it = ALONGSIDE.get(kind, frozenset[Kind]())
    return any(
        filing.state in HERE
        and filing.reading.kind in with_it
        and filing.reading.device.id == device
        for filing in filings
    )


def not_filed(room: Snapshot) -> NotFiled | None:
    """Why what was accepted is not in the record yet, if something hinders."""
    refused = sum(filing.state == "refused" for filing in room.filings)
    if refused:
        return NotFiled("refused", refused)
    waiting = sum(filing.state in {"accepted", "published"} for filing in room.filings)
    if waiting and room.broker_up is False:
        return NotFiled("broker_down", waiting)
    if waiting and room.dossier_up is False:
        return NotFiled("dossier_silent", waiting)
    return None


def _causes(room: Snapshot, kind: Kind) -> tuple[Cause, ...]:
    found = dict.fromkeys([*_of_the_visit(room, kind), *_of_the_devices(room, kind)])
    return tuple(sorted(found, key=lambda cause: LIKELIEST[cause.code]))


def _of_the_visit(room: Snapshot, kind: Kind) -> Iterator[Cause]:
    if room.visit.locked:
        yield Cause("visit_locked")
    held = in_tray(room, kind)
    if held is not None:
        yield held
    gone = _newest(filing for filing in room.withdrawn if filing.reading.kind == kind)
    last = _newest(filing for filing in room.filings if filing.reading.kind == kind)
    if gone is not None and (last is None or last.state_at < gone.attribution.at):
        yield Cause("withdrawn", gone.reading.device.id, at=gone.attribution.at)
    if last is not None and last.state == "rejected":
        yield Cause("rejected", last.reading.device.id)
    if last is not None and last.state == "invalid":
        yield Cause("impossible", last.reading.device.id)


def _of_the_devices(room: Snapshot, kind: Kind) -> Iterator[Cause]:
    if kind == "body_mass_index":
        yield Cause("computed")
        return
    telling = [device for device in room.devices if device.tells and kind in device.tells]
    if not telling:
        unknown = [device for device in room.devices if device.tells is None]
        for device in unknown:
            is_ours = device.trouble != "not_adopted"
            yield Cause("unknown_device" if is_ours else "unknown_not_adopted", device.name)
        if not unknown:
            yield Cause("no_device")
    for device in telling:
        failed_at = device.could_not_measure_at
        if failed_at is not None and failed_at >= room.visit.opened_at:
            yield Cause("could_not_measure", device.name)
        if came_alongside(room.filings, device.id, kind):
            yield Cause("came_without", device.name)
        else:
            yield _of_one(room, device)


def _of_one(room: Snapshot, device: RoomDevice) -> Cause:
    if device.condition == "failed":
        return Cause("device_failed", device.name)
    if device.on_radio and room.radio_fault is not None:
        return Cause("radio_down", device.name, room.radio_fault)
    if device.trouble is not None:
        return Cause(device.trouble, device.name, device.holder)
    if device.not_emptied:
        return Cause("not_emptied", device.name)
    if device.condition == "measuring":
        return Cause("measuring", device.name)
    if not device.on_radio and device.condition not in {"connected", "connecting"}:
        return Cause("unplugged", device.name)
    if device.condition in {"connected", "connecting"}:
        return Cause("not_measured", device.name)
    heard = device.heard_at is not None and device.heard_at >= room.visit.opened_at
    if not heard:
        return Cause("asleep", device.name)
    return Cause("link_lost" if device.condition == "lost" else "not_measured", device.name)


def _counts_from(room: Snapshot, began: Began) -> datetime | None:
    """When nobody can take a new measurement for one of before any more: it is known as loosely as this one was.

    One that was seen beginning is known to the moment, and so will be the next.
    """
    if room.visit.locked or began.known_from == "live_frames":
        return None
    moment = room.visit.confirmed_since + (began.latest - began.earliest)
    return moment if moment > room.now else None


def _newest(filings: Iterable[Filing]) -> Filing | None:
    return max(filings, key=lambda filing: filing.reading.received_at, default=None)
