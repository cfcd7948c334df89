"""Assembly: a finished measurement becomes a reading, with all that is known around it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from devicehub.driver import DeviceFacts, Driver, Model, SerialDriver, Settles
from devicehub.reading import clock, identity, interval, plausibility
from devicehub.reading.clock import DeviceClock
from devicehub.reading.metrology import Metrology
from devicehub.reading.reading import Device, DriverUsed, Evidence, Origin, Reading
from devicehub.reading.settle import Finished


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What is known around one frame's measurements: whose device, read by what, and which clock it showed.

    ``frame`` names the journalled frame in the world. ``clock`` is the device's as it was seen in this
    connection; ``zone`` is how far the station's wall clock is from Coordinated Universal Time.
    """

    device: str
    address: str
    model: str | None
    driver: Driver
    used: DriverUsed
    origin: Origin
    evidence: Evidence
    frame: str
    facts: DeviceFacts | None
    clock: DeviceClock | None
    zone: timedelta
    metrology: Metrology | None = None


def assemble(
    finished: Finished, around: Around, *, index: int, live: bool, by_frame: bool = False
) -> Reading:
    """The reading of the measurement ``index`` of a frame.

    ``by_frame`` names it by its frame alone: the device's own numbering is not to be relied on.
    """
    measurement, evidence = finished.measurement, around.evidence
    stamp = clock.stamp(
        measurement.device_time, around.clock, evidence.last_byte, live=live, zone=around.zone
    )
    told_since = clock.told_since(
        measurement.device_time, around.clock, evidence.last_byte, zone=around.zone
    )
    intrinsic = identity.intrinsic(around.facts, around.address)
    key = identity.record_key(
        sequence=None if by_frame else measurement.sequence,
        device_time=measurement.device_time,
        trusted=stamp.corrected is not None and not by_frame,
        frame=around.frame,
        index=index,
    )
    model = declared(around)
    return Reading(
        id=identity.reading_id(intrinsic, measurement.kind, key),
        measurement=measurement,
        device=_device(around, intrinsic),
        driver=around.used,
        origin=around.origin,
        received_at=evidence.last_byte,
        stamp=stamp,
        began=interval.began(
            first_live=finished.began,
            resumed=finished.resumed,
            stamp=stamp,
            stamped=model.time_stamp,
            first_byte=evidence.first_byte,
            longest=timedelta(seconds=model.longest),
            told_since=None if live else told_since,
        ),
        evidence=(evidence,),
        plausibility=plausibility.judge(measurement),
        unattended=_is_unattended(around.driver),
        automatic=measurement.mode in around.driver.automatic.modes,
        metrology=around.metrology,
    )


def _is_unattended(driver: Driver) -> bool:
    """Whether only the device's own display vouches for what it says."""
    witnessed = isinstance(driver, SerialDriver) and driver.witnessed
    return witnessed or driver.settles is Settles.PRINTED


def declared(around: Around) -> Model:
    """What the driver declares of the device's model."""
    models = around.driver.models
    return next((model for model in models if model.name == around.model), models[0])


def _device(around: Around, intrinsic: str) -> Device:
    facts = around.facts or DeviceFacts()
    battery = facts.battery_percent
    return Device(
        id=around.device,
        intrinsic=intrinsic,
        maker=facts.maker,
        model=facts.model or around.model,
        serial_number=facts.serial_number,
        firmware=facts.firmware,
        battery_percent=None if battery is None else float(battery),
    )
