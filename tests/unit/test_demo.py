"""What ``devicehub demo --once`` counts."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import AsyncGenerator, Coroutine
from datetime import UTC, datetime
from typing import cast

import pytest

from devicehub.ops import demo
from devicehub.ops.demo_rooms import DemoRoom, Simulated
from devicehub.ops.demo_view import View
from devicehub.ops.processes import Processes
from devicehub.ops.progress import Progress

VISIT = "v-00000000000000000001"
SCALE = Simulated(
    id="scale",
    driver="g_tech",
    readings=frozenset({"body_mass_index"}),
    french="Balance",
    english="Scale",
)


class Unending:
    """Processes of which none ends."""

    async def unless_ended(self, work: Coroutine[None, None, None]) -> None:
        await work


def running() -> demo.Running:
    room = DemoRoom(
        devices=(SCALE,),
        patient={"family_name": "TEST", "given_name": "ALICE"},
        start_seconds=1.0,
        once_seconds=1.0,
    )
    return demo.Running("http://127.0.0.1", "en", room, VISIT, cast("Processes", Unending()))


def index(reading: str) -> Progress:
    at = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
    return Progress(reading, "scale", "body_mass_index", VISIT, {}, "29.9 kg/m²", at)


async def test_the_devices_own_value_counts_where_the_derived_one_gave_way_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    derived, own = index("derived"), index("own")

    async def progress(_: demo.Running) -> AsyncGenerator[Progress, None]:
        for one, state in [
            (derived, "accepted"),
            (own, "accepted"),
            (derived, "withdrawn"),
            (own, "published"),
            (own, "filed"),
        ]:
            one.state = state
            yield one

    async def prepare(_: demo.Running) -> None:
        pass

    monkeypatch.setattr(demo, "_progress", progress)
    monkeypatch.setattr(demo, "_prepare", prepare)
    shown: list[tuple[str, str]] = []
    once = await demo.once(running(), lambda one: shown.append((one.reading, one.state)))
    assert [one.reading for one in once] == ["own"]
    assert ("derived", "withdrawn") in shown, "what is on the screen is taken from it"


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is Unix's")
def test_what_was_withdrawn_leaves_no_row_behind() -> None:
    master, terminal = os.openpty()

    def screen() -> str:
        """What is drawn, to its end."""
        seen = b""
        while not seen.endswith(b"\x1b[J"):
            seen += os.read(master, 65536)
        return seen.decode()

    try:
        with os.fdopen(terminal, "w", encoding="utf-8") as to:
            view = View("http://127.0.0.1", running().room, "en", to)
            derived, own = index("derived"), index("own")
            view.show(derived)
            assert "29.9 kg/m²" in screen()
            derived.state = "withdrawn"
            view.show(derived)
            assert "29.9 kg/m²" not in screen()
            own.state = "filed"
            own.milliseconds = {"saved": 1.0, "published": 2.0, "filed": 3.0}
            view.show(own)
            assert screen().count("29.9 kg/m²") == 1
    finally:
        os.close(master)


@pytest.mark.parametrize(
    ("state", "ticks"), [("accepted", 1), ("published", 2), ("filed", 3), ("quarantined", 0)]
)
def test_what_came_in_no_frame_has_its_steps_without_a_time(state: str, ticks: int) -> None:
    to = io.StringIO()
    view = View("http://127.0.0.1", running().room, "en", to)
    preparation = index("preparation")
    preparation.state = state
    assert "".join(view._steps(preparation)).count("✓") == ticks
