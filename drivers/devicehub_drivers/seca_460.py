"""seca scales with the RS232 interface of seca's sheet 30-34-00-605 (460 and others): *witnessed* by a technician.

Every second a block, each octet as two hexadecimal digits: STX, kind, five digits, display code, two octets of state, CRC,
CR LF ETX. The sheet could be read but for what the display code means (unit, decimal places), which bit of the state is
which (stable, battery, hold, minus, net, no value, drift, zero timed out) and what the CRC covers. None of it is guessed: a
technician puts known loads on the scale, looks at its display, and states what was seen in the model it is bound as:
"seca RS232, kind A0, display 1, state 8000 = kg 0.1", with ", zero state 8200" where the empty scale rests in another. A
block says a weight with exactly those codes; in any other state no value; with another display code it is refused.

Sources: *Description of New RS232 Interface*, 30-34-00-605 Ind. c, 18.10.05 (1200 8E1; kinds A0 and A1; the generator is
0x107, and some firmware sends 00 in place of a CRC). Kind A4 has another layout and is not read. Of the CRC, only
one that begins with 0 and covers kind to state is known here; no block of a real scale was to be had.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from devicehub.driver import (
    ONLY_MODE,
    Automatic,
    BodyWeight,
    Frame,
    Line,
    Measurement,
    Model,
    NotUnderstood,
    SerialDriver,
    Unwitnessed,
    enclosed,
    receive,
)

STX, ETX = b"\x02", b"\x03"
DIGITS_AT, CRC_AT = 3, 13
GENERATOR = 0x107
NO_CRC = 0
_BLOCK = re.compile(
    r"\x02(?P<said>(?P<kind>A[01])(?P<digits>[0-9A-F]{5})(?P<display>[0-9A-F])(?P<state>[0-9A-F]{4}))"
    r"(?P<crc>[0-9A-F]{2})\r\n\x03",
    re.IGNORECASE,
)
_WITNESSED = re.compile(
    r"\bkind (?P<kind>A[01]), display (?P<display>[0-9A-F]), state (?P<state>[0-9A-F]{4})"
    r" = kg (?P<step>1|0\.1|0\.01|0\.001)(?:, zero state (?P<zero>[0-9A-F]{4}))?\s*$",
    re.IGNORECASE,
)


def crc(octets: bytes) -> int:
    """The remainder of the octets by the generator, beginning with 0."""
    rest = 0
    for octet in octets:
        rest ^= octet
        for _ in range(8):
            rest = rest << 1 ^ (GENERATOR if rest & 0x80 else 0)
    return rest


def block(frame: Frame) -> re.Match[str]:
    """The parts of a block. Raises `NotUnderstood` where it is damaged, or not of kind A0 or A1."""
    found = _BLOCK.fullmatch(frame.data.decode("ascii", "replace"))
    if found is None:
        raise NotUnderstood("pas un bloc de sorte A0 ou A1 · not a block of kind A0 or A1", at=0)
    if int(found["crc"], 16) not in {NO_CRC, crc(bytes.fromhex(found["said"]))}:
        raise NotUnderstood(
            "le CRC ne correspond pas : bloc abîmé, ou calcul propre à cette balance (la fiche de seca ne dit pas ce qu'il "
            "couvre) ; s'il en est ainsi de chaque bloc, elle ne peut être lue : enregistrez-en (devicehub record) · the CRC "
            "does not fit: a damaged block, or this scale's own way of computing it (seca's sheet does not say what it "
            "covers); where it is so with every block, the scale cannot be read: record some (devicehub record)",
            at=CRC_AT,
        )
    if not found["digits"].isdecimal():
        raise NotUnderstood("chiffres illisibles · not decimal digits", at=DIGITS_AT)
    return found


def is_at(found: re.Match[str], stated: re.Match[str], state: str) -> bool:
    """Whether a block has the state that was witnessed."""
    return found["state"].upper() == (stated[state] or "").upper()


def decode(frame: Frame) -> Iterator[Measurement]:
    """One block: a weight as it was witnessed, or no value. Raises `NotUnderstood`, saying the codes, never the digits.

    The digits may be a patient's weight, and reasons are shown where the bytes are masked.
    """
    found = block(frame)
    kind, display, state = (found[part].upper() for part in ("kind", "display", "state"))
    stated = _WITNESSED.search(frame.model or "")
    if stated is None:
        raise Unwitnessed(
            f"kind {kind}, display {display}, state {state} : balance que personne n'a encore vérifiée, rien n'est lu. Sans "
            "visite ouverte, posez des charges connues, attendez que son écran repose, comparez-le avec les octets 4 à 8 "
            "(30 = 0 … 39 = 9), puis écrivez ce que vous avez vu : model = "
            f'"seca RS232, kind {kind}, display {display}, state {state} = kg …" (docs/serial.md) · '
            "a scale nobody has witnessed yet, nothing is read. With no visit open, put known loads on it, wait until its "
            "display rests, compare it with bytes 4 to 8 (30 = 0 … 39 = 9), then write what you saw as that model"
        )
    if (kind, display) != (stated["kind"].upper(), stated["display"].upper()):
        raise NotUnderstood(
            f"kind {kind}, display {display}, state {state} : un autre affichage que celui du modèle ; aucun poids n'est lu. "
            "Remettez la balance en kilogrammes, comme le jour de la vérification, ou refaites celle-ci (docs/serial.md) · "
            "another display than the model's; no weight is read. Set the scale back to kilograms, as it was when it was "
            "witnessed, or witness it again"
        )
    load = int(found["digits"]) * Decimal(stated["step"])
    if is_at(found, stated, "state") or (not load and is_at(found, stated, "zero")):
        yield BodyWeight(kilograms=load, stable=True)
    else:
        # It may move, be held, be net or negative: which, is not known.
        yield BodyWeight()


def is_passing(frame: Frame) -> bool:
    """A block without a value: worth showing, not keeping."""
    try:
        return list(decode(frame)) == [BodyWeight()]
    except NotUnderstood:
        return False


DRIVER = SerialDriver(
    id="seca_460",
    models=(
        Model(
            maker="seca",
            name="RS232 interface 460, sheet 30-34-00-605",
            tells=("body_weight",),
            longest=30.0,
        ),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="sheet 30-34-00-605, RS232 Protocol: it sends a block every second by itself; page not found of the scales",
    ),
    line=Line(baud=1200, parity="even", framer=enclosed(STX, ETX, limit=24)),
    session=receive(passing=is_passing),
    decode=decode,
    witnessed=True,
)
