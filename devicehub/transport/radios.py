"""Which radios a setting names: the computer's own adapters, none, or the virtual ones of a simulator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from devicehub.transport.ble import Radio
from devicehub.transport.stack import AskPasskey, ShowPasskey
from devicehub.transport.system_stack import SystemStack
from devicehub.transport.watchdog import Hearsay

MakeRadio = Callable[[], Radio]


def make_radios(
    name: str,
    bonds: Path | None,
    *,
    adapters: Sequence[str] = (),
    connections: int | None = None,
    ask_passkey: AskPasskey | None = None,
    show_passkey: ShowPasskey | None = None,
) -> list[MakeRadio]:
    """How to make each radio of ``system``, ``none`` or ``virtual:<HCI transport>[,<another>…]``.

    Entering a radio tells whether there is one.
    ``adapters`` are the system's, by BlueZ's names; none given stands for the first that is switched on.
    ``connections`` is how many each holds. ``bonds`` is where virtual radios keep theirs; the system keeps its own.
    ``ask_passkey`` and ``show_passkey`` reach a person; without them, a device that needs one refuses.
    """
    hearsay = Hearsay()
    if name == "none":
        return []
    if name == "system":
        answered: set[str] = set()

        def make(adapter: str | None) -> Radio:
            stack = SystemStack(ask_passkey, show_passkey, adapter, answered)
            return Radio(stack, connections, hearsay)

        return [partial(make, adapter) for adapter in adapters or (None,)]
    # The virtual stack is loaded only where there is one: it is half of the station's memory.
    from devicehub.transport.virtual import virtual_radio  # noqa: PLC0415

    return [
        partial(
            virtual_radio,
            port,
            bonds,
            ask_passkey,
            show_passkey,
            number=number,
            connections=connections,
            hearsay=hearsay,
        )
        for number, port in enumerate(name.removeprefix("virtual:").split(","), start=1)
    ]
