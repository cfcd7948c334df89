"""Sessions: who is signed in at which browser, and when they were last seen to do something.

In memory only: after a restart everybody signs in again, as the visit is confirmed again. A session whose person has
touched nothing for the practice's idle time is over; what devices send goes on being filed meanwhile.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from starlette.authentication import AuthCredentials, AuthenticationBackend, BaseUser
from starlette.requests import HTTPConnection

from devicehub.transport.hands import station_now
from devicehub.visit.gate import ACTS, may
from devicehub.visit.operators import NOBODY, Operator, Operators, OperatorsUnreadable

COOKIE: Final = "operator"

Over = Literal["idle", "restarted"]
"""Why somebody has to sign in again: nobody touched the page for the idle time, or the station was started since."""

IDLED_KEPT: Final = 256
"""How many sessions that idle time has ended are remembered as such."""

FREE_TRIES: Final = 5
"""Wrong PINs before an operator has to wait."""
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(minutes=15)


class Present(BaseUser):
    """The operator behind a request."""

    def __init__(self, operator: Operator) -> None:
        self.operator = operator

    @property
    def is_authenticated(self) -> bool:
        """Somebody stands there, even where the station knows nobody by name."""
        return True


@dataclass(frozen=True, slots=True)
class _Session:
    operator: str
    seen: datetime


@dataclass(frozen=True, slots=True)
class _Tries:
    wrong: int = 0
    wait_until: datetime | None = None


class MustWait(Exception):
    """Too many wrong PINs. ``seconds`` until the next is looked at."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds:.0f} s")
        self.seconds = seconds


class Sessions(AuthenticationBackend):
    """Who is signed in. Where the station has no operators, everybody is `operators.NOBODY`."""

    def __init__(
        self,
        operators: Operators,
        *,
        idle: timedelta,
        now: Callable[[], datetime] = station_now,
    ) -> None:
        self.operators = operators
        self.idle = idle
        self._now = now
        self._run = secrets.token_hex(8)
        self._sessions: dict[str, _Session] = {}
        self._idled: deque[str] = deque(maxlen=IDLED_KEPT)
        self._tries: dict[str, _Tries] = {}

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser] | None:
        """Starlette's question: the operator behind a request, with the acts that are theirs as scopes."""
        try:
            operator = self.who(conn.cookies.get(COOKIE))
        except OperatorsUnreadable:
            return None  # the sign-in page says so
        if operator is None:
            return None
        acts = [act for act in ACTS if may(operator.role, act)]
        return AuthCredentials(acts), Present(operator)

    def who(self, token: str | None) -> Operator | None:
        """The operator of a session that is not over. Raises `devicehub.visit.operators.OperatorsUnreadable`."""
        known = {operator.id: operator for operator in self.operators.all()}
        if not known:
            return NOBODY
        session = self._sessions.get(token) if token else None
        if session is None or token is None:
            return None
        is_idle = self._now() - session.seen > self.idle
        if is_idle or session.operator not in known:
            del self._sessions[token]
            if is_idle:
                self._idled.append(token)
            return None
        return known[session.operator]

    def why_over(self, token: str | None) -> Over | None:
        """Why the session of this token is over; ``None`` where there was none, or its person left or was removed."""
        if token is None:
            return None
        if not token.startswith(self._run):
            return "restarted"
        return "idle" if token in self._idled else None

    def is_open(self, token: str | None) -> bool:
        """Whether somebody stands at the browser with this token."""
        try:
            return self.who(token) is not None
        except OperatorsUnreadable:
            return False

    def touch(self, token: str | None) -> None:
        """The person has done something."""
        if token in self._sessions:
            self._sessions[token] = replace(self._sessions[token], seen=self._now())

    def begin(self, operator: Operator) -> str:
        """The token of a new session."""
        token = f"{self._run}.{secrets.token_urlsafe(32)}"
        self._sessions[token] = _Session(operator.id, self._now())
        return token

    def end(self, token: str | None) -> None:
        """Sign out."""
        self._sessions.pop(token or "", None)

    def check_wait(self, operator: str) -> None:
        """Raises `MustWait` while this operator's PIN is not looked at."""
        until = self._tries.get(operator, _Tries()).wait_until
        if until is not None and until > self._now():
            raise MustWait((until - self._now()).total_seconds())

    def tried(self, operator: str, *, right: bool) -> None:
        """Count a try. From the fifth wrong one on, each doubles the wait; a right one forgets them."""
        if right:
            self._tries.pop(operator, None)
            return
        wrong = self._tries.get(operator, _Tries()).wrong + 1
        over = wrong - FREE_TRIES
        wait = (
            None if over < 0 else self._now() + min(FIRST_WAIT * 2 ** min(over, 10), LONGEST_WAIT)
        )
        self._tries[operator] = _Tries(wrong, wait)
