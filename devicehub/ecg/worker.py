"""The check's own process: ``python -m devicehub.ecg.worker``, started and ended by `devicehub.ecg.process`.

One thread reads the pipe, so that what waits can be counted; the other computes. It ends when the pipe does: a station
that is gone leaves nothing behind. When more than `BEHIND` messages wait it draws nothing until it has caught up; it
checks every sample it is given.
"""

from __future__ import annotations

import os

# Before numpy: one thread is enough for windows this small, and leaves the other cores alone.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import signal
import sys
import threading
from queue import SimpleQueue
from typing import IO

import numpy as np

from devicehub.ecg import messages
from devicehub.ecg.messages import HEAD, Kind
from devicehub.ecg.stream import Stream
from devicehub.ecg.trace import Trace

BEHIND = 25
"""Messages: about a second of a device that sends twenty-five a second."""

Waiting = SimpleQueue[tuple[Kind, bytes] | None]


def read(pipe: IO[bytes], waiting: Waiting) -> None:
    """Put every message of the pipe into the queue, and None at its end."""
    try:
        while len(octets := pipe.read(HEAD.size)) == HEAD.size:
            length, kind = messages.head(octets)
            body = pipe.read(length)
            if len(body) < length:
                break
            waiting.put((kind, body))
    finally:
        waiting.put(None)


class Streams:
    """The streams that are open, by number."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._streams: dict[int, tuple[Stream, Trace]] = {}

    def take(self, kind: Kind, body: bytes, *, draws: bool) -> None:
        """Do what a message says."""
        if kind is Kind.OPEN:
            stream, leads, fs = messages.read_opening(body)
            self._streams[stream] = (Stream(leads, fs), Trace(leads, fs))
        elif kind is Kind.CLOSE:
            (stream,) = messages.STREAM.unpack(body)
            self._streams.pop(stream, None)
        elif kind is Kind.SAMPLES:
            self._check(messages.read_samples(body), draws=draws)

    def _check(self, given: messages.Samples, *, draws: bool) -> None:
        check, trace = self._streams[given.stream]
        floats = np.frombuffer(given.floats, dtype="<f4").astype(np.float64)
        samples = floats.reshape(given.leads, -1)
        for verdict in check.push(samples, given.contact):
            self._say(Kind.VERDICT, given.stream, verdict.model_dump_json())
        drawn = trace.push(samples)
        if drawn is not None and draws:
            self._say(Kind.TRACE, given.stream, drawn)
        self._pipe.flush()

    def _say(self, kind: Kind, stream: int, text: str) -> None:
        self._pipe.write(messages.about(kind, stream, text))


def main() -> int:
    """Check until the pipe ends."""
    # Ctrl-C at the terminal is for the station; this process ends with its pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    waiting: Waiting = SimpleQueue()
    threading.Thread(target=read, args=(sys.stdin.buffer, waiting), daemon=True).start()
    streams = Streams(sys.stdout.buffer)
    try:
        while (given := waiting.get()) is not None:
            streams.take(*given, draws=waiting.qsize() < BEHIND)
    except BrokenPipeError:
        # The station has gone between two messages. What is left to flush at the end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
