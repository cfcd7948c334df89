"""Beurer BM 48, BM 59, BM 85 and ELITE 900: upper-arm cuffs with a Blood Pressure Measurement of their own.

They speak the SIG service (0x1810) with three deviations, none of which the bytes give away: one byte of user
always follows the pulse though its flag is not set, and pulse and status are big-endian. A reserved flag
(0x40) is always set. The mean pressure is 0: not computed. Hence only their names tell them apart; the maker's
own app keeps the same list of names.

Sources: github.com/derdilla/blood-pressure-monitor-fl, pull requests 735 and 737 (five frames of a BM 85, and
that it stays silent when subscribed to right after connecting).
"""

from collections.abc import Iterator

from devicehub.driver import (
    ONLY_MODE,
    Advert,
    Automatic,
    BleDriver,
    BleLink,
    BloodPressure,
    Frame,
    Measurement,
    NotUnderstood,
)
from devicehub.gatt import blood_pressure, device_information
from devicehub.gatt.profiles import CUFF

NAMES = ("BM48", "BM59", "BM85", "ELITE900")
SETTLE_SECONDS = 3.0

TIME, PULSE, USER, STATUS = 0x02, 0x04, 0x08, 0x10
KNOWN_FLAGS = 0x1F
FASTEST_PULSE = 999
"""More than a display of three digits shows: the bytes came in the other order, from another model."""


async def settle(link: BleLink) -> None:
    """Let the cuff rest after connecting, then ask who it is."""
    await link.pause(SETTLE_SECONDS)
    await device_information.greet(CUFF.features)(link)


def as_specified(data: bytes) -> bytes:
    """The same bytes as the specification orders them, the user's flag set; the length stays the same."""
    if not data:
        return data
    flags = data[0]
    pulse = 7 + (7 if flags & TIME else 0)
    user = pulse + (2 if flags & PULSE else 0)
    status = user + 1
    end = status + (2 if flags & STATUS else 0)
    return (
        bytes([flags & KNOWN_FLAGS | USER])
        + data[1:pulse]
        + data[pulse:user][::-1]
        + data[user:status]
        + data[status:end][::-1]
        + data[end:]
    )


def decode(frame: Frame) -> Iterator[Measurement]:
    """One finished measurement (0x2A35, indicated). Users are 0 and 1, as the cuff counts them."""
    for found in blood_pressure.decode(Frame.of(frame.on, as_specified(frame.data), frame.model)):
        pulse = found.pulse_per_minute if isinstance(found, BloodPressure) else None
        if pulse is not None and not 0 <= pulse <= FASTEST_PULSE:
            raise NotUnderstood(
                f"a pulse of {pulse} per minute", at=14 if frame.data[0] & TIME else 7
            )
        yield found


DRIVER = BleDriver(
    id="beurer_bm85",
    models=CUFF.models(
        "Beurer", "BM 48", "BM 59", "BM 85", "ELITE 900", tells=("blood_pressure", "device_facts")
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Beurer BM 85, instructions for use: the START button inflates, measures and deflates; "
        "page not found",
    ),
    match=Advert(name_prefix=NAMES),
    main=CUFF.main,
    session=CUFF.session(settle),
    decode=CUFF.decode({blood_pressure.MEASUREMENT: decode}),
)
