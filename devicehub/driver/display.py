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


def check_index(
    weight: BodyWeight, height: BodyHeight, index: Decimal, *, apart: Decimal = Decimal(0)
) -> None:
    """Refuse a line whose body mass index is not that of the weight and the height told beside it: a digit was lost.

    The last digit of each may be rounded or cut off. ``apart`` is the share by which a device's index, or that of
    its maker's own example, differs beyond that. Raises `NotUnderstood`.
    """
    if not (weight.kilograms and height.centimetres):
        return
    load = _last_digit(weight, "kilograms", weight.kilograms)
    tall = _last_digit(height, "centimetres", height.centimetres)
    told = Decimal(1).scaleb(min(int(index.as_tuple().exponent), 0))
    found = weight.kilograms / (height.centimetres / 100) ** 2
    least = found * (1 - load) / (1 + tall) ** 2 * (1 - apart) - told
    most = found * (1 + load) / (1 - min(tall, Decimal("0.5"))) ** 2 * (1 + apart) + told
    if not least <= index <= most:
        raise NotUnderstood("the body mass index is not that of this weight and height")


def _last_digit(shown: BodyWeight | BodyHeight, name: str, value: Decimal) -> Decimal:
    """What one step of the last digit on the display is of the whole."""
    said = shown.said[name].value if shown.said else value
    return Decimal(1).scaleb(min(int(said.as_tuple().exponent), 0)) / abs(said)
