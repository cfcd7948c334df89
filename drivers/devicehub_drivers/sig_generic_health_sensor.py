"""Any sensor that speaks the Bluetooth SIG Generic Health Sensor Service (0x1840), whatever it measures."""

from contextlib import suppress

from devicehub.driver import (
    ONLY_MODE,
    Advert,
    Automatic,
    BleDriver,
    BleLink,
    Kind,
    Model,
    Refused,
    by_characteristic,
)
from devicehub.gatt import (
    blood_pressure,
    body_composition,
    device_information,
    elapsed_time,
    glucose,
    heart_rate,
    pulse_oximeter,
    record_access,
    thermometer,
    weight_scale,
)
from devicehub.gatt import generic_health_sensor as sensor
from devicehub.gatt.segmentation import Segments

FEATURES = {elapsed_time.CURRENT: elapsed_time.decode}
QUIET = 30.0
KINDS: tuple[Kind, ...] = (
    "blood_pressure",
    "body_weight",
    "body_height",
    "body_mass_index",
    "body_composition",
    "body_temperature",
    "oxygen_saturation",
    "heart_rate",
    "glucose",
    "device_facts",
)


async def session(link: BleLink) -> None:
    """Fetch what it has stored, then take what it measures until it falls silent."""
    await device_information.greet(FEATURES)(link)
    wanted = (sensor.LIVE, sensor.STORED, sensor.CONTROL_POINT, record_access.CONTROL_POINT)
    offered = [on for on in wanted if on in link.characteristics]
    await link.subscribe(*offered)
    if {sensor.STORED, record_access.CONTROL_POINT} <= set(offered):
        # One that keeps its memory to itself still sends what it measures now.
        with suppress(Refused):
            await record_access.fetch(link, sensor.STORED, join=Segments())
    await sensor.start(link)
    segments = Segments()
    async for message in link.frames(sensor.LIVE, sensor.CONTROL_POINT, quiet=QUIET):
        if message.on == sensor.LIVE:
            for frame in segments.take(message):
                await link.deliver(frame)


DRIVER = BleDriver(
    id="sig_generic_health_sensor",
    models=(
        Model(
            maker="Bluetooth SIG",
            name="Generic Health Sensor Profile 1.0",
            tells=KINDS,
            longest=180.0,
        ),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Generic Health Sensor Service 1.0, section 1: the sensor reports what it has measured",
    ),
    # The older services beside it say the same things, with less about each.
    match=Advert(
        service=sensor.SERVICE,
        beside=(
            blood_pressure.SERVICE,
            body_composition.SERVICE,
            glucose.SERVICE,
            heart_rate.SERVICE,
            pulse_oximeter.SERVICE,
            thermometer.SERVICE,
            weight_scale.SERVICE,
        ),
    ),
    main=sensor.LIVE,
    session=session,
    decode=by_characteristic(
        {
            sensor.LIVE: sensor.decode,
            sensor.STORED: sensor.decode,
            **device_information.decoders(FEATURES),
        }
    ),
)
