"""The identity reader: a barcode reader in serial mode (USB-CDC, RS-232). What it says goes to one place alone.

It is no device: it has no driver, its bytes are never journalled, taped, published or logged, and nothing is ever
written to it. Readers that type like a keyboard are not supported on purpose: what they type goes to whichever
window has the focus, and most of them leave the separators out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from devicehub.driver import Frame, Line, LinkLost, until
from devicehub.transport.hands import Arrival, Hands
from devicehub.transport.serial import open_line
from devicehub.visit.scan import LONGEST, SUFFIXES

log = logging.getLogger(__name__)

RETRY_SECONDS: Final = 1.0
PATIENCE_SECONDS: Final = 3600.0

LINE: Final = Line(baud=9600, framer=until(*SUFFIXES, limit=LONGEST))
"""How most readers with a wire are set by their maker; a USB one ignores the speed."""


async def run_reader(
    port: str,
    settings: Mapping[str, Any],
    *,
    take: Callable[[bytes], Awaitable[None]],
    show: Callable[[str | None], None],
) -> None:
    """Hand every scan to ``take`` until cancelled; an unplugged reader comes back by itself.

    ``settings`` are those of `devicehub.driver.LineSettings` that differ from `LINE`. ``show`` is told why the reader cannot be read, and ``None`` once it can.
    """
    line, said = replace(LINE, **settings), ""
    while True:
        try:
            async with open_line(port, line, _NOBODY) as link:
                log.info("reader_connected port=%s", port)
                said = ""
                show(None)
                while True:
                    frame = await link.frame(within=PATIENCE_SECONDS)
                    if frame is not None:
                        await take(frame.data)
        except LinkLost as lost:
            # An absent reader is tried every second; once is enough to say so.
            if str(lost) != said:
                said = str(lost)
                log.info("reader_lost %s", said)
                show(said)
        await asyncio.sleep(RETRY_SECONDS)


async def _deliver(_frame: Frame, _arrival: Arrival) -> None:
    raise NotImplementedError  # nothing a reader says is a frame for the journal


def _live(_frame: Frame, _arrival: Arrival) -> None:
    raise NotImplementedError


_NOBODY: Final = Hands(_deliver, _live)
