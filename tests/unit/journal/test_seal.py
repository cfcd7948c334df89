"""The seal on an identity: what opens it, and what is said where its key is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from devicehub.journal.seal import Seal, SealBroken

IDENTITY = b'{"family_name": "TEST"}'


def test_only_its_own_key_and_visit_open_it(tmp_path: Path) -> None:
    seal = Seal(tmp_path / "identity.key")
    sealed = seal.seal(IDENTITY, "v-1")
    assert Seal(tmp_path / "identity.key").open(sealed, "v-1") == IDENTITY
    with pytest.raises(SealBroken):
        seal.open(sealed, "v-2")
    other = Seal(tmp_path / "other.key")
    other.seal(IDENTITY, "v-1")
    with pytest.raises(SealBroken, match=r"other\.key"):
        other.open(sealed, "v-1")


def test_a_missing_key_is_asked_for_and_none_is_put_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    seal = Seal(path)
    sealed = seal.seal(IDENTITY, "v-1")
    key = path.read_bytes()
    path.unlink()
    with pytest.raises(SealBroken, match=r"remettez celle de ce journal.*put back this journal's"):
        seal.open(sealed, "v-1")
    assert not path.exists()
    path.write_bytes(key)
    assert seal.open(sealed, "v-1") == IDENTITY


def test_a_damaged_key_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "identity.key"
    path.write_bytes(b"short")
    with pytest.raises(SealBroken):
        Seal(path).seal(IDENTITY, "v-1")
    assert path.read_bytes() == b"short"
