"""What all of Nonin's formats share: pulse, saturation and their missing values."""

from decimal import Decimal

from devicehub.driver import Flag, NotUnderstood

NO_PULSE, NO_PERCENT = 511, 127
LOW_BATTERY, SMART_POINT = 0x01, 0x20
"""Bits of the second status."""


def pulse_of(high: int, low: int) -> int:
    """Two bits and seven."""
    return (high & 0x03) << 7 | low & 0x7F


def rate(pulse: int) -> Decimal | None:
    """Beats per minute."""
    return None if pulse == NO_PULSE else Decimal(pulse)


def saturation(percent: int, at: int) -> Decimal | None:
    """Percent. Raises `NotUnderstood` for more than there can be."""
    if NO_PERCENT > percent > 100:
        raise NotUnderstood(f"{percent} % of saturation", at)
    return None if percent == NO_PERCENT else Decimal(percent)


def raised(flags: dict[Flag, bool]) -> tuple[Flag, ...]:
    """Those flags that are so."""
    return tuple(flag for flag, is_so in flags.items() if is_so)
