"""What a program that asks the page without a browser says, and finds in the answer."""

from __future__ import annotations

import re
from html import unescape

import httpx
from browser_station import Station
from station_room import ALICE

from devicehub.station.sessions import COOKIE
from devicehub.visit.operators import Operator

BODY = ALICE.model_dump(mode="json")


def signed_in(station: Station, operator: Operator) -> httpx.AsyncClient:
    """A browser at which an operator is signed in."""
    station.operators.add(operator, "1357")
    cookies = {COOKIE: station.sessions.begin(operator)}
    return httpx.AsyncClient(base_url=station.url, cookies=cookies, trust_env=False)


def shows(text: str, number: str) -> bool:
    """Whether a number stands there by itself, not as a part of an id, a hash or a time."""
    return re.search(rf"(?<![0-9a-f.-]){re.escape(number)}(?![0-9a-f-])", text) is not None


def tile_of(page: str, kind: str) -> str:
    """A tile's own part of the page."""
    found = re.search(rf'<article class="tile" id="tile-{kind}".+?</article>', page, re.DOTALL)
    assert found is not None
    return unescape(found[0])
