"""The board: the live picture of the room, and who watches it.

`app` wires the plain methods as callbacks; they are called on the event loop and return at once.
The rule that matters: a value stands under a patient only while its attribution names the open visit.
Another visit's value is not shown, a quarantined one is announced without its value, and a change of
visit empties every tile.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from devicehub.delivery.wire import DeviceState
from devicehub.driver import DeviceFacts, Kind, Measurement
from devicehub.journal.records import Filing, Outbox, Visit
from devicehub.visit.patient import PatientIdentity

FILINGS_KEPT = 256
"""How many filings wait for one slow follower before it is told that it missed some."""

BANNER = "banner"
TILES = "tiles"
OUTBOX = "outbox"
BROKER = "broker"
TRAY = "tray"


def tile_id(device: str) -> str:
    """The name of a device's tile among the parts of the board."""
    return f"tile-{device}"


@dataclass(frozen=True)
class Live:
    """What a device says right now. Shown only, and only while it is fresh."""

    measurements: tuple[Measurement, ...]
    at: datetime


@dataclass(frozen=True)
class Tile:
    """One device as the room sees it. ``filings`` belong to the open visit, newest of each kind.

    ``held`` is a reading that waits in quarantine: its value is nobody's yet.
    """

    device: str
    name: str
    state: DeviceState | None = None
    last_seen: datetime | None = None
    battery_percent: float | None = None
    live: Live | None = None
    filings: Mapping[Kind, Filing] = field(default_factory=lambda: MappingProxyType({}))
    held: Filing | None = None
    kind: Kind | None = None
    """What it last measured, for its icon: a kind is not a value."""


@dataclass(frozen=True)
class Broker:
    """Whether the broker is reached, else the cause in words."""

    up: bool
    detail: str | None = None


@dataclass(frozen=True)
class Picture:
    """Everything the board knows at one moment. ``None`` means that nobody has said yet."""

    simulation: bool
    visit: Visit | None = None
    identity: PatientIdentity | None = None
    tiles: Mapping[str, Tile] = field(default_factory=lambda: MappingProxyType({}))
    outbox: Outbox | None = None
    broker: Broker | None = None
    quarantined: int = 0


@dataclass(frozen=True)
class Changes:
    """What changed since the watcher last asked: parts of the picture by name, and filings in order.

    ``missed`` counts the filings that a watcher was too slow to take; the parts are always whole.
    """

    parts: frozenset[str] = frozenset()
    filings: tuple[Filing, ...] = ()
    missed: int = 0


class Watcher:
    """One subscription. What changed while it is busy waits as a set of names: it never grows."""

    def __init__(self) -> None:
        self.ended = False
        self._wake = asyncio.Event()
        self._parts: set[str] = set()
        self._filings: deque[Filing] = deque(maxlen=FILINGS_KEPT)
        self._missed = 0

    async def changes(self, within: float) -> Changes:
        """What changed, as soon as something does; no changes after ``within`` seconds without any."""
        try:
            async with asyncio.timeout(within):
                await self._wake.wait()
        except TimeoutError:
            return Changes()
        self._wake.clear()
        changes = Changes(frozenset(self._parts), tuple(self._filings), self._missed)
        self._parts.clear()
        self._filings.clear()
        self._missed = 0
        return changes

    def note(self, parts: Sequence[str], filing: Filing | None = None) -> None:
        """Remember what changed, and wake the watcher."""
        self._parts.update(parts)
        if filing is not None:
            self._missed += len(self._filings) == FILINGS_KEPT
            self._filings.append(filing)
        self._wake.set()

    def end(self) -> None:
        """Ask the watcher to leave."""
        self.ended = True
        self._wake.set()


class Board:
    """The live picture of the room. Every method replaces a part of it and wakes the watchers."""

    def __init__(self, *, simulation: bool) -> None:
        self.picture = Picture(simulation=simulation)
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

    def device(self, state: DeviceState, *, name: str) -> None:
        """A device changed its state. A device seen for the first time gets its tile here."""
        before = self._tile(state.device)
        seen = state.state in ("connected", "measuring")
        self._put(
            replace(
                before,
                name=name,
                state=state,
                last_seen=_latest(
                    before.last_seen, state.since if seen else None, state.last_reading_at
                ),
                battery_percent=_first(state.battery_percent, before.battery_percent),
                live=None if state.state in ("lost", "failed") else before.live,
            )
        )

    def live(self, device: str, measurements: Sequence[Measurement], at: datetime) -> None:
        """What a device says right now, finished or not."""
        tile = self._tile(device)
        battery = tile.battery_percent
        for measurement in measurements:
            if isinstance(measurement, DeviceFacts) and measurement.battery_percent is not None:
                battery = float(measurement.battery_percent)
        shown = tuple(m for m in measurements if not isinstance(m, DeviceFacts))
        self._put(
            replace(
                tile,
                last_seen=_latest(tile.last_seen, at),
                battery_percent=battery,
                live=Live(shown, at) if shown else tile.live,
            )
        )

    def filing(self, filing: Filing) -> None:
        """A reading changed its state or its attribution."""
        reading = filing.reading
        tile = self._tile(reading.device.id)
        arrived = reading.received_at
        tile = replace(
            tile,
            last_seen=_latest(tile.last_seen, arrived),
            battery_percent=_first(tile.battery_percent, reading.device.battery_percent),
            live=None if tile.live is not None and tile.live.at <= arrived else tile.live,
            filings=self._filings_with(tile.filings, filing),
            held=self._held_with(tile.held, filing),
            kind=tile.kind or reading.kind,
        )
        self._put(tile, filing)

    def visit(self, visit: Visit | None, identity: PatientIdentity | None) -> None:
        """A visit was opened, switched or closed. Values of another visit leave the board at once."""
        before = self.picture.visit
        tiles = self.picture.tiles
        changed = [BANNER]
        if (visit and visit.id) != (before and before.id):
            empty = MappingProxyType[Kind, Filing]({})
            tiles = MappingProxyType(
                {
                    device: replace(tile, live=None, filings=empty, held=None)
                    for device, tile in tiles.items()
                }
            )
            changed.append(TILES)
        self.picture = replace(self.picture, visit=visit, identity=identity, tiles=tiles)
        self._tell(changed)

    def outbox(self, outbox: Outbox) -> None:
        """What is accepted and has no receipt yet."""
        self.picture = replace(self.picture, outbox=outbox)
        self._tell([OUTBOX, BROKER])

    def broker(self, up: bool, detail: str | None) -> None:
        """Whether the broker is reached, and the cause where it is not."""
        self.picture = replace(self.picture, broker=Broker(up, detail))
        self._tell([BROKER])

    def quarantined(self, count: int) -> None:
        """How many readings wait to be attributed by a person."""
        self.picture = replace(self.picture, quarantined=count)
        self._tell([TRAY])

    def hang_up(self) -> None:
        """Ask everyone who watches to leave: the station stops, or starts anew."""
        for watcher in self._watchers:
            watcher.end()

    def _filings_with(self, kept: Mapping[Kind, Filing], filing: Filing) -> Mapping[Kind, Filing]:
        reading = filing.reading
        filings = dict(kept)
        current = filings.get(reading.kind)
        if current is not None:
            if current.reading.id == reading.id:
                del filings[reading.kind]
            elif current.reading.received_at > reading.received_at:
                return kept
        if self._belongs(filing):
            filings[reading.kind] = filing
        return MappingProxyType(filings)

    def _held_with(self, held: Filing | None, filing: Filing) -> Filing | None:
        if filing.state == "quarantined":
            return filing
        if held is not None and held.reading.id == filing.reading.id:
            return None
        return held

    def _belongs(self, filing: Filing) -> bool:
        open_visit = self.picture.visit
        return (
            open_visit is not None
            and filing.attribution.visit == open_visit.id
            and filing.state not in ("quarantined", "discarded")
        )

    def _tile(self, device: str) -> Tile:
        return self.picture.tiles.get(device) or Tile(device, device)

    def _put(self, tile: Tile, filing: Filing | None = None) -> None:
        is_new = tile.device not in self.picture.tiles
        tiles = MappingProxyType({**self.picture.tiles, tile.device: tile})
        self.picture = replace(self.picture, tiles=tiles)
        self._tell([TILES] if is_new else [tile_id(tile.device)], filing)

    def _tell(self, parts: Sequence[str], filing: Filing | None = None) -> None:
        for watcher in self._watchers:
            watcher.note(parts, filing)


def _latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
