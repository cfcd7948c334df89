"""A program that commits frames and their readings, printing each frame's number once it is on disk."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from devicehub.driver import Frame
from devicehub.journal.journal import Journal
from devicehub.reading.settle import Settling

samples_at = spec_from_file_location("samples", Path(__file__).with_name("conftest.py"))
assert samples_at is not None
assert samples_at.loader is not None
samples = module_from_spec(samples_at)
samples_at.loader.exec_module(samples)


async def produce(journal: Journal) -> None:
    while True:
        now = datetime.now(UTC)
        frame = await journal.commit_frame(
            device="cuff-1",
            address="C0:00:00:00:00:01",
            connection="connection-1",
            driver=samples.DRIVER,
            origin="simulator",
            frame=Frame.of("2a35", b"\x1e"),
            first_byte=now,
            last_byte=now,
            settling=Settling(idle_since=now),
        )
        print(frame.number, flush=True)  # noqa: T201 - the acknowledgement
        await journal.settle_frame(frame.number, "read", [samples.make_filing()])


async def main() -> None:
    async with Journal(Path(sys.argv[1])) as journal, asyncio.TaskGroup() as producers:
        for _ in range(8):
            producers.create_task(produce(journal))


asyncio.run(main())
