"""The page in fragments: what the board knows, in words, rendered by the templates of this folder.

Each fragment is one part of the board and one element of the page with the same name as its id, so that
a part that changed replaces that element and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from devicehub.driver import Kind
from devicehub.journal.records import Filing, State
from devicehub.reading.reading import Reading
from devicehub.station.board import BANNER, BROKER, OUTBOX, TILES, TRAY, Picture, Tile, tile_id
from devicehub.station.words import LANGUAGES, Figure, Words

LIVE_FOR: Final = timedelta(seconds=5)
"""A live value older than this is no longer live, and is not shown."""

DOSSIER_SILENT_AFTER: Final = timedelta(minutes=1)
"""With the broker up, a reading that waits longer than this says that the dossier does not answer."""

CLOCK_OFF_FROM: Final = timedelta(minutes=2)
"""A device clock that is off by less is not worth a word on the page."""

STRIP: Final = (BANNER, OUTBOX, BROKER, TRAY)
"""The parts that are always there, whatever the devices."""

_HERE = Path(__file__).parent
_MEDIA = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

_ATTENTION: Final[tuple[State, ...]] = (
    "refused",
    "invalid",
    "to_review",
    "quarantined",
    "accepted",
    "published",
    "filed",
    "rejected",
    "withdrawn",
    "discarded",
)
"""Where a device gave several readings at once, the first of these states speaks for its tile."""

_ANNOUNCED: Final[frozenset[State]] = frozenset(
    {"refused", "invalid", "to_review", "quarantined", "filed"}
)
"""States that a screen reader says aloud; the steps between them pass in silence."""

_KIND_ICONS: Final[dict[Kind, str]] = {
    "blood_pressure": "cuff",
    "cuff_pressure": "cuff",
    "body_weight": "scale",
    "body_height": "height",
    "body_mass_index": "scale",
    "body_composition": "scale",
    "body_temperature": "thermometer",
    "oxygen_saturation": "drop",
    "heart_rate": "heart",
    "glucose": "drop",
    "ecg_preparation": "heart",
}


@dataclass(frozen=True)
class Asset:
    """A static file, held in memory: there are three, and the page asks for each once."""

    body: bytes
    media_type: str
    digest: str


@dataclass(frozen=True)
class TileView:
    """A tile in words. ``state`` names its colour and icon, ``word`` says it; ``say`` is read aloud."""

    id: str
    name: str
    icon: str
    state: str
    word: str
    main: Figure | None
    others: tuple[Figure, ...]
    is_live: bool
    also_live: Figure | None
    kind: str | None
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    held: str | None
    device_state: str
    device_word: str
    seen: str | None
    battery: str | None
    to_confirm: str | None
    """The reading that waits for a person's word."""
    say: str


class Page:
    """Renders the whole page, or one part of it."""

    def __init__(self) -> None:
        self.assets = {path.name: _asset(path) for path in sorted(_HERE.glob("static/*"))}
        self._environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            auto_reload=False,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["asset"] = self._address
        templates = (path.read_bytes() for path in sorted(_HERE.glob("templates/*")))
        digests = "".join(asset.digest for asset in self.assets.values()).encode()
        self._version = sha256(b"".join(templates) + digests).hexdigest()[:16]

    def mark(self, picture: Picture) -> str:
        """Names this version of the page: a browser that holds another one loads the page anew."""
        return f"{self._version}-{'simulation' if picture.simulation else 'real'}"

    def whole(self, picture: Picture, words: Words, now: datetime) -> str:
        """The page a browser loads first: complete without a line of script."""
        parts = {part: self.fragment(part, picture, words, now) for part in (*STRIP, TILES)}
        return self._render(
            "page",
            words,
            parts=parts,
            simulation=picture.simulation,
            mark=self.mark(picture),
            languages=LANGUAGES,
        )

    def fragment(self, part: str, picture: Picture, words: Words, now: datetime) -> str:
        """The element of one part. Raises ``KeyError`` for a part the picture does not have."""
        if part == BANNER:
            return self._banner(picture, words, now)
        if part == OUTBOX:
            return self._outbox(picture, words, now)
        if part == BROKER:
            return self._broker(picture, words, now)
        if part == TRAY:
            count = picture.quarantined
            text = words.count("tray.waiting", count) if count else words("tray.empty")
            return self._render("tray", words, count=count, text=text)
        if part == TILES:
            tiles = [tile_view(tile, picture, words, now) for tile in picture.tiles.values()]
            return self._render("tiles", words, tiles=tiles)
        tile = picture.tiles[part.removeprefix(tile_id(""))]
        return self._render("tile", words, tile=tile_view(tile, picture, words, now))

    def _banner(self, picture: Picture, words: Words, now: datetime) -> str:
        identity, visit = picture.identity, picture.visit
        return self._render(
            "banner",
            words,
            identity=identity,
            visit=visit,
            age=identity and words.age(identity.born, now.astimezone().date()),
            born=identity and words(f"born.{identity.sex}", day=words.day(identity.born)),
            since=visit and words("banner.since", time=words.clock(visit.opened_at, seconds=False)),
        )

    def _outbox(self, picture: Picture, words: Words, now: datetime) -> str:
        outbox = picture.outbox
        if outbox is None:
            state, text = "unknown", words("outbox.unknown")
        elif outbox.waiting == 0:
            state, text = "empty", words("outbox.empty")
        else:
            since = words.duration(now - (outbox.oldest or now))
            state, text = "waiting", words.count("outbox.waiting", outbox.waiting, since=since)
        return self._render("outbox", words, state=state, text=text)

    def _broker(self, picture: Picture, words: Words, now: datetime) -> str:
        broker, outbox = picture.broker, picture.outbox
        detail = None
        if broker is None:
            state, text = "unknown", words("broker.unknown")
        elif not broker.up:
            state, text, detail = "down", words("broker.down"), broker.detail
        elif outbox and outbox.oldest and now - outbox.oldest > DOSSIER_SILENT_AFTER:
            state, text = "silent", words("broker.dossier_silent")
        else:
            state, text = "up", words("broker.up")
        return self._render("broker", words, state=state, text=text, detail=detail)

    def _render(self, template: str, words: Words, **values: object) -> str:
        return self._environment.get_template(f"{template}.html").render(words=words, **values)

    def _address(self, name: str) -> str:
        return f"/static/{name}?v={self.assets[name].digest}"


def tile_view(tile: Tile, picture: Picture, words: Words, now: datetime) -> TileView:
    """What a tile shows at this moment."""
    filings = sorted(tile.filings.values(), key=lambda filing: _ATTENTION.index(filing.state))
    held = tile.held
    if held is not None and picture.visit is None:
        filings, held = [held], None  # nobody's value, and nobody on the banner: it may be seen
    in_order = sorted(filings, key=lambda filing: list(_KIND_ICONS).index(filing.reading.kind))
    figures = tuple(f for filing in in_order for f in words.figures(filing.reading.measurement))
    live = _live_figures(tile, words, now)
    is_live = bool(live) and _supersedes(tile)
    state = "measuring" if is_live else filings[0].state if filings else "waiting"
    shown = live if is_live else figures
    kind = tile.live.measurements[0].kind if is_live and tile.live else tile.kind
    word = words(f"state.{state}")
    device_state = tile.state.state if tile.state else "unknown"
    say = ""
    if held is not None:
        say = f"{tile.name}, {words('held.title')}. {_reason(held, words) or ''}"
    elif filings and not is_live and filings[0].state in _ANNOUNCED:
        say = f"{tile.name}, {', '.join(figure.spoken for figure in shown[:1])}, {word}"
    battery = tile.battery_percent
    return TileView(
        id=tile_id(tile.device),
        name=tile.name,
        icon=_KIND_ICONS.get(kind, "device") if kind else "device",
        state=state,
        word=word,
        main=shown[0] if shown else None,
        others=shown[1:],
        is_live=is_live,
        also_live=live[0] if live and not is_live else None,
        kind=words.kind(kind) if kind else None,
        warnings=() if is_live else _warnings(filings, words),
        notes=() if is_live else _notes(filings, words, now),
        held=None if held is None else _reason(held, words) or "",
        device_state=device_state,
        device_word=words(f"device.{device_state}"),
        seen=_seen(tile, words, now),
        battery=None if battery is None else words("device.battery", percent=round(battery)),
        to_confirm=None if is_live else _to_confirm(filings),
        say=say,
    )


def _to_confirm(filings: Sequence[Filing]) -> str | None:
    waiting = [filing for filing in filings if filing.state == "to_review"]
    return str(waiting[0].reading.id) if waiting else None


def _live_figures(tile: Tile, words: Words, now: datetime) -> tuple[Figure, ...]:
    if tile.live is None or now - tile.live.at > LIVE_FOR:
        return ()
    return tuple(f for m in tile.live.measurements for f in words.figures(m))


def _supersedes(tile: Tile) -> bool:
    """Whether the live value takes the place of the last reading.

    A scale goes on telling the weight after its reading was made: that stands beside the reading. A cuff
    that inflates has begun a new measurement.
    """
    if not tile.filings or tile.live is None:
        return True
    measuring = tile.state is not None and tile.state.state == "measuring"
    return measuring or tile.live.measurements[0].kind not in tile.filings


def _seen(tile: Tile, words: Words, now: datetime) -> str | None:
    if tile.state is not None and tile.state.state in ("connected", "measuring"):
        return None
    if tile.last_seen is None:
        return words("device.never_seen")
    return words("device.last_seen", time=words.moment(tile.last_seen, now))


def _reason(filing: Filing, words: Words) -> str | None:
    quarantine = filing.attribution.quarantine
    return None if quarantine is None else words(f"reason.{quarantine}")


def _warnings(filings: Sequence[Filing], words: Words) -> tuple[str, ...]:
    """What a person should know before trusting the value, each once."""
    said: list[str] = []
    for filing in filings:
        if filing.state in ("quarantined", "refused"):
            said += [text for text in (_reason(filing, words), filing.detail) if text]
        if filing.reading.plausibility == "unusual":
            said.append(words("reading.unusual"))
        said += words.flags(filing.reading.measurement)
    return tuple(dict.fromkeys(said))


def _notes(filings: Sequence[Filing], words: Words, now: datetime) -> tuple[str, ...]:
    """When the value was measured and when it came."""
    if not filings:
        return ()
    reading = filings[0].reading
    notes = [words("reading.received", time=words.moment(reading.received_at, now))]
    stamp = reading.stamp
    if stamp.device_time is not None:
        told = words("reading.device_time", time=words.device_time(stamp.device_time, now))
        notes.append(told)
    off = _clock_off(reading)
    if off >= CLOCK_OFF_FROM:
        notes.append(words("reading.clock_off", length=words.duration(off)))
    if reading.measurement.stored:
        notes.append(words("reading.memory"))
    return tuple(notes)


def _clock_off(reading: Reading) -> timedelta:
    """How far the device's clock is from local time: its offset to UTC, less the zone people live in."""
    if reading.stamp.offset_seconds is None:
        return timedelta()
    zone = reading.received_at.astimezone().utcoffset() or timedelta()
    return abs(timedelta(seconds=reading.stamp.offset_seconds) + zone)


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    return Asset(body, _MEDIA[path.suffix], sha256(body).hexdigest()[:16])
