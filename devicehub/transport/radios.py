"""Which radio a setting names: the computer's own, none, or the virtual one of a simulator."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from devicehub.transport.ble import Radio, system_radio


def make_radio(name: str, bonds: Path | None) -> Callable[[], Radio] | None:
    """How to make the radio called ``system``, ``none`` or ``virtual:<HCI transport>``; ``None`` for none.

    ``bonds`` is where a virtual radio keeps its bonds; the system keeps its own.
    """
    if name == "none":
        return None
    if name == "system":
        return system_radio
    # The virtual stack is loaded only where there is one: it is half of the station's memory.
    from devicehub.transport.virtual import virtual_radio  # noqa: PLC0415

    return partial(virtual_radio, name.removeprefix("virtual:"), bonds)
