"""A serial line's reader under load: bytes a second through the thread, the framer and a session.

    .venv/bin/python benchmarks/line.py      # half a minute; Linux or macOS

A pseudo-terminal (and a socket) carries packets of 28 bytes as an ECG front end's, first at a hundred times
such a front end's 14 kB/s and by the clock, then as fast as they are read. Nothing may be lost at the first.
"""

from __future__ import annotations

import asyncio
import os
import platform
import sys
import threading
import time
import tty
import zlib
from statistics import median, quantiles

from devicehub.driver import Frame, Line, probed
from devicehub.transport.hands import Arrival, Hands
from devicehub.transport.serial import open_line

RATE, SECONDS = 1_400_000, 5
MARK, SIZE = b"\xa5\x5a", 28
BODY = bytes(range(SIZE - 4))
PACKET = MARK + BODY + (zlib.crc32(BODY) & 0xFFFF).to_bytes(2, "big")
CHUNK = PACKET * 100
AHEAD = 1 << 19
"""Bytes that the sender may be ahead of the reader where it goes as fast as it can."""


def length(ahead: bytes) -> int | None:
    """The framer's probe: a mark, and two bytes that check."""
    if not MARK.startswith(ahead[:2]):
        return None
    if len(ahead) < SIZE:
        return 0
    good = zlib.crc32(ahead[2 : SIZE - 2]) & 0xFFFF == int.from_bytes(ahead[-2:], "big")
    return SIZE if good else None


async def keep(_frame: Frame, _arrival: Arrival) -> None:
    """Nothing is kept."""


LINE = Line(baud=921600, framer=probed(length, longest=SIZE, starts=MARK[:1]))
HANDS = Hands(keep, lambda _frame, _arrival: None)


class Run:
    """One run: ``total`` bytes, by the clock or as fast as they are read."""

    def __init__(self, total: int, rate: int | None) -> None:
        self.total = total // len(CHUNK) * len(CHUNK)
        self.rate = rate
        self.read = 0
        self.late: list[float] = []
        self.took = 0.0
        self.processor = 0.0

    def speak(self, device: int) -> None:
        """The device's side, in a thread."""
        began, said = time.perf_counter(), 0
        while said < self.total:
            if self.rate is not None:
                time.sleep(max(0.0, began + said / self.rate - time.perf_counter()))
            elif said - self.read > AHEAD:
                time.sleep(0.0005)
                continue
            left = CHUNK
            while left:
                left = left[os.write(device, left) :]
            said += len(CHUNK)

    async def run(self) -> None:
        """Both sides."""
        device, port = os.openpty()
        tty.setraw(port)
        async with open_line(os.ttyname(port), LINE, HANDS) as link:
            thread = threading.Thread(target=self.speak, args=(device,))
            began, used = time.perf_counter(), time.process_time()
            thread.start()
            while self.read < self.total:
                frame = await link.frame(within=5.0)
                if frame is None:
                    break
                self.read += len(frame.data)
                if self.rate is not None:
                    self.late.append(time.perf_counter() - began - self.read / self.rate)
            self.took = time.perf_counter() - began
            self.processor = time.process_time() - used
            thread.join()
        os.close(device)
        os.close(port)


def main() -> int:
    """Both runs, and whether the first lost anything."""
    print(f"{platform.system()}, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}")
    paced = Run(RATE * SECONDS, RATE)
    asyncio.run(paced.run())
    lost = paced.total - paced.read
    last = quantiles(paced.late, n=100)[98] if len(paced.late) > 1 else 0.0
    print(
        f"100 front ends   {paced.read / paced.took / 1e6:5.2f} MB/s, lost {lost} bytes, "
        f"a packet is {median(paced.late) * 1e3:.1f} ms (p99 {last * 1e3:.1f} ms) behind its time, "
        f"processor {100 * paced.processor / paced.took:.0f} %"
    )
    fast = Run(20_000_000, None)
    asyncio.run(fast.run())
    print(
        f"as fast as read  {fast.read / fast.took / 1e6:5.2f} MB/s, lost {fast.total - fast.read}"
    )
    print("PASS" if lost == 0 and fast.read == fast.total else "FAIL")
    return 0 if lost == 0 and fast.read == fast.total else 1


if __name__ == "__main__":
    sys.exit(main())
