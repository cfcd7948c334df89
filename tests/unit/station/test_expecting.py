"""What is expected of the room: by its devices, the configured ones and those that were only heard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from browser_station import Station
from station_room import ALICE, CUFF, SCALE, device_state, filing, now, pressure, visit, weight

from devicehub.driver import Kind, OxygenSaturation
from devicehub.station.board import Board, Picture
from devicehub.station.expecting import Listed, in_the_room, snapshot, told
from devicehub.station.visits import physician_of
from devicehub.visit.operators import Operator, Operators
from devicehub.visit.plan import absent

TOLD: dict[str, frozenset[Kind]] = {
    "an_oximeter": frozenset({"oxygen_saturation", "heart_rate"}),
    "a_scale": frozenset({"body_weight", "body_height", "body_mass_index"}),
}
OXIMETER = Listed("oximeter", "Oxymètre", on_radio=True, driver="an_oximeter")
WEIGHER = Listed(SCALE, "Balance", on_radio=True, driver="a_scale")


def tells(driver: str) -> frozenset[Kind]:
    return TOLD.get(driver, frozenset())


@pytest.fixture
def board() -> Board:
    board = Board(simulation=True)
    board.visit(visit(), ALICE)
    return board


def codes(picture: Picture, listed: list[Listed]) -> dict[Kind, str]:
    room = snapshot(picture, listed, tells, plan=sorted(told(picture, listed, tells)), now=now())
    assert room is not None
    return {one.kind: one.causes[0].code for one in absent(room)}


def test_the_pulse_an_oximeter_told_with_its_value_is_not_missing(board: Board) -> None:
    assert set(codes(board.picture, [OXIMETER])) == {"oxygen_saturation", "heart_rate"}
    value = OxygenSaturation.model_validate({"percent": 97, "pulse_per_minute": 71})
    board.filing(filing("oximeter", value, "filed"))
    assert codes(board.picture, [OXIMETER]) == {}


def test_a_scale_that_has_weighed_is_not_said_to_have_told_nothing(board: Board) -> None:
    board.device(device_state(SCALE, "connected"), name="Balance")
    assert codes(board.picture, [WEIGHER])["body_height"] == "not_measured"
    board.filing(filing(SCALE, weight(), "filed"))
    assert codes(board.picture, [WEIGHER]) == {
        "body_height": "came_without",
        "body_mass_index": "computed",
    }


def test_a_device_that_is_not_configured_is_expected_of_as_well(board: Board) -> None:
    state = device_state("ble-c000", "connected").model_copy(update={"driver": "an_oximeter"})
    board.device(state, name="TEST Oximeter")
    assert in_the_room(board.picture, []) == (
        Listed("ble-c000", "TEST Oximeter", on_radio=True, driver="an_oximeter"),
    )
    assert codes(board.picture, []) == {
        "oxygen_saturation": "not_measured",
        "heart_rate": "not_measured",
    }


@pytest.fixture
async def station(tmp_path: Path) -> AsyncIterator[Station]:
    station = Station(tmp_path)
    await station.start()
    yield station
    await station.end()


@pytest.fixture
async def client(station: Station) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=station.url, trust_env=False) as client:
        yield client


async def test_closing_without_a_plan_tells_what_the_tiles_tell(
    station: Station, client: httpx.AsyncClient
) -> None:
    opened = await station.desk.open(ALICE, author="page")
    station.board.filing(filing(CUFF, pressure(), "filed", visit=opened.id))
    asked = (await client.get("/ask/close")).text
    assert "Poids" in asked
    assert "Température" in asked
    assert "Tension" not in asked


async def test_the_tray_calls_a_device_as_the_rail_does(
    station: Station, client: httpx.AsyncClient
) -> None:
    station.board.device(device_state("ble-c000", "connected"), name="TEST Scale")
    held = filing("ble-c000", weight(), "quarantined", visit=None, quarantine="no_visit")
    await station.journal.file([held])
    asked = (await client.get("/ask/tray")).text
    assert "TEST Scale" in asked
    assert "ble-c000" not in asked


def test_what_was_rejected_counts_for_nothing(board: Board) -> None:
    value = OxygenSaturation.model_validate({"percent": 97, "pulse_per_minute": 71})
    board.filing(filing("oximeter", value, "rejected"))
    assert "heart_rate" in codes(board.picture, [OXIMETER])


@pytest.mark.parametrize(("physicians", "expected"), [(1, "TEST 0"), (2, None), (0, None)])
def test_a_visit_that_the_reader_opens_names_the_only_physician(
    tmp_path: Path, physicians: int, expected: str | None
) -> None:
    operators = Operators.of(tmp_path)
    for number in range(physicians):
        one = Operator(id=f"p{number}", name=f"TEST {number}", role="physician")
        operators.add(one, "1357")
    assert physician_of(operators, "reader") == expected
    assert physician_of(operators, "p0") == ("TEST 0" if physicians else None)
