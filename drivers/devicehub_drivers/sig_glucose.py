"""Any meter that speaks the Bluetooth SIG Glucose Service (0x1808): it sends its stored records when asked."""

from devicehub.driver import ONLY_MODE, Advert, Automatic, BleDriver
from devicehub.gatt import heart_rate
from devicehub.gatt.profiles import GLUCOSE_METER

DRIVER = BleDriver(
    id="sig_glucose",
    models=GLUCOSE_METER.models("Bluetooth SIG", "Glucose Profile 1.0.1"),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Glucose Service 1.0.1, section 3.1: the meter measures by itself once the strip is filled",
    ),
    match=Advert(service=GLUCOSE_METER.service, beside=(heart_rate.SERVICE,)),
    main=GLUCOSE_METER.main,
    session=GLUCOSE_METER.session(),
    decode=GLUCOSE_METER.decode(),
)
