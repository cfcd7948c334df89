"""A device's secrets: what the practice gives outranks what was kept, and is written nowhere."""

from pathlib import Path

from devicehub.devices.keyring import Keyring


def test_what_is_kept_outlives_the_program(tmp_path: Path) -> None:
    Keyring(tmp_path, "scale")["password"] = b"1234"
    assert dict(Keyring(tmp_path, "scale")) == {"password": b"1234"}


def test_what_the_practice_gives_outranks_it_and_is_not_written(tmp_path: Path) -> None:
    Keyring(tmp_path, "scale")["pin"] = b"old"
    keyring = Keyring(tmp_path, "scale", {"pin": b"given", "bind_key": b"\1" * 16})
    keyring["token"] = b"learnt"
    assert dict(keyring) == {"pin": b"given", "bind_key": b"\1" * 16, "token": b"learnt"}
    assert len(keyring) == 3
    assert dict(Keyring(tmp_path, "scale")) == {"pin": b"old", "token": b"learnt"}
