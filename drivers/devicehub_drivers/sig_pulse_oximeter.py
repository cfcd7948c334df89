"""Any oximeter that speaks the Bluetooth SIG Pulse Oximeter Service (0x1822), its stored spot-checks included.

It files its spot-check; the continuous values are live display, and so is the heart rate some tell beside them.
One without spot-check files nothing.
"""

from devicehub.driver import ONLY_MODE, Advert, Automatic, BleDriver
from devicehub.gatt import heart_rate
from devicehub.gatt.profiles import OXIMETER

DRIVER = BleDriver(
    id="sig_pulse_oximeter",
    models=OXIMETER.models("Bluetooth SIG", "Pulse Oximeter Profile 1.0.1"),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Pulse Oximeter Service 1.0.1, section 3.2: a finished spot-check is indicated",
    ),
    match=Advert(service=OXIMETER.service, beside=(heart_rate.SERVICE,)),
    main=OXIMETER.main,
    session=OXIMETER.session(),
    decode=OXIMETER.decode(),
)
