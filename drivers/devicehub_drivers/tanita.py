"""Tanita body composition analysers (TBF-310, BC-418, SC-240, SC-330, MC-980) and scales (WB-3000, PW-650 and others).

One line of values divided by commas, CR LF, when the measurement is done. TBF-310 sends 12, BC-418 38 by position
(github.com/obiba/onyx, Tanita instrument runners); later models send pairs of name and value and a checksum
(Tanita *SC-240* and *SC-330* instruction manuals, connection with a personal computer; *MC-980MA output data
format*): the last two hexadecimal digits of the sum of all characters before ``CS``, as the SC-240 manual's sample
has it. MC-780MA's line is some 1500 characters, BC-601's closes with a brace; dates come day first or year first.
Height, age and gender are what somebody typed in: height is told with the composition, not as measured. A typed
identity (``ID``) is blanked before anybody keeps the line. What a scale tells is net: 58.1 kg of 60.1 under a
preset tare of 2.0 in the *PW-650MA* manual's example, page 25.

The lines by position do not say their unit, and have no checksum: what does not add up is not understood. So is
a weight in pounds: its body mass index is less than half of what it would be in kilograms.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from devicehub.driver import (
    ONLY_MODE,
    Automatic,
    BodyComposition,
    BodyMassIndex,
    BodyWeight,
    Frame,
    Kind,
    Line,
    Measurement,
    Model,
    NotUnderstood,
    Secrets,
    SerialDriver,
    Settles,
    blanked,
    check_index,
    date_time,
    keep_groups,
    keep_only,
    kilojoules,
    number,
    receive,
    shown_height,
    shown_weight,
    text_lines,
)

TBF_310 = ["type", "sex", "Hm", "Wk", "ZF", "FW", "fW", "MW", "wW", "age", "MI", "rb"]
BC_418 = [
    "date",
    "time",
    "type",
    "sex",
    "Hm",
    "Wk",
    "FW",
    "fW",
    "MW",
    "wW",
    "age",
    "MI",
    "rb",
    "ZF",
]
"""Names by position, as the later models write them: height, weight, fat in percent and kilograms, fat-free and
water mass, body mass index, basal metabolism in kJ, impedance."""
BC_418_FIELDS = 38
"""After these the impedances and compositions of limbs and trunk, which have no place in a dossier yet."""
START = b"{0,16,"
DISAGREEMENT = Decimal("0.2")
APART = Decimal("0.4")
"""Typed heights were seen to differ from the one the body mass index was made with; pounds double it."""
LEAST_METABOLISM = 2000
"""Kilojoules: a line by position may have lost the last digit."""
WHOLE = {"wW": re.compile(r"[0-9]{2,3}\.[0-9]"), "ZF": re.compile(r"[0-9]{3,4}")}
"""The form that water and impedance have in every line by position known: nothing beside them tells a lost digit."""
_SEAL = re.compile(rb"(?P<sealed>\{0,16,.*,)CS,(?P<sum>[0-9A-Fa-f]{2})\}?", re.DOTALL)
_BY_POSITION = re.compile(
    rb'[\0 ]*((?:"?[0-9/.: -]{0,12}"?,){0,2}[012],[12](?:, *-?[0-9]{0,5}(?:\.[0-9]{1,2})? *)+)'
)
"""Nothing is typed into these lines but height, age and gender: they are kept whole, or not at all."""
_NAME = re.compile(rb"[~A-Za-z][A-Za-z0-9]{0,2}")
_NUMBER = re.compile(rb'"? *-?[0-9]{1,5}(?:\.[0-9]{1,2})? *"?')
_FORMS = {
    **dict.fromkeys(
        (b"Hm", b"Wk", b"Wp", b"FW", b"MW", b"mW", b"bW", b"wW", b"ww", b"rb", b"rB", b"ZF", b"MI"),
        _NUMBER,
    ),
    **dict.fromkeys(
        (b"Da", b"DT", b"TI", b"Ti"), re.compile(rb'"?[0-9]{2,4}[/:][0-9]{2}[/:0-9]*"?')
    ),
    b"CS": re.compile(rb"[0-9A-Fa-f]{2}\}?"),
}
"""What is read of the lines of names and values, and the form each has: nothing else is kept of them."""
_DATE = re.compile(
    r"(?P<day>[0-9]{2})/(?P<month>[0-9]{2})/(?P<year>[0-9]{4}|[0-9]{2})"
    r"|(?P<year_first>[0-9]{4})/(?P<then_month>[0-9]{2})/(?P<last_day>[0-9]{2})"
)
_TIME = re.compile(r"([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?")
DATES, TIMES = ("Da", "DT", "date"), ("TI", "Ti", "time")


def blank(line: bytes) -> bytes:
    """The line without the identity that was typed in: its checksum is as right or as wrong as it was."""
    start = line.rfind(START)
    if start < 0:
        return keep_groups(_BY_POSITION, line)
    kept = keep_only(line, _known(line, start))
    seal = _SEAL.fullmatch(kept, start)
    if seal is None:
        return kept
    less = sum(line[slice(*seal.span("sealed"))]) - sum(seal["sealed"])
    at, end = seal.span("sum")
    return kept[:at] + b"%02X" % ((int(seal["sum"], 16) - less) % 256) + kept[end:]


def _known(line: bytes, start: int) -> Iterator[tuple[int, int]]:
    """Where the names stand in a line of names and values, and the values that are read."""
    yield start, start + len(START)
    at, name = start + len(START), None
    for field in line[at:].split(b","):
        span = (at, at + len(field))
        if name is None:
            name = field
            if _NAME.fullmatch(field):
                yield span
        else:
            form = _FORMS.get(name)
            if form is not None and form.fullmatch(field):
                yield span
            name = None
        at += len(field) + 1


def unseal(frame: Frame, _secrets: Secrets) -> Frame:
    """A line of named values without its checksum; one by position as it is.

    Scales end with a signal that means nothing (*WB-3000* manual, page 10): it is found in front of the next line.
    """
    line = frame.data.strip(b"\r\n")
    start = line.rfind(b"{")
    if start < 0:
        return frame
    found = _SEAL.fullmatch(line, start)
    if found is None or sum(found["sealed"]) % 256 != int(found["sum"], 16):
        raise NotUnderstood("the checksum is not that of these values", at=len(line) - 2)
    return Frame.of(frame.on, found["sealed"], frame.model)


def decode(frame: Frame) -> Iterator[Measurement]:
    """Weight, composition and body mass index; zero, or a value left out, was not measured."""
    fields = [
        field.strip(' \0"')
        for field in frame.data.decode("ascii", "replace").strip("\r\n").split(",")
    ]
    if fields[0] == "{0":
        named = pairs(fields)
    elif len(fields) in {len(TBF_310), BC_418_FIELDS}:
        named = positions(fields)
    else:
        raise NotUnderstood(f"{len(fields)} values", at=0)
    time = when(named)
    yield weight(named).model_copy(update={"device_time": time})
    if composition := composed(named):
        yield composition.model_copy(update={"device_time": time})
    if index := value(named, "MI"):
        yield BodyMassIndex(kilograms_per_square_metre=index, device_time=time)


def pairs(fields: list[str]) -> dict[str, str]:
    """The values by name. Raises `NotUnderstood`."""
    names, values = fields[:-1:2], fields[1::2]
    if len(fields) % 2 == 0 or fields[-1] or len(set(names)) != len(names):
        raise NotUnderstood("pairs of name and value expected, each once", at=0)
    return dict(zip(names, values, strict=True))


def positions(fields: list[str]) -> dict[str, str]:
    """The values of a line by position, where they add up. Raises `NotUnderstood`."""
    names = TBF_310 if len(fields) == len(TBF_310) else BC_418
    named = dict(zip(names, fields, strict=False))
    if named["type"] not in {"0", "1", "2"} or named["sex"] not in {"1", "2"}:
        raise NotUnderstood("a body type and a gender expected", at=0)
    if any(field.endswith(".") for field in fields):
        raise NotUnderstood("a value is not whole: it ends with its point")
    for segment in fields[len(BC_418) :]:
        number(segment)
    if names is BC_418 and not re.fullmatch(r"[0-9]+\.[0-9]", fields[-1]):
        raise NotUnderstood("the last value is not whole", at=None)
    add_up(named)
    for name, form in WHOLE.items():
        if value(named, name) and not form.fullmatch(named[name]):
            raise NotUnderstood(f"{name} is not whole")
    return named


def add_up(named: dict[str, str]) -> None:
    """Refuse values that contradict each other: a byte was lost. Raises `NotUnderstood`."""
    metabolism, load = value(named, "rb"), value(named, "Wk")
    percent, fat = value(named, "FW"), value(named, "fW")
    lean, water = value(named, "MW"), value(named, "wW")
    if metabolism and metabolism < LEAST_METABOLISM:
        raise NotUnderstood("a basal metabolism nobody lives on")
    if load and fat and lean and abs(load - fat - lean) > DISAGREEMENT:
        raise NotUnderstood("fat and fat-free mass are not the weight")
    if load and fat and percent and abs(load * percent / 100 - fat) > DISAGREEMENT:
        raise NotUnderstood("the fat mass is not its percentage of the weight")
    if water and not (lean and water < lean):
        raise NotUnderstood("water is a part of the fat-free mass")
    tall, index = value(named, "Hm"), value(named, "MI")
    if load and tall and index:
        check_index(shown_weight(load, "kg"), shown_height(tall, "cm"), index, apart=APART)


def value(named: dict[str, str], name: str) -> Decimal | None:
    """A value above zero; ``None`` where it was not measured."""
    found = number(named[name]) if named.get(name) else Decimal(0)
    if found < 0:
        raise NotUnderstood(f"{name} below zero")
    return found or None


def weight(named: dict[str, str]) -> BodyWeight:
    """The weight in kilograms, or in pounds where the scale says so. Raises `NotUnderstood`."""
    if kilograms := value(named, "Wk"):
        return shown_weight(kilograms, "kg", stable=True)
    if pounds := value(named, "Wp"):
        return shown_weight(pounds, "lb", stable=True)
    raise NotUnderstood("no weight in kilograms or pounds")


def composed(named: dict[str, str]) -> BodyComposition | None:
    """The composition; masses only of a scale that weighs in kilograms."""
    masses = value if "Wk" in named else lambda _named, _name: None
    found = BodyComposition(
        fat_percent=value(named, "FW"),
        fat_free_kilograms=masses(named, "MW"),
        muscle_kilograms=masses(named, "mW"),
        bone_kilograms=masses(named, "bW"),
        water_kilograms=masses(named, "wW"),
        water_percent=value(named, "ww"),
        basal_metabolism_kilojoules=value(named, "rb") or from_kilocalories(value(named, "rB")),
        impedance_ohms=value(named, "ZF"),
    )
    if found == BodyComposition():
        return None
    typed_and_weighed = {"kilograms": masses(named, "Wk"), "centimetres": value(named, "Hm")}
    return found.model_copy(update=typed_and_weighed)


def from_kilocalories(energy: Decimal | None) -> Decimal | None:
    """The basal metabolism of models that tell it in kilocalories alone."""
    return None if energy is None else kilojoules(energy)


def when(named: dict[str, str]) -> str | None:
    """The analyser's time, where it tells one: the day first, or a whole year. Raises `NotUnderstood`."""
    date = _DATE.fullmatch(next((named[name] for name in DATES if name in named), ""))
    time = _TIME.fullmatch(next((named[name] for name in TIMES if name in named), ""))
    if date is None or time is None:
        return None
    day, month = date["day"] or date["last_day"], date["month"] or date["then_month"]
    year = int(date["year"] or date["year_first"])
    try:
        return date_time(
            year if year > 99 else 2000 + year,
            int(month),
            int(day),
            *(int(part or 0) for part in time.groups()),
        )
    except ValueError as error:
        raise NotUnderstood(f"not a date and time: {error}") from None


SCALE: tuple[Kind, ...] = ("body_weight", "body_mass_index")
ANALYSER: tuple[Kind, ...] = (*SCALE, "body_composition")

DRIVER = SerialDriver(
    id="tanita",
    models=tuple(
        Model(maker="Tanita", name=name, tells=tells, longest=90.0)
        for name, tells in (
            ("TBF-310", ANALYSER),
            ("BC-418", ANALYSER),
            ("SC-240, SC-330, MC-980", ANALYSER),
            ("WB-3000, WB-8000", SCALE),
            ("PW-630, PW-650", SCALE),
        )
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="SC-330 instruction manual, page 46: data are output immediately after measurement",
    ),
    line=Line(baud=9600, framer=blanked(text_lines(limit=4096), blank)),
    session=receive(),
    decode=decode,
    unseal=unseal,
    settles=Settles.PRINTED,
)
