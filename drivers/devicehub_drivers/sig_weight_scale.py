"""Any scale that speaks the Bluetooth SIG Weight Scale Service (0x181D)."""

from devicehub.driver import ONLY_MODE, Advert, Automatic, BleDriver
from devicehub.gatt import heart_rate
from devicehub.gatt.profiles import SCALE

DRIVER = BleDriver(
    id="sig_weight_scale",
    models=SCALE.models("Bluetooth SIG", "Weight Scale Profile 1.0.1"),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Weight Scale Service 1.0.1, section 3: the scale indicates each weight by itself",
    ),
    match=Advert(service=SCALE.service, beside=(heart_rate.SERVICE,)),
    main=SCALE.main,
    session=SCALE.session(),
    decode=SCALE.decode(),
)
