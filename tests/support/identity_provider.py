"""An OpenID Connect provider on this machine: discovery, a door that lets one person in, codes, signed tokens."""

from __future__ import annotations

import base64
import hashlib
import time
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route


class IdentityProvider:
    """Vouches for ``subject``. What a test changes in ``claims`` is what a bad provider would send."""

    def __init__(self, *, client_id: str, client_secret: str, subject: str) -> None:
        self.issuer = ""
        self.subject = subject
        self.claims: dict[str, Any] = {}
        self.asked: list[dict[str, str]] = []
        self.signing = RSAKey.generate_key(2048, {"kid": "signing"})
        self.published = self.signing
        self._client = (client_id, client_secret)
        self._codes: dict[str, dict[str, str]] = {}
        self.app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/door", self._door),
                Route("/token", self._token, methods=["POST"]),
                Route("/keys", self._keys),
            ]
        )
        self.app.state.hang_up = lambda: None

    async def _discovery(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/door",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
            }
        )

    async def _keys(self, _request: Request) -> Response:
        return JSONResponse({"keys": [self.published.as_dict(private=False)]})

    async def _door(self, request: Request) -> Response:
        asked = dict(request.query_params)
        self.asked.append(asked)
        code = str(uuid4())
        self._codes[code] = asked
        back = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{back}", status_code=303)

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        asked = self._codes.pop(form["code"], None)
        given = base64.b64encode(":".join(self._client).encode()).decode()
        if asked is None or request.headers["authorization"] != f"Basic {given}":
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        verifier = hashlib.sha256(form["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(verifier).rstrip(b"=").decode() != asked["code_challenge"]:
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        claims = {
            "iss": self.issuer,
            "aud": self._client[0],
            "sub": self.subject,
            "exp": int(time.time()) + 300,
            "nonce": asked["nonce"],
            **self.claims,
        }
        token = jwt.encode({"alg": "RS256", "kid": "signing"}, claims, self.signing)
        return JSONResponse({"id_token": token, "access_token": "x", "token_type": "Bearer"})
