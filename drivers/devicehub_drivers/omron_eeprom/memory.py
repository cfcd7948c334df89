"""How each family of monitors lays out a record, and where in its memory the records stand."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from devicehub.driver import NotUnderstood


class Layout(NamedTuple):
    """A record: ``size`` bytes, words of 16 bits in one byte order.

    The year has 6 bits, or 8 in the oldest families, which do not number their records either. Where a
    byte at ``failure_at`` is not 0, the measurement failed.
    """

    size: int
    order: Literal["little", "big"] = "little"
    year_mask: int = 0x3F
    numbered: bool = True
    failure_at: int | None = None


BE14 = Layout(14, "big", year_mask=0xFF, numbered=False)
BE14_NUMBERED = Layout(14, "big")
LE14, LE16 = Layout(14), Layout(16)
LE24 = Layout(24, failure_at=17)

SOLE: Mapping[int, Layout] = {layout.size: layout for layout in (LE16, LE24)}
"""The layouts that a record's size gives away."""


class Memory(NamedTuple):
    """``slots`` records for each user, from each of the addresses ``starts``.

    ``token`` is the newer generation: one channel, a bond of the system's own, no key.
    """

    layout: Layout
    slots: int
    starts: tuple[int, ...]
    token: bool = False

    def user(self, address: int) -> int | None:
        """Whose record is at an address, counted from 1; ``None`` on a monitor for one user.

        Raises `NotUnderstood` where no record begins: settings stand there, or half a record.
        """
        for user, start in enumerate(self.starts, start=1):
            slot, rest = divmod(address - start, self.layout.size)
            if 0 <= slot < self.slots and not rest:
                return user if len(self.starts) > 1 else None
        raise NotUnderstood(f"no record begins at address {address:04x}", at=0)


_FAMILIES: tuple[tuple[Memory, tuple[str, ...]], ...] = (
    (Memory(BE14, 100, (0x02AC,)), ("HEM-7600T",)),
    (
        Memory(BE14, 100, (0x02AC, 0x0824)),
        ("HEM-7280T", "HEM-7281T", "HEM-7282T", "HEM-7321T", "HEM-7322T"),
    ),
    (Memory(BE14_NUMBERED, 30, (0x02E8,)), ("HEM-6161T",)),
    (Memory(BE14_NUMBERED, 90, (0x02E8,)), ("HEM-7530T",)),
    (Memory(BE14_NUMBERED, 100, (0x02E8, 0x0860)), ("HEM-6232T",)),
    (
        Memory(LE14, 14, (0x02E8,), token=True),
        ("HEM-7140T1", "HEM-7141T1", "HEM-7142T1", "HEM-7142T2"),
    ),
    (
        Memory(LE14, 30, (0x02E8,), token=True),
        ("HEM-7143T", "HEM-7144T", "HEM-7146T", "HEM-716BT2"),
    ),
    (Memory(LE16, 60, (0x0098,)), ("HEM-7150T", "HEM-7156T")),
    (Memory(LE16, 80, (0x0098,)), ("HEM-7151T",)),
    (Memory(LE16, 60, (0x0098, 0x0458)), ("HEM-7155T", "HEM-7340T", "HEM-7341T")),
    (Memory(LE16, 100, (0x0098, 0x06D8)), ("HEM-7342T", "HEM-7343T", "HEM-7361T")),
    (Memory(LE16, 60, (0x02E8, 0x06A8), token=True), ("HEM-7155T_ESL1", "HEM-7155T_K4")),
    (Memory(LE16, 30, (0x01C4,), token=True), ("HEM-7188T1",)),
    (Memory(LE16, 100, (0x01C4, 0x0804), token=True), ("HEM-7380T1",)),
    (Memory(LE16, 100, (0x080C, 0x0E4C), token=True), ("HEM-7382T1", "HEM-7386T1")),
    (Memory(LE24, 350, (0x041A,)), ("HEM-9601T",)),
    (Memory(LE24, 1000, (0x041A,)), ("HEM-9700T",)),
)
"""Where omblepy, hass-omron and esphome-omron agree; a family only one of them knows is left out."""

MEMORIES: Mapping[str, Memory] = {name: memory for memory, names in _FAMILIES for name in names}
"""By the number on the type plate, without the letters of the market behind it."""


def memory_of(model: str | None) -> Memory | None:
    """The memory of ``HEM-7322T-D`` is that of its family, ``HEM-7322T``."""
    names = [name for name in MEMORIES if (model or "").upper().startswith(name)]
    return MEMORIES[max(names, key=len)] if names else None
