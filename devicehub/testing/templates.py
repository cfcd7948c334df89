"""The texts of drafts: what `devicehub.testing.draft` fills in and writes."""

BLE_DRIVER = '''\
"""{title}: a draft. Name the devices here, and where their protocol is written down."""

from collections.abc import Iterator

from devicehub.driver import (
    Advert,
    Automatic,
    BleDriver,
    Frame,
    Measurement,
    Model,
    NotUnderstood,
    listen,
)

RESULT = "{main}"
"""The characteristic a finished measurement comes on."""


def decode(frame: Frame) -> Iterator[Measurement]:
    """What the bytes mean, byte by byte, with the source."""
    raise NotUnderstood(f"{id}: decode is not written yet: {{frame.data.hex(' ')}}", at=0)
    yield


DRIVER = BleDriver(
    id="{id}",
    models=(
        Model(
            maker="who makes it",
            name="{title}",
            tells=("body_weight",),  # all it can tell; unread=(…): what decode leaves
            longest=60.0,  # seconds one measurement can take
        ),
    ),
    automatic=Automatic(modes=frozenset(), source="not looked up yet: which manual, which page"),
    match=Advert({match}),
    main=RESULT,
    session=listen(RESULT),  # or a function of your own, where the device wants to be spoken to
    decode=decode,
)
'''

PROFILE_DRIVER = '''\
"""{title}: a draft. Name the devices here, what they do otherwise than the specification, and the source."""

from devicehub.driver import Advert, Automatic, BleDriver
from devicehub.gatt.profiles import {profile}

DRIVER = BleDriver(
    id="{id}",
    models={profile}.models("who makes it", "{title}"),
    automatic=Automatic(modes=frozenset(), source="not looked up yet: which manual, which page"),
    match=Advert({match}),
    main={profile}.main,
    session={profile}.session(),  # or session(first): what must be said before
    decode={profile}.decode(),  # or decode({{{profile}.main: decode}}): what is read in another way
)
'''

SERIAL_DRIVER = '''\
"""{title}: a draft. Name the devices here, and where their protocol is written down."""

from collections.abc import Iterator

from devicehub.driver import (
    Automatic,
    Frame,
    Line,
    Measurement,
    Model,
    NotUnderstood,
    SerialDriver,
    Settles,
    lines,
    receive,
)


def decode(frame: Frame) -> Iterator[Measurement]:
    """What a line means, field by field, with the source."""
    raise NotUnderstood(f"{id}: decode is not written yet: {{frame.data.hex(' ')}}", at=0)
    yield


DRIVER = SerialDriver(
    id="{id}",
    models=(
        Model(
            maker="who makes it",
            name="{title}",
            tells=("body_weight",),  # all it can tell; unread=(…): what decode leaves
            longest=60.0,  # seconds one measurement can take
        ),
    ),
    automatic=Automatic(modes=frozenset(), source="not looked up yet: which manual, which page"),
    line=Line(baud=9600, framer=lines(b"\\r\\n")),
    session=receive(),  # a device that must be asked: poll(b"…", every=1.0)
    decode=decode,
    settles=Settles.PRINTED,  # STREAM where the device repeats itself
)
'''

BLE_SIMULATOR = '''\
"""{title}, invented: a draft. Write it from the device's documents, not from the driver."""

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Literal

from devicehub.testing.simulator import Access, Advertisement, AttributeRefused, Message

SERVICE, RESULT = "fff0", "{main}"
READ_NOT_PERMITTED, WRITE_NOT_PERMITTED = 0x02, 0x03


class {name}:
    """One device; ``seed`` decides what it measures."""

    services: Mapping[str, Mapping[str, frozenset[Access]]] = {{
        SERVICE: {{RESULT: frozenset({{"notify"}})}}
    }}
    bonding: Literal["none", "just_works", "passkey"] = "none"

    def __init__(self, serial_number: str, seed: int) -> None:
        self.serial_number = serial_number
        self.memory: list[Message] = []
        self._chance = random.Random(seed)

    @property
    def advertisement(self) -> Advertisement:
        """Its name and its services."""
        return Advertisement(name="{advertised}", services=(SERVICE,))

    def read(self, on: str, now: datetime) -> bytes:
        """Nothing can be read."""
        raise AttributeRefused(READ_NOT_PERMITTED)

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        """Nothing can be written."""
        raise AttributeRefused(WRITE_NOT_PERMITTED)

    def measure(self, now: datetime) -> Iterator[Message]:
        """The next patient: Message(on=RESULT, data=…, after=seconds), the last with truth=BodyWeight(…)."""
        raise NotImplementedError("{id}: the simulator's measure is not written yet")
        yield


SIMULATOR = {name}
'''

PROFILE_SIMULATOR = '''\
"""{title}, invented: a draft. Add what the device does otherwise, from its documents, not from the driver."""

from devicehub.testing.simulator import Advertisement
from {module} import {generic}


class {name}({generic}):
    """One device, as the specification says."""

    @property
    def advertisement(self) -> Advertisement:
        """Its name and its service."""
        return Advertisement(name="{advertised}", services=super().advertisement.services)


SIMULATOR = {name}
'''

SERIAL_SIMULATOR = '''\
"""{title}, invented: a draft. Write it from the device's documents, not from the driver."""

import random
from collections.abc import Iterator
from datetime import datetime

from devicehub.testing.simulator import Message


class {name}:
    """One device; ``seed`` decides what it measures."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def receive(self, data: bytes, now: datetime) -> bytes:
        """It answers nothing."""
        return b""

    def measure(self, now: datetime) -> Iterator[Message]:
        """The next patient: Message(data=…, after=seconds), the last with truth=BodyWeight(…)."""
        raise NotImplementedError("{id}: the simulator's measure is not written yet")
        yield


SIMULATOR = {name}
'''
