"""A scale with the SMA protocol at level 1: ``W``, ``P``, ``Z``, ``A`` and ``B``; ``?`` to anything else.

Source: SMA SCP-0499, sections 4 (commands) and 5 (responses): LF, fields, CR.
"""

from __future__ import annotations

from devicehub_simulators._scales import NOBODY, Platform


class SmaScale(Platform):
    """A single-range platform scale; LF and a letter, ended by CR, ask it."""

    end = b"\r"

    def answer(self, command: bytes) -> bytes:
        """The response to a command; what does not begin with LF is none."""
        match command:
            case b"\nW":
                return self._response(f"{self._shown:>10}kg ")
            case b"\nP":
                return self._response(f"{self._shown:>10}kg " if self._stable else "-" * 10 + "   ")
            case b"\nZ" if self._stable:
                return self._response(f"{NOBODY:>10}kg ")
            case b"\nA":
                return b"\nSMA:1/1.0\r"
            case b"\nB":
                return b"\nMFG:TEST\r"
            case _:
                return b"\n?\r" if command.startswith(b"\n") else b""

    def _response(self, weight: str) -> bytes:
        zero = "Z" if self._shown == NOBODY and self._stable else " "
        return f"\n{zero}1G{' ' if self._stable else 'M'} {weight}\r".encode()


SIMULATOR = SmaScale
