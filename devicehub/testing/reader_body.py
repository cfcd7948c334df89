"""An identity reader that does not exist: a port that "scans" codes. Its patients are invented."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
from datetime import date
from types import TracebackType
from typing import Final, Self

from devicehub.testing.pty_port import pty_port
from devicehub.visit.ins import GS, HEADER, INS_NIR_TEST
from devicehub.visit.patient import Ins, PatientIdentity

ALICE: Final = PatientIdentity(
    family_name="TEST",
    given_name="ALICE",
    born=date(1970, 1, 1),
    sex="F",
    ins=Ins(matricule="270019999900123", oid=INS_NIR_TEST, birth_place="99999"),
)
BRUNO: Final = PatientIdentity(
    family_name="TEST",
    given_name="BRUNO",
    born=date(1985, 6, 2),
    sex="M",
    ins=Ins(matricule="185069999900296", oid=INS_NIR_TEST, birth_place="99999"),
)

PATIENTS: Final = (ALICE, BRUNO)

LOOKS_EVERY: Final = 0.05
SUFFIX: Final = b"\r\n"


def ins_code(identity: PatientIdentity) -> bytes:
    """The text of somebody's INS data matrix (*INS – Format datamatrix* v2.2, §3 and §5)."""
    if identity.ins is None:
        raise ValueError("an INS code needs a matricule")
    blocks = [
        ("S1", identity.ins.matricule, 15),
        ("S2", identity.ins.oid, 20),
        ("S3", identity.given_name, 100),
        ("S4", identity.family_name, 100),
        ("S5", identity.sex, 1),
        ("S6", f"{identity.born:%d-%m-%Y}", 10),
    ]
    if identity.ins.birth_place is not None:
        blocks.append(("S7", identity.ins.birth_place, 5))
    last = blocks[-1]
    return (
        HEADER
        + "".join(
            tag + value + (GS if len(value) < longest and (tag, value, longest) != last else "")
            for tag, value, longest in blocks
        )
    ).encode("ascii")


class ReaderBody:
    """A reader whose port is `path`, plugged in for as long as the block lasts."""

    def __init__(self) -> None:
        self._device = -1
        self._plugged = contextlib.ExitStack()
        self.path = ""

    async def __aenter__(self) -> Self:
        # Not held: so the device's end shows whether a hub has opened the port.
        self._device, self.path = self._plugged.enter_context(pty_port(held=False))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._plugged.close()

    async def opened(self) -> None:
        """Wait until a hub has the port open."""
        poll = select.poll()
        poll.register(self._device, select.POLLIN)
        while any(event & select.POLLHUP for _file, event in poll.poll(0)):  # noqa: ASYNC110 - a terminal tells nobody
            await asyncio.sleep(LOOKS_EVERY)

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        # A real line, too, drops what nobody reads.
        with contextlib.suppress(BlockingIOError):
            os.write(self._device, data)

    def scan(self, code: bytes) -> None:
        """Read one code."""
        self.send(code + SUFFIX)
