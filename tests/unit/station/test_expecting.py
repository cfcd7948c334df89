"""What is expected of the room: by its devices, the configured ones and those that were only heard."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from browser_station import Station
from station_room import ALICE, CUFF, SCALE, device_state, filing, now, pressure, visit, weight

from devicehub.devices.bluetooth import RadioNews
from devicehub.driver import BodyHeight, BodyWeight, Kind, OxygenSaturation
from devicehub.station.board import Board
from devicehub.station.expecting import RESTS, Listed, in_the_room, snapshot, told
from devicehub.station.picture import Picture
from devicehub.station.room_view import device_views
from devicehub.station.tile_view import TileView, kinds_of, tile_view
from devicehub.station.visits import physician_of
from devicehub.station.words import Words
from devicehub.visit.derivations import wanted
from devicehub.visit.operators import Operator, Operators
from devicehub.visit.plan import absent, in_tray

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


def seen(kind: Kind, board: Board) -> TileView:
    """The tile of a kind as an assistant sees it now."""
    room = snapshot(board.picture, [WEIGHER], tells, plan=[kind], now=now())
    assert room is not None
    return tile_view(
        kind,
        board.picture,
        Words("fr"),
        now(),
        role="assistant",
        doubt=lambda _reading, _visit: None,
        absent=next(iter(absent(room)), None),
        held=in_tray(room, kind),
        names={},
        series=None,
    )


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


def test_an_index_that_cannot_be_is_not_made_and_the_tile_says_what_to_do(board: Board) -> None:
    members = [
        filing(SCALE, BodyWeight(kilograms=Decimal(12), stable=True), "accepted"),
        filing(SCALE, BodyHeight(centimetres=Decimal(190)), "accepted"),
    ]
    assert wanted(members, [], known_height=None, now=now(), version="9") == []
    for one in members:
        board.filing(one)
    tile = seen("body_mass_index", board)
    assert tile.main is None
    assert tile.absent is not None
    assert "celui des deux qui manque ou qui ne va pas" in " ".join(tile.absent)


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


def test_one_that_was_connected_in_this_visit_was_heard_in_it_and_stays_lost_until_it_comes_back() -> (
    None
):
    board = Board(simulation=True)
    board.device(device_state(SCALE, "connected"), name="Balance")
    board.visit(visit().model_copy(update={"opened_at": now()}), ALICE)
    board.device(device_state(SCALE, "lost"), name="Balance")
    assert codes(board.picture, [WEIGHER])["body_weight"] == "link_lost"
    (row,) = device_views(board.picture, [WEIGHER], Words("fr"), now())
    assert row.state == "lost"
    assert "Rapprochez-le" in row.needs[0]
    board.device(device_state(SCALE, "connecting"), name="Balance")
    board.device(device_state(SCALE, "waiting"), name="Balance")
    assert codes(board.picture, [WEIGHER])["body_weight"] == "not_measured"
    (row,) = device_views(board.picture, [WEIGHER], Words("fr"), now())
    assert row.state == "waiting"


def test_a_connection_that_ends_in_the_visit_was_heard_in_it() -> None:
    board = Board(simulation=True)
    board.device(device_state(SCALE, "connected"), name="Balance")
    board.visit(visit().model_copy(update={"opened_at": now()}), ALICE)
    board.device(device_state(SCALE, "waiting"), name="Balance")
    assert codes(board.picture, [WEIGHER])["body_weight"] == "not_measured"


def test_one_that_was_lost_before_the_visit_is_silent_in_it_on_its_tile_and_its_row() -> None:
    board = Board(simulation=True)
    board.device(device_state(SCALE, "connected"), name="Balance")
    board.device(device_state(SCALE, "lost"), name="Balance")
    board.visit(visit().model_copy(update={"opened_at": now()}), ALICE)
    assert codes(board.picture, [WEIGHER])["body_weight"] == "asleep"
    (row,) = device_views(board.picture, [WEIGHER], Words("fr"), now())
    assert (row.state, row.needs) == ("asleep", ())


def test_where_no_radio_hears_nobody_is_told_to_bring_a_device_closer(board: Board) -> None:
    board.radio(RadioNews(1, "hci0", "lost", now(), "unplugged", "gone"))
    board.device(device_state(SCALE, "lost"), name="Balance")
    assert codes(board.picture, [WEIGHER])["body_weight"] == "radio_down"
    (row,) = device_views(board.picture, [WEIGHER], Words("fr"), now())
    assert (row.state, row.needs) == ("lost", ())


def test_a_device_that_nobody_adopted_is_said_to_be_so_on_its_tile_and_its_row(
    board: Board,
) -> None:
    named = Listed("thermometer", "Thermomètre", on_radio=True, driver=None)
    board.doubles((), frozenset({"thermometer"}))
    room = snapshot(
        board.picture, [WEIGHER, named], tells, plan=["body_temperature", "glucose"], now=now()
    )
    assert room is not None
    assert [one.causes[0].code for one in absent(room)] == ["unknown_not_adopted"] * 2
    known = replace(named, driver="an_oximeter")
    assert codes(board.picture, [known])["oxygen_saturation"] == "not_adopted"
    (row,) = device_views(board.picture, [known], Words("fr"), now())
    assert (row.state, row.is_trouble) == ("unadopted", True)
    assert "adopter" in row.needs[0]
    board.doubles((), frozenset())
    assert codes(board.picture, [known])["oxygen_saturation"] == "asleep"


def test_a_scale_that_was_loaded_before_says_to_step_off_and_shows_no_weight(
    board: Board,
) -> None:
    board.device(device_state(SCALE, "connected"), name="Balance")
    began = now() - RESTS

    def words_at(at: datetime) -> tuple[str, str]:
        board.live(SCALE, [weight("72.4")], at)
        board.load(SCALE, True, at)
        room = snapshot(board.picture, [WEIGHER], tells, plan=["body_weight"], now=at)
        assert room is not None
        (missing,) = absent(room)
        tile = tile_view(
            "body_weight",
            board.picture,
            Words("fr"),
            at,
            role="assistant",
            doubt=lambda _reading, _visit: None,
            absent=missing,
            held=None,
            names={},
            series=None,
        )
        said = " ".join(tile.absent) if tile.absent is not None else ""
        return tile.main.text if tile.main is not None else "", said

    assert words_at(began) == ("72,4", "")
    shown, said = words_at(began + RESTS)
    assert shown == ""
    assert "Descendez de la balance ou videz le plateau" in said
    board.load(SCALE, False, began + RESTS)
    assert words_at(began + RESTS)[0] == "72,4", "another load has come"
    assert board.picture.devices[SCALE].load is not None
    board.device(device_state(SCALE, "lost"), name="Balance")
    assert board.picture.devices[SCALE].load is None


def empty_scale() -> BodyWeight:
    return BodyWeight(kilograms=Decimal(0), stable=True)


def test_an_empty_scale_makes_no_tile_and_takes_none(board: Board) -> None:
    board.device(device_state(SCALE, "connected"), name="Balance")
    board.live(SCALE, [empty_scale()], now())
    assert kinds_of(board.picture, ["blood_pressure"])[0] == ("blood_pressure",)
    assert codes(board.picture, [WEIGHER])["body_weight"] == "not_measured"
    tile = seen("body_weight", board)
    assert (tile.main, tile.state, tile.is_live) == (None, "waiting", False)
    (row,) = device_views(board.picture, [WEIGHER], Words("fr"), now())
    assert row.state == "connected"
    board.live(SCALE, [weight("71.4")], now())
    assert kinds_of(board.picture, ["blood_pressure"])[0] == ("blood_pressure", "body_weight")
    tile = seen("body_weight", board)
    assert (tile.main and tile.main.text, tile.state) == ("71,4", "measuring")
    (row,) = device_views(board.picture, [WEIGHER], Words("fr"), now())
    assert row.state == "measuring"


@pytest.mark.parametrize(
    "nothing_yet",
    [
        BodyWeight(),
        BodyWeight(flags=("overload",)),
        OxygenSaturation(flags=("searching",)),
    ],
)
def test_what_measures_without_a_value_yet_is_measuring(
    board: Board, nothing_yet: BodyWeight | OxygenSaturation
) -> None:
    board.device(device_state(SCALE, "connected"), name="Balance")
    board.live(SCALE, [nothing_yet], now())
    assert nothing_yet.kind in kinds_of(board.picture, ["blood_pressure"])[0]
    assert seen(nothing_yet.kind, board).state == "measuring"
    (row,) = device_views(board.picture, [WEIGHER], Words("fr"), now())
    assert row.state == "measuring"


def test_beside_a_weight_an_empty_scale_is_not_live(board: Board) -> None:
    board.filing(filing(SCALE, weight("59.2"), "to_review"))
    board.live(SCALE, [empty_scale()], now())
    assert seen("body_weight", board).live is None
    board.live(SCALE, [weight("71.4")], now())
    live = seen("body_weight", board).live
    assert live is not None
    assert live.text == "71,4"


async def test_a_full_tile_tells_like_an_empty_one_what_went_to_the_tray_after_it(
    station: Station, client: httpx.AsyncClient
) -> None:
    opened = await station.desk.open(ALICE, author="page")
    began = opened.opened_at
    held = [
        filing(
            CUFF,
            pressure(),
            "quarantined",
            visit=None,
            quarantine="before_visit",
            received_at=began + timedelta(seconds=seconds),
        )
        for seconds in (50, 20)
    ]
    came = filing(
        CUFF,
        pressure(),
        "filed",
        visit=opened.id,
        received_at=began + timedelta(seconds=30),
    )

    async def tile() -> str:
        page = (await client.get("/")).text
        return page.partition('id="tile-blood_pressure"')[2].partition("</article>")[0]

    assert "attend dans" not in await tile()
    for value in (None, came):
        if value is not None:
            station.board.filing(value)
        station.board.tray(held, len(held))
        said = await tile()
        assert ("128/76" in said) == (value is not None)
        assert f"Le relevé de {Words('fr').clock(held[0].reading.received_at)}" in said
        assert "Mesure peut-être commencée avant la visite" in said
        station.board.tray(held[1:], 1)
        assert ("attend dans" in await tile()) == (value is None), "older than what stands"


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
