"""The simulators as a hub meets them: in a process of their own rhythm, telling a ledger what is true."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from devicehub.driver import BleDriver, DeviceFacts, Frame, LinkLost
from devicehub.testing.simulate import UnknownSimulator, simulate
from devicehub.transport.ble import Radio, Sighting
from devicehub.transport.hands import Arrival, Hands
from devicehub.transport.virtual import virtual_radio
from devicehub_drivers import sig_blood_pressure, sig_thermometer
from devicehub_simulators import mt_sics
from devicehub_simulators import sig_blood_pressure as simulated_cuff
from devicehub_simulators import sig_thermometer as simulated_thermometer

PATIENCE = 20.0
DRIVERS: dict[str, BleDriver] = {
    "1810": sig_blood_pressure.DRIVER,
    "1809": sig_thermometer.DRIVER,
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated_cuff, "STEP_SECONDS", 0.005)
    monkeypatch.setattr(simulated_thermometer, "STEP_SECONDS", 0.005)
    monkeypatch.setattr(mt_sics, "STAYS_SECONDS", 0.005)
    monkeypatch.setattr(mt_sics, "GONE_SECONDS", 0.005)


class Hub:
    """Connects to everything it sees and keeps what finished, by serial number."""

    def __init__(self, radio: Radio, tasks: asyncio.TaskGroup) -> None:
        self._radio = radio
        self._tasks = tasks
        self._known: set[str] = set()
        self.measured: list[dict[str, object]] = []
        self.serial_numbers: set[str | None] = set()
        radio.listen(self._heard)

    def _heard(self, sighting: Sighting) -> None:
        if sighting.address not in self._known:
            self._known.add(sighting.address)
            self._tasks.create_task(self._talk(sighting))

    async def _talk(self, sighting: Sighting) -> None:
        (service,) = sighting.services
        driver = DRIVERS[service]

        async def deliver(frame: Frame, arrival: Arrival) -> None:
            for measurement in driver.decode(frame):
                if isinstance(measurement, DeviceFacts):
                    self.serial_numbers.add(measurement.serial_number)
                else:
                    self.measured.append(measurement.model_dump(mode="json"))

        hands = Hands(deliver, lambda frame, arrival: None)
        with contextlib.suppress(LinkLost):  # the simulators end before the hub
            async with self._radio.connect(sighting, hands) as link:
                await driver.session(link)


@pytest.mark.parametrize("scheme", ["tcp", "unix"])
async def test_a_hub_reads_what_the_ledger_says(scheme: str, tmp_path: Path) -> None:
    ids = ["sig_blood_pressure", "sig_thermometer", "sig_blood_pressure#2"]
    listen = None if scheme == "tcp" else f"unix-server:{tmp_path / 'hci'}"
    ledger: list[dict[str, object]] = []
    ready: asyncio.Queue[dict[str, object]] = asyncio.Queue()

    def write(entry: dict[str, object]) -> None:
        if entry["event"] == "ready":
            ready.put_nowait(entry)
        else:
            ledger.append(entry)

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        simulating = tasks.create_task(simulate(ids, hci=listen, every=0.1, count=2, ledger=write))
        entries = [await ready.get() for _ in ids]
        async with virtual_radio(str(entries[0]["hci"]), None) as radio:
            hub = Hub(radio, tasks)
            await radio.lost()  # the simulators end when all is measured and confirmed
            await simulating
    assert {str(entry["device"]): entry["address"] for entry in entries} == {
        device: f"C0:00:00:00:00:0{number}" for number, device in enumerate(ids, start=1)
    }
    truths = [entry["measurement"] for entry in ledger if entry["event"] == "measured"]
    confirmed = [entry["measurement"] for entry in ledger if entry["event"] == "confirmed"]
    assert len(truths) == 6
    assert sorted(map(str, truths)) == sorted(map(str, confirmed)) == sorted(map(str, hub.measured))
    assert len(hub.serial_numbers) == 3


async def test_an_unknown_simulator_is_told_with_the_nearest_name() -> None:
    with pytest.raises(UnknownSimulator, match="did you mean sig_blood_pressure"):
        await simulate(["sig_blod_pressure"], hci=None, every=1, count=1, ledger=print)


async def test_a_serial_simulator_offers_a_port() -> None:
    ledger: asyncio.Queue[dict[str, object]] = asyncio.Queue()
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        tasks.create_task(
            simulate(["mt_sics"], hci=None, every=1, count=1, ledger=ledger.put_nowait)
        )
        port = Path(str((await ledger.get())["port"]))
        assert port.is_char_device()
        measured = await ledger.get()
    assert not port.is_symlink(), "it is unplugged"
    assert measured["event"] == "measured"
