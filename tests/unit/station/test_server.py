"""The page's server: it says its port, releases who leaves, and stops whatever its browsers do."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import httpx
import pytest
from browser_station import Station
from starlette.applications import Starlette
from station_room import CUFF, NAMES, device_state, filing, pressure

from devicehub.station.server import PageUnavailable, serve


async def until_watched(station: Station, count: int) -> None:
    async with asyncio.timeout(20):
        while station.board.watched != count:  # noqa: ASYNC110 -- the board tells nobody who watches it
            await asyncio.sleep(0.01)


async def test_a_page_that_leaves_is_forgotten(station: Station) -> None:
    async with httpx.AsyncClient(base_url=station.url) as client:
        for path in ("/events", "/api/events"):
            async with client.stream("GET", path) as stream:
                assert stream.headers["content-type"].startswith("text/event-stream")
                await until_watched(station, 1)
            await until_watched(station, 0)


async def test_stopping_ends_every_stream_whole(station: Station) -> None:
    async with (
        httpx.AsyncClient(base_url=station.url) as client,
        client.stream("GET", "/events") as page,
        client.stream("GET", "/api/events") as program,
    ):
        await until_watched(station, 2)
        await station.stop()
        assert "event: hello" in (await page.aread()).decode()
        assert ": filings" in (await program.aread()).decode()
    assert station.board.watched == 0


async def test_a_browser_that_reads_nothing_does_not_hold_the_station(station: Station) -> None:
    stuck = socket.create_connection(("127.0.0.1", station.port))
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.sendall(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    await until_watched(station, 1)
    for device, name in NAMES.items():
        station.board.device(device_state(device, "connected"), name=name * 200_000)
    for _ in range(2_000):  # the board goes on at once, and what waits for the browser stays small
        station.board.filing(filing(CUFF, pressure(), "accepted"))
    async with asyncio.timeout(20):
        await station.stop()
    assert station.board.watched == 0
    with suppress(ConnectionError):
        stuck.shutdown(socket.SHUT_RDWR)
    stuck.close()


async def test_a_taken_port_is_said_to_a_person() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PageUnavailable, match="arrêtez l'autre programme"):
            await serve(Starlette(), "127.0.0.1", port, None, lambda _port: None)


async def test_an_address_that_is_none_is_said_in_the_systems_words() -> None:
    with pytest.raises(socket.gaierror) as wrong:
        socket.getaddrinfo("::none", 0)
    with pytest.raises(PageUnavailable) as said:
        await serve(Starlette(), "::none", 0, None, lambda _port: None)
    assert f"({wrong.value.strerror})" in str(said.value)
