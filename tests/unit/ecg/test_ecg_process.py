"""The check's own process: started by the first stream, never in the station's way, never left behind."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from ecg_room import until
from ecg_signals import INDEPENDENT, independent

from devicehub.ecg import messages
from devicehub.ecg.process import COMMAND, CheckProcess
from devicehub.ecg.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FS = 500
PIECE = 20
ALL_ON = dict.fromkeys(("RA", "LA", "LL", "V1", "V2", "V3", "V4", "V5", "V6"), "connected")


class Watched:
    """What a check process said."""

    def __init__(self, **changes: Any) -> None:
        self.verdicts: list[Verdict] = []
        self.traces: list[str] = []
        self.lost: list[str] = []
        self.check = CheckProcess(
            on_verdict=lambda _device, verdict: self.verdicts.append(verdict),
            on_trace=lambda _device, drawn: self.traces.append(drawn),
            on_lost=self.lost.append,
            **changes,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[CheckProcess]:
        task = asyncio.create_task(self.check.run())
        try:
            yield self.check
        finally:
            task.cancel()
            await asyncio.wait({task})
            assert self.check.pid is None


def is_there(check: CheckProcess) -> bool:
    return check.pid is not None


def pieces(seconds: float) -> list[list[list[float]]]:
    made = independent(seconds=seconds, fs=FS)
    rows = [made[lead].tolist() for lead in INDEPENDENT]
    return [[row[at : at + PIECE] for row in rows] for at in range(0, round(seconds * FS), PIECE)]


async def test_it_is_there_only_while_there_are_streams() -> None:
    seen = Watched(linger=0.05)
    async with seen.running() as check:
        await asyncio.sleep(0)
        assert not is_there(check)
        for _ in range(2):
            check.open("ecg", INDEPENDENT, FS)
            seen.verdicts.clear()
            for piece in pieces(3.5):
                check.push("ecg", piece)
            await until(lambda: len(seen.verdicts) >= 2)
            pid = check.pid
            assert pid is not None
            check.close("ecg")
            await until(lambda: not is_there(check))
            assert not psutil.pid_exists(pid)
    assert seen.lost == []


async def test_a_flood_is_checked_to_the_last_sample_and_only_drawing_suffers() -> None:
    seen = Watched()
    async with seen.running() as check:
        check.open("ecg", INDEPENDENT, FS)
        for piece in pieces(60):
            check.push("ecg", piece)
        await until(lambda: bool(seen.verdicts) and seen.verdicts[-1].at == 60.0)
    assert [one.at for one in seen.verdicts] == [3 + number / 2 for number in range(115)]
    # 750 pieces would be drawn of a stream that is kept up with.
    assert len(seen.traces) < 600
    assert seen.lost == []


async def test_one_that_hangs_is_replaced_and_the_loop_never_waits() -> None:
    hangs = (sys.executable, "-c", "import time; time.sleep(60)")
    seen = Watched(command=hangs, most_waiting=300_000)
    async with seen.running() as check:
        check.open("ecg", INDEPENDENT, FS)
        pid = None
        async with asyncio.timeout(30):
            for piece in pieces(6) * 20:
                check.push("ecg", piece)
                pid = pid or check.pid
                await asyncio.sleep(0)
                if seen.lost:
                    break
        await until(lambda: seen.lost == ["ecg"])
        assert pid is not None
        assert not psutil.pid_exists(pid)


@pytest.mark.parametrize(
    "command",
    [
        (sys.executable, "-c", "print('not one of our messages')"),
        (sys.executable, "-c", "pass"),
        ("/no/such/program",),
    ],
)
async def test_one_that_is_not_ours_is_lost_and_said_so(command: tuple[str, ...]) -> None:
    seen = Watched(command=command)
    async with seen.running() as check:
        check.open("ecg", INDEPENDENT, FS)
        await until(lambda: len(seen.lost) >= 2)
        assert seen.verdicts == []


async def test_it_goes_on_with_a_new_process_after_it_was_killed() -> None:
    seen = Watched()
    async with seen.running() as check:
        check.open("ecg", INDEPENDENT, FS)
        for piece in pieces(4):
            check.push("ecg", piece, ALL_ON)  # type: ignore[arg-type]  # contact's own words
        await until(lambda: bool(seen.verdicts) and seen.verdicts[-1].at == 4.0)
        assert check.pid is not None
        psutil.Process(check.pid).kill()
        await until(lambda: seen.lost == ["ecg"])
        seen.verdicts.clear()
        await until(lambda: check.pid is not None)
        for piece in pieces(4):
            check.push("ecg", piece)
        await until(lambda: bool(seen.verdicts) and seen.verdicts[-1].at == 4.0)


async def test_it_ends_with_the_stations_pipe() -> None:
    process = await asyncio.create_subprocess_exec(
        *COMMAND, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    process.stdin.write(messages.opening(1, INDEPENDENT, FS))
    process.stdin.close()
    assert await asyncio.wait_for(process.wait(), 30) == 0
