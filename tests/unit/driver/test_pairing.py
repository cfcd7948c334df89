"""When a driver lets the hub pair by itself: the model's policy, and where that is not known the strictest."""

from dataclasses import replace

import pytest

from devicehub.driver import Pairing
from devicehub_drivers.sig_blood_pressure import DRIVER

(MODEL,) = DRIVER.models[:1]
MIXED = replace(
    DRIVER,
    models=tuple(replace(MODEL, name=policy.value, pairing=policy) for policy in Pairing),
    pairing_name="PAIR_",
)


@pytest.mark.parametrize(
    ("model", "name", "may"),
    [
        ("on_demand", "X", True),
        ("in_pairing_mode", "PAIR_X", True),
        ("in_pairing_mode", "X", False),
        ("in_pairing_mode", None, False),
        ("by_hand", "PAIR_X", False),
        ("unheard of", "PAIR_X", False),
        (None, "PAIR_X", False),
    ],
)
def test_the_models_policy_decides(model: str | None, name: str | None, may: bool) -> None:
    assert MIXED.may_pair(model, name) is may


def test_a_driver_that_says_nothing_pairs_on_demand() -> None:
    assert DRIVER.may_pair(None, None)
