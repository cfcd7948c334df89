"""Beurer BF 105, BF 500, BF 720, BF 788, BF 915, BF 950; Sanitas SBF 72, SBF 73: a scale for several people.

The SIG services behind a consent: the scale speaks to whoever knows the PIN of one of its users (link
secrets ``user`` and ``pin``, see `devicehub.gatt.user_data`). Its composition is computed for that user's
profile, which this driver commits as it finds it and never fills in: a scale without a profile of the user
tells weights only. It assigns a weight to the user it takes the person for, which says nothing about who
stood there.

Sources: github.com/KristianP26/ble-scale-sync issues 168 (BF 720), 229 (BF 788), 255 (BF 950), frames of real
scales; github.com/oliexdev/openScale, handlers of these models, and its pull request 1262 (BF 500).
"""

from collections.abc import Iterator
from contextlib import suppress

from devicehub.driver import (
    ONLY_MODE,
    Advert,
    Automatic,
    BleDriver,
    BleLink,
    Frame,
    Kind,
    Measurement,
    Model,
    NotUnderstood,
    Refused,
    by_characteristic,
)
from devicehub.gatt import body_composition, device_information, user_data, weight_scale
from devicehub.gatt.weighing import weigh

COMPANY = 0x0611
ACTIVITY = ("fff3", "0004")
"""How active the user is, one byte; the maker's own characteristic, which differs by model."""
PROFILE = (user_data.BIRTH, user_data.SEX, user_data.HEIGHT, *ACTIVITY)
KINDS: tuple[Kind, ...] = (
    "body_weight",
    "body_mass_index",
    "body_height",
    "body_composition",
    "device_facts",
)
MODELS = {
    "Beurer": ("BF 105", "BF 500", "BF 720", "BF 788", "BF 915", "BF 950"),
    "Sanitas": ("SBF 72", "SBF 73"),
}
MEASURED = (
    "fat_percent",
    "muscle_percent",
    "muscle_kilograms",
    "fat_free_kilograms",
    "soft_lean_kilograms",
    "water_kilograms",
    "impedance_ohms",
)
NO_PIN = (
    "la balance attend le code d'un de ses utilisateurs : créez-en un, puis donnez ici son numéro et son "
    "code / the scale wants the PIN of one of its users: create one, then give its number and PIN here"
)


async def agree(link: BleLink) -> None:
    """Set the clock, give the PIN, then confirm the user's profile: only then is a composition computed."""
    if "pin" not in link.secrets:
        raise Refused(NO_PIN)
    # Models differ in what may be read and written: what one of them refuses, it does without.
    with suppress(Refused):
        now = device_information.encode_current_time(link.now)
        await link.write(device_information.CURRENT_TIME, now)
    await user_data.consent(link)
    for on in PROFILE:
        if on in link.characteristics:
            with suppress(Refused):
                await link.write(on, await link.read(on))
    if user_data.CHANGE in link.characteristics:
        with suppress(Refused, NotUnderstood):
            changes = user_data.decode_change(await link.read(user_data.CHANGE))
            await link.write(user_data.CHANGE, user_data.encode_change(changes + 1))


def decode(frame: Frame) -> Iterator[Measurement]:
    """A composition; a field of 0 was not measured, and one without a measured field is no measurement.

    The scale sends dozens of those: one for each stored weight, with the basal metabolism alone, which
    comes from the profile.
    """
    for found in body_composition.decode(frame):
        zeros = [name for name in MEASURED if getattr(found, name) == 0]
        measured = found.model_copy(update=dict.fromkeys(zeros))
        if any(getattr(measured, name) is not None for name in MEASURED):
            yield measured


DRIVER = BleDriver(
    id="beurer_bf720",
    models=tuple(
        Model(maker=maker, name=name, tells=KINDS, longest=60.0)
        for maker, names in MODELS.items()
        for name in names
    ),
    automatic=Automatic(
        modes=ONLY_MODE,
        source="Beurer BF 105 instructions for use, chapter 9, page 8 of the German part (Messung "
        "durchführen; manuzoid.es/manuals/yRONr): step on, stand still, automatic recognition",
    ),
    match=Advert(company=COMPANY, service=weight_scale.SERVICE),
    main=weight_scale.MEASUREMENT,
    session=weigh(device_information.greet(), agree=agree),
    decode=by_characteristic(
        {
            weight_scale.MEASUREMENT: weight_scale.decode,
            body_composition.MEASUREMENT: decode,
            **device_information.decoders(),
        }
    ),
)
