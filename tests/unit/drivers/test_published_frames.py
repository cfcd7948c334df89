"""Frames and their values from the tests and logs of others, asked the way a judge would ask.

Each line of ``published_frames.jsonl`` names its source, the frame, and what the source says is in it (converted
to our units by hand where the source keeps another), or that it is no frame. A source is somebody's test, log or
manual, another implementation that was run over the frame, or a specification the values were worked out from by hand.
What the source does not say is not compared.
"""

import io
import json
from pathlib import Path

import pytest

from devicehub.devices import registry
from devicehub.testing.decode import decode_stdin

ROWS = [
    json.loads(line)
    for line in Path(__file__).with_name("published_frames.jsonl").read_text().splitlines()
]


def answer(row: dict[str, object]) -> dict[str, object]:
    question = {
        "model": row.get("model"),
        "secrets": row.get("secrets", {}),
        "parts": row.get("parts") or [[row["on"], row["hex"]]],
    }
    answers = io.StringIO()
    decode_stdin(registry.find(str(row["driver"])), [json.dumps(question)], answers)
    told: dict[str, object] = json.loads(answers.getvalue())
    return told


@pytest.mark.parametrize(
    "row", ROWS, ids=[f"{row['driver']}-{number}" for number, row in enumerate(ROWS, start=1)]
)
def test_a_published_frame_says_what_its_source_says(row: dict[str, object]) -> None:
    told = answer(row)
    if "error" in row:
        assert told["ok"] is False
        return
    expected, measurements = row["expect"], told["measurements"]
    assert isinstance(expected, list)
    assert isinstance(measurements, list)
    seen = [
        {field: one[field] for field in wanted}
        for one, wanted in zip(measurements, expected, strict=True)
    ]
    assert seen == expected


KNOWN_FLAGS = {
    "2a18": 0x1F,
    "2a1c": 0x07,
    "2a1e": 0x07,
    "2a34": 0x7F,
    "2a35": 0x1F,
    "2a36": 0x1F,
    "2a37": 0x1F,
    "2a5e": 0x1F,
    "2a5f": 0x1F,
    "2a9c": 0x1FFF,
    "2a9d": 0x0F,
    "2b34": 0x7F,
    "2b35": 0x7F,
    "2b8b": 0xFF,
}
"""The flags of measurements. A flag of a later version announces octets whose number only that version knows."""


def only_known_flags(row: dict[str, object]) -> bool:
    known = KNOWN_FLAGS.get(str(row.get("on")), 0)
    first = bytes.fromhex(str(row.get("hex", "")))[: (known.bit_length() + 7) // 8]
    return bool(known) and not int.from_bytes(first, "little") & ~known


SIG_MEASUREMENTS = [
    row
    for row in ROWS
    if str(row["driver"]).startswith("sig_") and row.get("expect") and only_known_flags(row)
]


@pytest.mark.parametrize(
    "row", SIG_MEASUREMENTS, ids=[f"{row['on']}-{row['hex']}" for row in SIG_MEASUREMENTS]
)
def test_a_frame_cut_or_continued_is_no_frame(row: dict[str, object]) -> None:
    whole = bytes.fromhex(str(row["hex"]))
    assert answer({**row, "hex": (whole + b"\0").hex()})["ok"] is False
    intervals = row["on"] == "2a37" and whole[0] & 0x10
    for length in range(len(whole)):
        told = answer({**row, "hex": whole[:length].hex()})
        # Only a heart rate may end earlier, after any of its intervals.
        assert intervals or told["ok"] is False
