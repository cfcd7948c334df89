"""Beurer BF 700, Transtek, Xiaomi Mi Scale and S400: what their bytes mean, and which are refused."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import (
    BleDriver,
    BodyComposition,
    BodyWeight,
    Frame,
    HeartRate,
    Measurement,
    NotUnderstood,
    Secrets,
)
from devicehub_drivers import (
    beurer_bf700,
    beurer_bm85,
    microlife_bp3gy1,
    transtek,
    xiaomi_s400,
    xiaomi_scale,
    yonker_bp,
)

DRIVERS = (
    beurer_bf700.DRIVER,
    beurer_bm85.DRIVER,
    microlife_bp3gy1.DRIVER,
    transtek.DRIVER,
    xiaomi_s400.DRIVER,
    xiaomi_scale.DRIVER,
    yonker_bp.DRIVER,
)
PLACES = (*(driver.main for driver in DRIVERS), "8a22", "8a24", "adv:181d")


def read(
    driver: BleDriver, *parts: tuple[str, str], secrets: Secrets | None = None
) -> list[Measurement]:
    frame = Frame(tuple((on, bytes.fromhex(data)) for on, data in parts))
    return list(driver.decode(driver.unseal(frame, secrets or {})))


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.id)
@given(data=st.binary(max_size=60), place=st.data())
def test_opened_noise_is_read_within_bounds_or_not_understood(
    driver: BleDriver, data: bytes, place: st.DataObject
) -> None:
    on = place.draw(st.sampled_from(PLACES))
    try:
        found = list(driver.decode(Frame.of(on, data)))
    except NotUnderstood:
        return
    assert len(found) <= len(data)
    for measurement in found:
        assert json.loads(measurement.model_dump_json())


# ble-scale-sync issue 211: a Sanitas SBF 70.
WHO = "e7590301010000000000000065"
DATA = "e75903026a21f4c6068701b500df02"
MORE = "e759030309018d00e907170aa20108"


def bf700(*parts: str) -> list[Measurement]:
    return read(beurer_bf700.DRIVER, *(("ffe1", part) for part in parts))


def test_bf700_parts_make_one_measurement() -> None:
    weight, composition, _bmi = bf700(WHO, DATA, MORE)
    assert isinstance(weight, BodyWeight)
    assert (weight.kilograms, weight.user_slot) == (Decimal("83.55"), 101)
    assert isinstance(composition, BodyComposition)
    assert (composition.fat_percent, composition.impedance_ohms) == (Decimal("22.3"), Decimal(437))
    assert composition.basal_metabolism_kilojoules == 7594


@pytest.mark.parametrize(
    "parts",
    [
        (WHO,),
        (WHO, DATA),
        (DATA, MORE),
        (WHO, MORE, DATA),
        (WHO, DATA, MORE, MORE),
        (WHO, DATA, "f7" + MORE[2:]),
        (WHO, DATA, MORE[:-2]),
        (WHO, DATA, MORE + "00"),
        ("e758010686", "e758010686"),
        ("e7580106",),
        ("e75801068600",),
        ("e742010203",),
        ("e8580106",),
        ("",),
    ],
)
def test_bf700_parts_that_do_not_add_up_are_not_understood(parts: tuple[str, ...]) -> None:
    with pytest.raises(NotUnderstood):
        bf700(*parts)


@pytest.mark.parametrize(
    ("data", "kilograms", "stable"),
    [
        ("e75801085e", "107.1", False),
        ("f758000687", "83.55", True),
        ("e758000000", "0", False),  # the scale is empty, not a weight of nothing
    ],
)
def test_bf700_live_weights(data: str, kilograms: str, stable: bool) -> None:
    assert bf700(data) == [BodyWeight(kilograms=Decimal(kilograms), stable=stable)]


# openScale wiki: a Medisana BS 444.
WEIGHT = "1d802500fe800ff40d6a1700ff010900000000"
BODY = "6f800ff40d01210c57f1e3f15bf123f0000000"


def test_transtek_weight_and_composition() -> None:
    weight, body = read(transtek.DRIVER, ("8a21", WEIGHT), ("8a22", BODY))
    assert weight == BodyWeight(
        kilograms=Decimal("96.00"), stable=True, device_time="2017-06-02T11:22:40", user_slot=1
    )
    assert isinstance(body, BodyComposition)
    assert (body.fat_percent, body.bone_kilograms) == (Decimal("34.3"), Decimal("3.5"))
    assert body.basal_metabolism_kilojoules is None  # 3105 kcal are the need of an active day


@pytest.mark.parametrize(
    ("data", "kilograms", "moment"),
    [
        # openScale wiki: a Trisa, its display in stones, then in kilograms as its app showed it.
        ("df281e00fe040a7010000000ff601400ff000900", "77.20", "2018-09-27T21:00:52"),
        ("9fba1d00fe322b7110000000ff8d1400ff000900", "76.10", "2018-09-28T17:34:42"),
    ],
)
def test_a_trisa_weighs_in_kilograms_whatever_it_shows(
    data: str, kilograms: str, moment: str
) -> None:
    (found,) = read(transtek.DRIVER, ("8a21", data))
    assert isinstance(found, BodyWeight)
    assert (found.kilograms, found.device_time) == (Decimal(kilograms), moment)


def test_a_1body_connect_has_one_value_more() -> None:
    # 0x7f: between water and muscle stands a value that is passed over.
    (body,) = read(transtek.DRIVER, ("8a22", "7f800ff40d01210c57f1e3f1aaf05bf123f00000"))
    assert isinstance(body, BodyComposition)
    assert (body.water_percent, body.muscle_percent) == (Decimal("48.3"), Decimal("34.7"))


BODY_CONNECT_WEIGHT = "1f541f00fe1c0a3e1f000000ffb21300ff011900"
"""openScale's test of it: 80.20 kg at 524159516 s."""


@pytest.mark.parametrize(
    ("count", "moment"),
    [
        (524159516, "2026-08-11T15:51:56"),
        (524159516 - 315619200, "2026-08-11T15:51:56"),  # a 1X-LINE
        (208540317, None),  # of neither: of another measurement
    ],
)
def test_a_1body_connect_and_a_1x_line_have_the_time_of_their_weight(
    count: int, moment: str | None
) -> None:
    body = "7f" + count.to_bytes(4, "little").hex() + "010000b0f068f200f0abf124f00000"
    weight, composed = read(transtek.DRIVER, ("8a24", BODY_CONNECT_WEIGHT), ("8a22", body))
    assert weight.device_time == "2026-08-11T15:51:56"
    assert composed.device_time == moment
    (alone,) = read(transtek.DRIVER, ("8a22", body))
    assert alone.device_time is None


@pytest.mark.parametrize(
    ("count", "moment"),
    [
        (0, "2010-01-01T00:00:00"),
        (234098560, "2017-06-02T11:22:40"),
        (1262303999, "2049-12-31T23:59:59"),
        (1262304000, "2010-01-01T00:00:00"),  # from 1970 from here on
        (1481027600, "2016-12-06T12:33:20"),
        (0xFFFFFFFF, "2106-02-07T06:28:15"),
    ],
)
def test_a_transtek_count_is_the_time_it_can_be(count: int, moment: str) -> None:
    assert transtek.moment(count) == moment


@pytest.mark.parametrize(
    ("on", "data"),
    [
        ("8a21", WEIGHT[:-2] + "01"),
        ("8a21", WEIGHT[:26]),
        ("8a22", BODY[:30]),
        ("8a22", ""),
        ("8a82", "a011223344"),
    ],
)
def test_what_transtek_does_not_say_is_not_understood(on: str, data: str) -> None:
    with pytest.raises(NotUnderstood):
        read(transtek.DRIVER, (on, data))


@pytest.mark.parametrize(
    ("on", "data", "kilograms", "stable"),
    [
        ("adv:181d", "229e43e507040b101301", "86.55", True),
        ("adv:181d", "a22044b20701010a1a15", "87.2", False),  # has left
        ("adv:181d", "80000000000000000000", "0", False),
        ("adv:181d", "3280 3ee507040b101301", "80", True),  # 160.00 jin
        ("adv:181d", "23e544e507040b101301", "80.00", True),  # 176.37 lb
        ("adv:181b", "0204b207010112101a0000a852", "105.8", False),
    ],
)
def test_mi_scale_weights(on: str, data: str, kilograms: str, stable: bool) -> None:
    (found,) = read(xiaomi_scale.DRIVER, (on, data))
    assert isinstance(found, BodyWeight)
    assert (found.kilograms, found.stable) == (Decimal(kilograms), stable)


@pytest.mark.parametrize(
    ("impedance", "ohms"), [("ac01", 428), ("b70b", 2999), ("b80b", None), ("0000", None)]
)
def test_mi_scale_impedances(impedance: str, ohms: int | None) -> None:
    found = read(xiaomi_scale.DRIVER, ("adv:181b", f"0226b20705040f0201{impedance}8642"))
    assert [m.impedance_ohms for m in found if isinstance(m, BodyComposition)] == (
        [] if ohms is None else [ohms]
    )


@pytest.mark.parametrize(
    ("on", "data"),
    [
        ("adv:181d", "229e43e507040b1013"),
        ("adv:181d", "229e43e507040b10130100"),
        ("adv:181d", "229e43e5070d0b101301"),
        ("adv:181b", "229e43e507040b101301"),
        ("adv:181c", "229e43e507040b101301"),
    ],
)
def test_what_a_mi_scale_does_not_say_is_not_understood(on: str, data: str) -> None:
    with pytest.raises(NotUnderstood):
        read(xiaomi_scale.DRIVER, (on, data))


# xiaomi-ble's published tests: an S400 and an S200, each with its key.
S400: Secrets = {
    "bind_key": bytes.fromhex("0728974d657a4b60964c1b1677f35f7c"),
    "mac": bytes.fromhex("8cd0b2f6beef"),
}
S200: Secrets = {
    "bind_key": bytes.fromhex("653b1b10e1cb35e4ac5e60fa45f3bf29"),
    "mac": bytes.fromhex("d07b6f27d729"),
}
WITH_WEIGHT = "4859d53b0abc078ff2348c844138e930220000009e538599"
WITHOUT = "4859d53b0bd6ef0b25db72785e7e2f46d6000000d8642df6"
PLAIN_SCALE = "4859044c019a80a275939010f0abc4fadc0600003d29c044"


def test_the_two_advertisements_of_an_s400() -> None:
    told = "2025-04-10T02:03:25"
    assert read(xiaomi_s400.DRIVER, ("adv:fe95", WITH_WEIGHT), secrets=S400) == [
        BodyWeight(kilograms=Decimal("69.9"), device_time=told, user_slot=1),
        HeartRate(per_minute=Decimal(92), device_time=told, user_slot=1),
        BodyComposition(
            impedance_ohms=Decimal("543.2"), mode="50 kHz", device_time=told, user_slot=1
        ),
    ]
    assert read(xiaomi_s400.DRIVER, ("adv:fe95", WITHOUT), secrets=S400) == [
        BodyComposition(
            impedance_ohms=Decimal("497.6"), mode="250 kHz", device_time=told, user_slot=1
        ),
    ]


def test_an_s200_tells_its_weight() -> None:
    (found,) = read(xiaomi_s400.DRIVER, ("adv:fe95", PLAIN_SCALE), secrets=S200)
    assert isinstance(found, BodyWeight)
    assert found.kilograms == Decimal("62.25")


def test_the_address_in_the_frame_needs_no_secret() -> None:
    control, rest = WITH_WEIGHT[:4], WITH_WEIGHT[4:]
    assert control == "4859"
    inside = "5859" + rest[:6] + S400["mac"][::-1].hex() + rest[6:]
    key = {"bind_key": S400["bind_key"]}
    assert len(read(xiaomi_s400.DRIVER, ("adv:fe95", inside), secrets=key)) == 3


def test_an_s400_that_shows_nothing_says_nothing() -> None:
    assert read(xiaomi_s400.DRIVER, ("adv:fe95", "0859d53b09")) == []


@pytest.mark.parametrize(
    ("data", "secrets"),
    [
        (WITH_WEIGHT, {}),
        (WITH_WEIGHT, {"bind_key": S400["bind_key"]}),
        (WITH_WEIGHT, {"mac": S400["mac"]}),
        (WITH_WEIGHT, {**S400, "bind_key": b"short"}),
        (WITH_WEIGHT, S200),
        (WITH_WEIGHT[:-2], S400),
        (WITH_WEIGHT[:20], S400),
        ("4059" + WITH_WEIGHT[4:], S400),  # not sealed: anybody could have sent it
        ("4839" + WITH_WEIGHT[4:], S400),  # MiBeacon 3
        ("48", S400),
    ],
)
def test_an_advertisement_that_cannot_be_opened_is_not_understood(
    data: str, secrets: Secrets
) -> None:
    with pytest.raises(NotUnderstood) as error:
        read(xiaomi_s400.DRIVER, ("adv:fe95", data), secrets=secrets)
    assert S400["bind_key"].hex() not in error.value.reason


@pytest.mark.parametrize("bit", range(0, 8 * len(WITH_WEIGHT) // 2, 7))
def test_a_flipped_bit_of_an_advertisement_publishes_nothing(bit: int) -> None:
    damaged = bytearray.fromhex(WITH_WEIGHT)
    damaged[bit // 8] ^= 1 << bit % 8
    try:
        found = read(xiaomi_s400.DRIVER, ("adv:fe95", damaged.hex()), secrets=S400)
    except NotUnderstood:
        return
    # Eleven bits of frame control are outside the seal; they tell nothing of the measurement.
    assert bit < 16
    assert found in ([], read(xiaomi_s400.DRIVER, ("adv:fe95", WITH_WEIGHT), secrets=S400))
