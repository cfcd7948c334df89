"""Measurements: what a device said, one unit a quantity. ``None`` means it could not measure, or did not say.

The kinds are a closed union told apart by ``kind``. Units are in the names. ``device_time`` is the
device's own clock as it said it, never the hub's: identity and time are the hub's to add.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

Flag = Literal[
    "artifact",
    "body_movement",
    "cuff_loose",
    "demo_data",
    "early_estimate",
    "improper_position",
    "irregular_pulse",
    "low_battery",
    "measurement_failed",
    "no_contact",
    "out_of_range_high",
    "out_of_range_low",
    "overload",
    "pulse_above_range",
    "pulse_below_range",
    "questionable",
    "searching",
    "sensor_fault",
    "underload",
    "unstable",
    "weak_signal",
]
"""What a device says about the quality of its own measurement."""


def _as_json(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


Number = Annotated[
    Decimal,
    Field(allow_inf_nan=False),
    PlainSerializer(_as_json, return_type=int | float, when_used="json"),
    WithJsonSchema({"type": "number"}),
]
"""An exact decimal; a plain number in JSON (devices give at most nine digits, a double keeps fifteen)."""

Flags = Annotated[tuple[Flag, ...], AfterValidator(lambda flags: tuple(sorted(set(flags))))]
DeviceTime = Annotated[
    str,
    Field(pattern=r"^(\d{4}(-\d\d(-\d\d)?)?|--\d\d-\d\d)?T\d\d:\d\d:\d\d(\.\d{1,6})?$"),
]
"""ISO 8601 without zone, as the device said it; see `devicehub.driver.codec.date_time` for partial dates."""


class Said(BaseModel):
    """A number in the unit the device used, kept beside the converted one. ``unit`` is a UCUM code."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: Number
    unit: str


class MeasurementBase(BaseModel):
    """What every kind has beside its own values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device_time: DeviceTime | None = None
    user_slot: int | None = None
    sequence: int | None = None
    stored: bool | None = None
    mode: str | None = None
    said: dict[str, Said] | None = None
    flags: Flags = ()


class BloodPressure(MeasurementBase):
    """A finished cuff measurement, in millimetres of mercury."""

    kind: Literal["blood_pressure"] = "blood_pressure"
    systolic_mmhg: Number | None = None
    diastolic_mmhg: Number | None = None
    mean_mmhg: Number | None = None
    pulse_per_minute: Number | None = None


class CuffPressure(MeasurementBase):
    """The pressure in a cuff while it measures. Live display only, never filed."""

    kind: Literal["cuff_pressure"] = "cuff_pressure"
    pressure_mmhg: Number | None = None


class BodyWeight(MeasurementBase):
    """What stands on a scale. ``stable`` is the scale's word that the figure no longer moves."""

    kind: Literal["body_weight"] = "body_weight"
    kilograms: Number | None = None
    stable: bool | None = None


class BodyHeight(MeasurementBase):
    """Standing height."""

    kind: Literal["body_height"] = "body_height"
    centimetres: Number | None = None


class BodyMassIndex(MeasurementBase):
    """Weight over height squared: the device's own figure, or where the reading is derived the hub's."""

    kind: Literal["body_mass_index"] = "body_mass_index"
    kilograms_per_square_metre: Number | None = None


class BodyComposition(MeasurementBase):
    """What a scale estimates from the body's impedance."""

    kind: Literal["body_composition"] = "body_composition"
    fat_percent: Number | None = None
    muscle_percent: Number | None = None
    muscle_kilograms: Number | None = None
    fat_free_kilograms: Number | None = None
    soft_lean_kilograms: Number | None = None
    water_kilograms: Number | None = None
    water_percent: Number | None = None
    bone_kilograms: Number | None = None
    basal_metabolism_kilojoules: Number | None = None
    impedance_ohms: Number | None = None
    kilograms: Number | None = None
    centimetres: Number | None = None


TemperatureSite = Literal[
    "axilla",
    "body",
    "ear",
    "finger",
    "gastrointestinal",
    "mouth",
    "rectum",
    "toe",
    "tympanum",
]


class BodyTemperature(MeasurementBase):
    """A temperature and where on the body it was taken."""

    kind: Literal["body_temperature"] = "body_temperature"
    celsius: Number | None = None
    site: TemperatureSite | None = None


class OxygenSaturation(MeasurementBase):
    """A pulse oximeter's values."""

    kind: Literal["oxygen_saturation"] = "oxygen_saturation"
    percent: Number | None = None
    pulse_per_minute: Number | None = None
    perfusion_index_percent: Number | None = None


class HeartRate(MeasurementBase):
    """A heart-rate sensor's values; ``rr_milliseconds`` are beat-to-beat intervals, oldest first."""

    kind: Literal["heart_rate"] = "heart_rate"
    per_minute: Number | None = None
    sensor_contact: bool | None = None
    energy_kilojoules: Number | None = None
    rr_milliseconds: tuple[Number, ...] = ()


class Glucose(MeasurementBase):
    """A glucose concentration, with the sample, the site and the meal as the meter names them."""

    kind: Literal["glucose"] = "glucose"
    milligrams_per_decilitre: Number | None = None
    sample: str | None = None
    location: str | None = None
    meal: str | None = None


class EcgSamples(MeasurementBase):
    """A stretch of an ECG stream: ``microvolts[lead][sample]``, oldest first. Never filed.

    ``None`` is a sample that never arrived, or arrived damaged: as many as are missing where the device counts them,
    otherwise one for each place where the stream was disturbed, however many were lost there. A gap is always inside a
    stretch, never between two; only a silence of the device shows in the times of arrival alone. ``sequence`` is the
    device's own counter at the last sample.

    ``sampling_hz`` is ``None`` where neither the device nor the model it was bound as says it. Where nobody says what a
    count is worth, ``microvolts`` is empty and ``counts`` holds what the device sent: of that, only the shape means
    something.
    """

    kind: Literal["ecg_samples"] = "ecg_samples"
    leads: tuple[str, ...]
    sampling_hz: Number | None
    microvolts: tuple[tuple[Number | None, ...], ...] = ()
    counts: tuple[tuple[int | None, ...], ...] = ()


ContactState = Literal["connected", "off", "unknown"]


class Contact(BaseModel):
    """One electrode's contact, with its impedance in ohms where the device measures it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: ContactState
    impedance_ohms: Number | None = None


class ElectrodeContact(MeasurementBase):
    """Which electrodes touch the skin, as the device reports it. Live only."""

    kind: Literal["electrode_contact"] = "electrode_contact"
    electrodes: dict[str, Contact]


class EcgPreparation(MeasurementBase):
    """The verdict of a finished electrode check. It says nothing about the heart.

    ``swap`` names two limb electrodes that seem exchanged. ``mdc_codes`` say the same as states and causes do, as
    far as ISO/IEEE 11073-10101 has codes for it (lead off, leads off, lead noisy, signal quality).
    """

    kind: Literal["ecg_preparation"] = "ecg_preparation"
    ready: bool
    electrodes: dict[str, str]
    leads: dict[str, str]
    causes: tuple[str, ...] = ()
    duration_seconds: Number
    retries: int = 0
    swap: str | None = None
    mdc_codes: tuple[int, ...] = ()


class DeviceFacts(MeasurementBase):
    """What a device says about itself. Kept with the device, never filed.

    ``clock`` is the device's time at the moment it was asked; ``system_id`` is the EUI-64 in hexadecimal.
    """

    kind: Literal["device_facts"] = "device_facts"
    maker: str | None = None
    model: str | None = None
    serial_number: str | None = None
    firmware: str | None = None
    system_id: str | None = None
    battery_percent: Number | None = None
    clock: DeviceTime | None = None
    features: tuple[str, ...] = ()


Measurement = (
    BloodPressure
    | CuffPressure
    | BodyWeight
    | BodyHeight
    | BodyMassIndex
    | BodyComposition
    | BodyTemperature
    | OxygenSaturation
    | HeartRate
    | Glucose
    | EcgSamples
    | ElectrodeContact
    | EcgPreparation
    | DeviceFacts
)
AnyMeasurement = Annotated[Measurement, Field(discriminator="kind")]
"""The closed union, for pydantic fields."""

Kind = Literal[
    "blood_pressure",
    "cuff_pressure",
    "body_weight",
    "body_height",
    "body_mass_index",
    "body_composition",
    "body_temperature",
    "oxygen_saturation",
    "heart_rate",
    "glucose",
    "ecg_samples",
    "electrode_contact",
    "ecg_preparation",
    "device_facts",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

# Exact by definition: the international pound and inch (1959), the conventional millimetre of mercury
# (133.322387415 Pa), the Fahrenheit scale.
KILOGRAMS_PER_POUND = Decimal("0.45359237")
CENTIMETRES_PER_INCH = Decimal("2.54")
PASCALS_PER_MMHG = Decimal("133.322387415")
KILOJOULES_PER_KILOCALORIE = Decimal("4.184")
"""The thermochemical calorie, which UCUM calls ``cal``."""

GRAMS_PER_MOLE_OF_GLUCOSE = Decimal("180.156")
"""C6H12O6 with the conventional atomic weights (IUPAC 2021: C 12.011, H 1.008, O 15.999)."""

_LAST_DIGIT = {
    "mmhg": Decimal(1),
    "kilograms": Decimal("0.01"),
    "centimetres": Decimal("0.1"),
    "celsius": Decimal("0.01"),
    "kilojoules": Decimal(1),
    "milligrams_per_decilitre": Decimal(1),
}
"""The last digit of a converted value that still means something, by quantity."""


# Wide enough for the largest number a FLOAT can hold, so that nonsense stays a value that can be judged.
_WIDE = Context(prec=160, rounding=ROUND_HALF_EVEN)


def _round(value: Decimal, quantity: str) -> Decimal:
    return value.quantize(_LAST_DIGIT[quantity], context=_WIDE)


def mmhg(kilopascals: Decimal) -> Decimal:
    """Kilopascals in whole millimetres of mercury (a kPa display's last digit is 0.75 mmHg)."""
    return _round(kilopascals * 1000 / PASCALS_PER_MMHG, "mmhg")


def kilograms(pounds: Decimal) -> Decimal:
    """Pounds in kilograms, to 10 g."""
    return _round(pounds * KILOGRAMS_PER_POUND, "kilograms")


def centimetres(inches: Decimal) -> Decimal:
    """Inches in centimetres, to the millimetre."""
    return _round(inches * CENTIMETRES_PER_INCH, "centimetres")


def celsius(fahrenheit: Decimal) -> Decimal:
    """Degrees Fahrenheit in degrees Celsius, to the hundredth."""
    return _round((fahrenheit - 32) * 5 / 9, "celsius")


def milligrams_per_decilitre(moles_per_litre: Decimal) -> Decimal:
    """Moles of glucose per litre in whole milligrams per decilitre: 1 mmol/L is 18.0156 mg/dL exactly.

    The last digit of a meter in mmol/L is 1.8 mg/dL.
    """
    # Grams per litre, a thousand milligrams each, a tenth of a litre: times 100.
    return _round(moles_per_litre * GRAMS_PER_MOLE_OF_GLUCOSE * 100, "milligrams_per_decilitre")


def kilojoules(kilocalories: Decimal) -> Decimal:
    """Kilocalories in whole kilojoules."""
    return _round(kilocalories * KILOJOULES_PER_KILOCALORIE, "kilojoules")
