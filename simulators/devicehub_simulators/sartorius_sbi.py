"""A Combics scale with the interface SBI: ``ESC P`` prints 22 characters, ``ESC T`` tares, the rest is ignored.

Source: *Combics* operating instructions, chapter data interfaces. Without unit, a weight is not stable.
"""

from __future__ import annotations

from devicehub_simulators._scales import Platform


class SbiScale(Platform):
    """A platform scale in gross."""

    end = b"\r\n"

    def answer(self, command: bytes) -> bytes:
        """A print, where it is asked for."""
        if command != b"\x1bP":
            return b""
        sign = "-" if self._shown < 0 else "+"
        unit = "kg " if self._stable else "   "
        return f"G#    {sign} {abs(self._shown):>8} {unit}\r\n".encode()


SIMULATOR = SbiScale
