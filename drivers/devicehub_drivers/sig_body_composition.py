"""Any analyser that speaks the Bluetooth SIG Body Composition Service (0x181B), and weighs (0x181D)."""

from devicehub.driver import ONLY_MODE, Advert, Automatic, BleDriver, Kind, Model, by_characteristic
from devicehub.gatt import body_composition, device_information, weight_scale
from devicehub.gatt.weighing import weigh

FEATURES = {body_composition.FEATURE: body_composition.decode_feature}
KINDS: tuple[Kind, ...] = (
    "body_composition",
    "body_weight",
    "body_mass_index",
    "body_height",
    "device_facts",
)

DRIVER = BleDriver(
    id="sig_body_composition",
    models=(
        Model(
            maker="Bluetooth SIG",
            name="Body Composition Service 1.0.1",
            tells=KINDS,
            reads=KINDS,
            longest=90.0,
        ),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Body Composition Service 1.0.1, section 3: it indicates each measurement by itself",
    ),
    match=Advert(service=body_composition.SERVICE, beside=weight_scale.SERVICE),
    main=body_composition.MEASUREMENT,
    session=weigh(device_information.greet(FEATURES)),
    decode=by_characteristic(
        {
            body_composition.MEASUREMENT: body_composition.decode,
            weight_scale.MEASUREMENT: weight_scale.decode,
            **device_information.decoders(FEATURES),
        }
    ),
)
