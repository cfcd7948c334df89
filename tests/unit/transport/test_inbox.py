"""The inbox: order, patience, and the end of a link."""

import asyncio
from datetime import timedelta

import pytest

from devicehub.driver import Frame, LinkLost
from devicehub.transport.hands import Arrival, Hands
from devicehub.transport.inbox import Inbox


@pytest.fixture
def delivered() -> list[tuple[Frame, Arrival]]:
    return []


@pytest.fixture
def inbox(delivered: list[tuple[Frame, Arrival]]) -> Inbox:
    async def deliver(frame: Frame, arrival: Arrival) -> None:
        delivered.append((frame, arrival))

    return Inbox(Hands(deliver, lambda frame, arrival: None), model="TEST model")


async def test_frames_come_in_order_of_arrival_and_end_with_silence(inbox: Inbox) -> None:
    inbox.put("2a36", b"one")
    inbox.put("2a35", b"two")
    inbox.put("2a19", b"not asked for")
    inbox.put("2a36", b"three")
    frames = [frame async for frame in inbox.frames({"2a35", "2a36"}, quiet=0.01)]
    assert [(frame.on, frame.data) for frame in frames] == [
        ("2a36", b"one"),
        ("2a35", b"two"),
        ("2a36", b"three"),
    ]
    assert {frame.model for frame in frames} == {"TEST model"}
    assert await inbox.expect("2a19", b"", 1) == b"not asked for"


async def test_a_message_that_arrives_while_a_session_waits_wakes_it(inbox: Inbox) -> None:
    taking = asyncio.create_task(inbox.take({"2a35"}, 10))
    await asyncio.sleep(0)
    inbox.put("2a35", b"late")
    assert await taking == ("2a35", b"late")


async def test_expect_passes_over_what_does_not_start_with_the_prefix(inbox: Inbox) -> None:
    inbox.put("ff01", b"\x01stale")
    inbox.put("ff02", b"\x02elsewhere")
    inbox.put("ff01", b"\x02answer")
    assert await inbox.expect("ff01", b"\x02", 1) == b"\x02answer"
    assert await inbox.expect("ff02", b"", 1) == b"\x02elsewhere"
    with pytest.raises(LinkLost, match="did not answer on ff01"):
        await inbox.expect("ff01", b"", 0.01)


async def test_what_had_arrived_is_given_before_the_loss_is_told(inbox: Inbox) -> None:
    inbox.put("2a35", b"last words")
    inbox.close("gone")
    frames = inbox.frames({"2a35"}, quiet=10)
    assert (await anext(frames)).data == b"last words"
    with pytest.raises(LinkLost, match="gone"):
        await anext(frames)


async def test_a_pause_ends_with_the_link(inbox: Inbox) -> None:
    await inbox.pause(0.01)
    pausing = asyncio.create_task(inbox.pause(60))
    await asyncio.sleep(0)
    inbox.put("2a35", b"no reason to end")
    inbox.close("gone")
    with pytest.raises(LinkLost, match="gone"):
        await pausing


async def test_breaking_off_leaves_the_rest_where_it_is(inbox: Inbox) -> None:
    inbox.put("2a35", b"one")
    inbox.put("2a35", b"two")
    async for frame in inbox.frames({"2a35"}, quiet=10):
        assert frame.data == b"one"
        break
    assert await inbox.expect("2a35", b"", 1) == b"two"


async def test_a_delivered_frame_knows_when_its_first_and_last_part_came_in(
    inbox: Inbox, delivered: list[tuple[Frame, Arrival]]
) -> None:
    first, last = inbox.put("2a35", b"\x01"), inbox.put("2a35", b"\x01")
    last.at = first.at + timedelta(seconds=5)
    await inbox.deliver(Frame((("2a35", last), ("2a35", first))))
    await inbox.deliver(Frame((("2a35", b"\x01" + last), ("2a35", last))))
    assert [arrival for _, arrival in delivered] == [
        Arrival(first.at, last.at),
        Arrival(inbox.began, last.at),  # made by the session: it may be as old as the connection
    ]
