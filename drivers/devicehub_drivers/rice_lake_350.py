"""Rice Lake physician, wheelchair and handrail scales (140-10-7, 150-10-5, 350-10 and kin), printing by key.

Source: *350-10 Series* operator manual, section 4.1: holding the print key with a stable load sends
``xxxxxxxxx uu mmmmm `` (weight, lb or kg, gross or net), CR LF; while the body mass index is displayed, lines of
gross, tare and net weight, patient height in feet and inches, and patient BMI. The manual's own example of a net
weight has one blank more than its format. There is no checksum.
"""

import re
from collections.abc import Iterator

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
    blanked,
    keep_only,
    number,
    receive,
    shown_height,
    shown_weight,
    text_lines,
)

INCHES_PER_FOOT = 12
_WEIGHT = re.compile(
    r"(?P<weight>[- 0-9.]{8}[0-9]) (?P<unit>lb|kg) (?:gross| net | net  ) ", re.IGNORECASE
)
_REPORT = re.compile(
    r"(?P<name>GROSS WEIGHT|TARE WEIGHT|NET WEIGHT|PATIENT HEIGHT|PATIENT BMI) +"
    r"(?:(?P<feet>[0-9])-)?(?P<value>-?[0-9]{1,4}\.[0-9]{1,2})(?: (?P<unit>LB|KG|FT|CM|IN))? *",
    re.IGNORECASE,
)


def blank(line: bytes) -> bytes:
    """The line if it is one that is read: any other may say who stands on the scale, and is not kept."""
    text = line.decode("ascii", "replace")
    is_read = _WEIGHT.fullmatch(text) or _REPORT.fullmatch(text)
    return keep_only(line, [(0, len(line))] if is_read else [])


def decode(frame: Frame) -> Iterator[Measurement]:
    """One line: a weight, or what one line of the report tells; of its three weights the net one is read."""
    text = frame.data.decode("ascii", "replace").strip("\r\n")
    if found := _WEIGHT.fullmatch(text):
        yield shown_weight(number(found["weight"], at=0), found["unit"], stable=True)
    elif found := _REPORT.fullmatch(text):
        yield from report(found)
    else:
        raise NotUnderstood("not a print of this scale", at=0)


def report(found: re.Match[str]) -> Iterator[Measurement]:
    """What a line of the report tells; zero was not measured. Raises `NotUnderstood`."""
    value, unit = number(found["value"]), (found["unit"] or "").lower()
    match found["name"].upper(), found["feet"], unit:
        case (("GROSS WEIGHT" | "TARE WEIGHT"), None, ("lb" | "kg")):
            return
        case "NET WEIGHT", None, ("lb" | "kg"):
            yield shown_weight(value, unit, stable=True)
        case "PATIENT HEIGHT", str(feet), "ft" if 0 <= value < INCHES_PER_FOOT:
            inches = int(feet) * INCHES_PER_FOOT + value
            yield from [shown_height(inches, "in")] if inches else []
        case "PATIENT HEIGHT", None, ("cm" | "in"):
            yield from [shown_height(value, unit)] if value else []
        case "PATIENT BMI", None, "":
            yield from [BodyMassIndex(kilograms_per_square_metre=value)] if value else []
        case _:
            raise NotUnderstood("a value of another kind", at=found.start("value"))


DRIVER = SerialDriver(
    id="rice_lake_350",
    models=(
        Model(
            maker="Rice Lake",
            name="140, 150, 250, 350 series",
            tells=("body_weight", "body_height", "body_mass_index"),
            longest=60.0,
        ),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="350-10 Series operator manual, section 4.1: the scale sends its weight by itself",
    ),
    line=Line(baud=9600, framer=blanked(text_lines(limit=48), blank)),
    session=receive(),
    decode=decode,
    settles=Settles.PRINTED,
)
