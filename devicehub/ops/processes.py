"""The demo's processes: each started by its own command, listened to, and all ended together."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devicehub.delivery.broker import EmbeddedBroker

ENDING_SECONDS = 2.0
"""How long a process may take to end whose connection has ended: then it is named as the cause."""


class DemoFailed(Exception):
    """The demo cannot go on, and why."""


@dataclass
class Part:
    """One process of the room, with the last lines it said in case it ends."""

    name: str
    process: asyncio.subprocess.Process
    output: asyncio.StreamReader
    errors: asyncio.StreamReader
    said: deque[str] = field(default_factory=lambda: deque(maxlen=20))
    reader: asyncio.Task[None] | None = None

    async def ready(self) -> dict[str, object]:
        """The next JSON line the process prints. Raises `DemoFailed` when it ends instead."""
        line = await self.output.readline()
        if not line:
            await self.process.wait()
            if self.reader is not None:
                await self.reader
            raise DemoFailed(f"{self.name} ended at start:\n" + "\n".join(self.said))
        found: dict[str, object] = json.loads(line)
        return found


class Processes:
    """The demo's processes, started in order and ended together."""

    def __init__(self, folder: Path, broker: EmbeddedBroker) -> None:
        self.folder = folder
        self.broker = broker
        self.parts: list[Part] = []
        self._drains: list[asyncio.Task[None]] = []

    async def start(self, name: str, *arguments: str) -> Part:
        """Start ``devicehub <arguments>``."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "devicehub",
            *arguments,
            # What a part that was killed leaves behind lies beside the demo's own files.
            env={**os.environ, "TMPDIR": str(self.folder)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        if process.stdout is None or process.stderr is None:
            raise DemoFailed(f"{name} has no output")
        part = Part(name, process, process.stdout, process.stderr)
        part.reader = asyncio.create_task(self._listen(part))
        self.parts.append(part)
        return part

    async def _listen(self, part: Part) -> None:
        with (self.folder / f"{part.name}.log").open("a", encoding="utf-8") as log:
            async for line in part.errors:
                text = line.decode("utf-8", "replace")
                part.said.append(text.rstrip())
                log.write(text)

    def keep_reading(self, part: Part) -> None:
        """Nobody waits for this part's lines any more; a full pipe must not stop it."""

        async def drain() -> None:
            async for _ in part.output:
                pass

        self._drains.append(asyncio.create_task(drain()))

    async def unless_ended(self, work: Coroutine[None, None, None]) -> None:
        """Do the work; raise `DemoFailed` when a process ends before it is done."""
        task = asyncio.create_task(work)
        end = asyncio.create_task(self._ended())
        try:
            await asyncio.wait({task, end}, return_when=asyncio.FIRST_COMPLETED)
            if task.done() and task.exception() is not None:
                await asyncio.wait({end}, timeout=ENDING_SECONDS)
            if end.done():
                raise DemoFailed(end.result())
            task.result()
        finally:
            for each in (task, end):
                each.cancel()
            await asyncio.gather(task, end, return_exceptions=True)

    async def _ended(self) -> str:
        """Waits for the first process that ends, which none should; its name and last words."""
        broker = asyncio.create_task(self.broker.ended())
        waits = {asyncio.create_task(part.process.wait()): part for part in self.parts}
        tasks: set[asyncio.Task[Any]] = {broker, *waits}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if broker in done:
                return "broker ended"
            part = waits[done.pop()]
            if part.reader is not None:
                await part.reader
            return "\n".join([f"{part.name} ended:", *part.said])
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def stop(self) -> None:
        """End every process, last started first, by asking and then by force."""
        for part in reversed(self.parts):
            with contextlib.suppress(ProcessLookupError):
                part.process.terminate()
            try:
                await asyncio.wait_for(part.process.wait(), 5.0)
            except TimeoutError:
                part.process.kill()
                await part.process.wait()
        readers = [part.reader for part in self.parts if part.reader is not None]
        await asyncio.gather(*readers, *self._drains)
