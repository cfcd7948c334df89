"""Any sensor that speaks the Bluetooth SIG Heart Rate Service (0x180D): chest straps, arm bands, watches.

It streams for as long as it is worn, without an end: all of it is live display, nothing is filed.
"""

from devicehub.driver import (
    ONLY_MODE,
    Advert,
    Automatic,
    BleDriver,
    Model,
    by_characteristic,
    listen,
)
from devicehub.gatt import device_information, heart_rate

FEATURES = {heart_rate.LOCATION: heart_rate.decode_location}

DRIVER = BleDriver(
    id="sig_heart_rate",
    models=(
        Model(
            maker="Bluetooth SIG",
            name="Heart Rate Profile 1.0",
            tells=("heart_rate", "device_facts"),
            reads=("heart_rate", "device_facts"),
            longest=60.0,
        ),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Heart Rate Service 1.0, section 3.1: the sensor notifies by itself while worn",
    ),
    match=Advert(service=heart_rate.SERVICE),
    main=heart_rate.MEASUREMENT,
    session=listen(live=(heart_rate.MEASUREMENT,), first=device_information.greet(FEATURES)),
    decode=by_characteristic(
        {heart_rate.MEASUREMENT: heart_rate.decode, **device_information.decoders(FEATURES)}
    ),
)
