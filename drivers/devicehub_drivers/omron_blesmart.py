"""Omron monitors that speak the standard profile: HEM-9200T, HEM-6233T and newer clinical ones.

They want to be told the time as soon as they are connected, whatever their clock says, and send what they
hold afterwards; the HEM-9200T shows a passkey for its bond. A name that begins with ``BLEsmart_`` is the
pairing mode of every Omron device, ``BLESmart_`` its transfer mode; the eight digits behind it name the model,
and those of blood-pressure monitors begin with 0000. Monitors whose memory is read are bound by model
(``omron_eeprom``).

Source: the conversation as in obniz parts ``HEM_9200T`` and ``HEM_6233T``; modes by name as in Stanford
SpeziOmron. Bits of the measurement: the GATT Specification Supplement.
"""

from devicehub.driver import (
    ONLY_MODE,
    Advert,
    Automatic,
    BleDriver,
    BleLink,
    Model,
    Pairing,
    Refused,
)
from devicehub.gatt import device_information
from devicehub.gatt.profiles import CUFF

DATE_TIME_SIZE = 7
"""The HEM-6233T takes a Current Time that ends after its seconds."""

greet = device_information.greet(CUFF.features)


async def first(link: BleLink) -> None:
    """Who are you, what does your clock say; and this is the time."""
    await greet(link)
    time = device_information.encode_current_time(link.now)
    for clock in (time, time[:DATE_TIME_SIZE]):
        try:
            await link.write(device_information.CURRENT_TIME, clock)
        except Refused:
            continue  # A clock that may not be set is corrected by the offset just read.
        return


DRIVER = BleDriver(
    id="omron_blesmart",
    models=tuple(
        Model(
            maker="Omron",
            name=name,
            tells=("blood_pressure", "device_facts"),
            longest=180.0,
            pairing=Pairing.IN_PAIRING_MODE,  # a failed attempt makes it forget the bond it has
        )
        for name in ("HEM-9200T", "HEM-6233T")
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Omron HEM-9200T instruction manual, Taking a measurement: START/STOP inflates, "
        "measures and deflates without further help; page not found",
    ),
    match=Advert(
        service=CUFF.service,
        name_prefix=("BLEsmart_0000", "BLESmart_00000116"),  # 00000116 is the HEM-9200T
    ),
    main=CUFF.main,
    session=CUFF.session(first),
    pairing_name="BLEsmart_",
    decode=CUFF.decode(),
)
