"""The rail in words: the devices of the room, how each is, and the next physical act; radios and questions of pairing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from devicehub.devices.bluetooth import RadioNews
from devicehub.devices.passkeys import Question
from devicehub.devices.upkeep import LOW_BATTERY_PERCENT
from devicehub.station import telling
from devicehub.station.expecting import Listed, heard_at, radio_fault, trouble_of
from devicehub.station.picture import Picture, Seen
from devicehub.station.tile_view import ICONS, fresh
from devicehub.station.words import Words
from devicehub.visit.plan import Trouble

_UNPAIRED: frozenset[Trouble] = frozenset(
    {"not_paired", "pairing_refused", "pairing_put_off", "bond_lost", "bond_elsewhere"}
)


@dataclass(frozen=True)
class DeviceView:
    """A device in words. ``needs`` are what it asks of a person, ``is_trouble`` colours it."""

    name: str
    icon: str
    state: str
    word: str
    seen: str | None
    battery: str | None
    is_low: bool
    needs: tuple[str, ...]
    is_trouble: bool
    resume: str | None
    """Its id, where a touch asks for the pairing that somebody gave up."""


@dataclass(frozen=True)
class QuestionView:
    """A question of pairing in words. ``ends`` is for the script that counts the seconds down."""

    id: str
    want: str
    title: str
    again: str | None
    """That the digits before were not taken."""
    what: str
    passkey: str | None
    until: str
    ends: str


@dataclass(frozen=True)
class RadioView:
    """A radio in words; ``do`` is the next physical act where it is lost."""

    condition: str
    text: str
    do: str | None


def device_views(
    picture: Picture, listed: Sequence[Listed], words: Words, now: datetime
) -> tuple[DeviceView, ...]:
    """Every device of the configuration in its order, then others that were heard since the start."""
    known = {one.id: one for one in listed}
    others = [
        seen.device
        for seen in picture.devices.values()
        if seen.device not in known and seen.is_here
    ]
    return tuple(
        device_view(
            picture.devices.get(device) or Seen(device, known[device].name),
            known.get(device),
            picture,
            words,
            now,
        )
        for device in (*known, *others)
    )


def device_view(
    seen: Seen, listed: Listed | None, picture: Picture, words: Words, now: datetime
) -> DeviceView:
    """How one device is."""
    state = _state(seen, listed, picture, now)
    name = listed.name if listed is not None else seen.name
    why = trouble_of(seen.device, picture)
    needs = []
    if why is not None:
        needs.append(telling.trouble(words, why, name, seen.holder))
    elif state in ("unplugged", "failed") or (state == "lost" and radio_fault(picture) is None):
        codes = {"lost": "link_lost", "failed": "device_failed", "unplugged": "unplugged"}
        needs.append(words(f"act.{codes[state]}"))
    needs += [telling.notice(words, one) for one in picture.notices.get(seen.device, ())]
    battery = seen.battery_percent
    waits = why in (None, "no_place")
    return DeviceView(
        name=name,
        icon=ICONS.get(seen.kind, "device") if seen.kind else "device",
        state=state,
        word=words(f"device.{state}"),
        seen=_seen_at(seen, words, now) if state not in ("connected", "measuring") else None,
        battery=None if battery is None else words("device.battery", percent=round(battery)),
        is_low=battery is not None and battery < LOW_BATTERY_PERCENT,
        needs=tuple(dict.fromkeys(needs)),
        is_trouble=bool(needs) and not (waits and state == "waiting" and not needs),
        resume=seen.device if why == "pairing_put_off" else None,
    )


def _state(seen: Seen, listed: Listed | None, picture: Picture, now: datetime) -> str:
    live = seen.live if fresh(seen, now) else None
    if live is not None and live.measurements and not live.is_empty:
        return "measuring"
    why = trouble_of(seen.device, picture)
    if why == "not_adopted":
        return "unadopted"
    if why in _UNPAIRED:
        return "unpaired"
    if why is not None and why != "no_place":
        return "blocked"
    state = seen.state.state if seen.state is not None else "not_seen"
    if listed is not None and not listed.on_radio and state in ("not_seen", "waiting", "lost"):
        return "unplugged"
    if state in ("waiting", "not_seen", "lost") and _is_asleep(seen, picture):
        return "asleep"
    return state


def _is_asleep(seen: Seen, picture: Picture) -> bool:
    visit = picture.visit
    heard = heard_at(seen)
    return visit is not None and (heard is None or heard < visit.opened_at)


def _seen_at(seen: Seen, words: Words, now: datetime) -> str | None:
    if seen.last_seen is None:
        return None
    return words("device.last_seen", time=words.moment(seen.last_seen, now))


def question_view(question: Question, words: Words) -> QuestionView:
    """A question of pairing, without anything that changes from second to second: it must not be redrawn."""
    return QuestionView(
        id=str(question.id),
        want=question.want,
        title=words("passkey.title", device=question.device),
        again=words("passkey.again") if question.again else None,
        what=words(f"passkey.{question.want}"),
        passkey=question.passkey,
        until=words("passkey.until", time=words.clock(question.until)),
        ends=question.until.isoformat(timespec="seconds"),
    )


def radio_view(news: RadioNews, words: Words, *, several: bool) -> RadioView:
    """How a radio is; which one only where there are several."""
    text = words(f"radio.{news.condition}", time=words.clock(news.since, seconds=False))
    if several:
        text = words("radio.one_of_several", name=news.name, text=text)
    do = words(f"fault.{news.fault}") if news.fault is not None else None
    return RadioView(news.condition, text, do)
