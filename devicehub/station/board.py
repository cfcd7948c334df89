"""The board: what keeps the live picture of the room, and wakes those who watch it.

`app` wires the plain methods as callbacks; they are called on the event loop and return at once.
The rule that matters: a value stands under a patient only while its attribution names the open visit.
Another visit's value is not shown, a quarantined one is announced without its value, and a change of
visit empties every tile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from devicehub.delivery.wire import DeviceState
from devicehub.devices.bluetooth import RadioNews
from devicehub.devices.commissioning import Double
from devicehub.devices.news import Why
from devicehub.devices.passkeys import Question
from devicehub.devices.upkeep import Notice
from devicehub.driver import DeviceFacts, Kind, Measurement
from devicehub.journal.records import Filing, Outbox, State, Visit, Withdrawn
from devicehub.station.picture import (
    ALL,
    BANNER,
    BROKER,
    DEVICES,
    LIVE_OF,
    OUTBOX,
    PASSKEYS,
    PROPOSAL,
    RADIO,
    TILES,
    TRAY,
    WORKLIST,
    Broker,
    Live,
    Load,
    Picture,
    Seen,
    SeriesShown,
    tile_id,
)
from devicehub.station.watcher import Watcher
from devicehub.transport.hands import station_now
from devicehub.visit.dossier import KnownVisit
from devicehub.visit.patient import PatientIdentity
from devicehub.visit.reception import Waiting
from devicehub.visit.series import Series

__all__ = ["LIVE_OF", "Board", "Picture", "Seen", "tile_id"]

KEPT_OF_A_KIND = 16
"""How many readings of one kind the picture holds: the newest, and whatever waits for a person."""

DECIDED: frozenset[State] = frozenset({"accepted", "rejected", "published", "filed", "refused"})
"""States of a reading that a person, or the practice's rule, has spoken of."""

PAUSE = timedelta(seconds=5)
"""A device silent for longer begins a new measurement when it speaks again."""


class Board:
    """The live picture of the room. Every method replaces a part of it and wakes the watchers."""

    def __init__(self, *, simulation: bool, now: Callable[[], datetime] = station_now) -> None:
        self.picture = Picture(simulation=simulation)
        self._now = now
        self._watchers: set[Watcher] = set()

    @contextmanager
    def watch(self) -> Iterator[Watcher]:
        """Be told of changes for as long as the context lasts."""
        watcher = Watcher()
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    @property
    def watched(self) -> int:
        """How many watch at this moment."""
        return len(self._watchers)

    def device(
        self,
        state: DeviceState,
        *,
        name: str,
        why: Why | None = None,
        holder: str | None = None,
    ) -> None:
        """A device changed its state."""
        before = self._seen(state.device)
        # A connection that ends was there until now.
        stood = before.state is not None and before.state.state in ("connected", "measuring")
        seen = stood or state.state in ("connecting", "connected", "measuring")
        self._put(
            replace(
                before,
                name=name,
                state=state,
                why=why,
                holder=holder,
                last_seen=_latest(
                    before.last_seen, state.since if seen else None, state.last_reading_at
                ),
                battery_percent=_first(state.battery_percent, before.battery_percent),
                live=None if state.state in ("lost", "failed") else before.live,
                load=None if state.state in ("lost", "failed") else before.load,
            ),
            TILES,  # what it can measure may be new, and what keeps a measurement away has changed
        )

    def live(self, device: str, measurements: Sequence[Measurement], at: datetime) -> None:
        """What a device says right now, finished or not."""
        before = self._seen(device)
        battery = before.battery_percent
        for measurement in measurements:
            if isinstance(measurement, DeviceFacts) and measurement.battery_percent is not None:
                battery = float(measurement.battery_percent)
        shown = tuple(m for m in measurements if not isinstance(m, DeviceFacts))
        kinds: set[Kind] = {measurement.kind for measurement in shown}
        if before.live is not None:
            kinds |= {measurement.kind for measurement in before.live.measurements}
        self._put(
            replace(
                before,
                last_seen=_latest(before.last_seen, at),
                battery_percent=battery,
                live=Live(shown, at, _since(before.live, at)) if shown else before.live,
            ),
            *(tile_id(LIVE_OF.get(kind, kind)) for kind in sorted(kinds)),
        )

    def load(self, device: str, rests: bool, at: datetime) -> None:
        """Whether a load rests on a scale that is no weight to come."""
        before = self._seen(device)
        load = Load(before.load.since if before.load is not None else at, at) if rests else None
        if (load is None) != (before.load is None):
            self._put(replace(before, load=load), tile_id("body_weight"))
        elif load is not None:
            devices = MappingProxyType({**self.picture.devices, device: replace(before, load=load)})
            self.picture = replace(self.picture, devices=devices)

    def filing(self, filing: Filing) -> None:
        """A reading changed its state or its attribution."""
        reading = filing.reading
        self.picture = replace(
            self.picture, filings=self._filings_with(filing), decided=self._decided_with(filing)
        )
        parts = [tile_id(reading.kind), ALL]
        if self.picture.waiting.proposal is not None:
            parts.append(PROPOSAL)  # it says how much of this visit waits for a decision
        if reading.source != "measured":
            self._tell(parts, filing)
            return
        before = self._seen(reading.device.id)
        arrived = reading.received_at
        ended = before.live is not None and before.live.at <= arrived
        self._put(
            replace(
                before,
                last_seen=_latest(before.last_seen, arrived),
                battery_percent=_first(before.battery_percent, reading.device.battery_percent),
                live=None if ended else before.live,
                kind=reading.kind,
            ),
            *parts,
            filing=filing,
        )

    def visit(self, visit: Visit | None, identity: PatientIdentity | None) -> None:
        """A visit was opened, locked, switched or closed. Values of another visit leave the board at once."""
        before = self.picture.visit
        if (visit and visit.id) != (before and before.id):
            self.picture = replace(
                self.picture,
                series=None,
                filings=MappingProxyType({}),
                decided=MappingProxyType({}),
                devices=MappingProxyType(
                    {name: _emptied(seen) for name, seen in self.picture.devices.items()}
                ),
            )
        self.picture = replace(self.picture, visit=visit, identity=identity)
        self._tell([BANNER, PROPOSAL, TILES, ALL, DEVICES, TRAY, OUTBOX])

    def outbox(self, outbox: Outbox) -> None:
        """What is accepted and has no receipt yet."""
        before = self.picture.outbox
        moved = before is None or before.oldest != outbox.oldest
        since = self._now() if moved else self.picture.oldest_since
        self.picture = replace(self.picture, outbox=outbox, oldest_since=since)
        self._tell([OUTBOX, BROKER])

    def broker(self, up: bool, detail: str | None) -> None:
        """Whether the broker is reached, and the cause where it is not."""
        before = self.picture.broker
        since = self._now() if before is None or before.up != up else before.since
        self.picture = replace(self.picture, broker=Broker(up, detail, since))
        self._tell([BROKER])

    def dossier_here(self, here: bool, _detail: str | None) -> None:
        """A dossier came to the broker, or the last one left it."""
        self.picture = replace(self.picture, dossier_here=here)
        self._tell([BROKER])

    def tray(self, waiting: Sequence[Filing], count: int) -> None:
        """What belongs to nobody yet, newest first, and how much there is in all."""
        self.picture = replace(self.picture, tray=tuple(waiting), quarantined=count)
        self._tell([TRAY, TILES])

    def withdrawn(self, taken_back: Sequence[Withdrawn]) -> None:
        """What a person took back lately, newest first."""
        if tuple(taken_back) != self.picture.withdrawn:
            self.picture = replace(self.picture, withdrawn=tuple(taken_back))
            self._tell([TILES])

    def undecided(self, counts: Mapping[str, int]) -> None:
        """How many readings wait for a decision, by visit."""
        if counts != self.picture.undecided:
            self.picture = replace(self.picture, undecided=MappingProxyType(dict(counts)))
            self._tell([TRAY, OUTBOX])

    def worklist(self, visits: Sequence[KnownVisit], stale: str | None) -> None:
        """The visits that are planned here, and why they may be old."""
        before = self.picture
        told = replace(before, worklist=tuple(visits), worklist_asked=True, worklist_stale=stale)
        if told != before:
            self.picture = told
            self._tell([TILES, WORKLIST, BROKER])

    def withheld(self, kinds: frozenset[Kind]) -> None:
        """What the physician has not delegated."""
        self.picture = replace(self.picture, withheld=kinds)
        self._tell([TILES, ALL])

    def dossier(self, trouble: str | None) -> None:
        """Why the dossier does not know all of this room's visits; ``None`` where it does."""
        if trouble != self.picture.dossier_trouble:
            self.picture = replace(self.picture, dossier_trouble=trouble)
            self._tell([BROKER])

    def reception(self, waiting: Waiting) -> None:
        """Somebody was scanned in, or is waiting no more."""
        self.picture = replace(self.picture, waiting=waiting)
        self._tell([PROPOSAL])

    def passkeys(self, questions: tuple[Question, ...]) -> None:
        """A device asks for digits, or asks no longer."""
        self.picture = replace(self.picture, passkeys=questions)
        self._tell([PASSKEYS])

    def radio(self, news: RadioNews) -> None:
        """A Bluetooth radio changed its condition."""
        radios = MappingProxyType({**self.picture.radios, news.number: news})
        self.picture = replace(self.picture, radios=radios)
        self._tell([RADIO])

    def series(self, visit: str, series: Series | None, filings: Mapping[UUID, Filing]) -> None:
        """A visit's series, or a reading of that visit, has moved. Another visit's is not shown."""
        if self.picture.visit is None or self.picture.visit.id != visit:
            return
        shown = None if series is None else SeriesShown(series, MappingProxyType(dict(filings)))
        self.picture = replace(self.picture, series=shown)
        self._tell([tile_id("blood_pressure")])

    def notices(self, notices: Mapping[str, tuple[Notice, ...]]) -> None:
        """What a person should see to about each device."""
        if notices != self.picture.notices:
            self.picture = replace(self.picture, notices=MappingProxyType(dict(notices)))
            self._tell([DEVICES, TILES])

    def doubles(self, doubles: tuple[Double, ...], unadopted: frozenset[str] = frozenset()) -> None:
        """Devices in range that answer to one of the room's and are not it, and whom nobody has adopted yet."""
        told = replace(self.picture, doubles=doubles, unadopted=unadopted)
        if told != self.picture:
            self.picture = told
            self._tell([DEVICES, TILES])

    def hang_up(self) -> None:
        """Ask everyone who watches to leave: the station stops, or starts anew."""
        for watcher in self._watchers:
            watcher.end()

    def _filings_with(self, filing: Filing) -> Mapping[UUID, Filing]:
        reading, filings = filing.reading, dict(self.picture.filings)
        if not self._belongs(filing):
            filings.pop(reading.id, None)
            return MappingProxyType(filings)
        filings[reading.id] = filing
        alike = [one for one in filings.values() if one.reading.kind == reading.kind]
        for old in alike[:-KEPT_OF_A_KIND]:
            if old.state != "to_review":
                del filings[old.reading.id]
        return MappingProxyType(filings)

    def _decided_with(self, filing: Filing) -> Mapping[Kind, UUID]:
        reading, decided, filings = filing.reading, self.picture.decided, self.picture.filings
        before, last = filings.get(reading.id), filings.get(decided.get(reading.kind, reading.id))
        if before is not None and before.state != "to_review":
            return decided  # what goes on from a decision is none
        if filing.state not in DECIDED or reading.source == "derived" or not self._belongs(filing):
            return decided
        if filing.was_given:
            return decided  # whose it is was decided: that is moved, not undone
        if before is None and last is not None and last.state_at > filing.state_at:
            return decided  # after a start they come in the order of their arrival
        return MappingProxyType({**decided, reading.kind: reading.id})

    def _belongs(self, filing: Filing) -> bool:
        open_visit = self.picture.visit
        return (
            open_visit is not None
            and filing.attribution.visit == open_visit.id
            and filing.state not in ("quarantined", "discarded")
        )

    def _seen(self, device: str) -> Seen:
        return self.picture.devices.get(device) or Seen(device, device)

    def _put(self, seen: Seen, *parts: str, filing: Filing | None = None) -> None:
        devices = MappingProxyType({**self.picture.devices, seen.device: seen})
        self.picture = replace(self.picture, devices=devices)
        self._tell([DEVICES, *parts], filing)

    def _tell(self, parts: Sequence[str], filing: Filing | None = None) -> None:
        for watcher in self._watchers:
            watcher.note(parts, filing)


def _emptied(seen: Seen) -> Seen:
    """A device whose value is taken away, and which is known to have been measuring already."""
    return seen if seen.live is None else replace(seen, live=replace(seen.live, measurements=()))


def _since(before: Live | None, at: datetime) -> datetime:
    """Since when a device measures what it says ``at``: a pause, or an empty scale or finger, ends a measurement."""
    if before is None or at - before.at > PAUSE or before.is_idle:
        return at
    return before.since


def _latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
