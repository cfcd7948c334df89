"""A Radwag platform scale: ``SI`` makes it send 21 characters, ``ES`` answers anything else.

Source: *WPW* multifunctional scales user manual, page 159.
"""

from __future__ import annotations

from devicehub_simulators._scales import Platform


class RadwagScale(Platform):
    """A platform scale in kilograms."""

    end = b"\r\n"

    def answer(self, command: bytes) -> bytes:
        """The weight, where it is asked for."""
        if command != b"SI":
            return b"ES\r\n" if command else b""
        state, sign = " " if self._stable else "?", "-" if self._shown < 0 else " "
        return f"SI {state} {sign}{abs(self._shown):>9} kg \r\n".encode()


SIMULATOR = RadwagScale
