"""Which radio a setting names: the computer's own, none, or the virtual one of a simulator."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from devicehub.transport.ble import AskPasskey, Radio, system_radio


def make_radio(
    name: str, bonds: Path | None, ask_passkey: AskPasskey | None = None
) -> Callable[[], Radio] | None:
    """How to make the radio called ``system``, ``none`` or ``virtual:<HCI transport>``; ``None`` for none.

    ``bonds`` is where a virtual radio keeps its bonds; the system keeps its own. ``ask_passkey`` asks a person
    for the digits a device displays; without it, such a device refuses.
    """
    if name == "none":
        return None
    if name == "system":
        return partial(system_radio, ask_passkey)
    # The virtual stack is loaded only where there is one: it is half of the station's memory.
    from devicehub.transport.virtual import virtual_radio  # noqa: PLC0415

    return partial(virtual_radio, name.removeprefix("virtual:"), bonds, ask_passkey)
