"""A store in a file of its own, and readings to file in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest

from devicehub.delivery.examples import NOON, READING
from devicehub.delivery.wire import Item
from devicehub.dossier.filing import Arrival
from devicehub.dossier.store import DossierStore
from devicehub.dossier.visits import NewVisit
from devicehub.journal.records import Attribution
from devicehub.visit.patient import PatientIdentity

ALICE = PatientIdentity(family_name="TEST", given_name="Alice", born=date(1970, 1, 1), sex="F")


def reading_id(number: int) -> UUID:
    return uuid5(READING.id, str(number))


def opened(store: DossierStore, who: PatientIdentity | str = ALICE) -> str:
    """A new visit, open in room-1."""
    return store.make_visit(NewVisit(who=who, station="room-1"), actor="test")[0].known.visit


@pytest.fixture
def open_visit(store: DossierStore) -> Callable[..., str]:
    """Opens a new visit in room-1, for Alice or whom it is told."""
    return partial(opened, store)


@pytest.fixture
def alice() -> PatientIdentity:
    return ALICE


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DossierStore]:
    with DossierStore(tmp_path / "dossier.sqlite") as opened:
        yield opened


@pytest.fixture
def visit(store: DossierStore) -> str:
    return opened(store)


@pytest.fixture
def arrive() -> Callable[..., Arrival]:
    """An arrival from station room-1: reading ``number``, ``changes`` to it, ``attribution`` likewise."""

    def make(
        visit: str | None,
        number: int = 0,
        revision: int = 1,
        *,
        changes: dict[str, Any] | None = None,
        claimed: str = "room-1",
        **attribution: Any,
    ) -> Arrival:
        reading = READING.model_copy(update={"id": reading_id(number), **(changes or {})})
        fields = {"reading": reading.id, "author": "station", "at": NOON, **attribution}
        return Arrival(
            site="practice",
            station="room-1",
            claimed=claimed,
            item=Item(
                reading=reading,
                attribution=Attribution(visit=visit, revision=revision, **fields),
            ),
        )

    return make
