"""Signing in: PINs, waits, idle time, roles' acts, and an identity provider; through real servers."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from identity_provider import IdentityProvider
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devicehub.station.provider import Client, Provider
from devicehub.station.rendering import Rendering
from devicehub.station.server import serve
from devicehub.station.sessions import Sessions
from devicehub.station.sign_in import OnlySignedIn, SignIn, operator_of
from devicehub.station.words import Words
from devicehub.visit.operators import NOBODY, Operator, Operators

SECRET = "known to both"


class Wall:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 22, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def sessions(tmp_path: Path, wall: Wall) -> Sessions:
    operators = Operators.of(tmp_path)
    operators.add(Operator(id="anne", name="TEST Anne", role="assistant"), "1357")
    paul = Operator(id="paul", name="TEST Paul", role="physician", subject="8990000001")
    operators.add(paul, "2468")
    return Sessions(operators, idle=timedelta(minutes=5), now=wall)


async def _who(request: Request) -> Response:
    operator = operator_of(request)
    return JSONResponse({"id": operator.id, "acts": sorted(request.auth.scopes)})


def _app(sessions: Sessions, provider: Provider | None) -> Starlette:
    sign_in = SignIn(
        sessions, render=Rendering().sign_in, words=lambda _request: Words("fr"), provider=provider
    )
    app = Starlette(
        routes=[*sign_in.routes(), Route("/", _who), Route("/api/board", _who)],
        middleware=[
            Middleware(AuthenticationMiddleware, backend=sessions),
            Middleware(OnlySignedIn),
        ],
    )
    app.state.hang_up = lambda: None
    return app


@asynccontextmanager
async def _served(app: Starlette) -> AsyncIterator[str]:
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(app, "127.0.0.1", 0, None, port.set_result))
    try:
        yield f"http://127.0.0.1:{await port}"
    finally:
        serving.cancel()
        await asyncio.wait({serving})


@asynccontextmanager
async def _browser(
    sessions: Sessions, provider: Provider | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        _served(_app(sessions, provider)) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        yield client


def _pin(operator: str, pin: str) -> dict[str, str]:
    return {"operator": operator, "pin": pin}


async def test_nothing_is_answered_before_somebody_signs_in(sessions: Sessions) -> None:
    async with _browser(sessions) as client:
        page = await client.get("/")
        assert (page.status_code, page.headers["location"]) == (303, "/sign-in")
        refused = await client.get("/api/board")
        assert refused.status_code == 401
        french, english = refused.json()["error"].split(" · ")
        assert "connectez-vous d’abord" in french
        assert "sign in first" in english
        asked = await client.get("/sign-in")
        assert "TEST Anne" in asked.text
        assert "assistant médical" in asked.text
        assert "Pro Santé Connect" not in asked.text


async def test_the_pin_opens_with_the_acts_of_the_role(sessions: Sessions) -> None:
    async with _browser(sessions) as client:
        assert (await client.post("/sign-in", json=_pin("anne", "1357"))).status_code == 204
        told = (await client.get("/")).json()
        assert told == {"id": "anne", "acts": ["decide", "visit"]}
        assert (await client.post("/sign-in", json=_pin("paul", "2468"))).status_code == 204
        assert "type" in (await client.get("/")).json()["acts"]
        assert (await client.post("/api/sign-out")).status_code == 204
        assert (await client.get("/api/board")).status_code == 401


async def test_wrong_pins_make_an_operator_wait_and_nobody_else(
    sessions: Sessions, wall: Wall
) -> None:
    async with _browser(sessions) as client:
        for _ in range(5):
            refused = await client.post("/sign-in", json=_pin("anne", "0000"))
            assert refused.status_code == 403
        for _ in range(2):
            waits = await client.post("/sign-in", json=_pin("anne", "1357"))
            assert waits.status_code == 429
            assert "30\N{NO-BREAK SPACE}s" in waits.json()["error"]
        assert (await client.post("/sign-in", json=_pin("paul", "2468"))).status_code == 204
        wall.time += timedelta(seconds=31)
        assert (await client.post("/sign-in", json=_pin("anne", "0000"))).status_code == 403
        wall.time += timedelta(seconds=31)
        assert (await client.post("/sign-in", json=_pin("anne", "1357"))).status_code == 429
        wall.time += timedelta(seconds=30)
        assert (await client.post("/sign-in", json=_pin("anne", "1357"))).status_code == 204


async def test_who_touches_nothing_must_sign_in_again(sessions: Sessions, wall: Wall) -> None:
    async with _browser(sessions) as client:
        await client.post("/sign-in", json=_pin("anne", "1357"))
        wall.time += timedelta(minutes=4)
        assert (await client.post("/api/here")).status_code == 204
        wall.time += timedelta(minutes=4)
        assert (await client.get("/api/board")).status_code == 200
        wall.time += timedelta(minutes=2)  # a page that only looks does not keep its person there
        assert (await client.get("/api/board")).status_code == 401


async def test_the_page_says_why_somebody_has_to_sign_in_again(
    sessions: Sessions, wall: Wall
) -> None:
    idle, restarted = "Personne n’a touché la page", "Le poste a redémarré"

    async def seen(client: httpx.AsyncClient) -> set[str]:
        page = (await client.get("/", follow_redirects=True)).text
        return {why for why in (idle, restarted) if why in page}

    async with _browser(sessions) as client:
        assert await seen(client) == set()
        await client.post("/sign-in", json=_pin("anne", "1357"))
        wall.time += timedelta(minutes=6)
        assert await seen(client) == {idle}
        assert await seen(client) == {idle}, "however often it is asked"
        await client.post("/sign-in", json=_pin("anne", "1357"))
        before = dict(client.cookies)
        await client.post("/api/sign-out")
        assert await seen(client) == set(), "they have left by themselves"
        await client.post("/sign-in", json=_pin("anne", "1357"))
        sessions.operators.remove("anne")
        assert await seen(client) == set(), "they are no operator any more"
    again = Sessions(sessions.operators, idle=timedelta(minutes=5), now=wall)
    async with _browser(again) as client:
        client.cookies.update(before)
        assert await seen(client) == {restarted}


async def test_who_is_removed_is_out_at_once(sessions: Sessions) -> None:
    async with _browser(sessions) as client:
        await client.post("/sign-in", json=_pin("anne", "1357"))
        sessions.operators.remove("anne")
        assert (await client.get("/api/board")).status_code == 401


async def test_a_damaged_operators_file_lets_nobody_in_and_says_so(
    sessions: Sessions, tmp_path: Path
) -> None:
    async with _browser(sessions) as client:
        await client.post("/sign-in", json=_pin("anne", "1357"))
        (tmp_path / "operators.json").write_text("[{", "utf-8")
        page = await client.get("/")
        assert (page.status_code, page.headers["location"]) == (303, "/sign-in")
        asked = await client.get("/sign-in")
        assert (asked.status_code, "operators.json" in asked.text) == (200, True)


async def test_a_station_without_operators_asks_nobody(tmp_path: Path, wall: Wall) -> None:
    sessions = Sessions(Operators.of(tmp_path / "none"), idle=timedelta(minutes=5), now=wall)
    async with _browser(sessions) as client:
        told = (await client.get("/")).json()
        assert told == {"id": NOBODY.id, "acts": ["decide", "visit"]}


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"operator":"anne"}', '{"operator":"../x","pin":"1357"}', "x" * 5000]
)
async def test_rubbish_is_refused_with_words(sessions: Sessions, body: str) -> None:
    async with _browser(sessions) as client:
        headers = {"Content-Type": "application/json"}
        refused = await client.post("/sign-in", content=body, headers=headers)
        assert refused.status_code == 422
        assert "code" in refused.json()["error"]


async def test_another_site_cannot_sign_anybody_in(sessions: Sessions) -> None:
    async with _browser(sessions) as client:
        headers = {"Origin": "http://elsewhere.example"}
        refused = await client.post("/sign-in", json=_pin("anne", "1357"), headers=headers)
        assert refused.status_code == 403


@pytest.fixture
async def known() -> AsyncIterator[IdentityProvider]:
    provider = IdentityProvider(client_id="devicehub", client_secret=SECRET, subject="8990000001")
    async with _served(provider.app) as url:
        provider.issuer = url
        yield provider


def _ours(known: IdentityProvider, secret: str = SECRET) -> Provider:
    return Provider(Client(known.issuer, "devicehub", secret, "openid scope_all", "eidas1"))


async def _through(client: httpx.AsyncClient) -> httpx.Response:
    """As a browser goes: to the provider, and back."""
    there = await client.get("/sign-in/provider")
    assert there.status_code == 303
    back = await client.get(there.headers["location"])
    return await client.get(back.headers["location"])


async def test_the_provider_vouches_for_the_physician(
    sessions: Sessions, known: IdentityProvider
) -> None:
    async with _browser(sessions, _ours(known)) as client:
        assert "Pro Santé Connect" in (await client.get("/sign-in")).text
        assert (await _through(client)).status_code == 200
        assert (await client.get("/")).json()["id"] == "paul"
        (asked,) = known.asked
        assert asked["scope"] == "openid scope_all"
        assert asked["acr_values"] == "eidas1"
        assert asked["code_challenge_method"] == "S256"


async def test_somebody_the_station_does_not_know_stays_out(
    sessions: Sessions, known: IdentityProvider
) -> None:
    known.subject = "8990000002"
    async with _browser(sessions, _ours(known)) as client:
        assert "pas inscrit" in (await _through(client)).text
        assert (await client.get("/api/board")).status_code == 401


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another attempt's"},
        {"aud": "another station"},
        {"iss": "http://127.0.0.1:1"},
        {"exp": 1_700_000_000},
        {"sub": None},
    ],
)
async def test_a_token_that_does_not_fit_lets_nobody_in(
    sessions: Sessions, known: IdentityProvider, claims: dict[str, object]
) -> None:
    known.claims = claims
    async with _browser(sessions, _ours(known)) as client:
        assert "pas valable" in (await _through(client)).text
        assert (await client.get("/api/board")).status_code == 401


async def test_a_token_signed_by_another_key_lets_nobody_in(
    sessions: Sessions, known: IdentityProvider
) -> None:
    known.published = RSAKey.generate_key(2048, {"kid": "signing"})
    async with _browser(sessions, _ours(known)) as client:
        assert "pas valable" in (await _through(client)).text


async def test_the_wrong_secret_and_a_silent_provider_are_told(
    sessions: Sessions, known: IdentityProvider
) -> None:
    async with _browser(sessions, _ours(known, "a wrong one")) as client:
        assert "code personnel reste utilisable" in (await _through(client)).text
    nowhere = Provider(Client("http://127.0.0.1:1", "devicehub", base64.b64encode(b"x").decode()))
    async with _browser(sessions, nowhere) as client:
        told = await client.get("/sign-in/provider")
        assert "code personnel reste utilisable" in told.text


async def test_an_attempt_serves_once_and_in_its_own_browser(
    sessions: Sessions, known: IdentityProvider
) -> None:
    async with _browser(sessions, _ours(known)) as client:
        there = await client.get("/sign-in/provider")
        back = (await client.get(there.headers["location"])).headers["location"]
        async with httpx.AsyncClient(trust_env=False) as thief:
            assert "expiré" in (await thief.get(back)).text
        assert "expiré" in (await client.get(back)).text
        assert (await client.get("/api/board")).status_code == 401
