"""Yonker YK-IBPA1 (sold as YK-BPW5 too): an upper-arm cuff with a characteristic of the maker's own.

The result is one message of 15 bytes without checksum: type 0x81, systolic, diastolic, pulse, two bytes
passed over, day, month, year from 2000, hour, minute, four bytes passed over. Oximeters of the same maker use
the same characteristic and the same type in shorter messages, so the length counts. A message of type 0x80
comes while the cuff works; its unit is not known, and it only says that a measurement goes on.

The cuff's clock cannot be set over this characteristic and is often wrong. Asked to, the cuff shows and sends
an older result in the same way: only what it was seen working for is known to be new. The order of day, month and year is that of
the one published decoder. In doubt: with the year first its frame would be of 24 November 2025, the day of issue 615,
and EverCare's (19 03 15) of 21 March 2025.

Sources: github.com/derdilla/blood-pressure-monitor-fl, issue 615 and pull request 688 (a real frame).
"""

from collections.abc import Iterator
from decimal import Decimal

from devicehub.driver import (
    ONLY_MODE,
    Advert,
    Automatic,
    BleDriver,
    BleLink,
    BloodPressure,
    Frame,
    Measurement,
    Model,
    NotUnderstood,
    Reader,
    date_time,
)

RESULT = "cdeacd81-5235-4c07-8846-93a37ee6b86d"
FINISHED, WORKING = 0x81, 0x80
CLOCK_AT = 6
QUIET_SECONDS = 30.0


async def session(link: BleLink) -> None:
    """Listen until the cuff switches itself off; what is not a result is only shown."""
    await link.subscribe(RESULT)
    async for frame in link.frames(RESULT, quiet=QUIET_SECONDS):
        if frame.data[:1] == bytes([FINISHED]):
            await link.deliver(frame)
        else:
            link.live(frame)


def decode(frame: Frame) -> Iterator[Measurement]:
    """One result, or that the cuff works. A value of 0 could not be measured."""
    reader = Reader(frame.data)
    kind = reader.u8()
    if kind == WORKING:
        yield BloodPressure(flags=("unstable",))
        return
    if kind != FINISHED:
        raise NotUnderstood(f"a result (0x81) expected, not 0x{kind:02x}", at=0)
    systolic, diastolic, pulse = reader.u8(), reader.u8(), reader.u8()
    reader.skip(2)
    day, month, year, hour, minute = (reader.u8() for _ in range(5))
    reader.skip(4)
    reader.end()
    try:
        told = date_time(2000 + year, month, day, hour, minute, 0) if day and month else None
    except ValueError as error:
        raise NotUnderstood(f"not a date and time: {error}", at=CLOCK_AT) from None
    yield BloodPressure(
        systolic_mmhg=Decimal(systolic) if systolic else None,
        diastolic_mmhg=Decimal(diastolic) if diastolic else None,
        pulse_per_minute=Decimal(pulse) if pulse else None,
        device_time=told,
    )


DRIVER = BleDriver(
    id="yonker_bp",
    models=(
        Model(
            maker="Yonker",
            name="YK-IBPA1",
            tells=("blood_pressure", "cuff_pressure"),
            unread=("cuff_pressure",),
            longest=180.0,
            recalls=True,
        ),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="blood-pressure-monitor-fl issue 615: one button inflates, measures and deflates",
    ),
    match=Advert(name_prefix=("YK-IBPA1", "YK-BPW5")),
    main=RESULT,
    session=session,
    decode=decode,
)
