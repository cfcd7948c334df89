"""Capture files: both ways, and errors that point at the line."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.transport.tape import (
    BadCapture,
    Capture,
    CapturedAdvert,
    Header,
    Step,
    Tape,
    dump,
    load,
)

HEADER = (
    '{"device":"a cuff","driver":"sig_blood_pressure","origin":"synthetic",'
    '"recorded":"2026-11-22T08:30:00+01:00","hub":"0.1.0"}'
)
STEP = '{"t":0.5,"from":"device","do":"message","on":"2a35","hex":"00 ff07"}'

steps = st.builds(
    lambda t, does, on, data: Step(
        t=t, by=does[0], do=does[1], on=on, data=b"" if does[1] in {"subscribe", "read"} else data
    ),
    st.floats(0, 1e6),
    st.sampled_from(
        [("hub", do) for do in ("subscribe", "read", "write", "command")]
        + [("device", do) for do in ("value", "message", "refused")]
    ),
    st.sampled_from(["2a35", "-", "adv:181d"]),
    st.binary(max_size=20),
)


def written(folder: Path, *lines: str) -> Path:
    path = folder / "one.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@given(said=st.lists(steps, max_size=8))
def test_what_is_dumped_is_loaded(
    tmp_path_factory: pytest.TempPathFactory, said: list[Step]
) -> None:
    path = tmp_path_factory.mktemp("tape") / "one.jsonl"
    header = Header(
        device="un tensiomètre",
        driver="sig_blood_pressure",
        origin="manual",
        source="a manual, page 4",
        recorded=datetime(2026, 11, 22, 8, 30, tzinfo=UTC),
        hub="0.1.0",
        model="X1",
        advert=CapturedAdvert(
            name="CUFF",
            services=("1810",),
            company_data={0x0611: b"\x01"},
            service_data={"181d": b""},
        ),
        characteristics=("2a35",),
    )
    capture = Capture(path=path, header=header, steps=tuple(sorted(said, key=lambda step: step.t)))
    dump(capture, path)
    assert load(path) == capture


def test_a_step_keeps_its_names_and_reads_hex_with_or_without_blanks(tmp_path: Path) -> None:
    (step,) = load(written(tmp_path, HEADER, STEP)).steps
    assert (step.t, step.by, step.do, step.on, step.data) == (
        0.5,
        "device",
        "message",
        "2a35",
        b"\x00\xff\x07",
    )


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        pytest.param([], r"one.jsonl:1: empty file", id="empty"),
        pytest.param(["{"], r"one.jsonl:1: not one JSON object", id="no JSON"),
        pytest.param([HEADER, STEP, ""], r"one.jsonl:3: not one JSON object", id="blank line"),
        pytest.param([HEADER.replace("hub", "hup")], r"hub: missing; add it", id="missing"),
        pytest.param(
            [HEADER, STEP.replace('"on"', '"onn"')], r"jsonl:2: .*onn: no such field", id="unknown"
        ),
        pytest.param(
            [HEADER, STEP.replace("ff07", "fg07")], r"jsonl:2: hex: .*'00 fg07'", id="hex"
        ),
        pytest.param(
            [HEADER, STEP.replace("message", "read")],
            r'jsonl:2: "read" is not what the device does',
            id="wrong side",
        ),
        pytest.param(
            [HEADER, STEP.replace("message", "read").replace('"device"', '"hub"')],
            r'jsonl:2: "read" sends no bytes',
            id="bytes to read",
        ),
        pytest.param(
            [HEADER, STEP, STEP.replace("0.5", "0.4")], r'jsonl:3: "t" is 0.4', id="back in time"
        ),
        pytest.param(
            [HEADER.replace("synthetic", "manual")], r'jsonl:1: .*needs a "source"', id="uncited"
        ),
        pytest.param(
            [
                HEADER.replace("synthetic", "hardware").replace(
                    "{", '{"secrets": {"pin": "01"}, ', 1
                )
            ],
            r'jsonl:1: .*a recording holds no "secrets"',
            id="a real device's keys",
        ),
        pytest.param(
            [HEADER.replace("+01:00", "")], r"jsonl:1: recorded: .*timezone", id="without zone"
        ),
    ],
)
def test_an_error_names_file_line_and_fix(tmp_path: Path, lines: list[str], words: str) -> None:
    with pytest.raises(BadCapture, match=words):
        load(written(tmp_path, *lines))


def test_a_tape_writes_what_load_reads_in_order_even_when_the_clock_goes_back(
    tmp_path: Path,
) -> None:
    path = tmp_path / "run.jsonl"
    started = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
    times = iter((0.25, 1.5, 1.0))
    header = Header(
        device="a scale", driver="mt_sics", origin="hardware", recorded=started, hub="0.1.0"
    )
    with Tape(path, header, clock=lambda: started + timedelta(seconds=next(times))) as tape:
        tape.hub("write", "-", b"SI\r\n")
        tape.device("message", "-", b"S S ")
        assert len(load(path).steps) == 2  # nothing waits in a buffer
        tape.device("refused", "2a35", b"\x05")
    capture = load(path)
    assert capture.header == header
    assert [(step.t, step.by, step.do, step.on, step.data) for step in capture.steps] == [
        (0.25, "hub", "write", "-", b"SI\r\n"),
        (1.5, "device", "message", "-", b"S S "),
        (1.5, "device", "refused", "2a35", b"\x05"),
    ]
    assert capture.place(1).endswith("run.jsonl:3")
    with pytest.raises(FileExistsError):  # a recording is never overwritten
        Tape(path, header)
