"""Format 13: a spot-check, once it is finished.

``00 02 00 0D``, length, time in BCD, status (0x0200 SmartPoint, 0x0100 no measurement, 0x0010 from memory, 0x0001 low
battery), pulse, a reserved octet, SpO2, whatever a later model adds, the sum of all these since the length, ``03``.
"""

from devicehub.driver import Flag, NotUnderstood, OxygenSaturation, Reader, date_time
from devicehub_drivers.nonin_serial.values import NO_PULSE, raised, rate, saturation

HEAD, END = b"\x00\x02\x00\x0d", b"\x03"
LEAST, MOST = 14, 64
SMART_POINT, NOTHING, STORED, LOW_BATTERY = 0x0200, 0x0100, 0x0010, 0x0001


def length(data: bytes) -> int | None:
    """The length of the spot-check that begins here."""
    if data[: len(HEAD)] != HEAD[: len(data)]:
        return None
    size = int.from_bytes(data[4:6], "big")
    if len(data) < 6:
        return 0
    if not LEAST <= size <= MOST:
        return None
    whole = 6 + size + 2
    if len(data) < whole:
        return 0
    return whole if data[whole - 1 : whole] == END else None


def is_sound(data: bytes) -> bool:
    """Whether its length, its end and its sum are right."""
    return length(data) == len(data) and sum(data[6:-2]) & 0xFF == data[-2]


def bare(data: bytes) -> bytes:
    """The spot-check without sum and end."""
    if not is_sound(data):
        raise NotUnderstood("its length, its end or its sum is wrong", at=len(data))
    return data[:-2]


def decode(bare: bytes) -> OxygenSaturation:
    """A finished spot-check; one without SmartPoint is questionable."""
    reader = Reader(bare)
    reader.skip(len(HEAD))
    size = reader.unsigned(2, big=True)
    if size != reader.left or size < LEAST:
        raise NotUnderstood(f"{size} octets of data announced", at=len(HEAD))
    century, year, month, day, hour, minute, second, hundredths = (
        _two_digits(reader) for _ in range(8)
    )
    status, pulse = reader.unsigned(2, big=True), reader.unsigned(2, big=True) & NO_PULSE
    reader.skip(1)
    at = reader.at
    percent = reader.u8() & 0x7F
    try:
        moment = date_time(century * 100 + year, month, day, hour, minute, second)
    except ValueError as error:
        raise NotUnderstood(f"not a date and time: {error}", at=6) from None
    if moment is not None and hundredths:
        moment += f".{hundredths:02}"
    measured = not status & NOTHING
    flags: dict[Flag, bool] = {
        "low_battery": bool(status & LOW_BATTERY),
        "measurement_failed": not measured,
        "questionable": measured and not status & SMART_POINT,
    }
    return OxygenSaturation(
        percent=saturation(percent, at) if measured else None,
        pulse_per_minute=rate(pulse) if measured else None,
        device_time=moment,
        stored=bool(status & STORED),
        flags=raised(flags),
    )


def _two_digits(reader: Reader) -> int:
    """An octet in BCD."""
    high, low = divmod(reader.u8(), 16)
    if high > 9 or low > 9:
        raise NotUnderstood("two decimal digits expected", at=reader.at - 1)
    return high * 10 + low
