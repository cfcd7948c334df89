"""A Tanita WB-110MA in weighing mode: ``DR`` makes it send fourteen characters, the rest is ignored.

Source: *WB-100MA/WB-110MA* instruction manual, page 12. It shows steps of 100 g.
"""

from __future__ import annotations

from decimal import Decimal

from devicehub_simulators._scales import Platform


class TanitaColumn(Platform):
    """A column scale in kilograms."""

    end = b"\r\n"

    def answer(self, command: bytes) -> bytes:
        """The weight, where it is asked for."""
        if command != b"DR":
            return b""
        state = " " if self._stable else "D"
        return f"S{state}  {self._shown:>6.1f}kg\r\n".encode()

    def _grams(self, least: int, most: int) -> Decimal:
        return super()._grams(least // 10, most // 10) * 10


SIMULATOR = TanitaColumn
