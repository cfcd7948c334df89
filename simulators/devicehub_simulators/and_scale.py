"""An A&D platform scale in command mode: ``Q`` asks for the weight; ``?`` and the command answer anything else.

Source: HV-G series instruction manual, section 16: header, nine characters of weight, three of unit, CR LF.
"""

from __future__ import annotations

from devicehub_simulators._scales import Platform


class AndScale(Platform):
    """A platform scale in kilograms."""

    end = b"\r\n"

    def answer(self, command: bytes) -> bytes:
        """The weight, stable or not."""
        if command != b"Q":
            return b"?" + command + b"\r\n" if command else b""
        return f"{'ST' if self._stable else 'US'},{self._shown:+09.2f} kg\r\n".encode()


SIMULATOR = AndScale
