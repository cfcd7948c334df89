"""The driver leaves a cuff that is idle, and comes back while it measures. Only the air is not real."""

from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from bumble.device import Connection

from devicehub.devices import nearby, registry
from devicehub.driver import listen
from devicehub.journal.journal import Journal
from devicehub.reading import settle
from devicehub.testing import radio
from devicehub.transport import ble
from devicehub.transport.hands import station_now
from devicehub_drivers.sig_blood_pressure import DRIVER
from devicehub_simulators import sig_blood_pressure as simulated_cuff
from tests.integration.test_ble import until
from tests.integration.test_radio_care import CUFF, Open, Ward

IDLE = timedelta(seconds=1)
TALK = listen("2a35", live=("2a36",), quiet=1.5 * IDLE.total_seconds())
BOUND = f'[[device]]\nid = "device-1"\nname = "Cuff"\naddress = "{CUFF}"\ndriver = "{DRIVER.id}"\n'


@pytest.mark.parametrize("astray", [0, ble.ATTEMPTS])
async def test_what_began_while_an_idle_link_was_made_anew_began_since_the_device_was_seen_idle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, astray: int
) -> None:
    """Also where the cuff could not be reached at first: so many connects after the first go astray."""
    monkeypatch.setattr(settle, "IDLE", IDLE)
    monkeypatch.setattr(nearby, "CALL_EVERY", 0.0)
    monkeypatch.setattr(simulated_cuff, "STEP_SECONDS", 0.005)
    monkeypatch.setattr(registry, "find", {DRIVER.id: replace(DRIVER, session=TALK)}.__getitem__)
    real, comes = radio._advertises, [True] + [False] * astray
    monkeypatch.setattr(radio, "_advertises", lambda *on: (not comes or comes.pop(0)) and real(*on))
    made, ended = list[datetime](), list[datetime]()

    def linked(link: Connection) -> None:
        made.append(station_now())
        link.on("disconnection", lambda _reason: ended.append(station_now()))

    async with AsyncExitStack() as stack:
        ward = Ward(tmp_path, stack)
        await ward.port()
        cuff = await ward.add(Open("TEST-0001", seed=1))
        cuff._device.on("connection", linked)
        async with ward.station(more=BOUND) as page:
            await until(lambda: len(made) == 2)
            await cuff.subscribed()
            await cuff.measure()
            await page.read()
    async with Journal(ward.data / "journal.sqlite") as journal:
        (filing,) = await journal.latest(2)
    began = filing.reading.began
    assert (began.known_from, comes) == ("live_frames", [])
    assert made[0] < began.earliest <= ended[0] - IDLE < made[1] <= began.latest
