"""Any cuff that speaks the Bluetooth SIG Blood Pressure Service (0x1810), its stored records included."""

from contextlib import suppress

from devicehub.driver import (
    ONLY_MODE,
    Advert,
    Automatic,
    BleDriver,
    BleLink,
    Model,
    Refused,
    by_characteristic,
    listen,
)
from devicehub.gatt import blood_pressure, device_information, record_access
from devicehub.gatt import enhanced_blood_pressure as enhanced
from devicehub.gatt.segmentation import Segments

FEATURES = {blood_pressure.FEATURE: blood_pressure.decode_feature}
MEMORY = (enhanced.RECORD, record_access.CONTROL_POINT)


async def recall(link: BleLink) -> None:
    """Greet the cuff and fetch its records, where it keeps any."""
    await device_information.greet(FEATURES)(link)
    if link.characteristics >= set(MEMORY):
        # A cuff that asks for a user's consent first keeps them; what it measures now it still sends.
        with suppress(Refused):
            await link.subscribe(*MEMORY)
            await record_access.fetch(link, enhanced.RECORD, join=Segments())


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
    session=listen(blood_pressure.MEASUREMENT, live=(blood_pressure.INTERMEDIATE,), first=recall),
    decode=by_characteristic(
        {
            blood_pressure.MEASUREMENT: blood_pressure.decode,
            blood_pressure.INTERMEDIATE: blood_pressure.decode_intermediate,
            enhanced.MEASUREMENT: enhanced.decode,
            enhanced.INTERMEDIATE: enhanced.decode_intermediate,
            enhanced.RECORD: enhanced.decode_record,
            **device_information.decoders(FEATURES),
        }
    ),
)
