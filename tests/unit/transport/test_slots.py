"""An adapter's places: never more than there are, first come first served, and nobody starves."""

import asyncio
import contextlib

import pytest

from devicehub.transport import slots
from devicehub.transport.slots import Slots

PATIENCE = 10.0


async def until_waiting(places: Slots, count: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while len(places._waiting) < count:  # noqa: ASYNC110 - what tasks do next is no event
            await asyncio.sleep(0)


async def test_who_waits_gets_a_place_in_turn() -> None:
    places, order, most = Slots(2), [], 0

    async def use(number: int) -> None:
        nonlocal most
        async with places.place():
            order.append(number)
            most = max(most, places.taken)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(use(number))
    assert order == list(range(20))
    assert most == 2
    assert places.taken == 0
    assert places.free


async def test_a_place_that_falls_free_is_not_taken_by_a_newcomer() -> None:
    places = Slots(1)
    first = contextlib.AsyncExitStack()
    await first.enter_async_context(places.place())

    async def wait() -> None:
        async with places.place():
            assert places.taken == 1

    waiting = asyncio.create_task(wait())
    await until_waiting(places, 1)
    await first.aclose()
    assert not places.free, "it is the waiting one's, though that has not run yet"
    await waiting
    assert places.free


async def test_who_gives_up_waiting_blocks_nobody() -> None:
    places = Slots(1)
    async with contextlib.AsyncExitStack() as held:
        await held.enter_async_context(places.place())
        contexts = [places.place() for _ in range(2)]
        waiting = [asyncio.create_task(context.__aenter__()) for context in contexts]
        await until_waiting(places, 2)
        waiting[0].cancel()
        await asyncio.wait(waiting[:1])
        await held.aclose()
        async with asyncio.timeout(PATIENCE):
            await waiting[1]
        await contexts[1].__aexit__(None, None, None)
    assert places.free


class Link:
    """A connection that has been silent for so long."""

    def __init__(self, silent_seconds: float) -> None:
        self.silent_seconds = silent_seconds
        self.closed = asyncio.Event()

    def close(self, reason: str) -> None:
        self.closed.set()


async def test_the_longest_silent_connection_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "TURN_SECONDS", 0.01)
    places = Slots(2)
    talking, silent = Link(0.0), Link(9.0)

    async def hold(link: Link) -> None:
        async with places.place() as place:
            place.holder = link
            await link.closed.wait()

    holding = [asyncio.create_task(hold(link)) for link in (talking, silent)]
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE), places.place():
        assert silent.closed.is_set()
        assert not talking.closed.is_set(), "a conversation under way is left alone"
    talking.close("")
    await asyncio.gather(*holding)


async def test_a_limit_is_learnt_from_what_stands() -> None:
    places = Slots(None)
    async with places.place() as one, places.place() as two, places.place():
        one.holder = two.holder = Link(0.0)
        places.refused()
        assert places.limit == 2
    async with places.place():
        places.refused()
    assert places.limit == 1, "one it can always try"
