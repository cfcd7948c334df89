"""A Polar H10, invented: its wearer's heart rate, and his ECG once it is asked for.

It streams while it is worn and never finishes anything: no message has a truth. ``loses`` is the number of the ECG
message that never reaches the hub, as at the edge of the radio's range. The strap's two electrodes are where the arms'
would be (lead I): RA and LA may be given faults (`devicehub.testing.electrodes.faults`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal

from devicehub.driver import HeartRate
from devicehub.gatt import heart_rate
from devicehub.testing import about
from devicehub.testing.electrodes import Electrodes
from devicehub.testing.simulator import Access, Advertisement, AttributeRefused, Message

SERVICE = "fb005c80-02e7-f387-1cad-8acd2d8df0c8"
CONTROL = "fb005c81-02e7-f387-1cad-8acd2d8df0c8"
DATA = "fb005c82-02e7-f387-1cad-8acd2d8df0c8"
NOT_PERMITTED = 0x03
START, STOP = 0x02, 0x03
SETTINGS = bytes.fromhex("00 01 82 00 01 01 0e 00")
SUCCESS, INVALID_OP_CODE, INVALID_PARAMETER, ALREADY = 0x00, 0x01, 0x05, 0x06
HERTZ, SAMPLES = 130, 73
MESSAGES = 6
RANGE = (1 << 14) - 1
"""14 bits, and their sign."""
STEP_SECONDS = SAMPLES / HERTZ
FIRST_NANOSECONDS = 599_616_000_000_000_000
"""1 January 2019: the clock of a strap that nobody has set."""


class PolarH10:
    """One strap."""

    services: Mapping[str, Mapping[str, frozenset[Access]]] = {
        heart_rate.SERVICE: {
            heart_rate.MEASUREMENT: frozenset({"notify"}),
            heart_rate.LOCATION: frozenset({"read"}),
        },
        SERVICE: {CONTROL: frozenset({"write", "indicate"}), DATA: frozenset({"notify"})},
        **about.SERVICES,
    }
    bonding: Literal["none", "just_works", "passkey"] = "just_works"

    def __init__(self, serial_number: str, seed: int) -> None:
        self.about = about.About(model="H10", serial_number=serial_number)
        self.memory: list[Message] = []
        self.streaming = False
        self.loses: int | None = None
        self.patient = Electrodes(seed, sampling_hz=HERTZ)
        self.stretch_seconds = MESSAGES * STEP_SECONDS
        self._nanoseconds = FIRST_NANOSECONDS

    @property
    def advertisement(self) -> Advertisement:
        """Its name with the serial number, and the heart rate service."""
        name = f"Polar H10 {self.about.serial_number[-8:]}"
        return Advertisement(name=name, services=(heart_rate.SERVICE,))

    def read(self, on: str, now: datetime) -> bytes:
        """Where it is worn, who it is, and what its clock says."""
        if on == heart_rate.LOCATION:
            return heart_rate.encode_location("chest")
        if on == CONTROL:
            raise AttributeRefused(NOT_PERMITTED)
        return self.about.read(on, now)

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        """Start or stop the ECG; or set the clock."""
        if on != CONTROL:
            self.about.write(on, data, now)
            return ()
        code = SUCCESS
        if data[:2] == bytes([START, 0]):
            code = SUCCESS if data[2:] == SETTINGS else INVALID_PARAMETER
            if code == SUCCESS and self.streaming:
                code = ALREADY
            self.streaming = self.streaming or code == SUCCESS
        elif data[:2] == bytes([STOP, 0]):
            self.streaming = False
        else:
            code = INVALID_OP_CODE
        return [Message(on=CONTROL, data=b"\xf0" + data[:2] + bytes([code, 0, 0]))]

    def measure(self, now: datetime) -> Iterator[Message]:
        """A few seconds of somebody's heart."""
        rate = round(self.patient.heart.rate)
        interval = Decimal(1024 * 60 // rate) * 1000 / 1024
        beat = HeartRate(per_minute=Decimal(rate), rr_milliseconds=(interval,))
        for number in range(round(self.stretch_seconds / STEP_SECONDS)):
            self._nanoseconds += round(SAMPLES * 1_000_000_000 / HERTZ)
            message = self._ecg()
            if self.streaming and number != self.loses:
                yield Message(on=DATA, data=message, after=STEP_SECONDS)
            else:
                yield Message(after=STEP_SECONDS)
            yield Message(on=heart_rate.MEASUREMENT, data=heart_rate.encode(beat))

    def _ecg(self) -> bytes:
        data = b"\0" + self._nanoseconds.to_bytes(8, "little") + b"\0"
        for _ in range(SAMPLES):
            microvolts = max(-RANGE, min(RANGE, round(self.patient.read()["I"])))
            data += microvolts.to_bytes(3, "little", signed=True)
        return data


SIMULATOR = PolarH10
