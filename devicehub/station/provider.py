"""Signing in at the practice's identity provider: OpenID Connect Core 1.0, authorization code flow with PKCE.

Made for Pro Santé Connect (industriels.esante.gouv.fr, « Pro Santé Connect »), which asks for ``acr_values=eidas1``
and the scope ``scope_all``; any provider with a discovery document serves. The provider only says *who* it is:
the role comes from the station's own operators.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import httpx

SECONDS: Final = 10.0
_ALGORITHMS: Final = ("RS256", "PS256", "ES256")


class ProviderRefused(Exception):
    """The provider did not vouch for anybody. The message says to a person why, in French and English."""


@dataclass(frozen=True, slots=True)
class Client:
    """This station as the provider knows it."""

    issuer: str
    client_id: str
    client_secret: str
    scope: str = "openid"
    acr_values: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to sign in. It stays here while the browser is at the provider, and serves once."""

    back: str
    state: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))


class Provider:
    """The provider's three doors: its discovery document, where browsers go, where codes are exchanged."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def door(self, attempt: Attempt) -> str:
        """Where the browser is sent. Raises `ProviderRefused`."""
        found = await self._discover()
        challenge = hashlib.sha256(attempt.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._client.client_id,
            "redirect_uri": attempt.back,
            "scope": self._client.scope,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        if self._client.acr_values:
            asked["acr_values"] = self._client.acr_values
        return f"{found['authorization_endpoint']}?{urlencode(asked)}"

    async def subject(self, attempt: Attempt, code: str) -> str:
        """Whom the provider vouches for, by its own name for them (``sub``). Raises `ProviderRefused`."""
        # A station without a provider never needs it: the memory stays free.
        from joserfc import jwt  # noqa: PLC0415
        from joserfc.errors import JoseError  # noqa: PLC0415
        from joserfc.jwk import KeySet  # noqa: PLC0415

        found = await self._discover()
        answer = await self._ask(
            "POST",
            found["token_endpoint"],
            data={
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": attempt.back,
                "code_verifier": attempt.verifier,
            },
            auth=(self._client.client_id, self._client.client_secret),
        )
        held = await self._ask("GET", found["jwks_uri"])
        try:
            keys = KeySet.import_key_set({"keys": list(held["keys"])})
            token = jwt.decode(str(answer.get("id_token")), keys, algorithms=list(_ALGORITHMS))
            jwt.JWTClaimsRegistry(
                leeway=60,
                iss={"essential": True, "value": self._client.issuer},
                aud={"essential": True, "value": self._client.client_id},
                exp={"essential": True},
                nonce={"essential": True, "value": attempt.nonce},
                sub={"essential": True},
            ).validate(token.claims)
        except (JoseError, KeyError, TypeError, ValueError) as error:
            raise ProviderRefused(
                f"la réponse du fournisseur d’identité n’est pas valable ({error}) · "
                f"the identity provider's answer is not valid ({error})"
            ) from error
        return str(token.claims["sub"])

    async def _discover(self) -> dict[str, Any]:
        found = await self._ask(
            "GET", f"{self._client.issuer.rstrip('/')}/.well-known/openid-configuration"
        )
        if found.get("issuer") != self._client.issuer:
            raise ProviderRefused(
                "le fournisseur d’identité se présente sous un autre nom que celui de la configuration · "
                "the identity provider gives another name than the configuration's"
            )
        return found

    async def _ask(self, method: str, url: str, **request: Any) -> dict[str, Any]:
        try:
            async with httpx.AsyncClient(timeout=SECONDS) as client:
                answer = await client.request(method, url, **request)
                answer.raise_for_status()
                told = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise ProviderRefused(
                f"le fournisseur d’identité ne répond pas comme prévu ({type(error).__name__}) ; "
                "le code personnel reste utilisable · "
                f"the identity provider does not answer as expected ({type(error).__name__}); "
                "the PIN still works"
            ) from error
        if not isinstance(told, dict):
            raise ProviderRefused("réponse sans objet JSON · no JSON object in the answer")
        return told
