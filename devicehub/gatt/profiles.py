"""What the devices of each SIG service share: what they tell, how one talks to them, what their bytes mean.

The generic drivers are these profiles and a name. A driver of one make takes from its profile whatever the
device does as the specification says, and writes only the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType

from devicehub.driver import (
    BleLink,
    BleSession,
    Decode,
    Kind,
    Model,
    Refused,
    by_characteristic,
    listen,
)
from devicehub.gatt import (
    blood_pressure,
    body_composition,
    device_information,
    glucose,
    heart_rate,
    pulse_oximeter,
    record_access,
    thermometer,
    weight_scale,
)
from devicehub.gatt import enhanced_blood_pressure as enhanced
from devicehub.gatt.segmentation import Segments
from devicehub.gatt.weighing import weigh

_NOTHING: Mapping[str, Decode] = MappingProxyType({})

_OXIMETER_QUIET = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One service as its devices have it.

    ``main`` is where its finished measurements come from. ``talk`` makes the conversation that follows what
    is said first. ``features`` are read together with who the device is. ``longest`` is `Model.longest`.
    """

    service: str
    main: str
    tells: tuple[Kind, ...]
    longest: float
    talk: Callable[[BleSession], BleSession]
    decoders: Mapping[str, Decode]
    features: Mapping[str, device_information.ReadFact] = field(default_factory=dict)

    def models(
        self, maker: str, *names: str, tells: tuple[Kind, ...] | None = None
    ) -> tuple[Model, ...]:
        """Models that tell what the profile tells, or ``tells`` of it, all of it read."""
        kinds = tells or self.tells
        return tuple(
            Model(maker=maker, name=name, tells=kinds, longest=self.longest) for name in names
        )

    def session(self, first: BleSession | None = None) -> BleSession:
        """Talk as the profile says, after ``first``: by default, ask who the device is and set its clock."""
        return self.talk(first or device_information.greet(self.features))

    def decode(self, own: Mapping[str, Decode] = _NOTHING) -> Decode:
        """Decode as the profile says, but for the characteristics that ``own`` reads in its own way."""
        return by_characteristic(
            {**self.decoders, **device_information.decoders(self.features), **own}
        )


def _take_pressure(first: BleSession) -> BleSession:
    memory = (enhanced.RECORD, record_access.CONTROL_POINT)

    async def recall(link: BleLink) -> None:
        await first(link)
        if link.characteristics >= set(memory):
            # A cuff that asks for a user's consent first keeps them; what it measures now it still sends.
            with suppress(Refused):
                await link.subscribe(*memory)
                await record_access.fetch(link, enhanced.RECORD, join=Segments())

    return listen(blood_pressure.MEASUREMENT, live=(blood_pressure.INTERMEDIATE,), first=recall)


def _fetch_glucose(first: BleSession) -> BleSession:
    async def session(link: BleLink) -> None:
        # Nothing is deleted: a record sent again has the same sequence number.
        await first(link)
        records = [glucose.MEASUREMENT]
        if glucose.CONTEXT in link.characteristics:
            records.append(glucose.CONTEXT)
        await link.subscribe(*records, record_access.CONTROL_POINT)
        await record_access.fetch(link, *records, join=glucose.Records())

    return session


def _take_saturation(first: BleSession) -> BleSession:
    values = (pulse_oximeter.CONTINUOUS, heart_rate.MEASUREMENT, pulse_oximeter.SPOT)
    memory = {pulse_oximeter.SPOT, record_access.CONTROL_POINT}

    async def session(link: BleLink) -> None:
        # An oximeter has one of the two kinds of values at least.
        await first(link)
        offered = [on for on in values if on in link.characteristics]
        await link.subscribe(*offered)
        if link.characteristics >= memory:
            # One that keeps its memory to itself still sends what it measures now.
            with suppress(Refused):
                await link.subscribe(record_access.CONTROL_POINT)
                await record_access.fetch(link, pulse_oximeter.SPOT, join=record_access.Whole())
        async for frame in link.frames(*offered, quiet=_OXIMETER_QUIET):
            if frame.on == pulse_oximeter.SPOT:
                await link.deliver(frame)
            else:
                link.live(frame)

    return session


CUFF = Profile(
    service=blood_pressure.SERVICE,
    main=blood_pressure.MEASUREMENT,
    tells=("blood_pressure", "cuff_pressure", "device_facts"),
    longest=180.0,
    talk=_take_pressure,
    decoders={
        blood_pressure.MEASUREMENT: blood_pressure.decode,
        blood_pressure.INTERMEDIATE: blood_pressure.decode_intermediate,
        enhanced.MEASUREMENT: enhanced.decode,
        enhanced.INTERMEDIATE: enhanced.decode_intermediate,
        enhanced.RECORD: enhanced.decode_record,
    },
    features={blood_pressure.FEATURE: blood_pressure.decode_feature},
)
"""Blood Pressure Service 1.1.1 (0x1810): the pressure in the cuff while it measures, stored records included."""

THERMOMETER = Profile(
    service=thermometer.SERVICE,
    main=thermometer.MEASUREMENT,
    tells=("body_temperature", "device_facts"),
    longest=120.0,
    talk=lambda first: listen(
        thermometer.MEASUREMENT, live=(thermometer.INTERMEDIATE,), first=first
    ),
    decoders={
        thermometer.MEASUREMENT: thermometer.decode,
        thermometer.INTERMEDIATE: thermometer.decode_intermediate,
    },
)
"""Health Thermometer Service 1.0 (0x1809), the temperature still rising included."""

SCALE = Profile(
    service=weight_scale.SERVICE,
    main=weight_scale.MEASUREMENT,
    tells=("body_weight", "body_mass_index", "body_height", "device_facts"),
    longest=60.0,
    talk=lambda first: weigh(first, hears=(weight_scale.MEASUREMENT,)),
    decoders={weight_scale.MEASUREMENT: weight_scale.decode},
    features={weight_scale.FEATURE: weight_scale.decode_feature},
)
"""Weight Scale Service 1.0.1 (0x181D), with the consent of a user where one is known."""

ANALYSER = Profile(
    service=body_composition.SERVICE,
    main=body_composition.MEASUREMENT,
    tells=("body_composition", "body_weight", "body_mass_index", "body_height", "device_facts"),
    longest=90.0,
    talk=weigh,
    decoders={
        body_composition.MEASUREMENT: body_composition.decode,
        weight_scale.MEASUREMENT: weight_scale.decode,
    },
    features={body_composition.FEATURE: body_composition.decode_feature},
)
"""Body Composition Service 1.0.1 (0x181B), beside the Weight Scale Service where it has one."""

HEART_RATE_SENSOR = Profile(
    service=heart_rate.SERVICE,
    main=heart_rate.MEASUREMENT,
    tells=("heart_rate", "device_facts"),
    longest=60.0,
    talk=lambda first: listen(live=(heart_rate.MEASUREMENT,), first=first),
    decoders={heart_rate.MEASUREMENT: heart_rate.decode},
    features={heart_rate.LOCATION: heart_rate.decode_location},
)
"""Heart Rate Service 1.0 (0x180D): a stream without an end, live display only."""

OXIMETER = Profile(
    service=pulse_oximeter.SERVICE,
    main=pulse_oximeter.SPOT,
    tells=("oxygen_saturation", "heart_rate", "device_facts"),
    longest=120.0,
    talk=_take_saturation,
    decoders={
        pulse_oximeter.SPOT: pulse_oximeter.decode,
        pulse_oximeter.CONTINUOUS: pulse_oximeter.decode_continuous,
        heart_rate.MEASUREMENT: heart_rate.decode,
    },
    features={pulse_oximeter.FEATURE: pulse_oximeter.decode_feature},
)
"""Pulse Oximeter Service 1.0.1 (0x1822): stored and new spot-checks; all else is live display."""

GLUCOSE_METER = Profile(
    service=glucose.SERVICE,
    main=glucose.MEASUREMENT,
    tells=("glucose", "device_facts"),
    longest=60.0,
    talk=_fetch_glucose,
    decoders={glucose.MEASUREMENT: glucose.decode, glucose.CONTEXT: glucose.decode},
    features={glucose.FEATURE: glucose.decode_feature},
)
"""Glucose Service 1.0.1 (0x1808): the stored records, asked for."""

PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        "cuff": CUFF,
        "thermometer": THERMOMETER,
        "scale": SCALE,
        "analyser": ANALYSER,
        "heart_rate_sensor": HEART_RATE_SENSOR,
        "oximeter": OXIMETER,
        "glucose_meter": GLUCOSE_METER,
    }
)
"""Every profile, by the name of its constant in small letters."""
