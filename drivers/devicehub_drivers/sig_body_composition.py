"""Any analyser that speaks the Bluetooth SIG Body Composition Service (0x181B), and weighs (0x181D)."""

from devicehub.driver import ONLY_MODE, Advert, Automatic, BleDriver
from devicehub.gatt import heart_rate, weight_scale
from devicehub.gatt.profiles import ANALYSER

DRIVER = BleDriver(
    id="sig_body_composition",
    models=ANALYSER.models("Bluetooth SIG", "Body Composition Service 1.0.1"),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Body Composition Service 1.0.1, section 3: it indicates each measurement by itself",
    ),
    match=Advert(service=ANALYSER.service, beside=(weight_scale.SERVICE, heart_rate.SERVICE)),
    main=ANALYSER.main,
    session=ANALYSER.session(),
    decode=ANALYSER.decode(),
)
