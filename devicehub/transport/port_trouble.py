"""Why a serial port does not open, in the words of the person who has to do something about it."""

from __future__ import annotations

import errno
import os
import sys
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
        group = Path(port).group()
        return line_lost(
            port,
            f"accès refusé ; ajoutez cet utilisateur au groupe {group}, puis rouvrez la session",
            f"permission denied; add this user to the group {group}, then log in again",
        )
    # On Windows a port that another program holds is "access denied".
    if number in {errno.EAGAIN, errno.EBUSY} or "PermissionError" in str(error):
        holder = _holder(port)
        return line_lost(
            port,
            f"déjà utilisé par {holder or 'un autre programme'} ; fermez-le",
            f"already in use by {holder or 'another program'}; close it",
        )
    return line_lost(
        port,
        f"ne s'ouvre pas ({error}) ; vérifiez l'appareil, son câble et le port configuré",
        f"cannot be opened ({error}); check the device, its cable and the configured port",
    )


def line_lost(port: str, french: str, english: str) -> LinkLost:
    """The end of a line, named by its port, French first."""
    return LinkLost(f"{port} : {french} / {english}")


def _holder(port: str) -> str | None:
    """The program that holds the port, where Linux tells: its lock first, else its open file."""
    if sys.platform != "linux":
        return None
    process = _locker(port) or _opener(port)
    try:
        return f"{Path(f'/proc/{process}/comm').read_text().strip()} (pid {process})"
    except OSError:
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


def _opener(port: str) -> str | None:
    device = os.path.realpath(port)
    for opened in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(opened.readlink()) == device:
                return opened.parts[2]
        except OSError:  # closed meanwhile, or not ours to see
            continue
    return None
