"""The station's way to the dossier's HTTP API: visits are opened there, and identities come from there."""

from __future__ import annotations

import ssl
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from devicehub.delivery.address import TlsFiles
from devicehub.visit.patient import PatientIdentity

PATIENCE_SECONDS = 5.0
"""A person waits at the screen: a dossier that is slower than this counts as unreachable."""


class DossierUnreachable(Exception):
    """The dossier did not answer, or not as a dossier does; the message says where and why."""


class DossierRefused(Exception):
    """The dossier said no: ``code`` for programs, the message for people."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


class DossierApi:
    """A client of one dossier, to use as ``async with``.

    ``tls.ca`` signs the dossier's certificate, ``tls.certificate`` and ``tls.key`` are our own.
    Every call raises `DossierUnreachable` or `DossierRefused`.
    """

    def __init__(
        self, base_url: str, *, token: str | None = None, tls: TlsFiles | None = None
    ) -> None:
        self._base_url = base_url
        self._client = httpx.AsyncClient(
            base_url=base_url,
            headers={} if token is None else {"Authorization": f"Bearer {token}"},
            timeout=PATIENCE_SECONDS,
            trust_env=False,  # an identity goes to the dossier itself, never through a proxy
            verify=_context(tls) if base_url.startswith("https:") else False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def open_visit(self, identity: PatientIdentity, station: str) -> str:
        """Open a visit for a person at a station; its opaque id."""
        body = {"identity": identity.model_dump(mode="json"), "station": station}
        answer = await self._ask("POST", "/v1/visits", body)
        visit = answer.get("visit")
        if not isinstance(visit, str):
            raise self._nonsense()
        return visit

    async def identity(self, visit: str) -> PatientIdentity:
        """Whom a visit is about."""
        answer = await self._ask("GET", f"/v1/visits/{quote(visit, safe='')}")
        try:
            return PatientIdentity.model_validate(answer.get("identity"))
        except ValidationError:
            raise self._nonsense() from None

    async def close_visit(self, visit: str) -> None:
        """Close a visit; closing a closed one changes nothing."""
        await self._ask("POST", f"/v1/visits/{quote(visit, safe='')}/close")

    async def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        try:
            response = await self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            cause = str(error) or type(error).__name__
            raise DossierUnreachable(
                f"le dossier {self._base_url} ne répond pas ({cause}) ; vérifiez qu'il est en marche et le réseau · "
                f"the dossier {self._base_url} does not answer ({cause}); check that it runs, and the network"
            ) from error
        try:
            answer = response.json()
        except ValueError:
            raise self._nonsense() from None
        if not isinstance(answer, dict):
            raise self._nonsense()
        if response.is_error:
            raise DossierRefused(
                str(answer.get("error", response.status_code)), str(answer.get("message", ""))
            )
        return answer

    def _nonsense(self) -> DossierUnreachable:
        return DossierUnreachable(
            f"ce qui répond à {self._base_url} n'est pas un dossier ; vérifiez l'adresse · "
            f"what answers at {self._base_url} is no dossier; check the address"
        )


def _context(tls: TlsFiles | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=None if tls is None else tls.ca)
    if tls is not None and tls.certificate is not None:
        # An empty passphrase: a locked key must fail, not ask at a terminal nobody watches.
        context.load_cert_chain(tls.certificate, tls.key, password="")
    return context
