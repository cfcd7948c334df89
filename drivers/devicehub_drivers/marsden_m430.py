"""Marsden M-430 column scale: the print of one weighing, over RS-232 or Bluetooth serial.

Source: github.com/medipi/MediPi, class ``M430Measurement``: 217 bytes, seven rows of 31 that end in CR LF LF: gross,
tare and net weight, height (also in feet and inches), BMI, ``DD/MM/YYYY   hh:mm``, and a row of blanks; dashes or
N/A for what was not measured. The net weight is the patient's. There is no checksum: gross, tare and net must
agree, and with them the BMI.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from devicehub.driver import (
    ONLY_MODE,
    Automatic,
    BodyMassIndex,
    Frame,
    Line,
    Measurement,
    Model,
    NotUnderstood,
    SerialDriver,
    Settles,
    check_index,
    date_time,
    number,
    probed,
    receive,
    shown_height,
    shown_weight,
)

START, SIZE, ROW, LF = b"GROSS WEIGHT", 217, 31, 0x0A
DISAGREEMENT = Decimal("0.2")
"""In the unit of the display: what rounding each of the three can make."""
INCHES_PER_FOOT = 12
_MASS = re.compile(
    r"(GROSS|TARE|NET) WEIGHT +(?P<value>-?[0-9]+\.?[0-9]*|-+) (?P<unit>kg|lb|st|..)"
)
_HEIGHT = re.compile(
    r"HEIGHT +(?:(?P<feet>[0-9]+|-+) ?ft +)?(?P<value>[0-9]+\.?[0-9]*|-+) (?P<unit>cm|in)"
)
_INDEX = re.compile(r"BMI +(?P<value>[0-9]+\.?[0-9]*|-+|N/A)")
_MOMENT = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4}) {3}([0-9]{2}):([0-9]{2})")


def print_at(ahead: bytes) -> int | None:
    """A `devicehub.driver.Probe`: where another print begins inside, bytes of this one were lost."""
    if not START.startswith(ahead[: len(START)]):
        return None
    if len(ahead) < SIZE:
        return 0
    return SIZE if ahead.find(START, 1) < 0 and in_rows(ahead) else None


def in_rows(told: bytes) -> bool:
    """Whether these bytes are seven rows of 31."""
    return len(told) == SIZE and all(told[at + ROW - 1] == LF for at in range(0, SIZE, ROW))


def decode(frame: Frame) -> Iterator[Measurement]:
    """The net weight, and height and body mass index where they were measured, with the scale's time."""
    text = frame.data.decode("ascii", "replace")
    if not in_rows(frame.data) or text[-ROW:].strip():
        raise NotUnderstood("seven rows of 31 expected", at=0)
    gross, tare, net, length, index, moment, _blank = (
        text[at : at + ROW].strip() for at in range(0, SIZE, ROW)
    )
    time = when(_read(_MOMENT, moment, row=5))
    gross_said, tare_said, net_said = (
        _read(_MASS, said, row=row) for row, said in enumerate((gross, tare, net))
    )
    values = [measured(said["value"]) for said in (gross_said, tare_said, net_said)]
    if None not in values and abs(Decimal(values[0] or 0) - (values[1] or 0) - (values[2] or 0)) > (
        DISAGREEMENT
    ):
        raise NotUnderstood("gross, tare and net do not agree", at=2 * ROW)
    weight = (
        None
        if values[2] is None
        else shown_weight(values[2], net_said["unit"], at=2 * ROW, stable=True)
    )
    inches_or_centimetres = tall(_read(_HEIGHT, length, row=3))
    height = inches_or_centimetres and shown_height(*inches_or_centimetres, at=3 * ROW)
    mass_index = measured(_read(_INDEX, index, row=4)["value"])
    if weight and height and mass_index:
        check_index(weight, height, mass_index)
    if weight:
        yield weight.model_copy(update={"device_time": time})
    if height:
        yield height.model_copy(update={"device_time": time})
    if mass_index:
        yield BodyMassIndex(kilograms_per_square_metre=mass_index, device_time=time)


def measured(said: str) -> Decimal | None:
    """The number, or ``None`` for dashes."""
    return number(said) if said[-1:].isdigit() or said[-1:] == "." else None


def tall(said: re.Match[str]) -> tuple[Decimal, str] | None:
    """The height and its unit; ``None`` for zero or dashes."""
    value = measured(said["value"])
    if value is None or said["feet"] is None:
        return (value, said["unit"]) if value else None
    feet = measured(said["feet"])
    if feet is None or value >= INCHES_PER_FOOT or said["unit"] != "in":
        raise NotUnderstood("feet and inches expected", at=3 * ROW)
    inches = feet * INCHES_PER_FOOT + value
    return (inches, "in") if inches else None


def when(said: re.Match[str]) -> str | None:
    """The scale's time. Raises `NotUnderstood` for a day that does not exist."""
    day, month, year, hour, minute = map(int, said.groups())
    try:
        return date_time(year, month, day, hour, minute, 0)
    except ValueError as error:
        raise NotUnderstood(f"not a date and time: {error}", at=5 * ROW) from None


def _read(form: re.Pattern[str], said: str, *, row: int) -> re.Match[str]:
    found = form.fullmatch(said)
    if found is None:
        raise NotUnderstood(f"row {row + 1} is not as it should be", at=row * ROW)
    return found


DRIVER = SerialDriver(
    id="marsden_m430",
    models=(
        Model(
            maker="Marsden",
            name="M-430",
            tells=("body_weight", "body_height", "body_mass_index"),
            longest=60.0,
        ),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="MediPi, class MarsdenM430: the scale sends its print by itself",
    ),
    line=Line(baud=9600, framer=probed(print_at, starts=START[:1], longest=SIZE)),
    session=receive(),
    decode=decode,
    settles=Settles.PRINTED,
)
