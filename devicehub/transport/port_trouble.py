"""Why a serial port does not open, in the words of the person who has to do something about it."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from devicehub.driver import LinkLost


def not_opened(port: str, error: Exception) -> LinkLost:
    """What kept ``port`` from opening, in words, with what to do about it."""
    number = getattr(error, "errno", None)
    if number in {errno.ENOENT, errno.ENODEV, errno.ENXIO} or "FileNotFoundError" in str(error):
        return line_lost(
            port,
            "port introuvable ; branchez l'adaptateur ou corrigez le port dans la configuration",
            "no such port; plug the adapter in, or correct the port in the configuration",
        )
    if number in {errno.EACCES, errno.EPERM}:
        group = _group(port)
        return line_lost(
            port,
            f"accès refusé ; ajoutez cet utilisateur au groupe {group}, puis rouvrez la session",
            f"permission denied; add this user to the group {group}, then log in again",
        )
    # On Windows a port that another program holds is "access denied".
    if number in {errno.EAGAIN, errno.EBUSY} or "PermissionError" in str(error):
        return in_use(port, holder(port))
    return line_lost(
        port,
        f"ne s'ouvre pas ({error}) ; vérifiez l'appareil, son câble et le port configuré",
        f"cannot be opened ({error}); check the device, its cable and the configured port",
    )


def _group(port: str) -> str:
    """Who may use the port; where that has no name, who may on most systems."""
    try:
        return Path(port).group()
    except (KeyError, OSError):
        return "dialout"


def line_lost(port: str, french: str, english: str) -> LinkLost:
    """The end of a line, named by its port, French first."""
    return LinkLost(f"{port} : {french} / {english}")


def in_use(port: str, by: str | None) -> LinkLost:
    """Another program has the port; ``by`` says which, where the system tells."""
    return line_lost(
        port,
        f"déjà utilisé par {by or 'un autre programme'} ; fermez-le",
        f"already in use by {by or 'another program'}; close it",
    )


def rival(port: str) -> str | None:
    """A program that has the port open without having locked it, and would take half of its bytes."""
    others = (process for process in _openers(port) if process != str(os.getpid()))
    return _named(next(others, None)) if sys.platform == "linux" else None


def holder(port: str) -> str | None:
    """The program that holds the port, where Linux tells: its lock first, else its open file."""
    if sys.platform != "linux":
        return None
    try:
        return _named(_locker(port) or next(_openers(port), None))
    except OSError:
        return None


def _named(process: str | None) -> str | None:
    if process is None:
        return None
    try:
        return f"{Path(f'/proc/{process}/comm').read_text().strip()} (pid {process})"
    except OSError:  # it has just ended
        return None


def _locker(port: str) -> str | None:
    file_of_port = Path(port).stat()
    device = file_of_port.st_dev
    wanted = f"{os.major(device):02x}:{os.minor(device):02x}:{file_of_port.st_ino}"
    for lock in Path("/proc/locks").read_text().splitlines():
        _number, kind, _advisory, _mode, process, file, *_range = lock.split()
        if kind == "FLOCK" and file == wanted and process != "0":
            return process
    return None


def _openers(port: str) -> Iterator[str]:
    device = os.path.realpath(port)
    for opened in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(opened.readlink()) == device:
                yield opened.parts[2]
        except OSError:  # closed meanwhile, or not ours to see
            continue
