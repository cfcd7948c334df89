"""The check's own process, seen from the station: started by the first stream, ended some time after the last.

Numbers (numpy, scipy) weigh 40 MB, and a second to load: they live in a process of their own, which is there only
while electrodes are looked at. Nothing here blocks the event loop: what is to be sent waits in a queue that a task
empties at the pipe's pace. The process draws less when it falls behind; samples are never left out. Where even that
does not help, or it ends by itself, it is replaced: every stream begins anew, and ``on_lost`` is told so.
It ends when its pipe does, so it cannot outlive the station.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from devicehub.ecg import messages
from devicehub.ecg.messages import HEAD, Kind
from devicehub.ecg.verdict import ContactState, Verdict

log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-m", "devicehub.ecg.worker")

LINGER = 30.0
"""Seconds the process stays after the last stream has ended: the next patient's begins at once."""
MOST_WAITING = 4 * 1024 * 1024
"""Octets that may wait for the process: two minutes of twelve leads at 500 a second. Beyond, it hangs."""
ENDING = 3.0
"""Seconds the process may take to end by itself."""
AGAIN = (0.2, 1.0, 5.0, 15.0)
"""Seconds before it is started again, the first, second, … time it ends without having judged anything."""

OnVerdict = Callable[[str, Verdict], None]
OnTrace = Callable[[str, str], None]
"""The device, and what is to be drawn as JSON (`devicehub.ecg.trace`)."""
OnLost = Callable[[str], None]
"""The device whose check begins anew: what it knew is gone."""


class CheckProcess:
    """Checks the streams of the room's devices. `run` it; every other method returns at once."""

    def __init__(
        self,
        *,
        on_verdict: OnVerdict,
        on_trace: OnTrace,
        on_lost: OnLost,
        linger: float = LINGER,
        command: Sequence[str] = COMMAND,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._on_verdict = on_verdict
        self._on_trace = on_trace
        self._on_lost = on_lost
        self._linger = linger
        self._command = command
        self._most_waiting = most_waiting
        self._next = 0
        self._open: dict[str, tuple[int, bytes]] = {}
        """The number of each device's stream, and the message that opens it."""
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._changed = asyncio.Event()
        self._full = asyncio.Event()
        self._has_judged = False
        self.pid: int | None = None
        """The running process, where there is one."""

    # ------------------------------------------------------------------------------ from the room

    def open(self, device: str, leads: Sequence[str], fs: float) -> None:
        """A device's stream begins; one that is open ends. ``fs`` in hertz, 100 to 1000."""
        self.close(device)
        self._next += 1
        opening = messages.opening(self._next, leads, fs)
        self._open[device] = self._next, opening
        self._put(opening)

    def push(
        self,
        device: str,
        millivolts: Sequence[Sequence[float]],
        contact: Mapping[str, ContactState] | None = None,
    ) -> None:
        """Samples of an open stream, lead by lead, NaN where one is missing; contact where the device told it."""
        stream, _ = self._open[device]
        self._put(messages.samples(stream, millivolts, contact))

    def close(self, device: str) -> None:
        """A device's stream has ended. One that is not open is none."""
        known = self._open.pop(device, None)
        if known is not None:
            self._put(messages.closing(known[0]))

    def _put(self, message: bytes) -> None:
        self._waiting.append(message)
        self._size += len(message)
        self._changed.set()
        if self._size > self._most_waiting:
            self._full.set()

    # --------------------------------------------------------------------------------- the process

    async def run(self) -> None:
        """Keep the process for as long as there are streams, until cancelled."""
        failures = 0
        while True:
            while not self._open:
                self._forget()
                await self._changed.wait()
                self._changed.clear()
            self._has_judged = False
            why = await self._one_life()
            if why is None:
                failures = 0
                continue
            log.error("ecg_check_lost %s streams=%d", why, len(self._open))
            for device in list(self._open):
                self._on_lost(device)
            failures = 1 if self._has_judged else failures + 1
            await asyncio.sleep(AGAIN[min(failures, len(AGAIN)) - 1])
            # What came meanwhile is of streams that the new process has not seen begin.
            self._forget()
            for _, opening in self._open.values():
                self._put(opening)

    def _forget(self) -> None:
        self._waiting.clear()
        self._size = 0
        self._full.clear()

    async def _one_life(self) -> str | None:
        """Start the process and serve it; why it was lost, or None where nobody needs it any more."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
            )
        except OSError as error:
            return f"cannot start: {error}"
        self.pid = process.pid
        log.info("ecg_check_started pid=%d", process.pid)
        tasks = [
            asyncio.create_task(work, name=f"ecg check, {name}")
            for name, work in (
                ("samples", self._write(process)),
                ("verdicts", self._read(process)),
                ("pace", self._fall_behind()),
            )
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return next((why for task in tasks if task in done and (why := task.result())), None)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await _ended(process)
            self.pid = None

    async def _write(self, process: asyncio.subprocess.Process) -> str | None:
        """Send what waits; ends some time after the last stream has."""
        pipe = process.stdin
        if pipe is None:
            return "no pipe"
        try:
            while True:
                self._changed.clear()
                while self._waiting:
                    message = self._waiting.popleft()
                    self._size -= len(message)
                    pipe.write(message)
                    await pipe.drain()
                try:
                    async with asyncio.timeout(None if self._open else self._linger):
                        await self._changed.wait()
                except TimeoutError:
                    log.info("ecg_check_ended")
                    return None
        except (BrokenPipeError, ConnectionResetError):
            return "its pipe is closed"

    async def _fall_behind(self) -> str:
        """Wait until more waits than a living process would leave."""
        await self._full.wait()
        return f"it hangs: {self._size} octets wait"

    async def _read(self, process: asyncio.subprocess.Process) -> str:
        """Hand on what the process says, until it says no more."""
        pipe = process.stdout
        if pipe is None:
            return "no pipe"
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionResetError):
            while True:
                try:
                    length, kind = messages.head(await pipe.readexactly(HEAD.size))
                    self._hear(kind, *messages.read_about(await pipe.readexactly(length)))
                except ValueError as error:
                    return f"not understood: {type(error).__name__}"
        return "it has ended"

    def _hear(self, kind: Kind, stream: int, text: str) -> None:
        device = next((name for name, (own, _) in self._open.items() if own == stream), None)
        if device is None:
            return  # It was closed while this was on its way.
        if kind is Kind.VERDICT:
            self._has_judged = True
            self._on_verdict(device, Verdict.model_validate_json(text))
        else:
            self._on_trace(device, text)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """See the process to its end: its pipe closes, and where that does not help it is killed."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(ENDING):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
