"""Date Time (0x2A08) as the clock of a device that has no Current Time Service.

Layout: GATT Specification Supplement, *Date Time*. The value is what was written last, no running clock is
promised: it is written at every connection and never read.
"""

from __future__ import annotations

from devicehub.driver import BleLink, BleSession, Refused, encode_date_time, uuid16
from devicehub.gatt import device_information

DATE_TIME = uuid16(0x2A08)


def greet(*commands: tuple[str, bytes]) -> BleSession:
    """Ask who the device is, give it its maker's ``commands``, then tell it the time.

    Each command is a characteristic and what is written there. What the device does not offer or refuses is
    left out: an old firmware lacks a command, and a clock that may not be set is corrected otherwise.
    """
    ask = device_information.greet()

    async def session(link: BleLink) -> None:
        await ask(link)
        for on, data in commands:
            await _tell(link, on, data)
        await _tell(link, DATE_TIME, encode_date_time(link.now))

    return session


async def _tell(link: BleLink, on: str, data: bytes) -> None:
    if on not in link.characteristics:
        return
    try:
        await link.write(on, data)
    except Refused:
        return
