"""Which observations of a Generic Health Sensor are ours: codes of ISO/IEEE 11073-10101 in, measurements out.

The codes carry their partition in the upper half (2 for quantities, 128 for health data of persons); units
are the lower half of their MDC_DIM code. What is not in these tables is passed over; one of these types in
a unit that is not in its table is not understood.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import TypedDict

from devicehub.driver import (
    BloodPressure,
    BodyComposition,
    BodyHeight,
    BodyMassIndex,
    BodyTemperature,
    BodyWeight,
    Flag,
    Glucose,
    HeartRate,
    Measurement,
    NotUnderstood,
    OxygenSaturation,
    Said,
    celsius,
    centimetres,
    kilograms,
    milligrams_per_decilitre,
    mmhg,
)
from devicehub.driver.measurement import TemperatureSite
from devicehub.gatt.glucose import CONTROL_SOLUTION
from devicehub.gatt.observation import Observation, Quantity

_UNKNOWN_USER = 0xFF

Quantities = Mapping[int, Quantity]
Unit = tuple[Callable[[Decimal], Decimal], str | None]
"""How to convert it, and its UCUM code where that is a conversion."""
Values = dict[str, Decimal | None]

# MDC_PRESS_BLD_NONINV_SYS, _DIA, _MEAN and MDC_PRESS_CUFF_SYS, _DIA, _MEAN
_SYSTOLIC, _DIASTOLIC, _MEAN = (150021, 150301), (150022, 150302), (150023, 150303)
# MDC_PULS_RATE_NON_INV, MDC_PULS_RATE, MDC_PULS_OXIM_PULS_RATE, MDC_ECG_HEART_RATE
_CUFF_PULSE, _OXIMETER_PULSE = (149546, 149514), (149530, 149514)
_HEART_RATE = (147842, 149546, 149514, 149530)
# MDC_PULS_OXIM_SAT_O2; MDC_PULS_OXIM_PERF_REL, MDC_BLD_PERF_INDEX
_SATURATION, _PERFUSION = (150456,), (150448, 150488)
# MDC_MASS_BODY_ACTUAL, MDC_LEN_BODY_ACTUAL, MDC_RATIO_MASS_BODY_LEN_SQ, MDC_BODY_FAT
_WEIGHT, _HEIGHT, _BMI, _FAT = (188736,), (188740,), (188752,), (188748,)
# MDC_TEMP_BODY, _AXILLA, _EAR, _FINGER, _GIT, _ORAL, _RECT, _TOE, _TYMP
_SITES: Mapping[int, TemperatureSite | None] = {
    150364: None,
    188452: "axilla",
    188428: "ear",
    188432: "finger",
    188456: "gastrointestinal",
    188424: "mouth",
    188420: "rectum",
    188448: "toe",
    150392: "tympanum",
}
# MDC_CONC_GLU_* by sample
_GLUCOSE: Mapping[int, str | None] = {
    160020: None,
    160184: "capillary_whole_blood",
    160188: "capillary_plasma",
    160192: "venous_whole_blood",
    160196: "venous_plasma",
    160200: "arterial_whole_blood",
    160204: "arterial_plasma",
    160212: "interstitial_fluid",
    160364: "undetermined_whole_blood",
    160368: "undetermined_plasma",
    160208: CONTROL_SOLUTION,
    160372: CONTROL_SOLUTION,
    160376: CONTROL_SOLUTION,
    160380: CONTROL_SOLUTION,
    160384: CONTROL_SOLUTION,
}
# MDC_CTXT_GLU_SAMPLELOCATION_* and MDC_CTXT_GLU_MEAL_*
_LOCATIONS: Mapping[int, str] = {
    8417848: "finger",
    8417852: "alternate_site",
    8417856: "earlobe",
    8417860: CONTROL_SOLUTION,
}
_MEALS: Mapping[int, str] = {
    8417868: "preprandial",
    8417869: "bedtime",
    8417872: "postprandial",
    8417876: "fasting",
    8417880: "casual",
}


def _same(value: Decimal) -> Decimal:
    return value


def _scaled(digits: int) -> Callable[[Decimal], Decimal]:
    return lambda value: value.scaleb(digits)


def _thousandth(convert: Callable[[Decimal], Decimal]) -> Callable[[Decimal], Decimal]:
    return lambda value: convert(value.scaleb(-3))


# MDC_DIM_*: MMHG, KILO_PASCAL; BEAT_PER_MIN; PERCENT; KILO_G, X_G, LB; CENTI_M, X_M, INCH; KG_PER_M_SQ;
# DEGC, FAHR; MILLI_G_PER_DL, MILLI_MOLE_PER_L
_PRESSURE: Mapping[int, Unit] = {3872: (_same, None), 3843: (mmhg, "kPa")}
_RATE: Mapping[int, Unit] = {2720: (_same, None)}
_PERCENT: Mapping[int, Unit] = {544: (_same, None)}
_MASS: Mapping[int, Unit] = {
    1731: (_same, None),
    1728: (_scaled(-3), "g"),
    1760: (kilograms, "[lb_av]"),
}
_LENGTH: Mapping[int, Unit] = {
    1297: (_same, None),
    1280: (_scaled(2), "m"),
    1376: (centimetres, "[in_i]"),
}
_MASS_PER_AREA: Mapping[int, Unit] = {1952: (_same, None)}
_TEMPERATURE: Mapping[int, Unit] = {6048: (_same, None), 4416: (celsius, "[degF]")}
_CONCENTRATION: Mapping[int, Unit] = {
    2130: (_same, None),
    4722: (_thousandth(milligrams_per_decilitre), "mmol/L"),
}


class _Common(TypedDict):
    device_time: str | None
    user_slot: int | None
    sequence: int | None
    stored: bool
    flags: tuple[Flag, ...]


def measurements(one: Observation, record: int | None, *, stored: bool) -> Iterator[Measurement]:
    """What one observation, or a bundle put together, says of a patient.

    ``record`` is its number in the sensor's memory. A stored observation stamped before the clock was last
    set has no time: nothing corrects it any more.
    """
    given = one.quantities
    stamp = one.stamp
    told = stamp is not None and (stamp.comparable or not stored)
    common = _Common(
        device_time=stamp.local if stamp is not None and told else None,
        user_slot=None if one.user == _UNKNOWN_USER else one.user,
        sequence=record,
        stored=stored,
        flags=one.flags,
    )
    pulse_of: tuple[int, ...] = ()
    if _has(given, _SYSTOLIC + _DIASTOLIC + _MEAN):
        pulse_of = _CUFF_PULSE
        yield _blood_pressure(given, common)
    if _has(given, _SATURATION):
        pulse_of += _OXIMETER_PULSE
        yield _oxygen_saturation(given, common)
    yield from _scale(given, common)
    yield from _temperature(given, common)
    yield from _glucose(given, common, one.supplemental)
    rate = tuple(code for code in _HEART_RATE if code not in pulse_of)
    if _has(given, rate):
        values, _said = _read(given, per_minute=(rate, _RATE))
        yield HeartRate(per_minute=values["per_minute"], **common)


def _blood_pressure(given: Quantities, common: _Common) -> BloodPressure:
    values, said = _read(
        given,
        systolic_mmhg=(_SYSTOLIC, _PRESSURE),
        diastolic_mmhg=(_DIASTOLIC, _PRESSURE),
        mean_mmhg=(_MEAN, _PRESSURE),
        pulse_per_minute=(_CUFF_PULSE, _RATE),
    )
    return BloodPressure(
        systolic_mmhg=values["systolic_mmhg"],
        diastolic_mmhg=values["diastolic_mmhg"],
        # As in the Blood Pressure Service: no artery has a mean pressure of 0.
        mean_mmhg=values["mean_mmhg"] or None,
        pulse_per_minute=values["pulse_per_minute"],
        said=said,
        **common,
    )


def _oxygen_saturation(given: Quantities, common: _Common) -> OxygenSaturation:
    values, _said = _read(
        given,
        percent=(_SATURATION, _PERCENT),
        pulse_per_minute=(_OXIMETER_PULSE, _RATE),
        perfusion_index_percent=(_PERFUSION, _PERCENT),
    )
    return OxygenSaturation(
        percent=values["percent"],
        pulse_per_minute=values["pulse_per_minute"],
        perfusion_index_percent=values["perfusion_index_percent"],
        **common,
    )


def _scale(given: Quantities, common: _Common) -> Iterator[Measurement]:
    if _has(given, _WEIGHT):
        values, said = _read(given, kilograms=(_WEIGHT, _MASS))
        yield BodyWeight(kilograms=values["kilograms"], said=said, **common)
    if _has(given, _HEIGHT):
        values, said = _read(given, centimetres=(_HEIGHT, _LENGTH))
        yield BodyHeight(centimetres=values["centimetres"], said=said, **common)
    if _has(given, _BMI):
        values, said = _read(given, bmi=(_BMI, _MASS_PER_AREA))
        yield BodyMassIndex(kilograms_per_square_metre=values["bmi"], said=said, **common)
    if _has(given, _FAT):
        values, said = _read(given, fat_percent=(_FAT, _PERCENT))
        yield BodyComposition(fat_percent=values["fat_percent"], said=said, **common)


def _temperature(given: Quantities, common: _Common) -> Iterator[Measurement]:
    for code, site in _SITES.items():
        if code in given:
            values, said = _read(given, celsius=((code,), _TEMPERATURE))
            yield BodyTemperature(celsius=values["celsius"], site=site, said=said, **common)


def _glucose(
    given: Quantities, common: _Common, supplemental: tuple[int, ...]
) -> Iterator[Measurement]:
    location = next((_LOCATIONS[c] for c in supplemental if c in _LOCATIONS), None)
    for code, sample in _GLUCOSE.items():
        if code not in given:
            continue
        values, said = _read(given, milligrams_per_decilitre=((code,), _CONCENTRATION))
        context = common.copy()
        if CONTROL_SOLUTION in (sample, location):
            context["flags"] += ("demo_data",)
        yield Glucose(
            milligrams_per_decilitre=values["milligrams_per_decilitre"],
            sample=sample,
            location=location,
            meal=next((_MEALS[c] for c in supplemental if c in _MEALS), None),
            said=said,
            **context,
        )


def _has(given: Quantities, codes: tuple[int, ...]) -> bool:
    return any(code in given for code in codes)


def _read(
    given: Quantities, **wanted: tuple[tuple[int, ...], Mapping[int, Unit]]
) -> tuple[Values, dict[str, Said] | None]:
    """Each field's value in our unit, and what the sensor said where that is another one."""
    values: Values = {}
    said: dict[str, Said] = {}
    for name, (codes, units) in wanted.items():
        quantity = next((given[code] for code in codes if code in given), None)
        values[name] = None
        if quantity is None:
            continue
        if quantity.unit not in units:
            raise NotUnderstood(f"{name} in unit {quantity.unit}", at=quantity.at)
        convert, ucum = units[quantity.unit]
        if quantity.value is not None:
            values[name] = convert(quantity.value)
            if ucum is not None:
                said[name] = Said(value=quantity.value, unit=ucum)
    return values, said or None
