"""Renpho ES-WBE28 ("Renpho-Scale", Elis 1): the SIG services, with weights in steps of 0.05 kg or 0.1 lb.

Its body composition does not follow the layout of 0x2A9C and is not read. The scale is silent until its
application's user (170) has agreed with the code 9999 and has a profile; the one written here is nobody's,
which is safe because only the weight is read.

Sources: the conversation and one frame of a real scale, github.com/KristianP26/ble-scale-sync pull request
267 (2026); the step, the user and the code also in github.com/oliexdev/openScale pull request 1108 (2025).
"""

from datetime import date

from devicehub.driver import (
    ONLY_MODE,
    Advert,
    Automatic,
    BleDriver,
    BleLink,
    Model,
)
from devicehub.gatt import device_information, user_data, weight_scale
from devicehub.gatt.profiles import SCALE

NOTICES, COMMANDS = "ffe1", "ffe2"
HELLO = (b"\x10\x01\x00\x11", b"\x03\x00\x01\x04", b"\x19\x00\x19")
USER, PIN = 170, 9999
AGE, ACTIVITY = "2a80", "2aff"
NOBODY = (
    (user_data.SEX, user_data.encode_sex("male")),
    (user_data.HEIGHT, user_data.encode_height(170)),
    (user_data.BIRTH, user_data.encode_birth(date(1970, 1, 1))),
    (AGE, bytes([50])),
    (ACTIVITY, b"\x04\x00"),
)


async def greet(link: BleLink) -> None:
    """What the maker's application says before it listens for weights: in another order nothing comes."""
    await device_information.greet()(link)
    await link.subscribe(*(on for on in (NOTICES, user_data.CONTROL) if on in link.characteristics))
    if COMMANDS in link.characteristics:
        for command in HELLO:
            await link.write(COMMANDS, command)
    await user_data.ask(link, user_data.encode_consent(USER, PIN))
    for on, value in NOBODY:
        if on in link.characteristics:
            await link.write(on, value)


DRIVER = BleDriver(
    id="renpho_es_wbe28",
    models=(
        Model(
            maker="Renpho",
            name="ES-WBE28",
            tells=("body_weight", "body_composition", "device_facts"),
            unread=("body_composition",),
            longest=60.0,
        ),
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="github.com/KristianP26/ble-scale-sync pull request 267: step on, nothing to choose",
    ),
    match=Advert(service=SCALE.service, name_prefix="Renpho-Scale"),
    main=SCALE.main,
    session=SCALE.session(greet),
    decode=SCALE.decode(
        {weight_scale.MEASUREMENT: weight_scale.decoder(weight_scale.RESOLUTIONS[4])}
    ),
)
