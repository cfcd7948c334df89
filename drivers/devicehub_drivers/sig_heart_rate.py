"""Any sensor that speaks the Bluetooth SIG Heart Rate Service (0x180D): chest straps, arm bands, watches.

It streams for as long as it is worn, without an end: all of it is live display, nothing is filed.
"""

from devicehub.driver import ONLY_MODE, Advert, Automatic, BleDriver
from devicehub.gatt.profiles import HEART_RATE_SENSOR

DRIVER = BleDriver(
    id="sig_heart_rate",
    models=HEART_RATE_SENSOR.models("Bluetooth SIG", "Heart Rate Profile 1.0"),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Heart Rate Service 1.0, section 3.1: the sensor notifies by itself while worn",
    ),
    match=Advert(service=HEART_RATE_SENSOR.service),
    main=HEART_RATE_SENSOR.main,
    session=HEART_RATE_SENSOR.session(),
    decode=HEART_RATE_SENSOR.decode(),
)
