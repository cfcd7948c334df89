"""The questions of pairing: each is answered once, by six digits, a word, a cancel, or its time."""

import asyncio
from uuid import uuid4

import pytest

from devicehub.devices import passkeys
from devicehub.devices.intake import Source
from devicehub.devices.news import Condition, DeviceNews, Why
from devicehub.devices.passkeys import NoSuchQuestion, NotSixDigits, Passkeys, Question
from devicehub.transport.hands import station_now
from devicehub_drivers.sig_blood_pressure import DRIVER

CUFF = "C0:00:00:00:00:01"


class Desk:
    def __init__(self) -> None:
        self.open: tuple[Question, ...] = ()
        self.passkeys = Passkeys(self._show)
        self.tell("connected")

    def tell(self, condition: Condition, address: str = CUFF, why: Why | None = None) -> None:
        source = Source("cuff", DRIVER, address, "simulator")
        news = DeviceNews(source, "Tensiomètre", condition, station_now(), why=why)
        self.passkeys.device(news)

    def _show(self, questions: tuple[Question, ...]) -> None:
        self.open = questions

    async def asked(self) -> Question:
        async with asyncio.timeout(10):
            while not self.open:  # noqa: ASYNC110 - a callback
                await asyncio.sleep(0)
        return self.open[0]


async def test_six_digits_answer_it_once() -> None:
    desk = Desk()
    asking = asyncio.create_task(desk.passkeys.ask(CUFF))
    question = await desk.asked()
    assert (question.device, question.want, question.passkey) == ("Tensiomètre", "type_here", None)
    for wrong in ("", "12345", "1234567", "12345x", "١٢٣٤٥٦"):
        with pytest.raises(NotSixDigits):
            desk.passkeys.answer(question.id, wrong)
    desk.passkeys.answer(question.id, "012 345")
    with pytest.raises(NoSuchQuestion):
        desk.passkeys.answer(question.id, "012345")
    assert await asking == 12345
    assert desk.open == ()
    with pytest.raises(NoSuchQuestion):
        desk.passkeys.cancel(uuid4())


@pytest.mark.parametrize("how", ["cancel", "lost", "time"])
async def test_what_nobody_answers_is_given_up(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if how == "time":
        monkeypatch.setattr(passkeys, "ANSWER_SECONDS", 0.01)
    desk = Desk()
    asking = asyncio.create_task(desk.passkeys.ask(CUFF))
    if how != "time":
        question = await desk.asked()
        desk.tell("lost", "C0:00:00:00:00:FF")
        desk.tell("connecting")
        assert desk.open
        if how == "cancel":
            desk.passkeys.cancel(question.id)
        else:
            desk.tell("lost")
    assert await asking is None
    assert desk.open == ()


async def test_a_device_that_is_paired_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Digits to be typed at the device itself: nothing tells when they were, but that it is connected."""
    desk = Desk()
    monkeypatch.setattr(passkeys, "ANSWER_SECONDS", 0.01)
    assert await desk.passkeys.ask(CUFF) is None
    assert desk.passkeys.put_off(CUFF)
    monkeypatch.undo()
    showing = asyncio.create_task(desk.passkeys.show(CUFF, 12345, "type_there"))
    await desk.asked()
    desk.tell("connected")
    await showing
    assert desk.open == ()
    assert not desk.passkeys.put_off(CUFF)


@pytest.mark.parametrize("how", ["cancel", "time", "lost"])
async def test_what_a_person_gave_up_is_put_off_until_somebody_wants_it(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "time":
        monkeypatch.setattr(passkeys, "ANSWER_SECONDS", 0.01)
    desk = Desk()
    asking = asyncio.create_task(desk.passkeys.ask(CUFF))
    if how == "cancel":
        desk.passkeys.cancel((await desk.asked()).id)
    elif how == "lost":
        await desk.asked()
        desk.tell("lost")
    assert await asking is None
    assert desk.passkeys.put_off(CUFF) is (how != "lost"), (
        "a device that left was given up by nobody"
    )
    desk.passkeys.resume("another")
    assert desk.passkeys.put_off(CUFF) is (how != "lost")
    desk.passkeys.resume("cuff")
    assert not desk.passkeys.put_off(CUFF)


@pytest.mark.parametrize(
    ("condition", "why", "again"),
    [
        ("lost", "pairing_refused", True),
        ("lost", None, False),
        ("connected", None, False),
    ],
)
async def test_a_question_says_whether_the_digits_before_were_not_taken(
    condition: Condition, why: Why | None, again: bool
) -> None:
    desk = Desk()
    asking = asyncio.create_task(desk.passkeys.ask(CUFF))
    question = await desk.asked()
    assert not question.again
    desk.passkeys.answer(question.id, "012345")
    await asking
    desk.tell(condition, why=why)
    asking = asyncio.create_task(desk.passkeys.ask(CUFF))
    question = await desk.asked()
    assert question.again is again
    desk.passkeys.cancel(question.id)
    await asking


async def test_digits_are_shown_with_their_noughts_and_agreed_to() -> None:
    desk = Desk()
    comparing = asyncio.create_task(desk.passkeys.show(CUFF, 42, "compare"))
    question = await desk.asked()
    assert (question.want, question.passkey) == ("compare", "000042")
    desk.passkeys.answer(question.id, "")
    assert await comparing
