"""A&D UA-651BLE, UA-656BLE, UA-1200BLE and UB-1100BLE blood-pressure monitors.

The measurement is the standard one (0x2A35); the clock is a Date Time to be written at every connection, and
a command of A&D's own asks for everything the memory holds, which then arrives oldest first. A monitor bonds
with a new station only while it shows ``Pr`` (hold START); that connection sets its clock. The UA-1200BLE
has a Current Time instead of the Date Time.

Source: A&D, *SDK for the UA-651BLE* 1.2, sections 2.1.4 (Date Time) and 5.1 (custom service), as public code
cites them; the order of the conversation as in obniz parts ``UA651BLE`` and ``UA1200BLE``.
"""

from devicehub.driver import ONLY_MODE, Advert, Automatic, BleDriver
from devicehub.gatt import date_time
from devicehub.gatt.profiles import CUFF

COMMANDS = "233bf001-5a34-1b6d-975c-000d5690abe4"
SEND_EVERYTHING = bytes.fromhex("0200e1")

DRIVER = BleDriver(
    id="ad_blood_pressure",
    models=CUFF.models(
        "A&D",
        "UA-651BLE",
        "UA-656BLE",
        "UA-1200BLE",
        "UB-1100BLE",
        tells=("blood_pressure", "device_facts"),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="A&D UA-651BLE instruction manual, Measurements: START inflates, measures and "
        "deflates without further help; page not found",
    ),
    match=Advert(name_prefix=("A&D_UA-", "UA-1200BLE_", "UB-1100BLE_")),
    main=CUFF.main,
    session=CUFF.session(date_time.greet((COMMANDS, SEND_EVERYTHING))),
    decode=CUFF.decode(),
)
