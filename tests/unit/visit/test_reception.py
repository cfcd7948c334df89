"""Reception: a scan proposes, a person decides, and nothing waits for ever."""

from __future__ import annotations

import asyncio
from datetime import date
from uuid import uuid4

import pytest

from devicehub.testing.reader_body import ALICE, BRUNO, ins_code
from devicehub.visit import reception as reception_module
from devicehub.visit.ins import INS_NIR
from devicehub.visit.patient import PatientIdentity
from devicehub.visit.reader import LINE
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
from devicehub.visit.scan import LONGEST

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
        self.asked: asyncio.Event | None = None
        self.answer: asyncio.Event | None = None
        self.waiting = Waiting()
        self.changed = asyncio.Event()
        doors = Doors(
            planned=self._planned,
            open_visit=self._open,
            visit=lambda: self.visit,
            present=lambda: self.present,
            show=self._show,
        )
        self.reception = Reception(doors, simulation=simulation, opens_visit=opens_visit)

    @property
    def proposed(self) -> Proposal:
        assert self.waiting.proposal is not None
        return self.waiting.proposal

    async def scan(self, code: bytes | str) -> None:
        line = code if isinstance(code, bytes) else code.encode()
        await self.reception.scan(line + b"\r")

    async def _planned(self, visit: str) -> PatientIdentity:
        if self.asked is not None and self.answer is not None:
            self.asked.set()
            await self.answer.wait()
        if visit == PLANNED:
            return BRUNO
        if visit == UNREACHED:
            raise DossierSilent("le dossier ne répond pas")
        raise VisitOver if visit == OVER else NoSuchVisit

    async def _open(self, proposal: Proposal, closes: str | None, author: str) -> None:
        if self.silent:
            raise NotOpened("le dossier ne répond pas")
        if self.visit not in {None, closes}:
            raise NotOpened("une autre visite vient d'être ouverte")
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
    await hub.reception.open(hub.proposed.id, author="page", closes=hub.visit)
    assert hub.opened[-1] == (BRUNO, None)
    assert hub.authors == ["reader", "page"], "the audit tells who opened which"


@pytest.mark.parametrize("shown", ["v-before", "", None])
async def test_who_looks_at_another_visit_or_none_opens_nobody(shown: str | None) -> None:
    hub = Hub()
    await hub.scan(ins_code(BRUNO))
    hub.visit, hub.present = "v-opened-meanwhile", ALICE
    proposed = hub.proposed
    with pytest.raises(NotOpened, match="une autre visite"):
        await hub.reception.open(proposed.id, author="page", closes=shown)
    assert hub.opened == []
    assert hub.waiting == Waiting(proposal=proposed), "it can be opened from the page as it is now"
    await hub.reception.open(proposed.id, author="page", closes="v-opened-meanwhile")
    assert hub.opened == [(BRUNO, None)]


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


async def test_a_patients_card_is_refused_in_simulation_and_withdraws_who_was_proposed() -> None:
    assert ALICE.ins is not None
    hub = Hub(simulation=True, opens_visit=False)
    await hub.scan(ins_code(ALICE))
    real = ALICE.model_copy(update={"ins": ALICE.ins.model_copy(update={"oid": INS_NIR})})
    await hub.scan(ins_code(real))
    assert hub.waiting == Waiting(notice="real_card")


@pytest.mark.parametrize("size", [1, 61, 5000])
@pytest.mark.parametrize("length", [LONGEST, 704, 3 * LONGEST])
async def test_a_scan_too_long_withdraws_who_was_proposed(length: int, size: int) -> None:
    hub = Hub()
    framer = LINE.framer()
    for sent, proposed in (
        (ins_code(ALICE) + b"\r", ALICE),
        (b"X" * length + b"\r\n", None),
        (ins_code(BRUNO) + b"\r\n", BRUNO),
    ):
        for at in range(0, len(sent), size):
            for line in framer.feed(sent[at : at + size]):
                await hub.reception.scan(line)
        held = hub.waiting.proposal
        assert (held and held.identity) == proposed
        assert hub.waiting.notice == (None if proposed else "unknown_code")


async def test_a_scan_without_an_end_withdraws_too_once_it_is_too_long() -> None:
    hub = Hub()
    await hub.scan(ins_code(ALICE))
    for line in LINE.framer().feed(b"X" * (LONGEST + 1)):
        await hub.reception.scan(line)
    assert hub.waiting == Waiting(notice="unknown_code")


async def test_while_the_dossier_is_asked_the_one_before_is_not_offered() -> None:
    hub = Hub()
    await hub.scan(ins_code(ALICE))
    before = hub.proposed.id
    hub.asked, hub.answer = asyncio.Event(), asyncio.Event()
    asking = asyncio.create_task(hub.scan(PLANNED))
    async with asyncio.timeout(PATIENCE):
        await hub.asked.wait()
    assert hub.waiting.proposal is None
    with pytest.raises(NotProposed):
        await hub.reception.open(before, author="page")
    hub.answer.set()
    await asking
    assert hub.proposed.identity == BRUNO


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
