"""A Kern FKB in remote control: ``w`` sends the weight, stable or not, ``s`` the stable one, ``t`` tares silently.

Source: manual *FKB*, section *rE Cr*. Commands have no line end.
"""

from __future__ import annotations

from datetime import datetime

from devicehub_simulators._scales import Platform


class KernScale(Platform):
    """A platform scale in kilograms."""

    def receive(self, data: bytes, now: datetime) -> bytes:
        """Each letter is a command."""
        return b"".join(self.answer(data[at : at + 1]) for at in range(len(data)))

    def answer(self, command: bytes) -> bytes:
        """The weight, or nothing."""
        if command == b"w" or (command == b"s" and self._stable):
            unit = "kg " if self._stable else "   "
            return f"  {self._shown:>10} {unit}\r\n".encode()
        return b""


SIMULATOR = KernScale
