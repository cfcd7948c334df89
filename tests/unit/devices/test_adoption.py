"""Adoption: a device is the room's by a deliberate act; its double never becomes data, whatever comes first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from bleak.backends.device import BLEDevice
from hypothesis import given
from hypothesis import strategies as st

from devicehub.devices.adoption import (
    LASTS,
    Challenge,
    NotAdopted,
    Stage,
    addresses,
    adopt,
    begin,
    heard,
    sort,
    stage,
)
from devicehub.devices.binding import BleBinding
from devicehub.transport.ble import Sighting

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
MINE, DOUBLE, THIRD = "AA:00:00:00:00:01", "AA:00:00:00:00:02", "AA:00:00:00:00:03"
SCALE = BleBinding("scale", "Balance", None, "TEST-SCALE")
CUFF = BleBinding("cuff", "Tensiomètre", "BB:00:00:00:00:01", None)
ROOM = (SCALE, CUFF)


def seen(address: str, name: str = "TEST-SCALE 3") -> Sighting:
    return Sighting(
        address=address,
        name=name,
        services=frozenset(),
        company_data={},
        service_data={},
        rssi=None,
        at=NOW,
        device=BLEDevice(address, name, None),
    )


def shown(*around: Sighting) -> Challenge:
    return begin(SCALE, "4711", "tech", NOW, around)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


class TestSorting:
    def test_what_answers_to_nobody_is_a_stranger(self) -> None:
        assert sort(seen(MINE, "OTHER"), ROOM, {}, known_only=False).standing == "stranger"

    def test_an_address_in_the_configuration_is_deliberate(self) -> None:
        cuff = seen("bb:00:00:00:00:01", "whatever")
        assert sort(cuff, ROOM, {}, known_only=True).binding == CUFF

    def test_without_adoption_the_first_that_fits_is_taken_unless_the_practice_wants_it_known(
        self,
    ) -> None:
        assert sort(seen(MINE), ROOM, {}, known_only=False).standing == "ours"
        assert sort(seen(MINE), ROOM, {}, known_only=True).standing == "not_adopted"

    @pytest.mark.parametrize("known_only", [True, False])
    def test_once_adopted_its_double_is_a_look_alike(self, known_only: bool) -> None:
        adopted = {"scale": MINE.lower()}
        assert sort(seen(MINE), ROOM, adopted, known_only=known_only).standing == "ours"
        double = sort(seen(DOUBLE), ROOM, adopted, known_only=known_only)
        assert (double.standing, double.binding) == ("look_alike", SCALE)

    def test_two_of_one_model_in_one_room_are_each_their_own(self) -> None:
        second = BleBinding("scale-2", "Balance 2", None, "TEST-SCALE")
        adopted = {"scale": MINE, "scale-2": DOUBLE}
        room = (SCALE, second)
        assert sort(seen(DOUBLE), room, adopted, known_only=True).binding == second
        assert sort(seen(MINE), room, adopted, known_only=True).binding == SCALE
        assert sort(seen(THIRD), room, adopted, known_only=True).standing == "look_alike"


class TestTheChallenge:
    def test_what_wakes_while_the_code_is_shown_is_proposed_and_adopted(self) -> None:
        challenge = shown()
        assert stage(challenge, NOW) == "waiting"
        challenge = heard(challenge, SCALE, seen(MINE), after(20))
        assert stage(challenge, after(21)) == "proposed"
        adoption = adopt(challenge, "4711", after(30))
        assert addresses([adoption]) == {"scale": MINE.lower()}
        assert (adoption.code, adoption.author) == ("4711", "tech")

    def test_a_neighbours_that_was_there_all_the_time_proves_nothing(self) -> None:
        challenge = heard(shown(seen(DOUBLE)), SCALE, seen(DOUBLE), after(5))
        assert stage(challenge, after(6)) == "waiting"
        challenge = heard(challenge, SCALE, seen(MINE), after(10))
        assert adopt(challenge, "4711", after(20)).address == MINE.lower()

    def test_when_two_wake_neither_is_adopted(self) -> None:
        challenge = shown()
        for address in (MINE, DOUBLE):
            challenge = heard(challenge, SCALE, seen(address), after(10))
        assert stage(challenge, after(11)) == "ambiguous"
        with pytest.raises(NotAdopted, match="ambiguous"):
            adopt(challenge, "4711", after(12))

    def test_the_code_must_be_given_back(self) -> None:
        challenge = heard(shown(), SCALE, seen(MINE), after(5))
        with pytest.raises(NotAdopted, match="wrong_code"):
            adopt(challenge, "4712", after(10))

    def test_nothing_is_adopted_that_did_not_wake(self) -> None:
        with pytest.raises(NotAdopted, match="nothing_woke"):
            adopt(shown(), "4711", after(10))

    def test_it_ends(self) -> None:
        challenge = heard(shown(), SCALE, seen(MINE), after(5))
        late = challenge.until + timedelta(seconds=1)
        with pytest.raises(NotAdopted, match="over"):
            adopt(challenge, "4711", late)
        assert heard(shown(), SCALE, seen(MINE), late).woken == ()

    def test_another_kind_of_device_is_not_meant(self) -> None:
        assert heard(shown(), SCALE, seen(MINE, "OTHER"), after(5)).woken == ()

    def test_a_device_with_its_address_in_the_configuration_needs_none(self) -> None:
        with pytest.raises(ValueError, match="address in the configuration"):
            begin(CUFF, "4711", "tech", NOW, ())


@given(
    st.lists(st.tuples(st.sampled_from([MINE, DOUBLE, THIRD]), st.integers(0, 300)), max_size=12),
    st.sets(st.sampled_from([MINE, DOUBLE, THIRD])),
)
def test_only_a_single_device_that_woke_in_time_is_ever_adopted(
    sounds: list[tuple[str, int]], before: set[str]
) -> None:
    challenge = shown(*(seen(address) for address in before))
    for address, seconds in sounds:
        challenge = heard(challenge, SCALE, seen(address), after(seconds))
    in_time = {
        address
        for address, seconds in sounds
        if address not in before and seconds <= LASTS.total_seconds()
    }
    expected: dict[int, Stage] = {0: "waiting", 1: "proposed"}
    assert stage(challenge, after(100)) == expected.get(len(in_time), "ambiguous")
    if len(in_time) == 1:
        assert adopt(challenge, "4711", after(100)).address == in_time.pop().lower()
    else:
        with pytest.raises(NotAdopted):
            adopt(challenge, "4711", after(100))
