"""Derived readings: computed exactly, named after their members, and never outliving one of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from invented import START, filed, height, pressure, weight

from devicehub.driver import BodyMassIndex, Measurement
from devicehub.journal.records import Filing, State
from devicehub.journal.states import BY_REVISION, BY_WORD, FIRST
from devicehub.reading.reading import Reading
from devicehub.visit import series as the
from devicehub.visit.body_mass import body_mass, index
from devicehub.visit.derivations import DERIVER, Change, changes, of_record, wanted
from devicehub.visit.dossier import EarlierValue
from devicehub.visit.series import Series, SeriesRules

LATER = START + timedelta(minutes=30)
RECORD = EarlierValue(reading=uuid4(), measurement=height("180"), at=START)


def all_wanted(
    filings: Iterable[Filing], *series: Series, known_height: EarlierValue | None = None
) -> list[Reading]:
    return wanted(list(filings), series, known_height=known_height, now=LATER, version="9")


def in_state(filing: Filing, state: State) -> Filing:
    return filing.model_copy(update={"state": state})


class TestBodyMassIndex:
    def test_weight_over_height_squared_to_a_tenth_half_to_even(self) -> None:
        assert index(Decimal("72.4"), Decimal("172.5")) == Decimal("24.3")
        assert index(Decimal("24.25"), Decimal(100)) == Decimal("24.2")
        assert index(Decimal("24.35"), Decimal(100)) == Decimal("24.4")

    def test_it_is_marked_derived_and_names_what_it_comes_from(self) -> None:
        scale, rod = filed(weight("72.4"), device="scale"), filed(height("172.5"), device="rod")
        (reading,) = all_wanted([scale, rod])
        assert reading.measurement == BodyMassIndex(kilograms_per_square_metre=Decimal("24.3"))
        assert (reading.source, reading.author) == ("derived", None)
        assert reading.derived_from == (scale.reading.id, rod.reading.id)
        assert (reading.driver.id, reading.driver.version) == ("devicehub", "9")
        assert reading.evidence == ()
        assert reading.derivation is not None
        assert not any(member.from_record for member in reading.derivation.members)

    def test_a_height_of_the_record_is_marked_so(self) -> None:
        scale = filed(weight("81"))
        (reading,) = all_wanted([scale], known_height=RECORD)
        assert reading.measurement == BodyMassIndex(kilograms_per_square_metre=Decimal(25))
        assert reading.derivation is not None
        assert [member.from_record for member in reading.derivation.members] == [False, True]

    def test_todays_height_outranks_the_records(self) -> None:
        rod = filed(height("170"))
        found = body_mass([filed(weight("81")), rod], RECORD)
        assert found is not None
        assert found.derivation.members[1].reading == rod.reading.id

    def test_a_retake_takes_the_place_of_what_it_repeats(self) -> None:
        first, again = filed(weight("81")), filed(weight("80"), at=START + timedelta(minutes=2))
        (reading,) = all_wanted([first, again], known_height=RECORD)
        assert reading.derived_from[0] == again.reading.id

    def test_it_takes_the_weight_measured_last_not_the_one_told_last(self) -> None:
        now = filed(weight("81"), at=START + timedelta(minutes=5))
        told = filed(weight("90"), at=START + timedelta(minutes=10))
        clock = told.reading.stamp.model_copy(
            update={"corrected": START + timedelta(minutes=1), "how": "device_clock"}
        )
        recalled = told.model_copy(
            update={"reading": told.reading.model_copy(update={"stamp": clock})}
        )
        (reading,) = all_wanted([now, recalled], known_height=RECORD)
        assert reading.derived_from[0] == now.reading.id

    @pytest.mark.parametrize("state", ["to_review", "rejected", "invalid", "withdrawn", "refused"])
    def test_nothing_is_computed_with_what_nobody_accepted(self, state: State) -> None:
        assert all_wanted([in_state(filed(weight("81")), state)], known_height=RECORD) == []

    def test_a_device_that_measured_it_is_not_contradicted(self) -> None:
        measured = filed(BodyMassIndex(kilograms_per_square_metre=Decimal("24.9")))
        assert all_wanted([filed(weight("81")), measured], known_height=RECORD) == []

    @pytest.mark.parametrize("centimetres", ["0", "-1"])
    def test_a_height_of_nothing_gives_nothing(self, centimetres: str) -> None:
        assert all_wanted([filed(weight("81")), filed(height(centimetres))]) == []

    def test_one_simulated_member_makes_it_simulated(self) -> None:
        scale, rod = filed(weight("81"), origin="device"), filed(height("180"), origin="simulator")
        (reading,) = all_wanted([scale, rod])
        assert reading.origin == "simulator"


def series_of(*systolic: int) -> tuple[Series, list[Filing]]:
    rules = SeriesRules(rest_seconds=0, count=len(systolic), mean_of_last=2)
    series = the.begin(uuid4(), "v1", START, rules, arm="left", posture="seated")
    filings: list[Filing] = []
    for number, value in enumerate(systolic, start=1):
        filings.append(filed(pressure(value), at=START + timedelta(minutes=2 * number)))
        series = the.take(series, filings[-1], {one.reading.id: one for one in filings})
    return series, filings


class TestSeries:
    def test_the_mean_is_a_reading_with_its_members_and_their_labels(self) -> None:
        series, filings = series_of(150, 140, 131)
        (reading,) = all_wanted(filings, series)
        assert reading.measurement.model_dump()["systolic_mmhg"] == Decimal(136)
        assert reading.derived_from == tuple(one.reading.id for one in filings[1:])
        said = reading.derivation
        assert said is not None
        assert said.rule == "blood_pressure_series"
        assert [(m.arm, m.posture, m.counted) for m in said.members] == [
            ("left", "seated", False),
            ("left", "seated", True),
            ("left", "seated", True),
        ]
        assert said.deviation == {
            "systolic_mmhg": Decimal("6.4"),
            "diastolic_mmhg": Decimal("0.0"),
            "pulse_per_minute": Decimal("0.0"),
        }
        assert Reading.model_validate_json(reading.model_dump_json()) == reading

    def test_the_same_members_give_the_same_reading_and_other_labels_another(self) -> None:
        series, filings = series_of(150, 140)
        (once,), (again,) = all_wanted(filings, series), all_wanted(filings, series)
        assert once == again
        by_id = {one.reading.id: one for one in filings}
        for reading in by_id:
            series = the.relabel(series, reading, by_id, arm="right", posture="seated")
        (other,) = all_wanted(filings, series)
        assert other.id != once.id

    def test_there_is_none_before_every_member_is_accepted(self) -> None:
        series, filings = series_of(150, 140)
        assert all_wanted([filings[0], in_state(filings[1], "to_review")], series) == []


class Book:
    """A journal reduced to states and revisions, under the journal's own tables."""

    def __init__(self) -> None:
        self.filings: dict[UUID, Filing] = {}

    def put(self, filing: Filing) -> None:
        self.filings[filing.reading.id] = filing

    def settle(self, *series: Series, visit: str = "v1") -> list[Change]:
        here = [one for one in self.filings.values() if one.attribution.visit == visit]
        should = all_wanted(here, *series, known_height=RECORD)
        known = {one.reading.id: one for one in here if one.reading.source == "derived"}
        for reading in should:
            if reading.id in self.filings:
                known[reading.id] = self.filings[reading.id]
        done = changes(visit, should, known.values(), LATER)
        for change in done:
            self.apply(change)
        return done

    def apply(self, change: Change) -> None:
        identity = change.filing.reading.id
        if change.is_new:
            assert change.state in FIRST
            assert identity not in self.filings
        else:
            before = self.filings[identity]
            revised = change.filing.attribution.revision == before.attribution.revision + 1
            table = BY_REVISION if revised else BY_WORD
            assert change.state in table[before.state]
        self.put(in_state(change.filing, change.state))

    def derived(self) -> dict[UUID, State]:
        return {
            one.reading.id: one.state
            for one in self.filings.values()
            if one.reading.source == "derived"
        }


class TestChanges:
    def test_a_member_that_falls_takes_the_derived_reading_with_it_and_brings_it_back(self) -> None:
        book, scale = Book(), filed(weight("81"))
        book.put(scale)
        book.settle()
        ((derived, state),) = book.derived().items()
        assert state == "accepted"
        assert book.settle() == []
        book.put(in_state(book.filings[derived], "filed"))
        book.put(in_state(scale, "withdrawn"))
        (dropped,) = book.settle()
        assert (dropped.state, dropped.filing.attribution.action) == ("withdrawn", "withdraw")
        assert dropped.filing.attribution.reason == "superseded"
        assert book.settle() == []
        book.put(scale)
        (back,) = book.settle()
        assert (back.state, back.filing.attribution.revision) == ("accepted", 3)

    def test_a_retake_supersedes(self) -> None:
        book = Book()
        book.put(filed(weight("81")))
        book.settle()
        book.put(filed(weight("80"), at=START + timedelta(minutes=3)))
        book.settle()
        assert sorted(book.derived().values()) == ["accepted", "withdrawn"]

    def test_a_persons_word_on_a_derived_reading_stands(self) -> None:
        book = Book()
        book.put(filed(weight("81")))
        book.settle()
        ((derived, _),) = book.derived().items()
        filing = book.filings[derived]
        by_hand = filing.attribution.model_copy(
            update={"author": "doctor", "revision": 2, "action": "withdraw"}
        )
        book.put(filing.model_copy(update={"state": "withdrawn", "attribution": by_hand}))
        assert book.settle() == []

    @pytest.mark.parametrize("first", ["v1", "v2"])
    def test_members_given_to_another_patient_take_it_along_whichever_visit_is_seen_first(
        self, first: str
    ) -> None:
        book = Book()
        members = [filed(weight("81")), filed(height("170"))]
        for one in members:
            book.put(one)
        book.settle()
        for one in members:
            moved = one.attribution.model_copy(update={"visit": "v2", "revision": 2})
            book.put(one.model_copy(update={"attribution": moved}))
        for visit in (first, "v2" if first == "v1" else "v1"):
            book.settle(visit=visit)
        ((derived, state),) = book.derived().items()
        assert (state, book.filings[derived].attribution.visit) == ("accepted", "v2")
        assert book.filings[derived].attribution.author == DERIVER

    def test_what_cannot_be_is_not_derived_though_each_member_can(self) -> None:
        assert all_wanted([filed(weight("12")), filed(height("190"))]) == []
        assert all_wanted([filed(weight("72")), filed(height("190"))]) != []


class TestSilentRecord:
    """Nobody knows what the record knows of the patient: after a restart, or before the dossier has answered."""

    def stands(self, *beside: Filing, state: State = "filed") -> tuple[Filing, Reading | None]:
        scale = filed(weight("81"))
        (reading,) = all_wanted([scale], known_height=RECORD)
        (change,) = changes("v1", [reading], [], LATER)
        index_ = in_state(change.filing, state)
        return index_, of_record([scale, index_, *beside])

    @pytest.mark.parametrize("state", ["accepted", "published", "filed", "refused"])
    def test_an_index_of_the_records_height_stands(self, state: State) -> None:
        filing, kept = self.stands(state=state)
        assert kept == filing.reading

    @pytest.mark.parametrize("state", ["withdrawn", "rejected", "invalid"])
    def test_what_was_dropped_is_not_brought_back(self, state: State) -> None:
        assert self.stands(state=state)[1] is None

    @pytest.mark.parametrize(
        "beside",
        [
            weight("80"),
            height("170"),
            BodyMassIndex(kilograms_per_square_metre=Decimal("24.9")),
        ],
    )
    def test_what_came_after_it_takes_its_place(self, beside: Measurement) -> None:
        assert self.stands(filed(beside, at=START + timedelta(minutes=2)))[1] is None

    def test_it_falls_with_its_weight(self) -> None:
        filing, _ = self.stands()
        assert of_record([in_state(filed(weight("81")), "withdrawn"), filing]) is None

    def test_one_of_the_visits_own_height_is_none_of_it(self) -> None:
        scale, rod = filed(weight("81")), filed(height("170"))
        (reading,) = all_wanted([scale, rod])
        (change,) = changes("v1", [reading], [], LATER)
        assert of_record([scale, in_state(rod, "withdrawn"), change.filing]) is None


STATES: list[State] = ["to_review", "accepted", "published", "filed", "rejected", "withdrawn"]


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(STATES)), max_size=25))
def test_what_stands_is_always_derived_from_what_stands(acts: list[tuple[int, State]]) -> None:
    series, pressures = series_of(150, 140, 130)
    members = [*pressures, filed(weight("81")), filed(height("170"))]
    book = Book()
    for one in members:
        book.put(one)
    book.settle(series)
    for number, state in acts:
        book.put(in_state(members[number], state))
        book.settle(series)
        assert book.settle(series) == []
        for identity, stands in book.derived().items():
            if stands == "withdrawn":
                continue
            for member in book.filings[identity].reading.derived_from:
                held = book.filings.get(member)
                assert held is None or held.state in {"accepted", "published", "filed"}
