"""Any scale that speaks the Bluetooth SIG Weight Scale Service (0x181D)."""

from devicehub.driver import ONLY_MODE, Advert, Automatic, BleDriver, Model, by_characteristic
from devicehub.gatt import device_information, weight_scale
from devicehub.gatt.weighing import weigh

FEATURES = {weight_scale.FEATURE: weight_scale.decode_feature}

DRIVER = BleDriver(
    id="sig_weight_scale",
    models=(
        Model(
            maker="Bluetooth SIG",
            name="Weight Scale Profile 1.0.1",
            tells=("body_weight", "body_mass_index", "body_height", "device_facts"),
            reads=("body_weight", "body_mass_index", "body_height", "device_facts"),
            longest=60.0,
        ),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Weight Scale Service 1.0.1, section 3: the scale indicates each weight by itself",
    ),
    match=Advert(service=weight_scale.SERVICE),
    main=weight_scale.MEASUREMENT,
    session=weigh(device_information.greet(FEATURES), hears=(weight_scale.MEASUREMENT,)),
    decode=by_characteristic(
        {weight_scale.MEASUREMENT: weight_scale.decode, **device_information.decoders(FEATURES)}
    ),
)
