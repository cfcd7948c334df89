"""A&D UC-352BLE and UC-421BLE scales.

The weight is the standard one (0x2A9D); firmware older than the Weight Scale Service sends the same bytes
on a characteristic of A&D's own. The clock is a Date Time to be written at every connection, and a command
asks for everything the memory holds, which then arrives oldest first. The scale bonds with a new station
only in its pairing mode (the button at its back); that connection sets its clock.

Source: A&D, *SDK for the UA-651BLE* 1.2, section 5.1 (custom service of the family), as public code cites it;
A&D's sample application, which reads both characteristics alike; the attributes of a UC-352BLE: HEADS ThingML-BLE.
"""

from devicehub.driver import (
    ONLY_MODE,
    Advert,
    Automatic,
    BleDriver,
    BleLink,
    Model,
    Refused,
    by_characteristic,
    listen,
)
from devicehub.gatt import date_time, device_information, weight_scale

OLD_MEASUREMENT = "23434101-1fe4-1eff-80cb-00ff78297d8b"
COMMANDS = "233bf001-5a34-1b6d-975c-000d5690abe4"
SEND_EVERYTHING = bytes.fromhex("0200e1")
MEASUREMENTS = (weight_scale.MEASUREMENT, OLD_MEASUREMENT)


async def session(link: BleLink) -> None:
    """Listen to whichever characteristic this firmware has."""
    offered = tuple(on for on in MEASUREMENTS if on in link.characteristics)
    if not offered:
        raise Refused("ce n'est pas une balance A&D / not an A&D scale: it offers no weight")
    await listen(*offered, first=date_time.greet((COMMANDS, SEND_EVERYTHING)))(link)


DRIVER = BleDriver(
    id="ad_weight_scale",
    models=tuple(
        Model(maker="A&D", name=name, tells=("body_weight", "device_facts"), longest=60.0)
        for name in ("UC-352BLE", "UC-421BLE")
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="A&D UC-352BLE instruction manual, Measurement: the figure locks by itself; "
        "page not found",
    ),
    match=Advert(name_prefix="A&D_UC-"),
    main=weight_scale.MEASUREMENT,
    session=session,
    decode=by_characteristic(
        {
            **dict.fromkeys(MEASUREMENTS, weight_scale.decode),
            **device_information.decoders(),
        }
    ),
)
