"""Any oximeter that speaks the Bluetooth SIG Pulse Oximeter Service (0x1822).

It files its spot-check; the continuous values are live display. One without spot-check files nothing.
"""

from devicehub.driver import (
    ONLY_MODE,
    Advert,
    Automatic,
    BleDriver,
    BleLink,
    Model,
    by_characteristic,
    listen,
)
from devicehub.gatt import device_information, pulse_oximeter

FEATURES = {pulse_oximeter.FEATURE: pulse_oximeter.decode_feature}


async def session(link: BleLink) -> None:
    """Listen to what it has: the service asks for one of the two characteristics at least."""
    spot = [pulse_oximeter.SPOT] if pulse_oximeter.SPOT in link.characteristics else []
    greet = device_information.greet(FEATURES)
    await listen(*spot, live=(pulse_oximeter.CONTINUOUS,), first=greet)(link)


DRIVER = BleDriver(
    id="sig_pulse_oximeter",
    models=(
        Model(
            maker="Bluetooth SIG",
            name="Pulse Oximeter Profile 1.0.1",
            tells=("oxygen_saturation", "device_facts"),
            reads=("oxygen_saturation", "device_facts"),
            longest=120.0,
        ),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Pulse Oximeter Service 1.0.1, section 3.2: a finished spot-check is indicated",
    ),
    match=Advert(service=pulse_oximeter.SERVICE),
    main=pulse_oximeter.SPOT,
    session=session,
    decode=by_characteristic(
        {
            pulse_oximeter.SPOT: pulse_oximeter.decode,
            pulse_oximeter.CONTINUOUS: pulse_oximeter.decode_continuous,
            **device_information.decoders(FEATURES),
        }
    ),
)
