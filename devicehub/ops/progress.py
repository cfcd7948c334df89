"""How far each reading of a running station has come, as its event stream tells."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

import httpx

from devicehub.ops.processes import DemoFailed

FINAL = frozenset({"filed", "refused", "invalid", "quarantined", "to_review"})
LONGEST_VIEW = 100
"""Readings the demo remembers; older ones are in the journal."""
STATE_NAMES = MappingProxyType({"accepted": "saved", "published": "published", "filed": "filed"})


@dataclass
class Progress:
    """How far one reading has come. ``milliseconds`` counts from the last byte of its frame."""

    reading: str
    device: str
    kind: str
    visit: str | None
    """The opaque id of the visit it belongs to."""
    values: dict[str, object]
    text: str
    """The values as the page words them."""
    at: datetime
    """When it came."""
    state: str = "accepted"
    revision: int = 1
    """That of its attribution: whoever acts on the reading names it."""
    milliseconds: dict[str, float] = field(default_factory=dict)

    def take(self, news: dict[str, object]) -> None:
        """Take in one event of the station."""
        state = str(news["state"])
        self.state, self.revision = state, int(str(news["revision"]))
        name = STATE_NAMES.get(state, state)
        took = news["milliseconds_since_last_byte"]
        if isinstance(took, int | float):
            self.milliseconds.setdefault(name, round(float(took), 1))

    def as_json(self) -> str:
        """One line for a program to read."""
        return json.dumps(
            {
                "reading": self.reading,
                "device": self.device,
                "kind": self.kind,
                "visit": self.visit,
                "values": self.values,
                "state": self.state,
                "milliseconds": self.milliseconds,
            },
            ensure_ascii=False,
        )


async def follow(page: str, language: str) -> AsyncGenerator[Progress, None]:
    """A reading each time it has moved along. Raises `DemoFailed` when there will be no more."""
    readings: dict[str, Progress] = {}
    async with aclosing(_news(page, language)) as station:
        async for news in station:
            key, values, visit = str(news["reading"]), news["values"], news["visit"]
            if key not in readings:
                readings[key] = Progress(
                    key,
                    str(news["device"]),
                    str(news["kind"]),
                    None if visit is None else str(visit),
                    dict(values) if isinstance(values, dict) else {},
                    str(news["text"]),
                    datetime.fromisoformat(str(news["at"])),
                )
            readings[key].take(news)
            yield readings[key]
            while len(readings) > LONGEST_VIEW:
                readings.pop(next(iter(readings)))


async def _news(page: str, language: str) -> AsyncGenerator[dict[str, object], None]:
    """The station's news about readings, one by one. Raises `DemoFailed` when there will be no more."""
    timeout = httpx.Timeout(10.0, read=None)
    try:
        async with (
            httpx.AsyncClient(base_url=page, timeout=timeout) as client,
            client.stream("GET", "/api/events", params={"lang": language}) as answer,
        ):
            async for line in answer.aiter_lines():
                if line.startswith("data:"):
                    news: dict[str, object] = json.loads(line.removeprefix("data:"))
                    if "reading" in news:
                        yield news
    except httpx.HTTPError as error:
        raise DemoFailed(f"the station does not answer any more: {error}") from error
    raise DemoFailed("the station has hung up")
