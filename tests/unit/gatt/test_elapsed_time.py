"""Elapsed time: vectors written out by hand from the Elapsed Time Service."""

from datetime import datetime

import pytest

from devicehub.driver import NotUnderstood, Reader
from devicehub.gatt import elapsed_time
from devicehub.gatt.elapsed_time import Stamp

SECONDS = "976495320000"
"""848651415 s after 2000-01-01: 2026-11-22, 08:30:15"""


def stamp(*data: str) -> Stamp:
    return Stamp(Reader(bytes.fromhex("".join(data))))


@pytest.mark.parametrize(
    ("data", "local"),
    [
        ("20" + SECONDS + "0000", "2026-11-22T08:30:15"),
        ("22" + SECONDS + "0600", "2026-11-22T08:30:15"),  # UTC, zone unknown
        ("32" + SECONDS + "0604", "2026-11-22T09:30:15"),  # UTC, 4 quarter hours east
        ("32" + SECONDS + "06ec", "2026-11-22T03:30:15"),  # 20 quarter hours west
        ("30" + SECONDS + "0604", "2026-11-22T08:30:15"),  # the wall clock, zone known
        ("24" + "e9edd5f90100" + "0000", "2026-11-22T08:30:15.300000"),  # tenths: 8486514153
        ("28" + "f2ed9097c500" + "0000", "2026-11-22T08:30:15.026000"),  # ms: 848651415026
        ("21" + SECONDS + "0000", None),  # ticks
    ],
)
def test_stamps(data: str, local: str | None) -> None:
    assert stamp(data).local == local


def test_the_timeline() -> None:
    assert stamp("20" + SECONDS + "0000").comparable
    assert not stamp("00" + SECONDS + "0000").comparable


def test_a_time_without_end_is_not_understood() -> None:
    with pytest.raises(NotUnderstood) as error:
        stamp("20" + "ff" * 6 + "0000")
    assert error.value.at == 0
    with pytest.raises(NotUnderstood):
        stamp("20" + SECONDS + "00")


def test_the_clock_is_encoded() -> None:
    now = datetime.fromisoformat("2026-11-22T08:30:15+01:00")
    assert elapsed_time.encode(now) == bytes.fromhex("20" + SECONDS + "0000")
    assert elapsed_time.decode(elapsed_time.encode_clock(now)).clock == "2026-11-22T08:30:15"
