"""Why a serial port does not open, in the words of the person who has to do something about it."""

from __future__ import annotations

import errno
import logging
import os
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from devicehub.driver import LinkLost

logger = logging.getLogger(__name__)

PortWhy = Literal[
    "port_held", "port_shared", "port_denied", "port_unclear", "port_wrong", "server_refused"
]
"""What keeps a port from being read, where it is not the plug: another program, another device of the room, the
system, several adapters that could be meant, the configuration, a terminal server that does not answer."""


class PortLost(LinkLost):
    """A line that is not read. ``why`` is for the page, which has words of its own; ``by`` names who has the port."""

    def __init__(self, reason: str, why: PortWhy, by: str | None = None) -> None:
        super().__init__(reason)
        self.why = why
        self.by = by


def not_opened(port: str, error: Exception) -> LinkLost:
    """What kept ``port`` from opening, in words, with what to do about it. The log has it as the system says it."""
    logger.info("serial.not_opened port=%s reason=%s", port, error)
    if port.lower().startswith(("socket:", "rfc2217:")):
        return _not_answered(port, error)
    number = _number(error)
    if number in {errno.ENOENT, errno.ENODEV, errno.ENXIO} or "FileNotFoundError" in str(error):
        return line_lost(
            port,
            "port introuvable ; branchez l'adaptateur ou corrigez le port dans la configuration",
            "no such port; plug the adapter in, or correct the port in the configuration",
        )
    if number in {errno.EACCES, errno.EPERM}:
        return _denied(port)
    # On Windows a port that another program holds is "access denied".
    if number in {errno.EAGAIN, errno.EBUSY} or "PermissionError" in str(error):
        return in_use(port, holder(port))
    if number in {errno.EISDIR, errno.ENOTTY}:
        return line_lost(
            port,
            "ce n'est pas un port série ; écrivez dans la configuration celui que « devicehub devices list » montre",
            "this is no serial port; write in the configuration the one that `devicehub devices list` shows",
            why="port_wrong",
        )
    return line_lost(
        port,
        "ne s'ouvre pas ; vérifiez l'appareil, son câble, ses réglages et le port configuré",
        "cannot be opened; check the device, its cable, its settings and the configured port",
        why="port_wrong",
    )


def _number(error: BaseException | None) -> int | None:
    """The system's number for it, which pyserial hides behind an exception of its own."""
    while error is not None:
        for said in (getattr(error, "errno", None), *error.args[:1]):  # termios.error has it first
            if isinstance(said, int):
                return said
        error = error.__cause__ or error.__context__
    return None


def _not_answered(port: str, error: Exception) -> LinkLost:
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ConnectionRefusedError):
        fr = "refuse la connexion ; vérifiez le numéro de port, et qu'aucun autre programme ne s'en sert"
        en = "refuses the connection; check the port's number, and that no other program uses it"
    elif isinstance(cause, socket.gaierror):
        fr = "n'a pas d'adresse sous ce nom ; corrigez le nom dans la configuration, ou vérifiez le réseau"
        en = "has no address by this name; correct the name in the configuration, or check the network"
    elif isinstance(cause, OSError):
        fr = "ne répond pas ; vérifiez qu'il est allumé, son adresse et le réseau"
        en = "does not answer; check that it is on, its address, and the network"
    else:
        fr = 'répond, mais pas comme "rfc2217://" le demande ; prenez "socket://", ou réglez-le sur RFC 2217'
        en = 'answers, but not as "rfc2217://" asks; take "socket://", or set it to RFC 2217'
    return line_lost(
        port,
        f"ce serveur de terminaux {fr}",
        f"this terminal server {en}",
        why="server_refused",
    )


def _denied(port: str) -> LinkLost:
    group = _group(port)
    if group is None:
        fr = (
            "il est réservé à l'administrateur. Ne donnez à personne le groupe root : une règle udev met ce port au "
            "groupe dialout, celui du compte de service devicehub (docs/serial.md)"
        )
        en = (
            "it is the administrator's own. Give nobody the group root: a udev rule puts this port into the group "
            "dialout, that of the service account devicehub (docs/serial.md)"
        )
    else:
        fr = f"ajoutez cet utilisateur au groupe {group}, puis rouvrez la session"
        en = f"add this user to the group {group}, then log in again"
    return line_lost(port, f"accès refusé ; {fr}", f"permission denied; {en}", why="port_denied")


def _group(port: str) -> str | None:
    """Whose members may use the port; where it has no name, who may on most systems.

    ``None`` where no group may, or where its members could do anything.
    """
    try:
        about = Path(port).stat()
        may_use = stat.S_IRGRP | stat.S_IWGRP
        if about.st_gid == 0 or about.st_mode & may_use != may_use:
            return None
        return Path(port).group()
    except (KeyError, OSError, NotImplementedError):  # the last: Windows has no groups
        return "dialout"


def line_lost(
    port: str, french: str, english: str, *, why: PortWhy | None = None, by: str | None = None
) -> LinkLost:
    """The end of a line, named by its port, French first (« French · English »); a `PortLost` where there is a ``why``."""
    reason = f"{port} : {french} · {port}: {english}"
    return LinkLost(reason) if why is None else PortLost(reason, why, by)


def in_use(port: str, by: str | None) -> LinkLost:
    """Another program has the port; ``by`` says which, where the system tells."""
    return line_lost(
        port,
        f"déjà utilisé par {by or 'un autre programme'} ; fermez-le",
        f"already in use by {by or 'another program'}; close it",
        why="port_held",
        by=by,
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
