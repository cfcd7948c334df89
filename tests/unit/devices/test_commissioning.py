"""Commissioning on a real journal: a device adopted stays so after a restart, and its double is only a warning."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bleak.backends.device import BLEDevice

from devicehub.devices.adoption import NotAdopted
from devicehub.devices.binding import BleBinding
from devicehub.devices.commissioning import FORGOTTEN, Commissioning, Double
from devicehub.journal.journal import Journal
from devicehub.transport.ble import Sighting

MINE, DOUBLE = "aa:00:00:00:00:01", "aa:00:00:00:00:02"
SCALE = BleBinding("scale", "Balance", None, "TEST-SCALE")


class Clock:
    """A time that passes when told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Room:
    def __init__(self, journal: Journal, *, known_only: bool = True) -> None:
        self.clock = Clock()
        self.shown = 0
        self.commissioning = Commissioning(
            journal, [SCALE], known_only=known_only, show=self._show, now=self.clock
        )

    def _show(self, _doubles: tuple[Double, ...], unadopted: frozenset[str]) -> None:
        self.shown += 1
        self.unadopted = unadopted

    def hears(self, address: str, name: str = "TEST-SCALE 3") -> str:
        seen = Sighting(
            address=address.upper(),
            name=name,
            services=frozenset(),
            company_data={},
            service_data={},
            rssi=None,
            at=self.clock.now,
            device=BLEDevice(address, name, None),
        )
        return self.commissioning.sort(seen).standing


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    async with Journal(tmp_path / "journal.sqlite") as journal:
        yield journal


async def test_a_device_is_adopted_by_waking_while_the_code_is_shown(journal: Journal) -> None:
    room = Room(journal)
    assert room.hears(DOUBLE) == "not_adopted"
    assert room.unadopted == {"scale"}
    room.clock.passes(10)
    code = room.commissioning.begin("scale", "tech").code
    assert room.hears(DOUBLE) == "not_adopted"
    stages = [room.commissioning.stage]
    assert room.hears(MINE) == "not_adopted"
    stages.append(room.commissioning.stage)
    assert stages == ["waiting", "proposed"]
    await room.commissioning.confirm(code)
    assert room.unadopted == set()
    assert (room.hears(MINE), room.hears(DOUBLE)) == ("ours", "look_alike")
    assert [one.address for one in room.commissioning.doubles] == [DOUBLE]

    later = Room(journal)
    await later.commissioning.load()
    assert (later.hears(MINE), later.hears(DOUBLE)) == ("ours", "look_alike")


async def test_where_nobody_wants_it_known_the_first_that_answers_is_taken_and_its_double_is_not(
    journal: Journal,
) -> None:
    room = Room(journal, known_only=False)
    assert [room.hears(MINE), room.hears(DOUBLE), room.hears(MINE)] == [
        "ours",
        "look_alike",
        "ours",
    ]
    room.clock.passes(90)
    code = room.commissioning.begin("scale", "tech").code
    room.hears(DOUBLE)
    await room.commissioning.confirm(code)
    assert [room.hears(DOUBLE), room.hears(MINE)] == ["ours", "look_alike"]


async def test_a_wrong_code_adopts_nothing(journal: Journal) -> None:
    room = Room(journal)
    code = room.commissioning.begin("scale", "tech").code
    room.hears(MINE)
    wrong = f"{(int(code) + 1) % 10_000:04}"
    with pytest.raises(NotAdopted, match="wrong_code"):
        await room.commissioning.confirm(wrong)
    room.commissioning.give_up()
    with pytest.raises(NotAdopted, match="over"):
        await room.commissioning.confirm(code)
    assert (await journal.adoptions(), room.hears(MINE)) == ([], "not_adopted")


async def test_who_was_heard_long_before_may_have_been_switched_off(journal: Journal) -> None:
    room = Room(journal)
    room.hears(MINE)
    room.clock.passes(90)
    room.commissioning.begin("scale", "tech")
    room.hears(MINE)
    assert room.commissioning.stage == "proposed"


async def test_a_double_is_shown_while_it_is_near(journal: Journal) -> None:
    room = Room(journal)
    room.hears(DOUBLE)
    room.hears(DOUBLE)
    assert (len(room.commissioning.doubles), room.shown) == (1, 1)
    room.clock.passes(FORGOTTEN.total_seconds() + 1)
    assert room.commissioning.doubles == ()


async def test_a_released_device_is_nobodys(journal: Journal) -> None:
    room = Room(journal)
    code = room.commissioning.begin("scale", "tech").code
    room.hears(MINE)
    await room.commissioning.confirm(code)
    await room.commissioning.release("scale", "tech")
    await room.commissioning.release("scale", "tech")
    assert room.commissioning.adopted == {}
    assert room.hears(MINE) == "not_adopted"


async def test_addresses_that_change_all_the_time_do_not_fill_the_memory(journal: Journal) -> None:
    room = Room(journal)
    for number in range(200):
        room.clock.passes(FORGOTTEN.total_seconds())
        room.hears(f"cc:00:00:00:00:{number:02x}")
    held = vars(room.commissioning)
    assert len(held["_heard"]) <= 65
    assert len(held["_doubles"]) <= 65


async def test_a_stranger_leaves_no_trace(journal: Journal) -> None:
    room = Room(journal)
    assert room.hears(MINE, "PHONE") == "stranger"
    assert (room.commissioning.doubles, room.shown) == ((), 0)


async def test_an_unknown_device_cannot_be_commissioned(journal: Journal) -> None:
    with pytest.raises(KeyError):
        Room(journal).commissioning.begin("other", "tech")
