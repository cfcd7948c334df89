"""The station's way to the dossier's HTTP API: the worklist and identities come from there, visits are told there."""

from __future__ import annotations

import logging
from datetime import datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self, get_args
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from devicehub.delivery.address import TlsFiles
from devicehub.delivery.tls import client_context
from devicehub.driver import Kind
from devicehub.visit.dossier import DossierRefused, DossierUnreachable, KnownVisit, Opening

__all__ = ["DossierApi", "DossierRefused", "DossierUnreachable"]

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 5.0
"""A person waits at the screen: a dossier that is slower than this counts as unreachable."""


NOT_NOW = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
"""Refusals that say nothing of what was asked, as any fault of the server's own: asked again, they may pass."""


_KINDS: Final[frozenset[str]] = frozenset(get_args(Kind))


class DossierApi:
    """A client of one dossier, to use as ``async with``: a `devicehub.visit.dossier.Dossier`.

    ``tls.ca`` signs the dossier's certificate, ``tls.certificate`` and ``tls.key`` are our own.
    Every call raises `DossierUnreachable` or `DossierRefused`.
    """

    def __init__(
        self, base_url: str, *, token: str | None = None, tls: TlsFiles | None = None
    ) -> None:
        self._base_url = base_url
        self._later: set[str] = set()
        """The kinds this version does not know, each said once."""
        self._client = httpx.AsyncClient(
            base_url=base_url,
            headers={} if token is None else {"Authorization": f"Bearer {token}"},
            timeout=PATIENCE_SECONDS,
            trust_env=False,  # an identity goes to the dossier itself, never through a proxy
            verify=client_context(tls or TlsFiles()) if base_url.startswith("https:") else False,
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

    async def worklist(self, station: str) -> tuple[KnownVisit, ...]:
        """The visits that are planned for a station and not opened yet, by their time."""
        answer = await self._ask("GET", f"/v1/visits?station={quote(station, safe='')}")
        visits = answer.get("visits")
        if not isinstance(visits, list):
            raise self._nonsense()
        return tuple(self._known(visit) for visit in visits)

    async def open_visit(self, opening: Opening) -> KnownVisit:
        """Tell that a visit is open; telling it again changes nothing."""
        if opening.identity is None:
            body = opening.model_dump(mode="json", include={"station", "opened_at"})
            path = f"/v1/visits/{quote(opening.visit, safe='')}/open"
            return self._known(await self._ask("POST", path, body))
        return self._known(await self._ask("POST", "/v1/visits", opening.model_dump(mode="json")))

    async def entrust_visit(self, visit: str, responsible: str) -> None:
        """Tell which physician answers for a visit; telling it again changes nothing."""
        body = {"responsible": responsible}
        await self._ask("POST", f"/v1/visits/{quote(visit, safe='')}/responsible", body)

    async def close_visit(self, visit: str, at: datetime) -> None:
        """Tell that a visit ended; one that is closed keeps its end."""
        body = {"closed_at": at.isoformat()}
        await self._ask("POST", f"/v1/visits/{quote(visit, safe='')}/close", body)

    async def visit(self, visit: str) -> KnownVisit:
        """A visit and whom it is about."""
        return self._known(await self._ask("GET", f"/v1/visits/{quote(visit, safe='')}"))

    def _known(self, told: object) -> KnownVisit:
        try:
            # A later dossier may say more of a visit than this station knows.
            fields = told if isinstance(told, dict) else {}
            known = {name: fields[name] for name in KnownVisit.model_fields if name in fields}
            for name in {"plan", "earlier"} & known.keys():
                known[name] = self._of_known_kinds(known[name])
            return KnownVisit.model_validate(known)
        except ValidationError:
            raise self._nonsense() from None

    def _of_known_kinds(self, told: object) -> object:
        """A list without the kinds that only a later dossier knows: they hide neither the visit nor the worklist.

        What is of a known kind is there whole, or the answer is none: the doubt whose value it is rests on it.
        """
        if not isinstance(told, list):
            return told
        later = {kind for kind in map(_kind_of, told) if kind is not None} - _KINDS
        for kind in later - self._later:
            logger.warning("dossier.later_kind kind=%r", kind)
        self._later |= later
        return [one for one in told if _kind_of(one) not in later]

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
        if response.is_server_error or response.status_code in NOT_NOW:
            raise DossierUnreachable(str(answer.get("message", response.status_code)))
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


def _kind_of(told: object) -> str | None:
    """That of something planned, or of an earlier value."""
    if isinstance(told, dict):
        measurement = told.get("measurement")
        told = measurement.get("kind") if isinstance(measurement, dict) else None
    return told if isinstance(told, str) else None
