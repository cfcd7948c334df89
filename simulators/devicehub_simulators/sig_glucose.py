"""A glucose meter that speaks the Bluetooth SIG Glucose Service (0x1808), invented but correct.

Measuring only fills its memory; its records are sent when a hub asks for them, and never cleared.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from devicehub.driver import Glucose, NotUnderstood, Said
from devicehub.gatt import glucose, record_access
from devicehub.gatt.record_access import Answer, Op, Operator, Request
from devicehub.testing import about
from devicehub.testing.simulator import Access, Advertisement, Message

FEATURES = ("low_battery_detection", "sample_size_detection", "time_fault_detection")
MEALS = (None, "preprandial", "postprandial", "fasting")
STEP_SECONDS = 5.0

SERVICES: Mapping[str, Mapping[str, frozenset[Access]]] = {
    glucose.SERVICE: {
        glucose.MEASUREMENT: frozenset({"notify"}),
        glucose.CONTEXT: frozenset({"notify"}),
        glucose.FEATURE: frozenset({"read"}),
        record_access.CONTROL_POINT: frozenset({"write", "indicate"}),
    },
    **about.SERVICES,
}


class SigGlucose:
    """One meter."""

    services: Mapping[str, Mapping[str, frozenset[Access]]] = SERVICES
    bonding: Literal["none", "just_works", "passkey"] = "just_works"

    def __init__(self, serial_number: str, seed: int) -> None:
        self.about = about.About(model="SIM-GLU", serial_number=serial_number)
        self.memory: list[Message] = []
        self.records: list[Glucose] = []
        self._chance = random.Random(seed)

    @property
    def advertisement(self) -> Advertisement:
        """Its name and its service."""
        name = f"SIM-GLU {self.about.serial_number[-4:]}"
        return Advertisement(name=name, services=(glucose.SERVICE,))

    def read(self, on: str, now: datetime) -> bytes:
        """What it can detect, who it is, and what its clock says."""
        if on == glucose.FEATURE:
            return glucose.encode_feature(FEATURES)
        return self.about.read(on, now)

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        """Set the clock, or answer on the control point."""
        if on == record_access.CONTROL_POINT:
            return list(self._answer(data))
        self.about.write(on, data, now)
        return ()

    def measure(self, now: datetime) -> Iterator[Message]:
        """Fill the memory by one. Nothing is sent."""
        milligrams = Decimal(self._chance.randint(60, 240))
        record = Glucose(
            milligrams_per_decilitre=milligrams,
            sample="capillary_whole_blood",
            location="finger",
            meal=self._chance.choice(MEALS),
            device_time=self.about.stamp(now + timedelta(seconds=STEP_SECONDS)),
            sequence=len(self.records),
            stored=True,
            said={"milligrams_per_decilitre": Said(value=milligrams.scaleb(-5), unit="kg/L")},
        )
        self.records.append(record)
        yield Message(after=STEP_SECONDS, truth=record)

    def _answer(self, data: bytes) -> Iterator[Message]:
        try:
            request = record_access.decode_request(data)
        except NotUnderstood:
            yield self._ended(data[0] if data else 0, Answer.INVALID_OPERAND)
            return
        if request.op not in (Op.REPORT, Op.REPORT_NUMBER):
            yield self._ended(request.op, Answer.OP_NOT_SUPPORTED)
            return
        chosen = self._chosen(request)
        if chosen is None:
            yield self._ended(request.op, Answer.OPERATOR_NOT_SUPPORTED)
        elif request.op == Op.REPORT_NUMBER:
            count = record_access.encode_count(len(chosen))
            yield Message(on=record_access.CONTROL_POINT, data=count)
        else:
            for record in chosen:
                yield from self._record(record)
            yield self._ended(request.op, Answer.SUCCESS if chosen else Answer.NO_RECORDS)

    def _chosen(self, request: Request) -> list[Glucose] | None:
        if request.operator == Operator.ALL:
            return self.records
        if request.operator == Operator.FIRST:
            return self.records[:1]
        if request.operator == Operator.LAST:
            return self.records[-1:]
        if request.operator == Operator.FROM and len(request.numbers) == 1:
            return self.records[request.numbers[0] :]
        return None

    def _record(self, record: Glucose) -> Iterator[Message]:
        data = glucose.encode(record, context_follows=record.meal is not None)
        yield Message(on=glucose.MEASUREMENT, data=data)
        if record.meal is not None:
            yield Message(on=glucose.CONTEXT, data=glucose.encode_context(record))

    def _ended(self, asked: int, answer: Answer) -> Message:
        data = record_access.encode_ended(asked, answer)
        return Message(on=record_access.CONTROL_POINT, data=data)


SIMULATOR = SigGlucose
