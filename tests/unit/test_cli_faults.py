"""What a person mistypes at the command line is answered in words, with the right exit status, and writes nothing."""

import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devicehub.cli import main
from devicehub.cli.common import ENVIRONMENT, FAULT, USAGE, WELL
from devicehub.transport.tape import Capture, Header, Step, dump

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str]:
    """Exit status and standard error of a command that has nothing to print."""
    try:
        status = main([str(each) for each in arguments])
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else FAULT
    said = capsys.readouterr()
    assert said.out == ""
    assert "Errno" not in said.err
    assert "https://" not in said.err
    return status, said.err


def field_capture(folder: Path) -> Path:
    path = folder / "field.jsonl"
    header = Header(
        device="not named yet", driver="mt_sics", origin="hardware", recorded=NOW, hub="0.1.0"
    )
    step = Step(t=0.1, by="device", do="message", on="-", data=b"S S      72.40 kg\r\n")
    dump(Capture(path=path, header=header, steps=(step,)), path)
    return path


# ----------------------------------------------------------------------------- simulate, scan


def test_a_taken_port_is_told_with_the_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        hci = f"tcp-server:{place}"
        status, err = run(capsys, "simulate", "sig_blood_pressure", "--hci", hci)
        assert status == ENVIRONMENT
        assert place in err
        assert "--hci tcp-server:127.0.0.1:0" in err


def test_a_serial_device_needs_no_place_for_a_hub(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        hci = f"tcp-server:127.0.0.1:{taken.getsockname()[1]}"
        arguments = ("--hci", hci, "--every", "0.01", "--count", "1")
        assert main(["simulate", "mt_sics", *arguments]) == WELL
    assert "ready" in capsys.readouterr().out


@pytest.mark.parametrize(
    "hci",
    [
        "rubbish",
        "tcp-server:",
        "tcp-server:127.0.0.1:x",
        "tcp-server:127.0.0.1:70000",
        "unix-server:",
    ],
)
@pytest.mark.parametrize("device", ["sig_blood_pressure", "mt_sics"])
def test_a_place_for_a_hub_that_is_none_is_a_mistake(
    device: str, hci: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, err = run(capsys, "simulate", device, "--hci", hci)
    assert (status, "--hci" in err, "from 0" in err) == (USAGE, True, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("simulate", "mt_sics", "--count", "0"),
        ("simulate", "mt_sics", "--count", "-1"),
        ("simulate", "mt_sics", "--every", "-1"),
        ("simulate", "mt_sics", "--every", "inf"),
        ("simulate", "ads1298_bridge+LA:off@12-5"),
        ("scan", "--seconds", "nan"),
        ("scan", "--seconds", "-1"),
        ("scan", "--radio", "rubbish"),
        ("scan", "--radio", "virtual:"),
        ("drivers", "decode", "sig_blood_pressure", "00", "--stdin"),
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_wrong_usage(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    status, err = run(capsys, *arguments)
    assert status == USAGE
    assert err


@pytest.mark.parametrize(
    ("arguments", "french", "english"),
    [
        (("drivers", "show", "foo"), "aucun pilote ne s'appelle 'foo'", "no driver is called 'foo'"),
        (("devices", "bind", "--driver", "sig_thermometer"), "ne lit pas de ligne série", "not read serial"),
        (("drivers", "decode", "mt_sics", "zz"), "pas des octets en hexadécimal", "not bytes in hexadecimal"),
        (("simulate", "none.jsonl"), "ce fichier n'existe pas", "there is no such file"),
        (("record", "none/x.jsonl", "--port", "/dev/x", "--driver", "mt_sics"), "le dossier none n'existe pas",
         "there is no folder"),
        (("drivers", "new"), "il manque driver", "the following arguments are required"),
        (("nope",), "au choix :", "invalid choice"),
        (("scan", "--nope"), "inconnu ici : --nope", "unrecognized arguments"),
        (("devices", "bind", "--seconds"), "--seconds : la valeur manque", "expected one argument"),
        (("demo", "--room", "attic"), "--room : pas 'attic'", "invalid choice"),
        (("pair", "--seconds", "x", "00:00:5E:00:53:01"), "--seconds : 'x' n'a pas la forme voulue", "invalid"),
        (("scan", "--seconds", "x"), "donnez un nombre de secondes", "give a number of seconds"),
    ],
)  # fmt: skip
def test_what_is_mistyped_is_said_in_french_first(
    arguments: tuple[str, ...],
    french: str,
    english: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    status, err = run(capsys, *arguments)
    assert status == USAGE
    assert 0 < err.find(french) < err.find(english), err
    assert err.rstrip().endswith("--help)") == ("usage:" in err), "where it is explained"


# ----------------------------------------------------------------------------------- captures


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "no such file"), (b"", ":1: empty file"), (b"\xff\xfe\x00", ":1: not text in UTF-8")],
    ids=["missing", "empty", "binary"],
)
@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (("simulate",), (), USAGE),
        (("replay",), (), FAULT),
        (("drivers", "check"), (), USAGE),
        (("drivers", "adopt"), ("--device", "ACME 7"), USAGE),
    ],
    ids=["simulate", "replay", "check", "adopt"],
)
def test_a_capture_that_cannot_be_read_is_named(
    tmp_path: Path,
    before: tuple[str, ...],
    after: tuple[str, ...],
    expected: int,
    content: bytes | None,
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "field.jsonl"
    if content is not None:
        file.write_bytes(content)
    status, err = run(capsys, *before, file, *after)
    assert status == expected
    assert f"{file}" in err
    assert words in err


# ------------------------------------------------------------------------------------- record


def test_a_recording_that_never_began_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--port", "/dev/ttyNOPE", "--driver", "mt_sics", "--seconds", "1")
    for _ in range(2):
        status, err = run(capsys, "record", tmp_path / "x.jsonl", *arguments)
        assert (status, "ttyNOPE" in err) == (FAULT, True)
        assert list(tmp_path.iterdir()) == []


def test_a_recording_replaces_nothing_and_needs_its_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--port", "/dev/ttyNOPE", "--driver", "mt_sics")
    status, err = run(capsys, "record", tmp_path / "none" / "x.jsonl", *arguments)
    assert (status, "there is no folder" in err) == (USAGE, True)
    raw = tmp_path / "x.jsonl.unscrubbed"
    raw.write_text("kept")
    status, err = run(capsys, "record", tmp_path / "x.jsonl", *arguments)
    assert (status, str(raw) in err, raw.read_text()) == (USAGE, True, "kept")


# ------------------------------------------------------------------------------------ drivers


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--device", "ACME 7", "--driver", "nope"), "no driver is called 'nope'"),
        (("--device", " "), "--device is empty"),
        (("--device", "ACME 7", "--display", '{"kind":"wat"}'), "no measurement is called 'wat'"),
        (("--device", "ACME 7", "--display", "{}"), '"kind": missing'),
    ],
)
def test_what_cannot_be_adopted_writes_nothing(
    tmp_path: Path, arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    captures = tmp_path / "captures"
    field = field_capture(tmp_path)
    status, err = run(capsys, "drivers", "adopt", field, *arguments, "--captures", captures)
    assert (status, words in err) == (USAGE, True), err
    assert len(err.splitlines()) == 1
    assert not captures.exists()


@pytest.mark.parametrize("name", ["class", "none"])
def test_a_driver_is_not_called_as_a_word_of_python(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [
        word for each in ("drivers", "simulators", "captures") for word in (f"--{each}", tmp_path)
    ]
    status, err = run(capsys, "drivers", "new", name, "--kind", "cuff", *folders)
    assert (status, "word of Python" in err) == (USAGE, True)
    assert list(tmp_path.iterdir()) == []


def test_a_catalogue_needs_its_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "none" / "drivers.md"
    status, err = run(capsys, "drivers", "docs", "--file", file, "--captures", tmp_path)
    assert (status, f"{file} ne peut pas être écrit" in err) == (USAGE, True)
    assert "cannot be written: its folder is not there" in err


def test_a_driver_in_capitals_is_recognised(capsys: pytest.CaptureFixture[str]) -> None:
    status, err = run(capsys, "drivers", "show", "MT_SICS")
    assert (status, "did you mean mt_sics?" in err) == (USAGE, True)
