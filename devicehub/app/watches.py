"""What the board cannot be told by an event: looked at now and then, or whenever a reading has moved."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from devicehub.devices.commissioning import Commissioning
from devicehub.devices.upkeep import Upkeep
from devicehub.journal.journal import Journal
from devicehub.station.board import Board
from devicehub.transport.hands import station_now
from devicehub.visit.desk import REMEMBERED, Desk
from devicehub.visit.dossier import DossierRefused, DossierUnreachable
from devicehub.visit.review import TRAY_LARGEST

UPKEEP_SECONDS = 2.0
"""How often the checks and batteries of the devices are looked at."""

WORKLIST_SECONDS = 5.0
"""How often the dossier is asked whom it expects here."""

LOOK_SECONDS = 1.0
"""How often what it has answered is looked at."""


async def watch_upkeep(
    devices: Sequence[str],
    upkeep: Upkeep,
    journal: Journal,
    commissioning: Commissioning,
    board: Board,
) -> None:
    """Tell the board what a person should see to about each device: checks, batteries, doubles in range."""
    while True:
        today = station_now().date()
        notices = {}
        for device in devices:
            known = await journal.device(device)
            battery = known.facts.battery_percent if known and known.facts else None
            checks = await journal.checks_of(device)
            percent = None if battery is None else float(battery)
            notices[device] = upkeep.notices(device, checks, percent, today)
        board.notices(notices)
        board.doubles(commissioning.doubles, commissioning.unadopted)
        await asyncio.sleep(UPKEEP_SECONDS)


async def watch_dossier(desk: Desk, board: Board) -> None:
    """Tell the board whom the dossier expects here, and whether it can be asked."""
    while True:
        stale = None
        try:
            await desk.refresh_worklist()
        except (DossierUnreachable, DossierRefused) as error:
            stale = str(error)
        looks = round(WORKLIST_SECONDS / LOOK_SECONDS)
        for _ in range(looks):
            board.worklist(desk.worklist, stale)
            board.dossier(desk.dossier_trouble)
            await asyncio.sleep(LOOK_SECONDS)


async def watch_outbox(journal: Journal, board: Board) -> None:
    """Tell the board how much waits, whenever a reading has moved."""
    moved = asyncio.Event()
    journal.on_change.append(lambda _filing: moved.set())
    while True:
        moved.clear()
        board.outbox(await journal.outbox())
        count = (await journal.counts()).get("quarantined", 0)
        board.tray(await journal.quarantined(TRAY_LARGEST) if count else (), count)
        since = station_now() - REMEMBERED
        board.withdrawn(await journal.withdrawn(since=since, limit=TRAY_LARGEST))
        board.undecided(await journal.undecided())
        await moved.wait()
