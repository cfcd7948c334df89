"""A&D UT-201BLE thermometers.

The temperature is the standard one (0x2A1C); the clock is a Date Time to be written at every connection, and
a command of A&D's own asks for everything the memory holds, which then arrives oldest first. The thermometer
bonds with a new station only in its pairing mode; that connection sets its clock.

Source: A&D, *SDK for the UA-651BLE* 1.2, section 5.1 (custom service of the family), as public code cites it;
the order of the conversation as in obniz part ``UT201BLE``.
"""

from devicehub.driver import ONLY_MODE, Advert, Automatic, BleDriver, Model
from devicehub.gatt import date_time
from devicehub.gatt.profiles import THERMOMETER

COMMANDS = "233bf001-5a34-1b6d-975c-000d5690abe4"
SEND_EVERYTHING = bytes.fromhex("0200e1")

DRIVER = BleDriver(
    id="ad_thermometer",
    models=(
        Model(
            maker="A&D", name="UT-201BLE", tells=("body_temperature", "device_facts"), longest=600.0
        ),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="A&D UT-201BLE instruction manual, Measurement: it ends by itself with a sound; "
        "page not found",
    ),
    match=Advert(name_prefix="A&D_UT"),
    main=THERMOMETER.main,
    session=THERMOMETER.session(date_time.greet((COMMANDS, SEND_EVERYTHING))),
    decode=THERMOMETER.decode(),
)
