"""Any cuff that speaks the Bluetooth SIG Blood Pressure Service (0x1810)."""

from devicehub.driver import (
    ONLY_MODE,
    Advert,
    Automatic,
    BleDriver,
    Model,
    by_characteristic,
    listen,
)
from devicehub.gatt import blood_pressure, device_information

FEATURES = {blood_pressure.FEATURE: blood_pressure.decode_feature}

DRIVER = BleDriver(
    id="sig_blood_pressure",
    models=(
        Model(
            maker="Bluetooth SIG",
            name="Blood Pressure Profile 1.1.1",
            tells=("blood_pressure", "cuff_pressure", "device_facts"),
            reads=("blood_pressure", "cuff_pressure", "device_facts"),
            longest=180.0,
        ),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Blood Pressure Service 1.1.1, section 1: the sensor measures by itself once started",
    ),
    match=Advert(service=blood_pressure.SERVICE),
    main=blood_pressure.MEASUREMENT,
    session=listen(
        blood_pressure.MEASUREMENT,
        live=(blood_pressure.INTERMEDIATE,),
        first=device_information.greet(FEATURES),
    ),
    decode=by_characteristic(
        {
            blood_pressure.MEASUREMENT: blood_pressure.decode,
            blood_pressure.INTERMEDIATE: blood_pressure.decode_intermediate,
            **device_information.decoders(FEATURES),
        }
    ),
)
