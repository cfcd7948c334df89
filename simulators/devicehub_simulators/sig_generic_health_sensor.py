"""A cuff that speaks the Bluetooth SIG Generic Health Sensor Service (0x1840), invented but correct.

Each measurement is one bundle: the pressures as a compound, the pulse beside it. Until a hub has asked for
live observations they go to its memory, which is sent on request, in short segments.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from devicehub.driver import BloodPressure, NotUnderstood
from devicehub.gatt import elapsed_time, observation, record_access, segmentation
from devicehub.gatt import generic_health_sensor as sensor
from devicehub.gatt.record_access import Answer, Op, Operator, Request
from devicehub.testing import about
from devicehub.testing.simulator import Access, Advertisement, Message

PRESSURES, SYSTOLIC, DIASTOLIC, MEAN, PULSE = 150020, 150021, 150022, 150023, 149546
MILLIMETRES_OF_MERCURY, PER_MINUTE = 3872, 2720
STEP_SECONDS = 2.0
SHORT, LONG = 20, 200
"""Octets of a segment: as a link starts, and as it is once both ends agreed on longer messages."""

SERVICES: Mapping[str, Mapping[str, frozenset[Access]]] = {
    sensor.SERVICE: {
        sensor.LIVE: frozenset({"notify"}),
        sensor.STORED: frozenset({"notify"}),
        sensor.CONTROL_POINT: frozenset({"write", "indicate"}),
        record_access.CONTROL_POINT: frozenset({"write", "indicate"}),
    },
    "183f": {elapsed_time.CURRENT: frozenset({"read"})},
    **{service: table for service, table in about.SERVICES.items() if service != "1805"},
}


class SigGenericHealthSensor:
    """One cuff."""

    services: Mapping[str, Mapping[str, frozenset[Access]]] = SERVICES
    bonding: Literal["none", "just_works", "passkey"] = "just_works"

    def __init__(self, serial_number: str, seed: int) -> None:
        self.about = about.About(model="SIM-GHS", serial_number=serial_number)
        self.memory: list[Message] = []
        self.records: list[bytes] = []
        self.is_live = False
        self._chance = random.Random(seed)

    @property
    def advertisement(self) -> Advertisement:
        """Its name and its service."""
        name = f"SIM-GHS {self.about.serial_number[-4:]}"
        return Advertisement(name=name, services=(sensor.SERVICE,))

    def read(self, on: str, now: datetime) -> bytes:
        """Who it is and what its clock says."""
        if on == elapsed_time.CURRENT:
            return elapsed_time.encode_clock(self.about.clock(now))
        return self.about.read(on, now)

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        """Start to send what it measures, or send its memory."""
        if on == sensor.CONTROL_POINT:
            self.is_live = data == sensor.START_LIVE
            return [Message(on=on, data=b"\x80")]
        if on == record_access.CONTROL_POINT:
            return list(self._answer(data))
        self.about.write(on, data, now)
        return ()

    def measure(self, now: datetime) -> Iterator[Message]:
        """Measure and send it, or keep it."""
        ended = now + timedelta(seconds=STEP_SECONDS)
        measured = self._measured(ended)
        bundle = _bundle(measured, elapsed_time.encode(self.about.clock(ended)))
        if self.is_live:
            (segment,) = segmentation.segments(bundle, LONG)
            yield Message(on=sensor.LIVE, data=segment, after=STEP_SECONDS, truth=measured)
        else:
            number = len(self.records)
            self.records.append(number.to_bytes(4, "little") + bundle)
            kept = measured.model_copy(update={"sequence": number, "stored": True})
            yield Message(after=STEP_SECONDS, truth=kept)

    def _measured(self, ended: datetime) -> BloodPressure:
        systolic = self._chance.randint(95, 165)
        diastolic = systolic - self._chance.randint(30, 60)
        return BloodPressure(
            systolic_mmhg=Decimal(systolic),
            diastolic_mmhg=Decimal(diastolic),
            mean_mmhg=Decimal(diastolic + (systolic - diastolic) // 3),
            pulse_per_minute=Decimal(self._chance.randint(52, 98)),
            device_time=self.about.stamp(ended),
            user_slot=self._chance.choice((1, 2)),
            stored=False,
        )

    def _answer(self, data: bytes) -> Iterator[Message]:
        try:
            request = record_access.decode_request(data)
        except NotUnderstood:
            request = Request(data[0] if data else 0, 0, ())
        answer = Answer.SUCCESS if self.records else Answer.NO_RECORDS
        if request.op != Op.REPORT:
            answer = Answer.OP_NOT_SUPPORTED
        elif request.operator != Operator.ALL:
            answer = Answer.OPERATOR_NOT_SUPPORTED
        for record in self.records if answer == Answer.SUCCESS else ():
            for segment in segmentation.segments(record, SHORT):
                yield Message(on=sensor.STORED, data=segment)
        ended = record_access.encode_ended(request.op, answer)
        yield Message(on=record_access.CONTROL_POINT, data=ended)


def _bundle(measured: BloodPressure, stamp: bytes) -> bytes:
    pressures = observation.encode_compound(
        {
            SYSTOLIC: (measured.systolic_mmhg, MILLIMETRES_OF_MERCURY),
            DIASTOLIC: (measured.diastolic_mmhg, MILLIMETRES_OF_MERCURY),
            MEAN: (measured.mean_mmhg, MILLIMETRES_OF_MERCURY),
        }
    )
    pulse = observation.encode_numeric(measured.pulse_per_minute, PER_MINUTE)
    return observation.encode_bundle(
        [
            observation.encode(observation.COMPOUND, pressures, code=PRESSURES),
            observation.encode(observation.NUMERIC, pulse, code=PULSE),
        ],
        stamp=stamp,
        user=measured.user_slot,
    )


SIMULATOR = SigGenericHealthSensor
