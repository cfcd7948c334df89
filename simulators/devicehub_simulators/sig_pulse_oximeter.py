"""A finger oximeter that speaks the Bluetooth SIG Pulse Oximeter Service (0x1822), invented but correct.

It shows its values as they settle, then indicates one spot-check and keeps it until a hub has confirmed it.
What it measured away from any hub (`SigPulseOximeter.records`) it sends on request.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from devicehub.driver import Flag, NotUnderstood, OxygenSaturation
from devicehub.gatt import pulse_oximeter, record_access
from devicehub.gatt.record_access import Answer, Op, Operator, Request
from devicehub.testing import about
from devicehub.testing.simulator import Access, Advertisement, Message

FEATURES = (
    "measurement_status",
    "device_and_sensor_status",
    "spot_check_storage",
    "spot_check_time",
    "pulse_amplitude_index",
)
SETTLING: tuple[tuple[Flag, ...], ...] = (("no_contact",), ("searching",), ("early_estimate",), ())
"""What it says of its values, step by step."""
STEP_SECONDS = 0.5

SERVICES: Mapping[str, Mapping[str, frozenset[Access]]] = {
    pulse_oximeter.SERVICE: {
        pulse_oximeter.SPOT: frozenset({"indicate"}),
        pulse_oximeter.CONTINUOUS: frozenset({"notify"}),
        pulse_oximeter.FEATURE: frozenset({"read"}),
        record_access.CONTROL_POINT: frozenset({"write", "indicate"}),
    },
    **about.SERVICES,
}


class SigPulseOximeter:
    """One oximeter."""

    services: Mapping[str, Mapping[str, frozenset[Access]]] = SERVICES
    bonding: Literal["none", "just_works", "passkey"] = "just_works"

    def __init__(self, serial_number: str, seed: int) -> None:
        self.about = about.About(model="SIM-PLX", serial_number=serial_number)
        self.memory: list[Message] = []
        self.records: list[OxygenSaturation] = []
        self._chance = random.Random(seed)

    @property
    def advertisement(self) -> Advertisement:
        """Its name and its service."""
        name = f"SIM-PLX {self.about.serial_number[-4:]}"
        return Advertisement(name=name, services=(pulse_oximeter.SERVICE,))

    def read(self, on: str, now: datetime) -> bytes:
        """What it can tell, who it is, and what its clock says."""
        if on == pulse_oximeter.FEATURE:
            return pulse_oximeter.encode_feature(FEATURES)
        return self.about.read(on, now)

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        """Set the clock, or send its memory."""
        if on == record_access.CONTROL_POINT:
            return list(self._answer(data))
        self.about.write(on, data, now)
        return ()

    def measure(self, now: datetime) -> Iterator[Message]:
        """Find the pulse, settle, and tell."""
        measured = OxygenSaturation(
            percent=Decimal(self._chance.randint(91, 99)),
            pulse_per_minute=Decimal(self._chance.randint(52, 98)),
            perfusion_index_percent=Decimal(self._chance.randint(8, 120)) / 10,
            device_time=self.about.stamp(now + timedelta(seconds=STEP_SECONDS * 5)),
            stored=False,
        )
        for flags in SETTLING:
            lost = "no_contact" in flags
            shown = OxygenSaturation(
                percent=None if lost else measured.percent,
                pulse_per_minute=None if lost else measured.pulse_per_minute,
                flags=flags,
            )
            data = pulse_oximeter.encode_continuous(shown)
            yield Message(on=pulse_oximeter.CONTINUOUS, data=data, after=STEP_SECONDS)
        yield Message(
            on=pulse_oximeter.SPOT,
            data=pulse_oximeter.encode(measured),
            after=STEP_SECONDS,
            truth=measured,
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
            kept = record.model_copy(update={"stored": True})
            yield Message(on=pulse_oximeter.SPOT, data=pulse_oximeter.encode(kept))
        ended = record_access.encode_ended(request.op, answer)
        yield Message(on=record_access.CONTROL_POINT, data=ended)


SIMULATOR = SigPulseOximeter
