"""Pairing, bonds and bindings at the command line: wrong usage is told in words, never waited out."""

from __future__ import annotations

from pathlib import Path

import pytest

from devicehub.cli import main
from devicehub.cli.at_radio import _ask_passkey
from devicehub.cli.common import ENVIRONMENT, FAULT, USAGE, WELL
from devicehub.devices.bonds import Bonds
from devicehub.transport.hands import station_now

ROOM = '[station]\nid = "room-1"\nsite = "practice"\ndata = "data"\n'
ADDRESS = "C0:00:00:00:00:01"
RADIO = "virtual:tcp-client:127.0.0.1:1"


@pytest.mark.parametrize("command", [("pair", "zz"), ("bonds", "forget", "zz")])
def test_no_address_is_wrong_usage_at_once(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(command)
    assert end.value.code == USAGE
    assert "'zz' n'est pas une adresse Bluetooth" in capsys.readouterr().err


def test_a_bond_that_nobody_would_keep_is_not_made(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pair", "--radio", RADIO, ADDRESS]) == USAGE
    assert "without --config nobody would keep the bond" in capsys.readouterr().err


def test_bonds_without_a_configuration_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bonds"]) == USAGE
    assert "--config" in capsys.readouterr().err


def test_the_bonds_are_those_of_the_configuration_that_is_here(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "devicehub.toml").write_text(ROOM + f'[bluetooth]\nradio = "{RADIO}"\n', "utf-8")
    monkeypatch.chdir(tmp_path)
    Bonds(tmp_path / "data" / "bonds.json").used(
        "00:00:5E:00:53:09", ADDRESS, "Cuff", station_now()
    )
    assert main(["bonds"]) == WELL
    assert f"{ADDRESS}  Cuff" in capsys.readouterr().out
    assert main(["bonds", "forget", ADDRESS]) == ENVIRONMENT
    assert "127.0.0.1:1" in capsys.readouterr().err, "the configured radio, which is not there"


@pytest.mark.parametrize("command", [("bonds",), ("bonds", "forget", ADDRESS)])
def test_without_a_configuration_it_says_what_to_give_in_french_first(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(command) == USAGE
    said = capsys.readouterr().err
    assert 0 <= said.find("nommez la configuration du poste") < said.find("name the station's")
    assert "--config" in said


@pytest.mark.parametrize(
    "command",
    [
        ("run",),
        ("dossier",),
        ("dossier", "show"),
        ("broker",),
        ("bonds",),
        ("pair", ADDRESS),
        ("bonds", "forget", ADDRESS),
        ("devices", "list"),
        ("devices", "bind"),
        ("operators", "list"),
        ("audit", "verify"),
    ],
)
def test_a_configuration_that_is_not_there_has_one_exit_status(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: tuple[str, ...]
) -> None:
    assert main([*command, "--config", str(tmp_path / "no.toml")]) == ENVIRONMENT
    assert "no.toml" in capsys.readouterr().err


def test_a_device_bound_to_the_wrong_driver_ends_in_words(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "devicehub.toml"
    device = '[[device]]\nid = "a"\nname = "A"\nport = "/dev/ttyS0"\ndriver = "sig_thermometer"\n'
    path.write_text(ROOM + device, "utf-8")
    assert main(["config", "check", str(path)]) == FAULT
    assert f"{path}:9: device[0].driver: " in capsys.readouterr().out
    assert main(["run", "--config", str(path)]) == ENVIRONMENT
    assert f"{path}:9: device[0].driver: " in capsys.readouterr().err


def test_a_port_that_is_bound_already_is_told_with_its_owner(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "devicehub.toml"
    scale = '[[device]]\nid = "scale"\nname = "Scale"\nport = "/dev/ttyS97"\ndriver = "mt_sics"\n'
    path.write_text(ROOM + scale + '[reader]\nport = "/dev/ttyS98"\n', "utf-8")
    for port, owner in (
        ("/dev/ttyS97", "the device scale"),
        ("/dev/ttyS98", "the identity reader"),
    ):
        assert main(["devices", "bind", "--port", port, "--config", str(path)]) == ENVIRONMENT
        said = capsys.readouterr().err
        assert f"already bound to {owner}" in said
        assert "plug the device in" not in said


@pytest.mark.parametrize(
    ("typed", "taken"), [(["abc", "12", "012 345"], 12345), ([""], None), ([], None)]
)
async def test_only_six_digits_are_taken_and_anything_else_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, typed: list[str], taken: int | None
) -> None:
    answers = iter(typed)

    def terminal(_question: str) -> str:
        try:
            return next(answers)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", terminal)
    assert await _ask_passkey(ADDRESS) == taken
    assert list(answers) == []
