"""Which state may follow which, and by whose word.

A person's word (`BY_WORD`) judges a reading where it stands. Delivery (`BY_DELIVERY`) moves what was
accepted. Only a new attribution (`BY_REVISION`) moves a reading to another visit, out of quarantine, or
takes back what the dossier may already hold: what was once accepted can be withdrawn, never forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from devicehub.journal.audit import Act
from devicehub.journal.failures import NotAllowed
from devicehub.journal.records import State

STATES: tuple[State, ...] = get_args(State)

Transitions = Mapping[State, frozenset[State]]

FIRST: frozenset[State] = frozenset({"quarantined", "to_review", "invalid", "accepted"})
"""The states a reading can be born in."""

ACCEPTED: frozenset[State] = frozenset({"accepted", "published", "filed"})
"""The states in which a reading stands for its visit and may be computed with: a person or the practice's rule has
accepted it, and the dossier has not refused it."""

WITHOUT_VISIT: frozenset[State] = frozenset({"quarantined", "discarded", "invalid", "withdrawn"})
"""The states in which a reading may belong to nobody."""

ACTS: Mapping[tuple[State, State], Act] = {
    ("quarantined", "discarded"): "discard",
    ("discarded", "quarantined"): "undo",
    ("to_review", "accepted"): "accept",
    ("to_review", "rejected"): "reject",
    ("rejected", "to_review"): "undo",
    ("accepted", "to_review"): "undo",
    ("refused", "accepted"): "retry",
}
"""What a person's word is called that leads from one state to another."""

BY_WORD: Transitions = {
    before: frozenset(after for start, after in ACTS if start == before) for before, _ in ACTS
}

BY_DELIVERY: Transitions = {
    "accepted": frozenset({"published", "filed", "refused", "accepted"}),
    "published": frozenset({"filed", "refused", "accepted"}),
}

BY_REVISION: Transitions = {
    "quarantined": frozenset({"quarantined", "to_review", "accepted", "invalid"}),
    "to_review": frozenset({"quarantined", "to_review", "accepted"}),
    "accepted": frozenset({"accepted", "withdrawn"}),
    "published": frozenset({"accepted", "withdrawn"}),
    "filed": frozenset({"accepted", "withdrawn"}),
    "refused": frozenset({"accepted", "withdrawn"}),
    "withdrawn": frozenset({"accepted", "withdrawn"}),
}


def check(table: Transitions, before: State, after: State) -> None:
    """Raises `NotAllowed`, with what would be possible, unless ``table`` leads from one to the other."""
    possible = table.get(before, frozenset())
    if after not in possible:
        others = ", ".join(sorted(possible)) or "nothing"
        raise NotAllowed(
            f"a reading that is {before} cannot become {after} so (possible: {others})"
        )
