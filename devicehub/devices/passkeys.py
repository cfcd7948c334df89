"""The questions of pairing that only a person can answer: six digits to type, to show, or to compare."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID, uuid4

from devicehub.devices.news import DeviceNews
from devicehub.transport.hands import station_now
from devicehub.transport.stack import Purpose

ANSWER_SECONDS = 25.0
"""Pairing ends by itself after 30 s without a step (Core Specification, vol. 3, part H, 3.4): the question ends before."""

PAUSE_SECONDS = 120.0
"""How long a device is left unpaired after a question was given up: who cancels does not want it back at once."""

_DIGITS = 6

Want = Literal["type_here"] | Purpose
"""What the person does with the digits: type them at the page, or `devicehub.transport.stack.Purpose`."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Question:
    """One question. ``passkey`` is what is shown, as six digits; ``None`` where the person types it."""

    id: UUID
    address: str
    device: str
    """What the practice calls the device."""
    want: Want
    since: datetime
    until: datetime
    passkey: str | None = None
    again: bool = False
    """The digits typed at the question before were not taken."""


class NoSuchQuestion(LookupError):
    """It was answered, withdrawn, or its time is up."""


class NotSixDigits(ValueError):
    """The answer is not what a passkey looks like."""


class Passkeys:
    """The open questions. ``show`` is told of all of them whenever one comes or goes; digits are never logged."""

    def __init__(self, show: Callable[[tuple[Question, ...]], None]) -> None:
        self._show = show
        self._names: dict[str, str] = {}
        self._addresses: dict[str, str] = {}
        self._typed: set[str] = set()
        """The addresses for which digits were typed, until it is known that they were taken."""
        self._paused: dict[str, float] = {}
        self._open: dict[UUID, tuple[Question, asyncio.Future[int | None]]] = {}

    async def ask(self, address: str) -> int | None:
        """The digits the device displays, or ``None``: a `devicehub.transport.stack.AskPasskey`."""
        return await self._put(address, "type_here", None)

    async def show(self, address: str, passkey: int, purpose: Purpose) -> bool:
        """Whether the person agrees: a `devicehub.transport.stack.ShowPasskey`."""
        return await self._put(address, purpose, f"{passkey:0{_DIGITS}}") is not None

    def answer(self, question: UUID, digits: str) -> None:
        """Type the digits, or agree to those shown. Raises `NoSuchQuestion`, `NotSixDigits`."""
        asked, answered = self._find(question)
        text = asked.passkey or digits.replace(" ", "")
        if not (len(text) == _DIGITS and text.isascii() and text.isdigit()):
            raise NotSixDigits
        if asked.want == "type_here":
            self._typed.add(asked.address)
        answered.set_result(int(text))

    def cancel(self, question: UUID) -> None:
        """Give up. Raises `NoSuchQuestion`."""
        asked, answered = self._find(question)
        self._pause(asked.address)
        answered.set_result(None)

    def put_off(self, address: str) -> bool:
        """Whether a question of the device at this address was given up a moment ago."""
        return time.monotonic() < self._paused.get(address, -math.inf)

    def resume(self, device: str) -> None:
        """Somebody wants the device of this id to be paired now."""
        self._paused.pop(self._addresses.get(device, ""), None)

    def device(self, news: DeviceNews) -> None:
        """What the practice calls a device; once it is paired, or its conversation has ended, nobody waits for an answer."""
        address = news.source.address
        self._names[address] = news.name
        self._addresses[news.source.id] = address
        if news.why != "pairing_refused":
            self._typed.discard(address)
        if news.condition == "connecting":
            return
        if news.condition == "connected":
            self._paused.pop(address, None)
        for question, answered in self._open.values():
            if question.address == address and not answered.done():
                answered.set_result(None)

    def _pause(self, address: str) -> None:
        self._paused[address] = time.monotonic() + PAUSE_SECONDS

    def _find(self, question: UUID) -> tuple[Question, asyncio.Future[int | None]]:
        found = self._open.get(question)
        if found is None or found[1].done():
            raise NoSuchQuestion
        return found

    async def _put(self, address: str, want: Want, passkey: str | None) -> int | None:
        now = station_now()
        until = now + timedelta(seconds=ANSWER_SECONDS)
        name = self._names.get(address, address)
        again = address in self._typed
        question = Question(uuid4(), address, name, want, now, until, passkey, again)
        answered: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._open[question.id] = (question, answered)
        self._tell()
        log.info("passkey_wanted want=%s", want)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await answered
        except TimeoutError:
            log.info("passkey_not_given want=%s", want)
            self._pause(address)
            return None
        finally:
            del self._open[question.id]
            self._tell()

    def _tell(self) -> None:
        self._show(tuple(question for question, _ in self._open.values()))
