"""When a silent scanner is restarted, when its adapter is reset, and when a person is told. Pure.

A room without devices is silent for hours and nothing is wrong with it: silence alone is never a failure. The
rule, a rung at a time:

1. **Restart the scan**: cheap and harmless. After `SILENT_SECONDS` without one advertisement on an adapter that
   heard some before, each time after twice as long while it stays silent (at most `LONGEST_SILENCE`); after
   `STOPPED_SECONDS` in which the stack itself says that it does not scan; after `CONTRADICTED_SECONDS` in
   which another adapter hears a device that this one used to hear.
2. **Reset the adapter** (off and on again): only on proof. The restart failed, or it changed nothing about the
   stack's own word or about what the other adapter hears.
3. **Give up and tell a person**: the reset failed, or the same proof is there again within `RESET_AGAIN_SECONDS`.
"""

from __future__ import annotations

from typing import Literal

SILENT_SECONDS = 60.0
LONGEST_SILENCE = 900.0
STOPPED_SECONDS = 30.0
"""BlueZ pauses a scan for some seconds by itself, and then may say so."""

CONTRADICTED_SECONDS = 20.0
RESET_AGAIN_SECONDS = 300.0

Rung = Literal["restart_scan", "reset_adapter", "give_up"]


class Watchdog:
    """The state of one adapter's watch. Every time is of one monotonic clock, in seconds."""

    def __init__(self, now: float) -> None:
        self._heard: float | None = None
        self._acted = now
        self._patience = SILENT_SECONDS
        self._restarted = False
        self._broken = False
        self._reset: float | None = None

    @property
    def silent_since(self) -> float:
        """When something was heard last, or the adapter was acted upon."""
        return self._acted if self._heard is None else max(self._heard, self._acted)

    def heard(self, now: float) -> None:
        """An advertisement: all is well."""
        self._heard = now
        self._patience = SILENT_SECONDS
        self._restarted = False
        self._broken = False

    def due(self, now: float, *, scanning: bool, contradicted: bool) -> Rung | None:
        """What to do now, if anything.

        ``scanning`` is the stack's own word; ``contradicted`` that another adapter hears what this one does not.
        """
        if self._broken:
            return self._next(now)
        silent = now - self.silent_since
        proof = (not scanning and silent >= STOPPED_SECONDS) or (
            contradicted and silent >= CONTRADICTED_SECONDS
        )
        if proof:
            return self._next(now) if self._restarted else "restart_scan"
        if self._heard is not None and silent >= self._patience:
            return "restart_scan"
        return None

    def restarted(self, now: float, *, worked: bool) -> None:
        """The scan was restarted, or refused to start."""
        self._acted = now
        self._broken = not worked
        self._restarted = True
        self._patience = min(self._patience * 2, LONGEST_SILENCE)

    def was_reset(self, now: float, *, worked: bool) -> None:
        """The adapter was reset and scans again, or does not."""
        self._acted = self._reset = now
        self._broken = not worked
        self._restarted = False

    def _next(self, now: float) -> Rung:
        again = self._reset is not None and now - self._reset < RESET_AGAIN_SECONDS
        return "give_up" if again else "reset_adapter"


class Hearsay:
    """Who heard what when, among the adapters of one station: what one no longer hears, another may."""

    KEPT_SECONDS = 600.0
    """A device heard longer ago may simply have been switched off."""

    def __init__(self) -> None:
        self._heard: dict[str, dict[str, float]] = {}

    def note(self, adapter: str, address: str, now: float) -> None:
        """``adapter`` heard the device at ``address``."""
        self._heard.setdefault(address, {})[adapter] = now

    def contradicts(self, adapter: str, silent_since: float, now: float) -> bool:
        """Whether another adapter has heard, since then and just now, a device that this one used to hear."""
        for address, by in list(self._heard.items()):
            if now - max(by.values()) > self.KEPT_SECONDS:
                del self._heard[address]
                continue
            ours = by.get(adapter)
            if ours is None or ours > silent_since or now - ours > self.KEPT_SECONDS:
                continue
            theirs = max((at for name, at in by.items() if name != adapter), default=0.0)
            if theirs > silent_since and now - theirs < CONTRADICTED_SECONDS:
                return True
        return False
