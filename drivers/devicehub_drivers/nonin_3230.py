"""Nonin 3230 finger oximeter, over Nonin's own service. It outranks the SIG service newer ones have beside it.

One message of ten octets a second: its length, status, battery voltage in tenths, pulse amplitude index in
hundredths of a percent, counter, SpO2 (127: missing), pulse (511: missing); numbers are big-endian. Status: 0x40
encrypted, 0x20 low battery, 0x10 finger well in (CorrectCheck), 0x08 searching, 0x04 SmartPoint, 0x02 weak signal.

SmartPoint is the oximeter's own word that a value is good enough to be kept: the first one that has it is the
spot-check, once for each finger, and the oximeter is told (``62 4E 4D 49``), so that its display says so too. All
others are live display. The counter counts messages, not measurements, and is not kept: as a record's number it could
make two patients' values look like one.

Sources: github.com/andreasdri/nonin-3230-ble (places, status bits, the closing command); M. Villarroel's decoder after
Nonin's document 113142-000-02 (length, weak signal, amplitude index); Nonin's own sample for Windows (encryption, DF19).
"""

from collections.abc import Iterator
from decimal import Decimal

from devicehub.driver import (
    ONLY_MODE,
    Advert,
    Automatic,
    BleDriver,
    BleLink,
    Flag,
    Frame,
    Measurement,
    Model,
    NotUnderstood,
    OxygenSaturation,
    Reader,
    by_characteristic,
)
from devicehub.gatt import device_information

MEASUREMENT = "0aad7ea0-0d60-11e2-8e3c-0002a5d5c51b"
CONTROL = "1447af80-0d60-11e2-88b6-0002a5d5c51b"
COMPLETE = b"\x62NMI"
LENGTH = 10
STATUS_AT, PERCENT_AT, PULSE_AT = 1, 7, 8
LOW_BATTERY, WELL_IN, SEARCHING, SMART_POINT, WEAK = 0x20, 0x10, 0x08, 0x04, 0x02
NO_PERCENT, NO_PULSE = 127, 511
QUIET_SECONDS = 30.0


async def session(link: BleLink) -> None:
    """Show what it measures, keep the first value with SmartPoint of each finger, and say that it is kept."""
    await device_information.greet()(link)
    await link.subscribe(MEASUREMENT)
    kept = False
    async for frame in link.frames(MEASUREMENT, quiet=QUIET_SECONDS):
        kept = kept and not is_missing(frame.data)
        if kept or not is_finished(frame.data):
            link.live(frame)
            continue
        await link.deliver(frame)
        kept = True
        await link.write(CONTROL, COMPLETE)


def is_missing(data: bytes) -> bool:
    """Whether a value is lacking: no finger, or not yet found."""
    pulse = int.from_bytes(data[PULSE_AT:LENGTH], "big")
    return len(data) != LENGTH or data[PERCENT_AT] == NO_PERCENT or pulse == NO_PULSE


def is_finished(data: bytes) -> bool:
    """Whether the oximeter vouches for both values."""
    if is_missing(data):
        return False
    return data[STATUS_AT] & (SMART_POINT | SEARCHING) == SMART_POINT


def decode(frame: Frame) -> Iterator[Measurement]:
    """One second's values; those without SmartPoint are early estimates."""
    reader = Reader(frame.data)
    length, status = reader.u8(), reader.u8()
    if length != LENGTH:
        raise NotUnderstood(f"a message of {LENGTH} octets says its length, not {length}", at=0)
    reader.skip(1)
    amplitude = reader.unsigned(2, big=True)
    reader.skip(2)
    percent, pulse = reader.u8(), reader.unsigned(2, big=True)
    reader.end()
    if percent > 100 and percent != NO_PERCENT:
        raise NotUnderstood(f"{percent} % of saturation", at=PERCENT_AT)
    if pulse > NO_PULSE:
        raise NotUnderstood(f"a pulse of {pulse}", at=PULSE_AT)
    yield OxygenSaturation(
        percent=None if percent == NO_PERCENT else Decimal(percent),
        pulse_per_minute=None if pulse == NO_PULSE else Decimal(pulse),
        perfusion_index_percent=Decimal(amplitude) / 100 if amplitude else None,
        flags=flags(status, measured=percent != NO_PERCENT or pulse != NO_PULSE),
    )


def flags(status: int, *, measured: bool) -> tuple[Flag, ...]:
    """What the status says of the values."""
    said: dict[Flag, bool] = {
        "low_battery": bool(status & LOW_BATTERY),
        "improper_position": not status & WELL_IN,
        "searching": bool(status & SEARCHING),
        "weak_signal": bool(status & WEAK),
        "early_estimate": measured and not status & SMART_POINT,
    }
    return tuple(flag for flag, is_so in said.items() if is_so)


DRIVER = BleDriver(
    id="nonin_3230",
    models=(
        Model(
            maker="Nonin", name="3230", tells=("oxygen_saturation", "device_facts"), longest=120.0
        ),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="NoninConnect 3230, Instructions for Use, Turning On, steps 1 to 3 (page not numbered "
        "in manualmachine.com/nonin/3230/2514989-user-manual): it begins when a finger is in",
    ),
    match=Advert(name_prefix="Nonin3230_"),
    main=MEASUREMENT,
    session=session,
    decode=by_characteristic({MEASUREMENT: decode, **device_information.decoders()}),
)
