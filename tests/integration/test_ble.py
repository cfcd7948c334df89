"""Bluetooth end to end: bleak on a bumble host, over an HCI socket, to simulated devices. Only the air is not real."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal

import pytest

from devicehub.driver import (
    BleDriver,
    BloodPressure,
    BodyTemperature,
    BodyWeight,
    CuffPressure,
    DeviceFacts,
    Frame,
    LinkLost,
    Measurement,
    Refused,
)
from devicehub.testing.peripheral import Peripheral
from devicehub.testing.radio import Air, HubPort
from devicehub.testing.simulator import (
    Access,
    Advertisement,
    AttributeRefused,
    BleSimulator,
    Message,
)
from devicehub.transport import ble
from devicehub.transport.ble import BondLost, Radio, Sighting
from devicehub.transport.failures import RadioUnavailable
from devicehub.transport.hands import Arrival, Hands, station_now
from devicehub.transport.radios import make_radios
from devicehub.transport.virtual import virtual_radio
from devicehub_drivers import sig_blood_pressure, sig_thermometer
from devicehub_simulators import sig_blood_pressure as simulated_cuff
from devicehub_simulators import sig_thermometer as simulated_thermometer
from devicehub_simulators.sig_blood_pressure import SigBloodPressure
from devicehub_simulators.sig_thermometer import SigThermometer

CUFF = "C0:00:00:00:00:01"
THERMOMETER = "C0:00:00:00:00:02"
PATIENCE = 20.0


@dataclass
class Collected:
    """Hands that decode what they are given."""

    driver: BleDriver = sig_blood_pressure.DRIVER
    finished: asyncio.Queue[Measurement] = field(default_factory=asyncio.Queue)
    live: list[Measurement] = field(default_factory=list)
    facts: list[DeviceFacts] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)

    @property
    def hands(self) -> Hands:
        return Hands(self._deliver, self._live)

    async def _deliver(self, frame: Frame, arrival: Arrival) -> None:
        self.arrivals.append(arrival)
        for measurement in self.driver.decode(frame):
            if isinstance(measurement, DeviceFacts):
                self.facts.append(measurement)
            else:
                self.finished.put_nowait(measurement)

    def _live(self, frame: Frame, arrival: Arrival) -> None:
        self.live.extend(self.driver.decode(frame))

    async def next(self) -> Measurement:
        async with asyncio.timeout(PATIENCE):
            return await self.finished.get()


class Room:
    """The air, the hub's plug, and the devices that are in."""

    def __init__(self, air: Air, port: HubPort, devices: contextlib.AsyncExitStack) -> None:
        self.air = air
        self.port = port
        self._devices = devices
        self.measured: list[Message] = []
        self.confirmed: asyncio.Queue[Message] = asyncio.Queue()
        self.passkeys: list[int] = []

    async def add(self, simulator: BleSimulator, address: str = CUFF) -> Peripheral:
        return await self._devices.enter_async_context(
            Peripheral(simulator, self.air, address, self._event, self.passkeys.append)
        )

    def _event(self, event: str, message: Message) -> None:
        if event == "measured":
            self.measured.append(message)
        else:
            self.confirmed.put_nowait(message)


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    air = Air()
    async with (
        HubPort(air, "tcp-server:127.0.0.1:0") as port,
        contextlib.AsyncExitStack() as devices,
    ):
        yield Room(air, port, devices)


@pytest.fixture
async def radio(room: Room) -> AsyncIterator[Radio]:
    async with virtual_radio(room.port.address, None) as radio:
        yield radio


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated_cuff, "STEP_SECONDS", 0.005)
    monkeypatch.setattr(simulated_thermometer, "STEP_SECONDS", 0.005)


async def seen(radio: Radio, address: str = CUFF) -> Sighting:
    found: asyncio.Future[Sighting] = asyncio.get_running_loop().create_future()

    def heard(sighting: Sighting) -> None:
        if sighting.address == address and not found.done():
            found.set_result(sighting)

    radio.listen(heard)
    async with asyncio.timeout(PATIENCE):
        return await found


@contextlib.asynccontextmanager
async def session(
    radio: Radio, collected: Collected, address: str = CUFF
) -> AsyncIterator[asyncio.Task[None]]:
    """The driver's own session with a device, as long as the block lasts."""
    sighting = await seen(radio, address)
    async with radio.connect(sighting, collected.hands) as link:
        talking = asyncio.ensure_future(collected.driver.session(link))
        try:
            yield talking
        finally:
            talking.cancel()
            await asyncio.wait((talking,))


async def subscribed(body: Peripheral) -> None:
    async with asyncio.timeout(PATIENCE):
        await body.subscribed()


async def test_a_device_is_seen_with_its_services_and_read_by_its_driver(
    room: Room, radio: Radio
) -> None:
    cuff = await room.add(SigBloodPressure("TEST-0001", seed=1))
    sighting = await seen(radio)
    assert sighting.services == {"1810"}
    assert sighting.name == "SIM-BP 0001"
    assert radio.origin == "simulator"
    collected = Collected()
    before = station_now()
    async with session(radio, collected):
        await subscribed(cuff)
        await cuff.measure()
        measurement = await collected.next()
    assert measurement == room.measured[0].truth
    assert isinstance(measurement, BloodPressure)
    assert [m.pressure_mmhg for m in collected.live if isinstance(m, CuffPressure)] == [
        30, 80, 130, 170, 140, 100, 60,
    ]  # fmt: skip
    assert collected.facts[0].serial_number == "TEST-0001"
    assert collected.facts[0].features == simulated_cuff.FEATURES
    facts, finished = collected.arrivals
    assert before <= facts.first < facts.last < finished.first == finished.last <= station_now()
    assert (await room.confirmed.get()).truth == measurement
    assert cuff.simulator.memory == []


async def test_two_devices_talk_at_once(room: Room, radio: Radio) -> None:
    cuff = await room.add(SigBloodPressure("TEST-0001", seed=1))
    thermometer = await room.add(SigThermometer("TEST-0002", seed=2), THERMOMETER)
    pressures, temperatures = Collected(), Collected(driver=sig_thermometer.DRIVER)
    async with (
        session(radio, pressures),
        session(radio, temperatures, THERMOMETER),
    ):
        await asyncio.gather(subscribed(cuff), subscribed(thermometer))
        await asyncio.gather(cuff.measure(), thermometer.measure())
        pressure, temperature = await pressures.next(), await temperatures.next()
    truths = {message.on: message.truth for message in room.measured}
    assert truths == {"2a35": pressure, "2a1c": temperature}
    assert isinstance(temperature, BodyTemperature)
    assert temperature.site == "ear"
    assert len(temperatures.live) == 3


async def test_a_wrong_clock_is_set_by_the_driver(room: Room, radio: Radio) -> None:
    simulator = SigBloodPressure("TEST-0001", seed=1)
    simulator.about.clock_is_ahead = timedelta(days=-20000)
    cuff = await room.add(simulator)
    collected = Collected()
    async with session(radio, collected):
        await subscribed(cuff)
        await cuff.measure()
        measurement = await collected.next()
    assert collected.facts[0].clock is not None
    assert collected.facts[0].clock < "1990"
    assert abs(simulator.about.clock_is_ahead) < timedelta(seconds=2)
    stamp = datetime.fromisoformat(measurement.device_time or "").astimezone()
    assert abs(stamp - station_now()) < timedelta(minutes=1)


async def test_a_link_that_drops_in_mid_measurement_loses_nothing(
    room: Room, radio: Radio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulated_cuff, "STEP_SECONDS", 0.1)
    cuff = await room.add(SigBloodPressure("TEST-0001", seed=1))
    first, second = Collected(), Collected()
    async with session(radio, first) as talking:
        await subscribed(cuff)
        measuring = asyncio.create_task(cuff.measure())
        await until(lambda: bool(first.live))
        await cuff.drop()
        with pytest.raises(LinkLost, match="connection to the device was lost"):
            await talking
    await measuring
    assert first.finished.empty()
    assert [message.truth for message in cuff.simulator.memory] == [room.measured[0].truth]
    async with session(radio, second):
        assert await second.next() == room.measured[0].truth
        await until(lambda: not cuff.simulator.memory)


@pytest.mark.parametrize("latency", [0.0, 0.003])
async def test_memory_is_sent_oldest_first(room: Room, radio: Radio, latency: float) -> None:
    room.air.latency = latency
    cuff = await room.add(SigBloodPressure("TEST-0001", seed=1))
    for _ in range(3):
        await cuff.measure()
    collected = Collected()
    async with session(radio, collected):
        assert [await collected.next() for _ in range(3)] == [m.truth for m in room.measured]


async def test_a_read_on_its_way_ends_with_the_link(room: Room, radio: Radio) -> None:
    cuff = await room.add(SigBloodPressure("TEST-0001", seed=1))
    async with radio.connect(await seen(radio), Collected().hands) as link:
        cuff.out_of_range(supervision_timeout=0.1)
        with pytest.raises(LinkLost, match="connection to the device was lost"):
            await link.read("2a25")
        with pytest.raises(LinkLost):
            await link.subscribe("2a35")
        cuff.in_range()
    async with radio.connect(await seen(radio), Collected().hands) as link:
        assert await link.read("2a25") == b"TEST-0001"


async def test_a_device_that_left_cannot_be_connected_and_does_not_block_the_next_try(
    room: Room, radio: Radio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ble, "CONNECT_SECONDS", 0.3)
    cuff = await room.add(SigBloodPressure("TEST-0001", seed=1))
    sighting = await seen(radio)
    cuff.out_of_range()
    with pytest.raises(LinkLost, match="could not be reached"):
        async with radio.connect(sighting, Collected().hands):
            raise AssertionError
    cuff.in_range()
    monkeypatch.setattr(ble, "CONNECT_SECONDS", PATIENCE)
    async with radio.connect(sighting, Collected().hands) as link:
        assert "2a35" in link.characteristics


class Reticent(SigBloodPressure):
    """A cuff that does not tell its serial number, and fails over its battery."""

    def read(self, on: str, now: datetime) -> bytes:
        refusals = {"2a25": 0x80, "2a19": 0x0E}
        if on in refusals:
            raise AttributeRefused(refusals[on])
        return super().read(on, now)


async def test_what_a_device_refuses_is_refused(room: Room, radio: Radio) -> None:
    await room.add(Reticent("TEST-0001", seed=1))
    async with radio.connect(await seen(radio), Collected().hands) as link:
        with pytest.raises(Refused, match="0x80"):
            await link.read("2a25")
        with pytest.raises(Refused, match="unlikely error"):
            await link.read("2a19")
        with pytest.raises(Refused, match="no characteristic 2a1c"):
            await link.read("2a1c")
        with pytest.raises(Refused, match="value not allowed"):
            await link.write("2a2b", b"nonsense")
        assert await link.read("2a24") == b"SIM-BP"


SERVICE, COMMAND, STREAM = (f"{n:08x}-1234-5678-9abc-def012345678" for n in (1, 2, 3))


class Vendor:
    """A scale in no specification: whole UUIDs, an answer to a command, figures in its advertisement."""

    services: Mapping[str, Mapping[str, frozenset[Access]]] = {
        SERVICE: {COMMAND: frozenset({"write", "write_command"}), STREAM: frozenset({"notify"})}
    }
    bonding: Literal["none", "just_works", "passkey"] = "none"

    def __init__(self) -> None:
        self.memory: list[Message] = []
        self.weighed = 0

    @property
    def advertisement(self) -> Advertisement:
        figure = self.weighed.to_bytes(2, "big")
        return Advertisement(
            name="V",
            company_data={0x0157: figure},
            service_data={"181d": figure},
        )

    def read(self, on: str, now: datetime) -> bytes:
        raise AttributeRefused(0x02)

    def write(self, on: str, data: bytes, now: datetime) -> Iterable[Message]:
        yield Message(on=STREAM, data=b"busy")
        yield Message(on=STREAM, data=b"ok " + data)

    def measure(self, now: datetime) -> Iterable[Message]:
        self.weighed += 1
        yield Message(on="adv:181d", truth=BodyWeight(kilograms=Decimal(self.weighed)))
        yield Message(on=STREAM, data=b"done", truth=BodyWeight(kilograms=Decimal(self.weighed)))


async def test_a_device_of_no_specification(room: Room, radio: Radio) -> None:
    scale = await room.add(Vendor())
    await scale.measure()
    sightings: list[Sighting] = []
    radio.listen(sightings.append)
    await until(lambda: bool(sightings) and sightings[-1].company_data == {0x0157: b"\0\1"})
    assert sightings[-1].service_data == {"181d": b"\0\1"}
    async with radio.connect(sightings[-1], Collected().hands) as link:
        assert {COMMAND, STREAM} <= link.characteristics
        await link.subscribe(STREAM)
        assert await link.expect(STREAM, prefix=b"done", within=PATIENCE) == b"done"
        await link.write(COMMAND, b"one")
        assert await link.expect(STREAM, prefix=b"ok", within=PATIENCE) == b"ok one"
        await link.write(COMMAND, b"two", response=False)
        assert await link.expect(STREAM, prefix=b"ok", within=PATIENCE) == b"ok two"
        await scale.measure()
    await until(lambda: sightings[-1].company_data == {0x0157: b"\0\2"})
    assert [message.data for message in room.measured] == [b"", b"done"] * 2


class Shows(SigBloodPressure):
    """A cuff that shows six digits to be typed at the hub."""

    bonding: Literal["none", "just_works", "passkey"] = "passkey"


async def test_a_passkey_is_asked_for_once_and_the_bond_outlives_the_hub(
    room: Room, tmp_path: Path
) -> None:
    cuff = await room.add(Shows("TEST-0001", seed=1))
    asked: list[str] = []

    async def ask(address: str) -> int:
        asked.append(address)
        await until(lambda: bool(room.passkeys))
        return room.passkeys[-1]

    for _ in range(2):
        collected = Collected()
        await cuff.measure()
        async with (
            virtual_radio(room.port.address, tmp_path / "bonds", ask) as radio,
            session(radio, collected),
        ):
            assert await collected.next() == room.measured[-1].truth
    assert asked == [CUFF]


@pytest.mark.parametrize("answer", [None, "wrong"])
async def test_a_bond_that_is_not_made_is_a_refusal(room: Room, answer: str | None) -> None:
    await room.add(Shows("TEST-0001", seed=1))

    async def ask(_address: str) -> int | None:
        await until(lambda: bool(room.passkeys))
        return None if answer is None else (room.passkeys[-1] + 1) % 1_000_000

    async with (
        virtual_radio(room.port.address, None, ask) as radio,
        radio.connect(await seen(radio), Collected().hands) as link,
    ):
        with pytest.raises(Refused, match="pairing was refused"):
            await link.subscribe("2a35")


async def test_a_device_that_forgot_its_bond_is_told_and_paired_anew_when_asked(
    room: Room, radio: Radio
) -> None:
    cuff = await room.add(SigBloodPressure("TEST-0001", seed=1))
    for _ in range(2):
        collected = Collected()
        await cuff.measure()
        async with session(radio, collected):
            assert await collected.next() == room.measured[-1].truth
        cuff.forget_bonds()
        with pytest.raises(BondLost, match="devicehub bonds forget"):
            async with radio.connect(await seen(radio), Collected().hands):
                raise AssertionError
        assert await radio.is_bonded(CUFF), "the hub never unpairs by itself"
        await radio.forget(CUFF)


async def test_a_hub_whose_place_another_took_is_told_so(room: Room, tmp_path: Path) -> None:
    cuff = await room.add(SigBloodPressure("TEST-0001", seed=1))
    for hub in ("one", "two"):
        collected = Collected()
        await cuff.measure()
        async with (
            virtual_radio(room.port.address, tmp_path / hub) as radio,
            session(radio, collected),
        ):
            assert await collected.next() == room.measured[-1].truth
    async with virtual_radio(room.port.address, tmp_path / "one") as radio:
        with pytest.raises(BondLost):
            async with radio.connect(await seen(radio), Collected().hands):
                raise AssertionError


async def test_a_radio_that_goes_away_says_so_and_ends_its_links(room: Room) -> None:
    await room.add(SigBloodPressure("TEST-0001", seed=1))
    for _ in range(2):
        async with virtual_radio(room.port.address, None) as radio:
            sighting = await seen(radio)
            async with radio.connect(sighting, Collected().hands) as link:
                room.port.hang_up()
                with pytest.raises(LinkLost):
                    await link.pause(PATIENCE)
                async with asyncio.timeout(PATIENCE):
                    assert "start the simulators again" in (await radio.lost()).reason
            with pytest.raises(LinkLost):
                async with radio.connect(sighting, Collected().hands):
                    raise AssertionError


async def test_a_hub_that_was_killed_gets_the_memory_when_it_is_back(
    room: Room, tmp_path: Path
) -> None:
    cuff = await room.add(SigBloodPressure("TEST-0001", seed=1))
    hub = await asyncio.create_subprocess_exec(
        sys.executable, __file__, room.port.address, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert hub.stdout is not None
    async with asyncio.timeout(PATIENCE):
        assert await hub.stdout.readline() == b"listening\n"
    await subscribed(cuff)
    hub.kill()
    await hub.wait()
    await cuff.measure()
    collected = Collected()
    async with virtual_radio(room.port.address, tmp_path) as radio, session(radio, collected):
        assert await collected.next() == room.measured[0].truth


async def test_what_passes_between_hub_and_device_can_be_recorded(room: Room, radio: Radio) -> None:
    cuff = await room.add(Reticent("TEST-0001", seed=1))
    heard = Heard()
    async with radio.connect(await seen(radio), Collected().hands, recorder=heard) as link:
        await link.read("2a24")
        with pytest.raises(Refused):
            await link.read("2a25")
        await link.subscribe("2a36")
        await cuff.measure()
        await link.expect("2a36", within=PATIENCE)
    assert heard.steps[:7] == [
        ("hub", "read", "2a24", b""),
        ("device", "value", "2a24", b"SIM-BP"),
        ("hub", "read", "2a25", b""),
        ("device", "refused", "2a25", b"\x80"),
        ("hub", "subscribe", "2a36", b""),
        ("device", "message", "2a36", bytes.fromhex("001e00ff07ff07")),
        ("device", "message", "2a36", bytes.fromhex("005000ff07ff07")),
    ]


class Heard:
    """A recorder."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, str, str, bytes]] = []

    def hub(self, do: str, on: str, data: bytes) -> None:
        self.steps.append(("hub", do, on, data))

    def device(self, do: str, on: str, data: bytes) -> None:
        self.steps.append(("device", do, on, data))


async def test_no_virtual_radio_is_told_with_what_to_do() -> None:
    radio = virtual_radio("tcp-client:127.0.0.1:1", None)
    with pytest.raises(RadioUnavailable, match="start the simulators"):
        await radio.__aenter__()


@pytest.mark.skipif(sys.platform != "linux", reason="D-Bus is Linux's")
async def test_no_bluetooth_on_this_computer_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'nobody'}")
    (make_radio,) = make_radios("system", None)
    radio = make_radio()
    assert radio.origin == "device"
    with pytest.raises(RadioUnavailable, match="dbus and bluez"):
        await radio.__aenter__()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - conditions of several kinds, for a few milliseconds
            await asyncio.sleep(0.005)


async def hub_to_be_killed(address: str, bonds: Path) -> None:
    """What the subprocess runs: a hub that listens to the cuff until it is killed."""
    async with virtual_radio(address, bonds) as radio, session(radio, Collected()) as talking:
        print("listening", flush=True)  # noqa: T201 - the test waits for it
        await talking


if __name__ == "__main__":
    asyncio.run(hub_to_be_killed(sys.argv[1], Path(sys.argv[2])))
