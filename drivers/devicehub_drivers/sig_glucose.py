"""Any meter that speaks the Bluetooth SIG Glucose Service (0x1808): it sends its stored records when asked."""

from devicehub.driver import (
    ONLY_MODE,
    Advert,
    Automatic,
    BleDriver,
    BleLink,
    Model,
    by_characteristic,
)
from devicehub.gatt import device_information, glucose, record_access

FEATURES = {glucose.FEATURE: glucose.decode_feature}


async def session(link: BleLink) -> None:
    """Ask for every record. Nothing is deleted: a record sent again has the same sequence number."""
    await device_information.greet(FEATURES)(link)
    records = [glucose.MEASUREMENT]
    if glucose.CONTEXT in link.characteristics:
        records.append(glucose.CONTEXT)
    await link.subscribe(*records, record_access.CONTROL_POINT)
    await record_access.fetch(link, *records, join=glucose.Records())


DRIVER = BleDriver(
    id="sig_glucose",
    models=(
        Model(
            maker="Bluetooth SIG",
            name="Glucose Profile 1.0.1",
            tells=("glucose", "device_facts"),
            reads=("glucose", "device_facts"),
            longest=60.0,
        ),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Glucose Service 1.0.1, section 3.1: the meter measures by itself once the strip is filled",
    ),
    match=Advert(service=glucose.SERVICE),
    main=glucose.MEASUREMENT,
    session=session,
    decode=by_characteristic(
        {
            glucose.MEASUREMENT: glucose.decode,
            glucose.CONTEXT: glucose.decode,
            **device_information.decoders(FEATURES),
        }
    ),
)
