"""The users of a simulated scale: their slots, their consent codes, and its user control point."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from devicehub.gatt import user_data
from devicehub.testing.simulator import Access, Message

SERVICES: Mapping[str, Mapping[str, frozenset[Access]]] = {
    user_data.SERVICE: {
        user_data.CONTROL: frozenset({"write", "indicate"}),
        user_data.CHANGE: frozenset({"read", "write"}),
        user_data.BIRTH: frozenset({"read", "write"}),
        user_data.SEX: frozenset({"read", "write"}),
        user_data.HEIGHT: frozenset({"read", "write"}),
    }
}
"""The part of a scale's attribute table that has to do with its users."""


@dataclass(kw_only=True)
class Users:
    """Who a scale knows. It keeps what it has to say in ``unsaid`` until one of them has agreed."""

    pins: dict[int, int]
    room: int = 8
    agreed: int | None = None
    unsaid: list[Message] = field(default_factory=list)

    def write(self, data: bytes) -> Iterable[Message]:
        """Take a request on the control point: the answer, then what was unsaid once somebody agrees."""
        result, parameter = self._answer(data)
        yield Message(
            on=user_data.CONTROL, data=user_data.encode_answer(data[0], result, parameter)
        )
        if self.agreed is not None:
            yield from self.unsaid
            self.unsaid.clear()

    def say(self, messages: Iterable[Message]) -> Iterable[Message]:
        """These messages now, or later where nobody has agreed yet."""
        if self.agreed is not None:
            yield from messages
        else:
            self.unsaid += messages

    def _answer(self, data: bytes) -> tuple[int, bytes]:
        match data[0], data[1:]:
            case user_data.REGISTER, code if len(code) == 2:
                free = sorted(set(range(1, self.room + 1)) - self.pins.keys())
                if not free:
                    return user_data.FAILED, b""
                self.pins[free[0]] = int.from_bytes(code, "little")
                return user_data.SUCCESS, bytes(free[:1])
            case user_data.CONSENT, request if len(request) == 3:
                user, pin = request[0], int.from_bytes(request[1:], "little")
                if user not in self.pins:
                    return user_data.INVALID, b""
                if self.pins[user] != pin:
                    return user_data.NOT_AUTHORIZED, b""
                self.agreed = user
                return user_data.SUCCESS, b""
            case user_data.LIST, b"":
                return user_data.SUCCESS, bytes([len(self.pins)])
            case user_data.DELETE, b"":
                if self.agreed is None:
                    return user_data.NOT_AUTHORIZED, b""
                del self.pins[self.agreed]
                self.agreed = None
                return user_data.SUCCESS, b""
        return user_data.NOT_SUPPORTED, b""
