"""Any thermometer that speaks the Bluetooth SIG Health Thermometer Service (0x1809)."""

from devicehub.driver import ONLY_MODE, Advert, Automatic, BleDriver
from devicehub.gatt import heart_rate
from devicehub.gatt.profiles import THERMOMETER

DRIVER = BleDriver(
    id="sig_thermometer",
    models=THERMOMETER.models("Bluetooth SIG", "Health Thermometer Profile 1.0"),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Health Thermometer Service 1.0, section 3.1: a finished temperature is indicated",
    ),
    match=Advert(service=THERMOMETER.service, beside=(heart_rate.SERVICE,)),
    main=THERMOMETER.main,
    session=THERMOMETER.session(),
    decode=THERMOMETER.decode(),
)
