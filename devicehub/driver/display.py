"""What a scale or a measuring rod shows, in canonical units, with what it said kept beside it.

Professional scales show kilograms, grams, pounds, ounces or stones, and centimetres or inches, as they are set.
"""

from __future__ import annotations

from decimal import Decimal

from devicehub.driver.failures import NotUnderstood
from devicehub.driver.measurement import (
    KILOGRAMS_PER_POUND,
    BodyHeight,
    BodyWeight,
    Said,
    centimetres,
    kilograms,
)

POUNDS_PER_STONE = 14
GRAMS_PER_OUNCE = KILOGRAMS_PER_POUND * 1000 / 16
"""Exact by definition: sixteen avoirdupois ounces to the pound."""


def shown_weight(
    value: Decimal, unit: str, *, at: int | None = None, stable: bool | None = None
) -> BodyWeight:
    """The weight on a display: ``unit`` is kg, g, lb, oz or st, in capitals or not.

    Ounces are rounded to the gram, pounds and stones to 10 g. Raises `NotUnderstood` ``at`` for any other unit.
    """
    match unit.lower():
        case "kg":
            return BodyWeight(kilograms=value, stable=stable)
        case "g":
            shown, code = value.scaleb(-3), "g"
        case "lb" | "lbs":
            shown, code = kilograms(value), "[lb_av]"
        case "oz":
            shown, code = (value * GRAMS_PER_OUNCE).quantize(Decimal(1)).scaleb(-3), "[oz_av]"
        case "st":
            shown, code = kilograms(value * POUNDS_PER_STONE), "[stone_av]"
        case _:
            raise NotUnderstood(f"a unit of mass expected, not {unit!r}", at)
    return BodyWeight(
        kilograms=shown, stable=stable, said={"kilograms": Said(value=value, unit=code)}
    )


def shown_height(value: Decimal, unit: str, *, at: int | None = None) -> BodyHeight:
    """The height on a display: ``unit`` is cm or in, in capitals or not.

    Raises `NotUnderstood` ``at`` for any other unit.
    """
    match unit.lower():
        case "cm":
            return BodyHeight(centimetres=value)
        case "in":
            said = {"centimetres": Said(value=value, unit="[in_i]")}
            return BodyHeight(centimetres=centimetres(value), said=said)
        case _:
            raise NotUnderstood(f"a unit of length expected, not {unit!r}", at)
