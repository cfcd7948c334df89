"""Any cuff that speaks the Bluetooth SIG Blood Pressure Service (0x1810), its stored records included."""

from devicehub.driver import ONLY_MODE, Advert, Automatic, BleDriver
from devicehub.gatt import heart_rate
from devicehub.gatt.profiles import CUFF

DRIVER = BleDriver(
    id="sig_blood_pressure",
    models=CUFF.models("Bluetooth SIG", "Blood Pressure Profile 1.1.1"),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Blood Pressure Service 1.1.1, section 1: the sensor measures by itself once started",
    ),
    match=Advert(service=CUFF.service, beside=(heart_rate.SERVICE,)),
    main=CUFF.main,
    session=CUFF.session(),
    decode=CUFF.decode(),
)
