"""A port that does not exist: a pseudo-terminal behind a name of its own.

The system gives the number of an unplugged pseudo-terminal to the next one that anybody opens. A hub that looks
for its device under that number would find, and take, somebody else's.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

if sys.platform == "win32":
    raise ImportError(
        "Windows n'a pas de pseudo-terminal : les appareils série simulés tournent sous Linux ou macOS / "
        "Windows has no pseudo-terminals: simulated serial devices run on Linux or macOS"
    )

import tty


@contextlib.contextmanager
def pty_port(*, held: bool) -> Iterator[tuple[int, str]]:
    """The device's end, a file that does not block, and the path of the hub's, for as long as the block lasts.

    ``held`` keeps the hub's end open: without it, reading the device's end fails whenever no hub is there, which
    tells whether one is. After the block the path leads nowhere, as if the adapter had been unplugged.
    """
    with contextlib.ExitStack() as stack:
        device, hub = os.openpty()
        stack.callback(os.close, device)
        tty.setraw(hub)
        os.set_blocking(device, False)
        terminal = os.ttyname(hub)
        if held:
            stack.callback(os.close, hub)
        else:
            os.close(hub)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="devicehub-port-"))
        path = Path(folder) / "port"
        path.symlink_to(terminal)
        yield device, str(path)
