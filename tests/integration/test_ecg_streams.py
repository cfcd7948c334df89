"""The simulated ECG front ends on real lines: a stream without a pause, and the faults its electrodes were given."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator

import pytest

from devicehub.devices import registry
from devicehub.driver import EcgSamples, ElectrodeContact, Frame, Measurement, SerialDriver
from devicehub.testing.electrodes import BadFault
from devicehub.testing.simulate import UnknownSimulator, simulate
from devicehub.transport.hands import Arrival, Hands
from devicehub.transport.serial import open_line

PATIENCE = 30.0
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")

FRONT_ENDS = {
    "ads1298_bridge": 500,
    "ecg_uart_22": 500,
    "healthypi": 125,
    "medlab_eg": 300,
    "medlab_eg01010": 300,
    "openbci_cyton": 250,
    "protocentral_ads1292r": 125,
    "protocentral_ads1293": 100,
}


class Screen:
    """What a hub shows of one front end."""

    def __init__(self, driver: SerialDriver) -> None:
        self._driver = driver
        self._changed = asyncio.Event()
        self.samples: list[EcgSamples] = []
        self.contacts: list[ElectrodeContact] = []

    def live(self, frame: Frame, _arrival: Arrival) -> None:
        for measurement in self._driver.decode(frame):
            self._show(measurement)
        self._changed.set()

    async def deliver(self, frame: Frame, arrival: Arrival) -> None:
        raise AssertionError("a stream is never filed")

    def _show(self, measurement: Measurement) -> None:
        if isinstance(measurement, EcgSamples):
            self.samples.append(measurement)
        elif isinstance(measurement, ElectrodeContact):
            self.contacts.append(measurement)

    @property
    def length(self) -> int:
        return sum(len((one.microvolts or one.counts)[0]) for one in self.samples)

    def off(self) -> set[str]:
        """Which electrodes have ever been off."""
        return {
            name
            for one in self.contacts
            for name, contact in one.electrodes.items()
            if contact.state == "off"
        }

    @contextlib.asynccontextmanager
    async def before(self, device: str) -> AsyncIterator[None]:
        """With a simulated device on a line, and a hub that talks to it."""
        ledger: asyncio.Queue[dict[str, object]] = asyncio.Queue()
        playing = asyncio.create_task(
            simulate([device], hci=None, every=0.5, count=None, ledger=ledger.put_nowait)
        )
        hands = Hands(deliver=self.deliver, live=self.live, secrets={})
        try:
            port = str((await ledger.get())["port"])
            async with open_line(port, self._driver.line, hands) as link:

                async def talk() -> None:
                    await self._driver.session(link)

                talking = asyncio.create_task(talk())
                try:
                    yield
                finally:
                    talking.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await talking
        finally:
            playing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await playing

    async def until_shown(self, samples: int) -> None:
        while self.length < samples:
            self._changed.clear()
            await self._changed.wait()


def screen(driver_id: str) -> Screen:
    driver = registry.find(driver_id)
    assert isinstance(driver, SerialDriver)
    return Screen(driver)


@pytest.mark.parametrize("driver_id", FRONT_ENDS)
async def test_a_front_end_streams_on_and_nothing_is_lost(driver_id: str) -> None:
    shown = screen(driver_id)
    async with asyncio.timeout(PATIENCE), shown.before(driver_id):
        # More than two turns of the simulator: nothing is missing between them.
        await shown.until_shown(round(1.2 * FRONT_ENDS[driver_id]))
    holes = [v for one in shown.samples for v in (one.microvolts or one.counts)[0] if v is None]
    assert not holes
    assert {one.sampling_hz for one in shown.samples} <= {FRONT_ENDS[driver_id], None}


async def test_a_scripted_fault_reaches_the_screen() -> None:
    shown = screen("ads1298_bridge")
    async with asyncio.timeout(PATIENCE), shown.before("ads1298_bridge+LA:off@0.2,V3:off@0.2-0.4"):
        await shown.until_shown(500)
    assert shown.off() == {"LA", "V3"}
    last = shown.contacts[-1].electrodes
    assert (last["LA"].state, last["V3"].state) == ("off", "connected")


async def test_faults_nobody_can_play_are_told_before_anything_starts() -> None:
    for device, failure in (
        ("mt_sics+LA:off", UnknownSimulator),
        ("ads1298_bridge+LA:of", BadFault),
        ("ads1298_brige+LA:off", UnknownSimulator),
    ):
        with pytest.raises(failure):
            await simulate([device], hci=None, every=1, count=1, ledger=print)
