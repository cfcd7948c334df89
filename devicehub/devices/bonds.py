"""The bonds as an inventory: which radio holds which, since when, last good when. No key is in it.

The keys stay with the stack that made them (BlueZ, WinRT, the virtual radio's file): a bond belongs to one adapter,
and a device on another adapter is a stranger to it. One small file of the station's, written whole each time.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from devicehub.journal.private_file import write_private


@dataclass(frozen=True, slots=True)
class Bond:
    """One bond: between the adapter ``radio`` (its own address) and the device at ``address``."""

    radio: str
    address: str
    device: str
    """What the practice calls the device, or its advertised name."""
    made: datetime
    """When the hub first knew of it."""
    used: datetime | None = None
    """The last time that a connection with it stood."""
    lost: datetime | None = None
    """Since when the device refuses it: it has probably forgotten the hub."""


class Bonds:
    """The inventory in ``file``. Read anew each time: a technician's command may have written it meanwhile."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def all(self) -> list[Bond]:
        """Every bond, by device."""
        try:
            text = self._file.read_text("utf-8")
        except FileNotFoundError:
            return []
        return sorted(map(_read, json.loads(text)), key=lambda bond: (bond.device, bond.radio))

    def of(self, address: str) -> list[Bond]:
        """The bonds of one device, one a radio."""
        return [bond for bond in self.all() if bond.address == address.upper()]

    def used(self, radio: str, address: str, device: str, now: datetime) -> None:
        """A bond was made, or has just served."""
        before = self._find(radio, address)
        made = before.made if before is not None else now
        self._put(Bond(radio, address.upper(), device, made, now))

    def lost(self, radio: str, address: str, device: str, now: datetime) -> None:
        """The device no longer accepts the bond."""
        before = self._find(radio, address) or Bond(radio, address.upper(), device, now)
        self._put(replace(before, lost=before.lost or now))

    def forget(self, radio: str, address: str) -> None:
        """The stack holds it no longer."""
        self._write([bond for bond in self.all() if not _is(bond, radio, address)])

    def _find(self, radio: str, address: str) -> Bond | None:
        return next((bond for bond in self.all() if _is(bond, radio, address)), None)

    def _put(self, new: Bond) -> None:
        others = [bond for bond in self.all() if not _is(bond, new.radio, new.address)]
        self._write([*others, new])

    def _write(self, bonds: list[Bond]) -> None:
        write_private(self._file, as_json(bonds).encode())


def as_json(bonds: list[Bond]) -> str:
    """The inventory as it is kept and as ``devicehub bonds --json`` prints it."""
    return json.dumps([asdict(bond) for bond in bonds], default=datetime.isoformat, indent=1)


def _is(bond: Bond, radio: str, address: str) -> bool:
    return (bond.radio, bond.address) == (radio, address.upper())


def _read(stored: dict[str, str | None]) -> Bond:
    moments = {
        name: datetime.fromisoformat(value)
        for name in ("made", "used", "lost")
        if (value := stored.get(name)) is not None
    }
    names = {name: str(stored[name]) for name in ("radio", "address", "device")}
    return Bond(**names, **moments)  # type: ignore[arg-type] # the names decide, and mypy sees one mapping
