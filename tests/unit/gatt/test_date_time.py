"""A device whose clock is a Date Time is given its maker's commands and told the time; a no is taken."""

from datetime import datetime
from pathlib import Path

from devicehub.driver import (
    ONLY_MODE,
    Advert,
    Automatic,
    BleDriver,
    Model,
    by_characteristic,
)
from devicehub.gatt import date_time
from devicehub.testing.replay import converse
from devicehub.transport.tape import Capture, Header, Step

COMMANDS = "0000f001-0000-1000-8000-00805f9b34fb"
ASK = bytes.fromhex("0200e1")
TOLD = bytes.fromhex("ea070b16081e00")  # 0x07ea = 2026, 11, 22, 8, 30, 0
DRIVER = BleDriver(
    id="invented",
    models=(Model(maker="-", name="-", tells=("body_weight",), longest=1.0),),
    automatic=Automatic(modes=ONLY_MODE, source="-"),
    match=Advert(name_prefix="INVENTED"),
    main="2a9d",
    session=date_time.greet((COMMANDS, ASK)),
    decode=by_characteristic({}),
)


def played(offers: tuple[str, ...], *steps: Step) -> None:
    """The session does exactly these steps; raises where it does others."""
    header = Header(
        device="invented",
        driver="invented",
        origin="synthetic",
        recorded=datetime.fromisoformat("2026-11-22T08:30:00+01:00"),
        hub="0",
        characteristics=offers,
    )
    converse(DRIVER, Capture(path=Path("invented.jsonl"), header=header, steps=steps))


def write(on: str, data: bytes) -> Step:
    return Step(t=0, by="hub", do="write", on=on, data=data)


def refused(on: str) -> Step:
    return Step(t=0, by="device", do="refused", on=on, data=b"\x03")


def test_the_commands_come_before_the_clock() -> None:
    played((COMMANDS, "2a08"), write(COMMANDS, ASK), write("2a08", TOLD))


def test_what_is_not_offered_is_left_out() -> None:
    played(("2a08",), write("2a08", TOLD))
    played((COMMANDS,), write(COMMANDS, ASK))
    played(())


def test_a_no_is_taken() -> None:
    played(
        (COMMANDS, "2a08"),
        write(COMMANDS, ASK),
        refused(COMMANDS),
        write("2a08", TOLD),
        refused("2a08"),
    )
