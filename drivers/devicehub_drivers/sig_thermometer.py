"""Any thermometer that speaks the Bluetooth SIG Health Thermometer Service (0x1809)."""

from devicehub.driver import (
    ONLY_MODE,
    Advert,
    Automatic,
    BleDriver,
    Model,
    by_characteristic,
    listen,
)
from devicehub.gatt import device_information, thermometer

DRIVER = BleDriver(
    id="sig_thermometer",
    models=(
        Model(
            maker="Bluetooth SIG",
            name="Health Thermometer Profile 1.0",
            tells=("body_temperature", "device_facts"),
            reads=("body_temperature", "device_facts"),
            longest=120.0,
        ),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Health Thermometer Service 1.0, section 3.1: a finished temperature is indicated",
    ),
    match=Advert(service=thermometer.SERVICE),
    main=thermometer.MEASUREMENT,
    session=listen(
        thermometer.MEASUREMENT,
        live=(thermometer.INTERMEDIATE,),
        first=device_information.greet(),
    ),
    decode=by_characteristic(
        {
            thermometer.MEASUREMENT: thermometer.decode,
            thermometer.INTERMEDIATE: thermometer.decode_intermediate,
            **device_information.decoders(),
        }
    ),
)
