"""Reception: a scan proposes, a person decides, and nothing waits for ever."""

from __future__ import annotations

import asyncio
from datetime import date
from uuid import uuid4

import pytest

from devicehub.testing.reader_body import ALICE, BRUNO, ins_code
from devicehub.visit import reception as reception_module
from devicehub.visit.patient import PatientIdentity
from devicehub.visit.reception import (
    Doors,
    DossierSilent,
    NoSuchVisit,
    NotOpened,
    NotProposed,
    Proposal,
    Reception,
    VisitOver,
    Waiting,
)

PLANNED, OVER, UNREACHED = "v-" + "a" * 20, "v-" + "b" * 20, "v-" + "c" * 20
PATIENCE = 10.0


class Hub:
    """The desk, the dossier and the page, as reception knows them."""

    def __init__(self, *, opens_visit: bool = False, simulation: bool = True) -> None:
        self.present: PatientIdentity | None = None
        self.visit: str | None = None
        self.opened: list[tuple[PatientIdentity, str | None]] = []
        self.authors: list[str] = []
        self.silent = False
        self.waiting = Waiting()
        self.changed = asyncio.Event()
        doors = Doors(
            planned=self._planned,
            open_visit=self._open,
            visit=lambda: self.visit,
            present=lambda: self.present,
            show=self._show,
        )
        self.reception = Reception(doors, accepts_test_cards=simulation, opens_visit=opens_visit)

    @property
    def proposed(self) -> Proposal:
        assert self.waiting.proposal is not None
        return self.waiting.proposal

    async def scan(self, code: bytes | str) -> None:
        line = code if isinstance(code, bytes) else code.encode()
        await self.reception.scan(line + b"\r")

    async def _planned(self, visit: str) -> PatientIdentity:
        if visit == PLANNED:
            return BRUNO
        if visit == UNREACHED:
            raise DossierSilent("le dossier ne répond pas")
        raise VisitOver if visit == OVER else NoSuchVisit

    async def _open(self, proposal: Proposal, author: str) -> None:
        if self.silent:
            raise NotOpened("le dossier ne répond pas")
        self.authors.append(author)
        self.opened.append((proposal.identity, proposal.visit))
        self.present = proposal.identity
        self.visit = proposal.visit or "v-of-its-own"

    def _show(self, waiting: Waiting) -> None:
        self.waiting = waiting
        self.changed.set()


@pytest.mark.parametrize("born", [date(2990, 1, 1), date(1850, 1, 1)])
async def test_a_code_with_a_birth_date_that_cannot_be_proposes_nobody(born: date) -> None:
    hub = Hub()
    await hub.scan(ins_code(ALICE.model_copy(update={"born": born})))
    assert (hub.waiting.proposal, hub.waiting.notice) == (None, "damaged")


async def test_a_scan_proposes_and_a_person_opens() -> None:
    hub = Hub()
    await hub.scan(ins_code(ALICE))
    assert hub.proposed.identity == ALICE
    assert hub.opened == [], "never by itself"
    await hub.reception.open(hub.proposed.id, author="page")
    assert hub.opened == [(ALICE, None)]
    assert hub.waiting == Waiting()


async def test_the_newest_scan_is_meant() -> None:
    hub = Hub()
    await hub.scan(ins_code(ALICE))
    first = hub.proposed.id
    await hub.scan(ins_code(BRUNO))
    assert hub.proposed.identity == BRUNO
    with pytest.raises(NotProposed):
        await hub.reception.open(first, author="page")
    await hub.scan("garbage")
    assert (hub.waiting.proposal, hub.waiting.notice) == (None, "unknown_code")
    assert hub.opened == []


async def test_ignored_is_forgotten() -> None:
    hub = Hub()
    await hub.scan(ins_code(ALICE))
    proposal = hub.proposed.id
    hub.reception.ignore(proposal)
    assert hub.waiting == Waiting()
    with pytest.raises(NotProposed):
        hub.reception.ignore(proposal)
    with pytest.raises(NotProposed):
        await hub.reception.open(uuid4(), author="page")


@pytest.mark.parametrize("code", [ins_code(ALICE), b"garbage"])
async def test_nothing_waits_for_ever(code: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception_module, "PROPOSAL_SECONDS", 0.0)
    monkeypatch.setattr(reception_module, "NOTICE_SECONDS", 0.0)
    hub = Hub()
    await hub.scan(code)
    assert hub.waiting != Waiting()
    hub.changed.clear()
    await asyncio.wait_for(hub.changed.wait(), PATIENCE)
    assert hub.waiting == Waiting()


async def test_who_is_there_already_is_not_opened_again() -> None:
    hub = Hub(opens_visit=True)
    await hub.scan(ins_code(ALICE))
    await hub.scan(ins_code(ALICE))
    assert hub.opened == [(ALICE, None)]
    assert hub.waiting.notice == "same_patient"


async def test_the_code_of_the_open_visit_changes_nothing() -> None:
    hub = Hub(opens_visit=True)
    await hub.scan(PLANNED)
    await hub.scan(PLANNED)
    assert hub.opened == [(BRUNO, PLANNED)]
    assert hub.waiting.notice == "same_patient"


async def test_who_shares_every_trait_may_be_somebody_else() -> None:
    hub = Hub(opens_visit=True)
    hub.visit, hub.present = "v-typed", ALICE.model_copy(update={"ins": None})
    await hub.scan(ins_code(ALICE))
    assert hub.proposed.identity == ALICE, "a person decides"
    assert hub.opened == []


async def test_an_opening_reader_closes_nobodys_visit() -> None:
    hub = Hub(opens_visit=True)
    await hub.scan(ins_code(ALICE))
    await hub.scan(ins_code(BRUNO))
    assert hub.opened == [(ALICE, None)]
    assert hub.proposed.identity == BRUNO, "only a person closes a visit"
    await hub.reception.open(hub.proposed.id, author="page")
    assert hub.opened[-1] == (BRUNO, None)
    assert hub.authors == ["reader", "page"], "the audit tells who opened which"


@pytest.mark.parametrize("opens_visit", [False, True])
async def test_a_silent_dossier_loses_no_proposal(opens_visit: bool) -> None:
    hub = Hub(opens_visit=opens_visit)
    hub.silent = True
    await hub.scan(ins_code(ALICE))
    with pytest.raises(NotOpened, match="ne répond pas"):
        await hub.reception.open(hub.proposed.id, author="page")
    hub.silent = False
    await hub.reception.open(hub.proposed.id, author="page")
    assert hub.opened == [(ALICE, None)]


@pytest.mark.parametrize(
    ("visit", "notice"),
    [(OVER, "visit_over"), (UNREACHED, "dossier_silent"), ("v-" + "d" * 20, "unknown_visit")],
)
async def test_a_visit_that_cannot_be_opened_says_why(visit: str, notice: str) -> None:
    hub = Hub(opens_visit=True)
    await hub.scan(visit)
    assert hub.waiting == Waiting(notice=notice)  # type: ignore[arg-type]
    assert hub.opened == []


async def test_a_planned_visit_is_opened_under_its_own_id() -> None:
    hub = Hub()
    await hub.scan(PLANNED)
    assert hub.proposed.identity == BRUNO, "the dossier says who it is"
    await hub.reception.open(hub.proposed.id, author="page")
    assert hub.opened == [(BRUNO, PLANNED)]


async def test_a_test_card_is_refused_where_patients_are_real() -> None:
    hub = Hub(simulation=False, opens_visit=True)
    await hub.scan(ins_code(ALICE))
    assert hub.waiting == Waiting(notice="test_card")
    assert hub.opened == []


async def test_a_lost_reader_is_said_beside_what_waits() -> None:
    hub = Hub()
    await hub.scan(ins_code(ALICE))
    hub.reception.reader("débranché")
    assert hub.waiting.reader_lost == "débranché"
    assert hub.proposed.identity == ALICE
    hub.reception.reader(None)
    assert hub.waiting.reader_lost is None


def test_the_same_person_beyond_doubt() -> None:
    typed = PatientIdentity(family_name="TEST", given_name="ALICE", born=date(1970, 1, 1), sex="F")
    assert not typed.is_also(ALICE)
    assert ALICE.is_also(ALICE)
    namesake = ALICE.model_copy(update={"ins": BRUNO.ins})
    assert not ALICE.is_also(namesake)
    assert not ALICE.is_also(BRUNO)
