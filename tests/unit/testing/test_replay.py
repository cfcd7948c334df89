"""The replay links: what a session may rely on while a capture plays, and how a disagreement is told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from devicehub.devices import registry
from devicehub.driver import (
    BleDriver,
    BleLink,
    BleSession,
    LinkLost,
    Refused,
    SerialDriver,
    SerialLink,
    overhear,
)
from devicehub.testing.replay import ReplayFailed, converse
from devicehub.transport.tape import Capture, Header, Step, load

CUFF = cast("BleDriver", registry.find("sig_blood_pressure"))
SCALE = cast("SerialDriver", registry.find("mt_sics"))
RECORDED = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


def capture(*steps: str) -> Capture:
    """Steps as ``t hub read 2a24`` or ``t device value 2a24 41 42``."""
    header = Header(
        device="x", driver="x", origin="synthetic", recorded=RECORDED, hub="0.1.0", model="X1",
        characteristics=("fff1", "fff2"),
    )  # fmt: skip
    told = []
    for line in steps:
        t, by, do, on, *data = line.split()
        step = {"t": float(t), "from": by, "do": do, "on": on, "hex": "".join(data)}
        told.append(Step.model_validate(step))
    return Capture(path=Path("it.jsonl"), header=header, steps=tuple(told))


def played(session: BleSession, *steps: str, started: datetime | None = None) -> list[str]:
    handed = converse(replace(CUFF, session=session), capture(*steps), started=started)
    return [f"{one.frame.on} {one.frame.data.hex()} {one.finished}" for one in handed]


HANDSHAKE = (
    "0.1 hub subscribe fff2",
    "0.2 hub write fff1 13",
    "0.3 device message fff2 aa",
    "0.4 device message fff2 13 01",
    "0.5 hub command fff1 20",
    "9.0 device message fff2 10 48",
    "9.5 hub write fff1 1f",
)


async def handshake(link: BleLink) -> None:
    assert link.characteristics == {"fff1", "fff2"}
    assert link.model == "X1"
    await link.subscribe("fff2")
    assert link.now in (RECORDED + timedelta(seconds=0.2), ANOTHER_DAY + timedelta(seconds=0.2))
    await link.write("fff1", b"\x13")
    assert await link.expect("fff2", prefix=b"\x13", within=3) == b"\x13\x01"
    await link.pause(1)
    await link.write("fff1", b"\x20", response=False)
    async for frame in link.frames("fff2", quiet=20):
        await link.deliver(frame)
    await link.write("fff1", b"\x1f")


ANOTHER_DAY = RECORDED + timedelta(days=100)


def test_a_handshake_is_played_to_its_last_byte() -> None:
    assert played(handshake, *HANDSHAKE) == ["fff2 1048 True"]
    assert played(handshake, *HANDSHAKE, started=ANOTHER_DAY) == ["fff2 1048 True"]


@pytest.mark.parametrize(
    ("at", "other", "words"),
    [
        (1, "0.2 hub write fff1 14", "it.jsonl:3: the session did: write fff1 13; captured: write fff1 14"),
        (1, "0.2 hub command fff1 13", "it.jsonl:3: .*captured: command fff1 13"),
        (6, "9.5 hub read fff1", "it.jsonl:8: .*captured: read fff1"),
        (2, "0.3 device message fff1 aa", "it.jsonl:4: a message on fff1, which the session left"),
        (2, "0.3 device value fff2 aa", "it.jsonl:4: nobody asked for value fff2 aa"),
    ],
)  # fmt: skip
def test_a_disagreement_names_file_and_line(at: int, other: str, words: str) -> None:
    steps = list(HANDSHAKE)
    steps[at] = other
    with pytest.raises(ReplayFailed, match=words):
        played(handshake, *steps)


def test_what_the_device_refused_is_refused_again() -> None:
    refused: list[str] = []

    async def session(link: BleLink) -> None:
        for ask in (
            lambda: link.subscribe("fff2"),
            lambda: link.read("fff1"),
            lambda: link.write("fff1", b"\x01"),
        ):
            with pytest.raises(Refused) as error:
                await ask()
            refused.append(str(error.value))
        raise Refused("enough")

    played(
        session,
        "0.1 hub subscribe fff2", "0.1 device refused fff2 05",
        "0.2 hub read fff1", "0.2 device refused fff1 02",
        "0.3 hub write fff1 01", "0.3 device refused fff1 03",
    )  # fmt: skip
    assert refused == ["fff2: ATT error 0x05", "fff1: ATT error 0x02", "fff1: ATT error 0x03"]


def test_a_message_may_come_while_a_value_is_awaited_but_the_value_must_come() -> None:
    async def session(link: BleLink) -> None:
        await link.subscribe("fff2")
        assert await link.read("fff1") == b"\x01"
        async for frame in link.frames("fff2", quiet=1):
            link.live(frame)

    begin = ("0.1 hub subscribe fff2", "0.2 hub read fff1", "0.3 device message fff2 07")
    assert played(session, *begin, "0.4 device value fff1 01") == ["fff2 07 False"]
    with pytest.raises(ReplayFailed, match=r"it.jsonl:5: the read of fff1 above has no value"):
        played(session, *begin, "0.4 hub read fff1")


def test_silence_before_the_hub_speaks_again_is_silence_for_the_session() -> None:
    async def session(link: BleLink) -> None:
        await link.subscribe("fff2")
        with pytest.raises(LinkLost, match="nothing within 3"):
            await link.expect("fff2", within=3)
        await link.read("fff1")

    played(session, "0 hub subscribe fff2", "5 hub read fff1", "5 device value fff1 00")


def test_advertisements_need_no_subscription() -> None:
    heard = replace(CUFF, session=overhear("adv:181d"), main="adv:181d")
    told = capture("0 device message adv:181d 01", "1 device message adv:181d 01")
    assert [one.frame.on for one in converse(heard, told)] == ["adv:181d"]


def test_a_session_that_only_waits_is_stopped() -> None:
    async def session(link: SerialLink) -> None:
        while True:
            await link.frame(within=1)

    with pytest.raises(
        ReplayFailed, match=r"it.jsonl:2: the session only waits; captured: write -"
    ):
        converse(replace(SCALE, session=session), capture("0 hub write - 53"))


def test_a_serial_line_has_messages_only() -> None:
    with pytest.raises(ReplayFailed, match=r"it.jsonl:2: a serial line has messages on '-' only"):
        converse(SCALE, capture("0 device message 2a35 00"))


def test_an_empty_capture_ends_at_once() -> None:
    assert converse(SCALE, capture()) == []
    assert played(handshake) == []


def test_every_capture_in_the_tree_can_be_loaded() -> None:
    paths = sorted((Path(__file__).parents[2] / "captures").glob("*/*.jsonl"))
    assert len(paths) >= 12
    for path in paths:
        assert load(path).header.driver == path.parent.name
