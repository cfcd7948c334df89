"""What is drawn: as many samples as a screen shows, no peak lost, no gap bridged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ecg_signals import INDEPENDENT, independent

from devicehub.ecg.leads import STANDARD
from devicehub.ecg.trace import LARGEST, STEP_MV, Trace

if TYPE_CHECKING:
    from devicehub.ecg.window import Floats


def drawn(trace: Trace, signal: Floats, piece: int = 20) -> list[dict[str, Any]]:
    pieces = (trace.push(signal[:, at : at + piece]) for at in range(0, signal.shape[1], piece))
    return [json.loads(one) for one in pieces if one is not None]


def whole(pieces: list[dict[str, Any]], lead: str) -> list[int | None]:
    return [value for piece in pieces for value in piece["leads"][lead]]


@pytest.mark.parametrize(
    ("fs", "hertz"), [(125, 125), (250, 250), (300, 300), (500, 250), (1000, 250)]
)
def test_twelve_leads_are_drawn_at_no_more_than_a_screen_shows(fs: int, hertz: int) -> None:
    made = independent(seconds=4, fs=fs)
    trace = Trace(INDEPENDENT, fs)
    pieces = drawn(trace, np.stack([made[lead] for lead in INDEPENDENT]))
    assert tuple(pieces[0]["leads"]) == STANDARD
    assert trace.hertz == hertz
    # Contiguous, and at most twenty pieces a second.
    assert [one["at"] for one in pieces[1:]] == [
        one["at"] + len(one["leads"]["I"]) for one in pieces[:-1]
    ]
    assert len(pieces) <= 4 * 20
    assert len(whole(pieces, "V2")) >= 3.9 * hertz


def test_the_height_of_every_beat_is_kept() -> None:
    made = independent(seconds=8, fs=1000, noise_mv=0.0)
    signal = np.stack([made[lead] for lead in INDEPENDENT])
    seen = whole(drawn(Trace(INDEPENDENT, 1000), signal), "V4")
    kept = (max(v for v in seen if v is not None) - min(v for v in seen if v is not None)) * STEP_MV
    assert kept == pytest.approx(np.ptp(made["V4"]), rel=0.08)


def test_a_step_of_the_electrodes_offset_leaves_the_line_where_it_is() -> None:
    signal = np.zeros((1, 1000))
    signal[0, 500:] = 250.0
    seen = whole(drawn(Trace(("I",), 500), signal), "I")
    assert seen[-1] == 0
    assert max(abs(value or 0) for value in seen) <= LARGEST


def test_a_missing_sample_is_a_gap_and_no_line_across_it() -> None:
    signal = np.zeros((1, 1000))
    signal[0, 400:500] = np.nan
    seen = whole(drawn(Trace(("II",), 500), signal), "II")
    assert seen[195] is not None
    assert set(seen[200:250]) == {None}
    assert seen[255] is not None
