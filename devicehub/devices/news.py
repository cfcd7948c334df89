"""What the supervisor says of a device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from devicehub.devices.intake import Source
from devicehub.transport.port_trouble import PortWhy

Condition = Literal["waiting", "connecting", "connected", "lost", "failed"]
Why = (
    Literal[
        "no_place",
        "not_paired",
        "pairing_refused",
        "pairing_put_off",
        "bond_lost",
        "bond_elsewhere",
    ]
    | PortWhy
)
"""A reason that asks something of a person; the page has words of its own for each."""


@dataclass(frozen=True, slots=True)
class DeviceNews:
    """A device's condition has changed. ``detail`` is for logs and programs, in English."""

    source: Source
    name: str
    condition: Condition
    since: datetime
    detail: str | None = None
    why: Why | None = None
    holder: str | None = None
    """Who has the port it is on: a program, or another device of the room."""


ShowDevice = Callable[[DeviceNews], None]
