"""The page in fragments: what the board knows, in words, rendered by the templates of this folder.

Each fragment is one part of the board and one element of the page with the same name as its id, so that
a part that changed replaces that element and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from devicehub.driver import Kind
from devicehub.station import telling
from devicehub.station.expecting import names_of, snapshot, told
from devicehub.station.hub import Hub
from devicehub.station.line import line
from devicehub.station.picture import (
    ALL,
    BANNER,
    BROKER,
    DEVICES,
    OUTBOX,
    PASSKEYS,
    PROPOSAL,
    RADIO,
    TILES,
    TRAY,
    WORKLIST,
    Picture,
    tile_id,
)
from devicehub.station.room_view import device_views, question_view, radio_view
from devicehub.station.series_view import series_view
from devicehub.station.tile_view import ICONS, TileView, kinds_of, shown_of, tile_view
from devicehub.station.visits import lacks_physician, physicians
from devicehub.station.who import who
from devicehub.station.words import LANGUAGES, Words
from devicehub.visit import policy
from devicehub.visit.gate import Role, hold, may
from devicehub.visit.operators import Operator, OperatorsUnreadable
from devicehub.visit.plan import absent, in_tray

STRIP: Final = (BANNER, PROPOSAL, PASSKEYS, OUTBOX, BROKER, TRAY, RADIO, DEVICES, ALL, WORKLIST)
"""The parts that do not depend on what is measured. All but the worklist always stand on the page; that one stands in
the dialog in which the next visit is chosen."""


@dataclass(frozen=True)
class Viewer:
    """Who looks at the page, and in which language."""

    words: Words
    operator: Operator

    @property
    def role(self) -> Role:
        """What they may do."""
        return self.operator.role


Draw = Callable[[Picture, Viewer, datetime], str]


def planned_told(picture: Picture, words: Words, now: datetime) -> dict[str, object]:
    """The worklist for a template: of each visit who comes, when and for what; and whether it may be old."""
    return {
        "planned": [
            (
                one,
                who(one.identity, words, now),
                one.planned_at and words.clock(one.planned_at, seconds=False),
                ", ".join(words(f"title.{kind}") for kind in one.plan if kind in ICONS),
            )
            for one in picture.worklist
        ],
        "stale": picture.worklist_stale is not None,
        "present": picture.visit.id if picture.visit else "",
    }


class Page:
    """Renders the whole page, or one part of it."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._render = hub.rendering.render
        self._parts: Mapping[str, Draw] = {
            BANNER: self._banner,
            PROPOSAL: self._proposal,
            PASSKEYS: self._passkeys,
            RADIO: self._radio,
            OUTBOX: self._outbox,
            BROKER: self._broker,
            TRAY: self._tray,
            DEVICES: self._devices,
            ALL: self._all,
            WORKLIST: self._worklist,
            TILES: self._every_tile,
        }

    def mark(self, picture: Picture) -> str:
        """Names this version of the page: a browser that holds another one loads the page anew."""
        return f"{self._hub.rendering.version}-{'simulation' if picture.simulation else 'real'}"

    def whole(self, picture: Picture, viewer: Viewer, now: datetime) -> str:
        """The page a browser loads first: complete without a line of script."""
        parts = {part: self.fragment(part, picture, viewer, now) for part in (*STRIP, TILES)}
        return self._render(
            "page",
            viewer.words,
            parts=parts,
            simulation=picture.simulation,
            mark=self.mark(picture),
            languages=LANGUAGES,
            operator=viewer.operator,
            may_delegate=may(viewer.role, "delegate"),
            may_maintain=may(viewer.role, "maintain"),
            may_type=may(viewer.role, "type"),
            signs_in=viewer.operator.name != "",
        )

    def frame(self, picture: Picture, viewer: Viewer, now: datetime) -> str:
        """What stands around the tiles: when it changes, all of them are drawn anew."""
        return self._tiles(
            picture, viewer, now, [tile_id(kind) for kind in self._kinds(picture)[0]]
        )

    def tiles(self, picture: Picture) -> tuple[str, ...]:
        """The tiles there are now: none without a visit, none while the patient is to be confirmed."""
        if picture.visit is None or picture.visit.locked:
            return ()
        return tuple(tile_id(kind) for kind in self._kinds(picture)[0])

    def fragment(self, part: str, picture: Picture, viewer: Viewer, now: datetime) -> str:
        """The element of one part."""
        if part in self._parts:
            return self._parts[part](picture, viewer, now)
        kind = next(one for one in self._kinds(picture)[0] if tile_id(one) == part)
        (tile,) = self._views([kind], picture, viewer, now)
        return self._render("tile", viewer.words, tile=tile)

    # ---------------------------------------------------------------------------- the tiles

    def _tiles(
        self, picture: Picture, viewer: Viewer, now: datetime, tiles: Sequence[TileView | str]
    ) -> str:
        visit, words = picture.visit, viewer.words
        if visit is None:
            return self._render(
                "waiting_room",
                words,
                **planned_told(picture, words, now),
            )
        if visit.locked:
            return self._render(
                "locked",
                words,
                visit=visit.id,
                who=who(picture.identity, words, now),
                since=words.clock(visit.locks[-1].since, seconds=False),
            )
        return self._render("tiles", words, tiles=tiles, visit=visit.id)

    def _every_tile(self, picture: Picture, viewer: Viewer, now: datetime) -> str:
        views = self._views(self._kinds(picture)[0], picture, viewer, now)
        return self._tiles(picture, viewer, now, views)

    def _views(
        self, kinds: Sequence[Kind], picture: Picture, viewer: Viewer, now: datetime
    ) -> list[TileView]:
        hub, words = self._hub, viewer.words
        _, expected = self._kinds(picture)
        room = snapshot(picture, hub.listed, hub.tells, plan=expected, now=now)
        missing = {one.kind: one for one in absent(room)} if room is not None else {}
        shown = series_view(picture.series, words, now) if picture.series is not None else None
        names = self._names(picture)
        return [
            tile_view(
                kind,
                picture,
                words,
                now,
                role=viewer.role,
                doubt=hub.desk.doubt,
                absent=missing.get(kind),
                held=in_tray(room, kind) if room is not None else None,
                names=names,
                series=shown if kind == "blood_pressure" else None,
            )
            for kind in kinds
        ]

    def _kinds(self, picture: Picture) -> tuple[tuple[Kind, ...], tuple[Kind, ...]]:
        return kinds_of(picture, told(picture, self._hub.listed, self._hub.tells))

    def _names(self, picture: Picture) -> dict[str, str]:
        names = names_of(picture, self._hub.listed)
        with suppress(OperatorsUnreadable):  # nobody's name is known then; the sign-in page says so
            names |= {one.id: one.name for one in self._hub.sessions.operators.all()}
        return names

    # ----------------------------------------------------------------------- around the tiles

    def _banner(self, picture: Picture, viewer: Viewer, now: datetime) -> str:
        visit, words = picture.visit, viewer.words
        operators = self._hub.sessions.operators
        return self._render(
            "banner",
            words,
            visit=visit,
            who=who(picture.identity, words, now),
            since=visit and words("banner.since", time=words.clock(visit.opened_at, seconds=False)),
            local=visit is not None and visit.at_dossier == "unknown",
            lacks_physician=visit is not None and lacks_physician(visit, operators),
            may_choose=bool(physicians(operators)),
        )

    def _proposal(self, picture: Picture, viewer: Viewer, now: datetime) -> str:
        words = viewer.words
        waiting, present = picture.waiting, picture.identity
        proposal = waiting.proposal
        closes = None
        if picture.visit is not None:
            name = f"{present.family_name} {present.given_name}" if present else ""
            closes = (
                words("proposal.closes", name=name) if name else words("proposal.closes_unnamed")
            )
        return self._render(
            "proposal",
            words,
            proposal=proposal,
            who=proposal and who(proposal.identity, words, now),
            closes=closes,
            present=picture.visit.id if picture.visit else "",
            undecided=words.count("close.waiting", picture.waits_here)
            if picture.waits_here
            else None,
            notice=waiting.notice and words(f"scan.{waiting.notice}"),
            lost=waiting.reader_lost and (words.pick(waiting.reader_lost) or waiting.reader_lost),
        )

    def _passkeys(self, picture: Picture, viewer: Viewer, _now: datetime) -> str:
        questions = [question_view(one, viewer.words) for one in picture.passkeys]
        return self._render("passkeys", viewer.words, questions=questions)

    def _tray(self, picture: Picture, viewer: Viewer, _now: datetime) -> str:
        words = viewer.words
        counts = {"tray.waiting": picture.quarantined, "tray.left": picture.left_behind}
        said = [words.count(name, count) for name, count in counts.items() if count]
        text = " · ".join(said) or words("tray.empty")
        return self._render("tray", words, count=sum(counts.values()), text=text)

    def _outbox(self, picture: Picture, viewer: Viewer, now: datetime) -> str:
        words = viewer.words
        outbox = picture.outbox
        if outbox is None:
            state, text = "unknown", words("outbox.unknown")
        elif outbox.waiting == 0 and (
            picture.left_behind or picture.waits_here or picture.quarantined
        ):
            state, text = "empty", words("outbox.left")
        elif outbox.waiting == 0:
            state, text = "empty", words("outbox.empty")
        elif outbox.oldest and outbox.undo_until and outbox.oldest <= now < outbox.undo_until:
            state, text = "undoable", words.count("outbox.undoable", outbox.waiting)
        else:
            since = words.duration(now - (outbox.oldest or now))
            state, text = "waiting", words.count("outbox.waiting", outbox.waiting, since=since)
        return self._render("outbox", words, state=state, text=text)

    def _broker(self, picture: Picture, viewer: Viewer, now: datetime) -> str:
        words = viewer.words
        state = line(picture, now)
        text = words(f"broker.{state}")
        return self._render("broker", words, state=state, text=text)

    def _radio(self, picture: Picture, viewer: Viewer, _now: datetime) -> str:
        words = viewer.words
        radios = [picture.radios[number] for number in sorted(picture.radios)]
        views = [
            radio_view(news, words, several=len(radios) > 1)
            for news in radios
            if news.condition in ("lost", "resetting")  # one that listens has nothing to ask
        ]
        conditions = {news.condition for news in radios}
        state = next((one for one in ("lost", "resetting") if one in conditions), "hearing")
        return self._render("radio", words, state=state, radios=views)

    def _devices(self, picture: Picture, viewer: Viewer, now: datetime) -> str:
        words = viewer.words
        devices = device_views(picture, self._hub.listed, words, now)
        # Of a device nobody has adopted its own row tells.
        doubles = [
            telling.double(words, one)
            for one in picture.doubles
            if one.what.standing == "look_alike"
        ]
        troubles = sum(device.is_trouble for device in devices) + len(doubles)
        return self._render("devices", words, devices=devices, doubles=doubles, troubles=troubles)

    def _worklist(self, picture: Picture, viewer: Viewer, now: datetime) -> str:
        return self._render("worklist", viewer.words, **planned_told(picture, viewer.words, now))

    def _all(self, picture: Picture, viewer: Viewer, _now: datetime) -> str:
        """Accepting at once all that waits on the tiles: offered where nothing of it is flagged, else why not."""
        words, visit = viewer.words, picture.visit
        on_tiles = [shown_of(kind, picture) for kind in ICONS]
        waiting = [one for one in on_tiles if one is not None and one.state == "to_review"]
        kinds: list[str] = []
        if visit is not None and not visit.locked and len(waiting) > 1:
            for one in waiting:
                doubt = self._hub.desk.doubt(one.reading, visit.id)
                if hold(one.reading, picture.withheld) or policy.flags(one.reading, doubt):
                    kinds.append(words.kind(one.reading.kind))
        else:
            waiting = []
        flagged = words("all.flagged", kinds=", ".join(dict.fromkeys(kinds))) if kinds else None
        # It names what it shows: a page that is behind accepts nothing that nobody has looked at.
        said = json.dumps(
            {"readings": {str(one.reading.id): one.attribution.revision for one in waiting}}
        )
        return self._render("all", words, count=len(waiting), flagged=flagged, said=said)
