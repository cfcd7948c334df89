"""`devicehub ecg check` on files: NumPy, CSV, WFDB; what it says, and how it refuses."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ecg_signals import FS, independent, muscle, twelve

from devicehub.cli import main
from devicehub.ecg.check import TooShort
from devicehub.ecg.files import BadRecording, load
from devicehub.ecg.leads import STANDARD
from devicehub.ecg.recording import Recording, judge

KEYS = ["record", "ready", "probability_bad", "swap", "leads", "electrodes"]


def checked(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert main(["ecg", "check", "--json", *arguments]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def refused(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 2) -> str:
    assert main(["ecg", "check", *arguments]) == status
    return capsys.readouterr().err


def write_npz(path: Path, **changed: Any) -> Path:
    bad = twelve()
    bad[7] = 0
    held: dict[str, Any] = {
        "signal": np.round(np.stack([twelve(), bad]) * 200).astype(np.int16),
        "fs": 500,
        "units_per_mv": 200,
        "leads": list(STANDARD),
        "ids": ["one", "two"],
    } | changed
    np.savez(path, **{name: value for name, value in held.items() if value is not None})
    return path


def test_an_archive_gives_one_object_per_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = checked(capsys, str(write_npz(tmp_path / "a.npz")))
    assert list(one)[:6] == KEYS
    assert (one["record"], one["ready"], one["swap"]) == ("one", True, None)
    assert (two["record"], two["ready"]) == ("two", False)
    assert set(one["leads"]) == set(STANDARD)
    assert two["leads"]["V2"]["state"] == "off"
    assert two["leads"]["V2"]["causes"]["flat"] == pytest.approx(10)
    assert two["electrodes"]["V2"]["state"] == "off"
    assert one["firm"]


def test_at_three_seconds_the_verdict_is_the_one_that_stood_then(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    late = twelve()
    late[6, 1600:] = 0
    path = write_npz(tmp_path / "a.npz", signal=late * 200, ids=None)
    (then,) = checked(capsys, str(path), "--at", "3")
    (whole,) = checked(capsys, str(path))
    assert (then["ready"], then["seconds"], then["firm"]) == (True, 3.0, False)
    assert whole["ready"] is False
    assert whole["record"] == "a"


def test_leads_keep_their_names_and_their_own_gain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    eight = independent()
    path = write_npz(
        tmp_path / "a.npz",
        signal=np.stack([eight["I"] * 200, eight["II"] * 1000]),
        units_per_mv=[200, 1000],
        leads=["MDC_ECG_LEAD_I", "ii"],
        ids=None,
    )
    (one,) = checked(capsys, str(path))
    assert list(one["leads"]) == ["MDC_ECG_LEAD_I", "ii", "III", "aVR", "aVL", "aVF"]
    assert one["leads"]["III"]["derived"]
    assert one["ready"]
    assert one["not_had"] == list(STANDARD[6:])


def test_single_lead_records_of_several_lengths_padded_with_zeros(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    signal = np.zeros((3, 1, 30 * 300))
    for place, seconds in enumerate((9, 20, 30)):
        signal[place, 0, : seconds * 300] = independent(seconds, fs=300)["I"] * 1000
    path = write_npz(
        tmp_path / "a.npz", signal=signal, fs=300, units_per_mv=1000, leads=["I"], ids=None
    )
    told = checked(capsys, str(path))
    assert [one["seconds"] for one in told] == pytest.approx([9, 20, 30], abs=0.02)
    assert all(one["ready"] for one in told)
    assert [one["record"] for one in told] == ["0", "1", "2"]


def test_a_long_recording_is_judged_by_all_of_it() -> None:
    signal = independent(60, fs=300)["I"]
    clean = judge(Recording("a", signal[None], 300, ("I",)))
    moment = signal.copy()
    moment[:1500] += muscle(0.8, 5, fs=300)
    mostly = signal.copy()
    mostly[:15000] += muscle(0.8, 50, fs=300)
    assert clean.probability_bad < judge(Recording("a", moment[None], 300, ("I",))).probability_bad
    assert judge(Recording("a", moment[None], 300, ("I",))).ready
    noisy = judge(Recording("a", mostly[None], 300, ("I",)))
    assert not noisy.ready
    assert noisy.leads["I"].state != "good"
    assert clean.seconds == 60


def test_csv_with_a_rate_in_a_comment_a_column_or_an_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    eight = independent()
    rows = list(zip(eight["I"], eight["II"], strict=True))
    plain = "\n".join(["I,II", *(f"{one:.4f},{two:.4f}" for one, two in rows)])
    noted = "# fs: 500\n# unit: uV\n" + "\n".join(
        ["I;II", *(f"{one * 1000:.0f};{two * 1000:.0f}" for one, two in rows)]
    )
    timed = "\n".join(
        ["time,I,II", *(f"{k / FS:.3f},{one:.4f},{two:.4f}" for k, (one, two) in enumerate(rows))]
    )
    told = []
    for name, text, options in (
        ("plain", plain, ["--fs", "500"]),
        ("noted", noted, []),
        ("timed", timed, []),
    ):
        path = tmp_path / f"{name}.csv"
        path.write_text(text, "utf-8")
        (one,) = checked(capsys, str(path), *options)
        assert one["record"] == name
        told.append(one["probability_bad"])
    assert told == pytest.approx([told[0]] * 3, abs=0.02)
    assert "--fs" in refused(capsys, str(tmp_path / "plain.csv"))


@pytest.mark.filterwarnings("ignore:The inplace keyword:Warning")  # wfdb's own use of pandas
def test_wfdb_by_header_or_bare_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # header(5): record line, then one line a signal; format 16 is little-endian, interleaved.
    units = ["1000/mV"] * 6 + ["1/uV"] * 6
    lines = [
        f"rec.dat 16 {unit} 16 0 0 0 0 {lead}" for unit, lead in zip(units, STANDARD, strict=True)
    ]
    (tmp_path / "rec.hea").write_text("\n".join(["rec 12 500 5000", *lines, ""]))
    (tmp_path / "rec.dat").write_bytes(np.round(twelve().T * 1000).astype("<i2").tobytes())
    for name in ("rec.hea", "rec.dat", "rec"):
        (one,) = checked(capsys, str(tmp_path / name))
        assert (one["record"], one["ready"]) == ("rec", True)


def test_without_wfdb_it_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rec.hea").write_text("rec 1 500 10\n")
    monkeypatch.setitem(sys.modules, "wfdb", None)
    assert "pip install" in refused(capsys, str(tmp_path / "rec.hea"), status=3)


def test_for_a_person_it_names_lead_figure_and_act(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ecg", "check", str(write_npz(tmp_path / "a.npz"))]) == 0
    said = capsys.readouterr().out
    assert "one: ready" in said
    assert "two: not ready" in said
    assert "flat 10.00 s" in said
    assert "Electrode C2 (white/yellow) makes no contact" in said


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"fs": None}, "lacks fs"),
        ({"units_per_mv": None, "leads": None}, "lacks units_per_mv, leads"),
        ({"leads": ["I", "II"]}, "leads names 2"),
        ({"leads": ["I", *STANDARD[:-1]]}, "I is there more than once"),
        ({"units_per_mv": 0}, "above zero"),
        ({"fs": 50}, "100 to 1000"),
        ({"fs": [500, 500]}, "not a number"),
        ({"signal": np.array([None])}, "plain arrays"),
        ({"signal": np.full((2, 12, 5000), "x")}, "signal holds text"),
        ({"signal": np.full((2, 12, 5000), 1j)}, "signal holds complex"),
        ({"units_per_mv": "200"}, "units_per_mv holds text"),
        ({"signal": np.zeros((12, 0))}, "no samples"),
        ({"signal": np.zeros((0, 12, 5000))}, "no samples"),
        ({"signal": np.zeros((5000, 12))}, "turn it to leads × samples"),
        ({"signal": np.zeros((5000, 1)), "leads": ["I"]}, "turn it to leads × samples"),
        ({"signal": np.full((2, 12, 5000), 1e300)}, "look at the unit"),
        ({"leads": [f"Q{k}" for k in range(12)]}, "known are I, II"),
        ({"leads": [str(k) for k in range(12)]}, "known are I, II"),
        ({"units_per_mv": 1e-320}, "look at the unit"),
        ({"leads": range(12)}, "leads must hold names"),
        ({"leads": [list(STANDARD)]}, "one plain list"),
    ],
)
def test_an_archive_that_lacks_something_says_what(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: dict[str, Any], said: str
) -> None:
    assert said in refused(capsys, str(write_npz(tmp_path / "a.npz", **changed)))


@pytest.mark.filterwarnings("ignore:The inplace keyword:Warning")  # wfdb's own use of pandas
@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.npz", "no archive", "not a NumPy archive"),
        ("a.csv", "I,II\n", "samples below it"),
        ("a.csv", "# fs: 500\nI,II\n1,x\n", "must be numbers"),
        ("a.csv", "# fs: 500\nI,II\n1,2,3\n", "2 names above rows of 3"),
        ("a.csv", "# fs: 500\n\nI,II\n1,2\n1\n", "line 5: 2 names above rows of 1"),
        ("a.csv", "# fs: 500\nI,II\n1,2\n\n1,x\n", "line 5: rows must be numbers"),
        ("a.csv", "# fs: 500\n0.1,0.2\n0.1,0.2\n", "first line holds numbers"),
        ("a.csv", "# fs: 500\nI,II,Other\n1,2,3\n", "'Other'; known are I, II"),
        ("a.csv", "time,I\n1,2\n1,3\n1,4\n", "do not go on"),
        ("a.csv", "time\n1\n1.002\n", "no lead beside"),
        ("a.csv", "# fs: 500\n# unit: apples\nI\n1\n", "apples"),
        ("a.csv", "# fs: fast\nI\n1\n", "not a number"),
        ("a.pdf", "%PDF", "not a .npz, .csv or WFDB"),
        ("a.hea", "nonsense", "not a WFDB record"),
    ],
)
def test_a_file_that_is_no_recording_is_refused_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, said: str
) -> None:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    assert said in refused(capsys, str(path))


def test_no_such_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("none.npz", "none.csv", "none"):
        assert "none" in refused(capsys, str(tmp_path / name))


def test_too_short_a_record_is_told_and_the_others_are_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    signal = np.stack([twelve(), twelve()])
    signal[0, :, 1000:] = np.nan
    path = write_npz(tmp_path / "a.npz", signal=signal * 200)
    assert main(["ecg", "check", "--json", str(path)]) == 1
    told = capsys.readouterr()
    assert "one: 2.0 s of signal" in told.err
    assert json.loads(told.out)["record"] == "two"
    assert "first verdict comes at 3 s" in refused(capsys, str(path), "--at", "2")
    with pytest.raises(TooShort):
        judge(Recording("none", np.full((1, 5000), np.nan), 500, ("I",)))


def test_one_silent_end_of_a_lone_record_is_no_padding(tmp_path: Path) -> None:
    signal = twelve() * 200
    signal[:, 3000:] = 0
    (one,) = load(write_npz(tmp_path / "a.npz", signal=signal, ids=None))
    assert np.isfinite(one.signal_mv).all()
    assert not judge(one).ready


def test_what_load_raises_is_for_a_person(tmp_path: Path) -> None:
    with pytest.raises(BadRecording, match=r"a\.npz"):
        load(write_npz(tmp_path / "a.npz", fs=None))


def test_one_array_named_an_archive_and_a_text_are_refused_without_talk_of_pickle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.npz"
    with path.open("wb") as file:
        np.save(file, twelve())
    assert "numpy.savez" in refused(capsys, str(path))
    path.write_text("no archive", "utf-8")
    assert "pickle" not in refused(capsys, str(path))


@pytest.mark.parametrize("at", ["nan", "inf", "-inf"])
def test_at_must_be_a_time(tmp_path: Path, capsys: pytest.CaptureFixture[str], at: str) -> None:
    assert "--at" in refused(capsys, str(write_npz(tmp_path / "a.npz")), f"--at={at}")


@pytest.mark.parametrize("name", ["MLII", "ECG", "ecg", "chest strap"])
def test_a_lone_lead_may_have_any_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = write_npz(tmp_path / "a.npz", signal=twelve()[1:2] * 200, leads=[name], ids=None)
    (one,) = checked(capsys, str(path))
    assert list(one["leads"]) == [name]
    assert one["ready"]


def test_a_recording_of_nothing_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_npz(tmp_path / "a.npz", signal=np.full((12, 5000), np.nan), ids=None)
    assert "every sample is missing" in refused(capsys, str(path), status=1)
    part = twelve() * 200
    part[3] = np.nan
    part[4, 100:200] = np.inf
    checked(capsys, str(write_npz(tmp_path / "b.npz", signal=part, ids=None)))
