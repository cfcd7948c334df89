"""The whole Bluetooth stack of this system: bleak's own backend, BlueZ, the kernel; our simulators on its virtual controller."""

import asyncio
import contextlib
import itertools
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import psutil
import pytest

if sys.platform != "linux":
    pytest.skip("BlueZ is Linux's", allow_module_level=True)

from bleak.backends.bluezdbus.manager import get_global_bluez_manager
from bumble import hci
from bumble.transport import open_transport

from devicehub.driver import (
    BleDriver,
    BloodPressure,
    CuffPressure,
    DeviceFacts,
    Frame,
    LinkLost,
    Measurement,
    Refused,
)
from devicehub.testing.peripheral import Peripheral
from devicehub.testing.radio import Air, VirtualController
from devicehub.testing.simulator import AttributeRefused, BleSimulator, Message
from devicehub.transport import ble_wire
from devicehub.transport.ble import BondLost, Radio, Sighting
from devicehub.transport.failures import RadioUnavailable
from devicehub.transport.hands import Arrival, Hands
from devicehub.transport.radios import make_radios
from devicehub.transport.stack import AskPasskey, Purpose, ShowPasskey
from devicehub_drivers import sig_blood_pressure
from devicehub_simulators.sig_blood_pressure import SigBloodPressure

PATIENCE = 60.0
CUFF = "C0:00:00:00:00:01"
UNKNOWN_TO_BUMBLE = hci.LeFeatureMask.LL_PRIVACY | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
"""bumble's controller offers these and never sends the events that go with them."""

adapters = itertools.count(1)


@dataclass
class Collected:
    """Hands that decode what they are given."""

    driver: BleDriver = sig_blood_pressure.DRIVER
    finished: asyncio.Queue[Measurement] = field(default_factory=asyncio.Queue)
    live: list[Measurement] = field(default_factory=list)
    facts: list[DeviceFacts] = field(default_factory=list)

    @property
    def hands(self) -> Hands:
        return Hands(self._deliver, self._live)

    async def _deliver(self, frame: Frame, _arrival: Arrival) -> None:
        for measurement in self.driver.decode(frame):
            if isinstance(measurement, DeviceFacts):
                self.facts.append(measurement)
            else:
                self.finished.put_nowait(measurement)

    def _live(self, frame: Frame, _arrival: Arrival) -> None:
        self.live.extend(self.driver.decode(frame))

    async def next(self) -> Measurement:
        async with asyncio.timeout(PATIENCE):
            return await self.finished.get()


class Room:
    """The air, and the devices that are in."""

    def __init__(self, devices: contextlib.AsyncExitStack) -> None:
        self.air = Air()
        self._devices = devices
        self.measured: list[Message] = []
        self.confirmed: asyncio.Queue[Message] = asyncio.Queue()
        self.passkeys: list[int] = []

    async def add(
        self,
        simulator: BleSimulator,
        address: str = CUFF,
        keypad: Callable[[], Awaitable[int]] | None = None,
    ) -> Peripheral:
        body = Peripheral(simulator, self.air, address, self._event, self.passkeys.append, keypad)
        return await self._devices.enter_async_context(body)

    def _event(self, event: str, message: Message) -> None:
        if event == "measured":
            self.measured.append(message)
        else:
            self.confirmed.put_nowait(message)


@contextlib.asynccontextmanager
async def adapter(air: Air) -> AsyncIterator[VirtualController]:
    """A Bluetooth adapter of this system, with an address of its own: BlueZ knows no device of it."""
    transport = await open_transport("vhci")
    address = f"00:11:22:33:44:{next(adapters):02X}"
    controller = VirtualController(
        "hub", transport.source, transport.sink, link=air, public_address=address
    )
    controller.le_features &= ~UNKNOWN_TO_BUMBLE
    try:
        yield controller
    finally:
        air.leave(controller)
        await transport.close()
        await asyncio.sleep(0)


@pytest.fixture
async def bus() -> AsyncIterator[None]:
    """The connection to D-Bus that bleak keeps for the life of the event loop and cannot close."""
    yield
    manager = await get_global_bluez_manager()
    assert manager._bus is not None
    assert manager._bus_watcher_task is not None
    manager._bus.disconnect()
    await manager._bus_watcher_task


@pytest.fixture
async def room(bus: None) -> AsyncIterator[Room]:
    async with contextlib.AsyncExitStack() as devices:
        room = Room(devices)
        await devices.enter_async_context(adapter(room.air))
        yield room


@contextlib.asynccontextmanager
async def powered(
    ask_passkey: AskPasskey | None = None,
    adapter: str | None = None,
    show_passkey: ShowPasskey | None = None,
) -> AsyncIterator[Radio]:
    """This system's radio, as soon as BlueZ has switched it on."""
    (make_radio,) = make_radios(
        "system",
        None,
        adapters=() if adapter is None else (adapter,),
        ask_passkey=ask_passkey,
        show_passkey=show_passkey,
    )
    async with contextlib.AsyncExitStack() as stack:
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    radio = await stack.enter_async_context(make_radio())
                    break
                except RadioUnavailable:
                    await asyncio.sleep(0.2)
        yield radio


@pytest.fixture
async def radio(room: Room) -> AsyncIterator[Radio]:
    async with powered() as radio:
        yield radio


async def seen(radio: Radio, address: str = CUFF) -> Sighting:
    found: asyncio.Future[Sighting] = asyncio.get_running_loop().create_future()

    def heard(sighting: Sighting) -> None:
        if sighting.address == address and not found.done():
            found.set_result(sighting)

    radio.listen(heard)
    async with asyncio.timeout(PATIENCE):
        return await found


@contextlib.asynccontextmanager
async def session(radio: Radio, collected: Collected, address: str = CUFF) -> AsyncIterator[None]:
    """The driver's own session with a device, as long as the block lasts; its failure ends the block."""
    sighting = await seen(radio, address)
    async with radio.connect(sighting, collected.hands) as link, asyncio.TaskGroup() as group:

        async def talk() -> None:
            await collected.driver.session(link)

        talking = group.create_task(talk())
        yield
        talking.cancel()


async def subscribed(body: Peripheral) -> None:
    async with asyncio.timeout(PATIENCE):
        await body.subscribed()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - conditions of several kinds
            await asyncio.sleep(0.02)


class Open(SigBloodPressure):
    """A cuff that asks for no bond."""

    bonding: Literal["none", "just_works", "passkey"] = "none"


async def test_a_device_is_seen_and_read_by_its_driver(room: Room, radio: Radio) -> None:
    cuff = await room.add(Open("TEST-0001", seed=1))
    sighting = await seen(radio)
    assert sighting.services == {"1810"}
    assert sighting.name == "SIM-BP 0001"
    assert radio.origin == "device"
    collected = Collected()
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
    assert (await room.confirmed.get()).truth == measurement


async def test_a_bond_without_questions_outlives_the_link(room: Room, radio: Radio) -> None:
    cuff = await room.add(SigBloodPressure("TEST-0001", seed=1))
    for _ in range(2):
        collected = Collected()
        await cuff.measure()
        async with session(radio, collected):
            assert await collected.next() == room.measured[-1].truth
    assert await radio.is_bonded(CUFF)


class Shows(SigBloodPressure):
    """A cuff that shows six digits to be typed at the hub."""

    bonding: Literal["none", "just_works", "passkey"] = "passkey"


async def test_a_passkey_is_asked_for_once_and_the_bond_outlives_the_hub(room: Room) -> None:
    cuff = await room.add(Shows("TEST-0001", seed=1))
    asked: list[str] = []

    async def ask(address: str) -> int:
        asked.append(address)
        await until(lambda: bool(room.passkeys))
        return room.passkeys[-1]

    for _ in range(2):
        collected = Collected()
        await cuff.measure()
        async with powered(ask) as radio, session(radio, collected):
            assert await collected.next() == room.measured[-1].truth
    assert asked == [CUFF]


@pytest.mark.parametrize("answer", [None, "wrong"])
async def test_a_bond_that_is_not_made_ends_the_conversation(
    room: Room, answer: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ble_wire, "ANSWER_SECONDS", 5.0)
    await room.add(Shows("TEST-0001", seed=1))

    async def ask(_address: str) -> int | None:
        await until(lambda: bool(room.passkeys))
        return None if answer is None else (room.passkeys[-1] + 1) % 1_000_000

    async with (
        powered(ask) as radio,
        radio.connect(await seen(radio), Collected().hands) as link,
    ):
        with pytest.raises((Refused, LinkLost)):
            await link.subscribe("2a35")


async def test_a_link_that_drops_in_mid_measurement_loses_nothing(room: Room, radio: Radio) -> None:
    cuff = await room.add(SigBloodPressure("TEST-0001", seed=1))
    first, second = Collected(), Collected()
    lost = pytest.RaisesExc(LinkLost, match="connection to the device was lost")
    async with asyncio.TaskGroup() as group:
        with pytest.RaisesGroup(lost):
            async with session(radio, first):
                await subscribed(cuff)
                group.create_task(cuff.measure())
                await until(lambda: bool(first.live))
                await cuff.drop()
                await asyncio.sleep(PATIENCE)
    assert first.finished.empty()
    async with session(radio, second):
        assert await second.next() == room.measured[0].truth
        await until(lambda: not cuff.simulator.memory)


async def test_a_read_on_its_way_ends_with_the_link(room: Room, radio: Radio) -> None:
    cuff = await room.add(Open("TEST-0001", seed=1))
    async with radio.connect(await seen(radio), Collected().hands) as link:
        cuff.out_of_range(supervision_timeout=0.2)
        with pytest.raises(LinkLost):
            await link.read("2a25")
        with pytest.raises(LinkLost):
            await link.subscribe("2a35")
        cuff.in_range()
    async with radio.connect(await seen(radio), Collected().hands) as link:
        assert await link.read("2a25") == b"TEST-0001"


class Reticent(Open):
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


class Distrustful(Open):
    """A cuff that wants to be sure of the hub before it tells its serial number, and never is."""

    def read(self, on: str, now: datetime) -> bytes:
        if on == "2a25":
            raise AttributeRefused(0x05)
        return super().read(on, now)


async def test_a_device_that_is_never_satisfied_is_given_up(
    room: Room, radio: Radio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ble_wire, "ANSWER_SECONDS", 5.0)
    await room.add(Distrustful("TEST-0001", seed=1))
    async with radio.connect(await seen(radio), Collected().hands) as link:
        with pytest.raises((Refused, LinkLost)):
            await link.read("2a25")
    async with radio.connect(await seen(radio), Collected().hands) as link:
        assert await link.read("2a24") == b"SIM-BP"


async def test_a_device_that_forgot_its_bond_is_told_and_paired_anew_when_asked(
    room: Room, radio: Radio
) -> None:
    cuff = await room.add(SigBloodPressure("TEST-0001", seed=1))
    await cuff.measure()
    first, second = Collected(), Collected()
    async with session(radio, first):
        assert await first.next() == room.measured[0].truth
    cuff.forget_bonds()
    await cuff.measure()
    with pytest.raises(BondLost, match="pair it anew"):
        async with session(radio, second):
            raise AssertionError
    await radio.forget(CUFF)
    async with session(radio, second):
        assert await second.next() == room.measured[1].truth


async def test_eight_devices_talk_at_once(room: Room, radio: Radio) -> None:
    async def read(number: int) -> None:
        address = f"C0:00:00:00:01:{number:02X}"
        serial_number = f"TEST-000{number}"
        cuff = await room.add(SigBloodPressure(serial_number, seed=number), address)
        collected = Collected()
        async with session(radio, collected, address):
            await subscribed(cuff)
            await cuff.measure()
            assert await collected.next() in [message.truth for message in room.measured]
            await until(lambda: serial_number in {one.serial_number for one in collected.facts})

    async with asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(read(number))
    assert len(room.measured) == 8


def bluetoothd() -> psutil.Process:
    return next(one for one in psutil.process_iter() if one.name() == "bluetoothd")


async def test_bluez_that_stops_is_noticed_and_used_again(room: Room, radio: Radio) -> None:
    cuff = await room.add(SigBloodPressure("TEST-0001", seed=1))
    collected = Collected()
    async with radio.connect(await seen(radio), Collected().hands) as link:
        bluetoothd().kill()
        with pytest.raises(LinkLost, match="BlueZ has stopped"):
            await link.pause(PATIENCE)
        assert "BlueZ has stopped" in (await radio.lost()).reason
    await cuff.measure()
    async with powered() as again, session(again, collected):
        assert await collected.next() == room.measured[0].truth


async def test_an_adapter_that_is_pulled_out_is_noticed(bus: None) -> None:
    async with contextlib.AsyncExitStack() as plugged:
        await plugged.enter_async_context(adapter(Air()))
        async with powered() as radio:
            await plugged.aclose()
            async with asyncio.timeout(PATIENCE):
                assert "plug it in again" in (await radio.lost()).reason


async def test_bluetooth_that_is_switched_off_is_noticed(room: Room, radio: Radio) -> None:
    switching = await asyncio.create_subprocess_exec(
        "bluetoothctl", "power", "off", stdout=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(PATIENCE):
        assert "switch Bluetooth on" in (await radio.lost()).reason
        await switching.wait()


async def test_an_adapter_is_switched_off_and_on_and_goes_on_hearing(
    room: Room, radio: Radio
) -> None:
    cuff = await room.add(Open("TEST-0001", seed=1))
    async with radio.connect(await seen(radio), Collected().hands) as link:
        assert await radio._scan._reset(), "the second rung of the ladder, carried out"
        with pytest.raises(LinkLost):
            await link.pause(PATIENCE)
    assert await radio._stack.is_scanning()
    assert not radio._lost.is_set(), "off by our own hand is not lost"
    await cuff.measure()
    collected = Collected()
    async with session(radio, collected):
        assert await collected.next() == room.measured[0].truth


async def test_a_scan_that_was_stopped_behind_its_back_is_restarted(
    room: Room, radio: Radio
) -> None:
    """Nothing stops another program's scan but BlueZ; the word it gives is what the watchdog goes by."""
    await room.add(Open("TEST-0001", seed=1))
    await seen(radio)
    assert await radio._stack.is_scanning()
    await radio._scan._stop_scanner()
    async with asyncio.timeout(PATIENCE):
        while await radio._stack.is_scanning():  # noqa: ASYNC110 - BlueZ tells when it has stopped
            await asyncio.sleep(0.1)
    assert await radio._scan._restart()
    assert (await seen(radio)).address == CUFF


async def test_a_passkey_for_the_devices_keypad_is_shown(room: Room) -> None:
    typed: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def show(_address: str, passkey: int, purpose: Purpose) -> bool:
        assert purpose == "type_there"
        typed.set_result(passkey)
        return True

    async def ask(_address: str) -> int | None:
        raise AssertionError

    cuff = await room.add(Shows("TEST-0001", seed=1), keypad=lambda: typed)
    await cuff.measure()
    collected = Collected()
    async with powered(ask, show_passkey=show) as radio, session(radio, collected):
        assert await collected.next() == room.measured[-1].truth


async def test_a_bond_of_a_device_out_of_range_can_be_forgotten(room: Room, radio: Radio) -> None:
    cuff = await room.add(SigBloodPressure("TEST-0001", seed=1))
    async with radio.connect(await seen(radio), Collected().hands) as link:
        await link.pair()
    assert await radio.is_bonded(CUFF)
    cuff.out_of_range()
    await radio.forget(CUFF)
    assert not await radio.is_bonded(CUFF)
    await radio.forget(CUFF)


async def test_a_bond_belongs_to_one_of_two_adapters(room: Room, radio: Radio) -> None:
    async with adapter(room.air), powered(adapter="hci1") as other:
        assert other.identity != radio.identity
        cuff = await room.add(SigBloodPressure("TEST-0001", seed=1))
        await cuff.measure()
        collected = Collected()
        async with session(other, collected):
            assert await collected.next() == room.measured[0].truth
        assert (await radio.is_bonded(CUFF), await other.is_bonded(CUFF)) == (False, True)


async def test_one_of_two_adapters_can_be_chosen(room: Room, radio: Radio) -> None:
    air = Air()
    async with (
        adapter(air),
        Peripheral(Open("TEST-0002", seed=2), air, CUFF),
        powered(adapter="hci1") as other,
    ):
        async with other.connect(await seen(other), Collected().hands) as link:
            assert await link.read("2a25") == b"TEST-0002"
        (make_radio,) = make_radios("system", None, adapters=("hci9",))
        with pytest.raises(RadioUnavailable, match=r"no Bluetooth adapter hci9.*hci0, hci1"):
            await make_radio().__aenter__()
