"""The inventory of bonds: durable, one entry a radio and device, and no key in it."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from devicehub.devices.bonds import Bonds

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
LATER = NOW + timedelta(days=3)
ONE, TWO = "00:11:22:33:44:01", "00:11:22:33:44:02"
CUFF = "C0:00:00:00:00:01"


def test_a_bond_is_kept_with_when_it_was_made_and_served(tmp_path: Path) -> None:
    file = tmp_path / "station" / "bonds.json"
    assert Bonds(file).all() == []
    Bonds(file).used(ONE, CUFF.lower(), "Tensiomètre", NOW)
    Bonds(file).used(ONE, CUFF, "Tensiomètre", LATER)
    Bonds(file).used(TWO, CUFF, "Tensiomètre", LATER)
    first, second = Bonds(file).of(CUFF)
    assert (first.radio, first.made, first.used, first.lost) == (ONE, NOW, LATER, None)
    assert (second.radio, second.made) == (TWO, LATER)
    if os.name == "posix":
        assert file.stat().st_mode & 0o777 == 0o600


def test_a_lost_bond_stays_until_it_is_forgotten_or_serves_again(tmp_path: Path) -> None:
    bonds = Bonds(tmp_path / "bonds.json")
    bonds.used(ONE, CUFF, "Tensiomètre", NOW)
    bonds.lost(ONE, CUFF, "Tensiomètre", LATER)
    bonds.lost(ONE, CUFF, "Tensiomètre", LATER + timedelta(days=1))
    assert [bond.lost for bond in bonds.all()] == [LATER]
    bonds.used(ONE, CUFF, "Tensiomètre", LATER + timedelta(days=2))
    assert [(bond.made, bond.lost) for bond in bonds.all()] == [(NOW, None)]
    bonds.forget(ONE, CUFF)
    assert bonds.all() == []
