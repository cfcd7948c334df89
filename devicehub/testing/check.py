"""Check one driver against every law, without pytest: what ``devicehub drivers check`` does."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

from devicehub.devices import registry
from devicehub.driver import Driver
from devicehub.testing import laws
from devicehub.testing.capture import captured
from devicehub.testing.simulate import installed as simulators
from devicehub.transport.tape import BadCapture

Verdict = tuple[str, str | None]
"""A law in words, and what breaks it."""


def check(driver: Driver, captures: Path) -> Iterator[Verdict]:
    """Each law and whether the driver keeps it, one by one.

    The laws of its simulator are left out where none is installed.
    """
    try:
        found = captured(driver.id, captures)
    except BadCapture as error:
        yield "captures", str(error)
        found = []
    given = {
        "driver": driver,
        "captures": found,
        "installed": registry.installed(),
        "make": simulators().get(driver.id),
    }
    for name in laws.__all__:
        law: Callable[..., None] = getattr(laws, name)
        wanted = {p: given[p] for p in inspect.signature(law).parameters}
        if "make" in wanted and given["make"] is None:
            continue
        words = (law.__doc__ or name).splitlines()[0]
        try:
            law(**wanted)
        except Exception as fault:  # noqa: BLE001 - whatever a driver does wrong is its verdict
            yield words, str(fault) or type(fault).__name__
        else:
            yield words, None
