"""The ``devicehub`` command: what it prints, its exit status, and that it starts without loading the house."""

import argparse
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devicehub.cli import main, make_parser
from devicehub.cli.common import ENVIRONMENT, FAULT, USAGE, WELL
from devicehub.devices import registry

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config" / "devicehub.example.toml"
PRESSURE = "00 78 00 50 00 5d 00"  # 120/80 (93) mmHg
CUT = "00 78 00 50"


def commands(
    parser: argparse.ArgumentParser, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser, str | None]]:
    """Every command and every command of a command, with what its group says of it."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            said = {choice.dest: choice.help for choice in action._choices_actions}
            for name, child in action.choices.items():
                yield (*words, name), child, said.get(name)
                yield from commands(child, (*words, name))


ALL = list(commands(make_parser()))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of one command."""
    try:
        status = main(arguments)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else FAULT
    said = capsys.readouterr()
    return status, said.out, said.err


# ------------------------------------------------------------------------------------- help


def test_the_commands_are_those_of_the_manual() -> None:
    assert [" ".join(words) for words, _, _ in ALL] == [
        "demo",
        "run",
        "dossier",
        "dossier show",
        "broker",
        "config",
        "config check",
        "wire",
        "simulate",
        "scan",
        "record",
        "replay",
        "devices",
        "devices list",
        "devices bind",
        "pair",
        "bonds",
        "bonds forget",
        "drivers",
        "drivers list",
        "drivers show",
        "drivers decode",
        "drivers new",
        "drivers adopt",
        "drivers check",
        "drivers docs",
        "ecg",
        "ecg check",
        "operators",
        "operators list",
        "operators add",
        "operators remove",
        "metrology",
        "metrology record",
        "metrology list",
        "metrology export",
        "audit",
        "audit verify",
        "audit export",
    ]


@pytest.mark.parametrize("words", [words for words, _, _ in ALL], ids=" ".join)
def test_every_command_explains_itself(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, *words, "--help")
    assert (status, err) == (WELL, "")
    assert out.startswith(f"usage: devicehub {words[0]}")


@pytest.mark.parametrize(("words", "parser", "said"), ALL, ids=[" ".join(w) for w, _, _ in ALL])
def test_every_command_and_every_argument_has_its_word(
    words: tuple[str, ...], parser: argparse.ArgumentParser, said: str | None
) -> None:
    assert said
    for action in parser._actions:
        assert action.help or isinstance(action, argparse._SubParsersAction), action


def test_help_loads_none_of_the_heavy_libraries() -> None:
    """`-X importtime` writes one line for each module that is loaded; it is no measurement of time here."""
    told = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "devicehub", "--help"],
        check=True,
        capture_output=True,
        text=True,
    ).stderr
    loaded = {line.rpartition("|")[2].strip() for line in told.splitlines()}
    assert "devicehub.cli" in loaded
    heavy = {"pydantic", "bleak", "bumble", "starlette", "sqlalchemy", "httpx", "paho", "jinja2"}
    assert not heavy & {name.partition(".")[0] for name in loaded}
    ours = {name for name in loaded if name.startswith("devicehub.")}
    assert {name for name in ours if not name.startswith("devicehub.cli")} == set()


def test_a_station_loads_neither_the_dossiers_store_nor_the_virtual_radio() -> None:
    """Memory: SQLAlchemy is the dossier's alone, bumble the demo's and the tests'."""
    told = "import sys, devicehub.app; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", told], check=True, capture_output=True, text=True
    ).stdout.split()
    assert not {"sqlalchemy", "bumble"} & set(loaded)


@pytest.mark.parametrize("words", [(), ("drivers",), ("config",), ("nonsense",), ("run", "--no")])
def test_wrong_usage_is_told_with_the_usage(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, *words)
    assert status == USAGE
    assert "usage: devicehub" in out + err


# ---------------------------------------------------------------------------------- drivers


def test_drivers_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "drivers", "list", "--json")
    listed = [json.loads(line) for line in out.splitlines()]
    assert status == WELL
    assert {"sig_blood_pressure", "sig_thermometer", "mt_sics"} <= {one["id"] for one in listed}
    for about in listed:
        status, out, _ = run(capsys, "drivers", "show", about["id"], "--json")
        assert (status, json.loads(out)) == (WELL, about)
        status, out, _ = run(capsys, "drivers", "show", about["id"])
        assert status == WELL
        assert about["models"][0] in out
        assert about["models"][0] in run(capsys, "drivers", "list")[1]


@pytest.fixture
def broken_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A driver's module that cannot be imported, installed as any package is."""
    about = tmp_path / "acme_broken-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-broken\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[devicehub.drivers]\nacme = acme_broken\n")
    module = tmp_path / "acme_broken" / "acme_lamp.py"
    module.parent.mkdir()
    (module.parent / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "acme_broken", raising=False)
    registry.installed.cache_clear()
    yield module
    registry.installed.cache_clear()


@pytest.mark.parametrize(
    ("text", "words"),
    [("\nDRIVER = BleDriver()\n", ":2: NameError"), ("DRIVER = (\n", ":1: SyntaxError")],
)
def test_a_driver_that_cannot_be_imported_is_named_with_its_line(
    text: str, words: str, broken_package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken_package.write_text(text, encoding="utf-8")
    status, out, err = run(capsys, "drivers", "list")
    assert (status, out) == (ENVIRONMENT, "")
    assert f"{broken_package}{words}" in err


@pytest.mark.parametrize("verb", ["show", "decode"])
def test_an_unknown_driver_is_answered_with_the_nearest(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, "drivers", verb, "sig_blod_pressure")
    assert (status, out) == (USAGE, "")
    assert "did you mean sig_blood_pressure?" in err


@pytest.mark.parametrize(
    "arguments",
    [
        (PRESSURE,),
        ("--on", "2a35", PRESSURE),
        (PRESSURE, "--on", "2A35"),
        ("--model", "Blood Pressure Profile 1.1.1", PRESSURE),
        ("--secret", "bind=00ff", "--secret", "pin=31", PRESSURE),
    ],
    ids=" ".join,
)
def test_a_frame_is_decoded(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "drivers", "decode", "sig_blood_pressure", *arguments)
    (said,) = json.loads(out)
    assert (status, err) == (WELL, "")
    assert said["kind"] == "blood_pressure"
    assert (said["systolic_mmhg"], said["diastolic_mmhg"], said["mean_mmhg"]) == (120, 80, 93)
    assert {"device_time", "user_slot", "sequence", "stored", "mode", "said", "flags"} <= set(said)


def test_several_frames_may_follow_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(
        capsys, "drivers", "decode", "sig_blood_pressure", "--on", "2a35", PRESSURE, PRESSURE
    )
    assert (status, len(json.loads(out))) == (WELL, 2)


def test_what_is_not_understood_is_told_with_its_byte(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "drivers", "decode", "sig_blood_pressure", CUT)
    assert (status, out) == (FAULT, "")
    assert err.startswith("byte 4: ")  # the first that is missing
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [(), ("zz",), ("--secret", "bind=zz", PRESSURE), ("--on", "2a35")], ids=str
)
def test_what_is_no_frame_at_all_is_wrong_usage(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, "drivers", "decode", "sig_blood_pressure", *arguments)
    assert (status, out) == (USAGE, "")
    assert err.startswith("devicehub drivers decode: ")


def test_lines_are_answered_in_order_in_both_forms(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = json.dumps({"model": "any", "secrets": {"bind": "00"}, "parts": [["2a35", PRESSURE]]})
    lines = [PRESSURE, CUT, f"2a35 {PRESSURE}", "zz", whole, "{}"]
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
    status, out, err = run(capsys, "drivers", "decode", "sig_blood_pressure", "--stdin")
    answers = [json.loads(line) for line in out.splitlines()]
    assert (status, err) == (WELL, "")
    assert [answer["ok"] for answer in answers] == [True, False, True, False, True, False]
    assert answers[0]["measurements"][0]["systolic_mmhg"] == 120
    assert isinstance(answers[1]["at"], int)
    assert answers[3]["at"] is None
    assert all(answer["error"] for answer in answers if not answer["ok"])


def test_a_decoder_answers_each_line_at_once() -> None:
    """A program on the other side of a pipe asks, reads, and asks again."""
    with subprocess.Popen(
        [sys.executable, "-m", "devicehub", "drivers", "decode", "sig_blood_pressure", "--stdin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as asked:
        assert asked.stdin is not None
        assert asked.stdout is not None
        for _ in range(3):
            asked.stdin.write(f"2a35 {PRESSURE}\n")
            assert json.loads(asked.stdout.readline())["ok"]
        asked.stdin.close()
        assert asked.wait(20) == WELL


# ---------------------------------------------------------------------------- config, wire


def test_the_example_configuration_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "config", "check", str(EXAMPLE))
    assert (status, "configuration utilisable, appareils : 3" in out) == (WELL, True)
    status, out, _ = run(capsys, "config", "check", str(EXAMPLE), "--lang", "en")
    assert (status, "usable configuration, devices: 3" in out) == (WELL, True)


def test_a_wrong_configuration_is_told_with_its_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    wrong = tmp_path / "devicehub.toml"
    wrong.write_text(EXAMPLE.read_text("utf-8").replace('listen = "127', 'lisen = "127', 1))
    line = next(n for n, text in enumerate(wrong.read_text().splitlines(), 1) if "lisen" in text)
    status, out, _ = run(capsys, "config", "check", str(wrong))
    assert status == FAULT
    assert f"{wrong}:{line}" in out
    assert "listen" in out
    for command in ("run", "dossier", "broker"):
        status, out, err = run(capsys, command, "--config", str(wrong))
        assert (status, out) == (ENVIRONMENT, "")
        assert f"{wrong}:{line}" in err


def test_a_configuration_without_the_table_that_is_run_says_which(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    empty = tmp_path / "devicehub.toml"
    empty.touch()
    for command, table in (("run", "[station]"), ("dossier", "[dossier_service]")):
        status, out, err = run(capsys, command, "--config", str(empty))
        assert (status, out) == (ENVIRONMENT, "")
        assert table in err
    status, out, err = run(capsys, "dossier", "show", "--config", str(empty))
    assert (status, out) == (ENVIRONMENT, "")
    assert "[dossier_service]" in err


def test_an_unknown_simulator_is_answered_with_the_nearest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, out, err = run(capsys, "simulate", "mt_sic")
    assert (status, out) == (USAGE, "")
    assert "did you mean mt_sics?" in err


def test_the_wire_documents_are_what_the_models_say(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(capsys, "wire", "--check", str(ROOT / "docs" / "wire")) == (WELL, "", "")
    folder = tmp_path / "wire"
    status, _, err = run(capsys, "wire", "--check", str(folder))
    assert (status, f"devicehub wire {folder}" in err) == (FAULT, True)
    assert run(capsys, "wire", str(folder)) == (WELL, "", "")
    assert run(capsys, "wire", "--check", str(folder)) == (WELL, "", "")
