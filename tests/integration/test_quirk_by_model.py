"""A quirk the advertisement does not tell: the technician's ``driver`` and ``model`` decide how bytes are read."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from devicehub.config.loading import load
from devicehub.devices import registry
from devicehub.devices.binding import BleBinding, recognise
from devicehub.driver import BleDriver, BodyWeight, Frame, Measurement, Overhear
from devicehub.testing.peripheral import Peripheral
from devicehub.testing.radio import Air, HubPort
from devicehub.testing.simulator import Advertisement, Message
from devicehub.transport.ble import Radio, Sighting
from devicehub.transport.hands import Arrival, Hands
from devicehub.transport.virtual import virtual_radio
from devicehub_simulators import renpho_es_wbe28

SCALE = "C0:00:00:00:00:01"
PATIENCE = 20.0
BOUND = f"""
[[device]]
id = "balance"
name = "Balance"
address = "{SCALE}"
driver = "renpho_es_wbe28"
model = "ES-WBE28"
"""
UNBOUND = f"""
[[device]]
id = "balance"
name = "Balance"
address = "{SCALE}"
"""


class Rebadged(renpho_es_wbe28.RenphoEsWbe28):
    """The same scale under another name, as nothing but the SIG's services."""

    @property
    def advertisement(self) -> Advertisement:
        return replace(super().advertisement, name="TEST SCALE", services=("181d",))


def bindings(folder: Path, toml: str) -> list[BleBinding]:
    path = folder / "devicehub.toml"
    path.write_text('[station]\nid = "salle-1"\nsite = "test"\n' + toml)
    settings = load(path, environment={}, known_drivers=registry.installed())
    return [
        BleBinding(d.id, d.name, d.address, d.name_prefix, d.driver, d.model)
        for d in settings.device
    ]


@pytest.fixture
def measured() -> list[Message]:
    return []


@pytest.fixture
async def scale(
    monkeypatch: pytest.MonkeyPatch, measured: list[Message]
) -> AsyncIterator[tuple[Peripheral, Radio]]:
    def event(name: str, message: Message) -> None:
        if name == "measured":
            measured.append(message)

    monkeypatch.setattr(renpho_es_wbe28, "SETTLES_SECONDS", 0.005)
    air = Air()
    async with (
        HubPort(air, "tcp-server:127.0.0.1:0") as port,
        Peripheral(Rebadged("TEST-0001", seed=1), air, SCALE, event) as peripheral,
        virtual_radio(port.address, None) as radio,
    ):
        yield peripheral, radio


async def seen(radio: Radio) -> Sighting:
    found: asyncio.Future[Sighting] = asyncio.get_running_loop().create_future()
    radio.listen(lambda sighting: None if found.done() else found.set_result(sighting))
    async with asyncio.timeout(PATIENCE):
        return await found


async def test_a_bound_model_is_read_with_its_quirk(
    scale: tuple[Peripheral, Radio], measured: list[Message], tmp_path: Path
) -> None:
    peripheral, radio = scale
    sighting = await seen(radio)
    recognised = recognise(sighting, bindings(tmp_path, BOUND), "simulator", accept_any=False)
    assert recognised is not None
    source, _name = recognised
    driver = source.driver
    assert isinstance(driver, BleDriver)
    assert (driver.id, source.model) == ("renpho_es_wbe28", "ES-WBE28")
    finished: asyncio.Queue[Measurement] = asyncio.Queue()
    as_generic: list[Measurement] = []

    async def deliver(frame: Frame, _arrival: Arrival) -> None:
        for one in driver.decode(frame):
            if isinstance(one, BodyWeight):
                as_generic.extend(registry.find("sig_weight_scale").decode(frame))
                finished.put_nowait(one)

    assert not isinstance(driver.session, Overhear)
    hands = Hands(deliver, lambda _frame, _arrival: None)
    async with asyncio.timeout(PATIENCE), radio.connect(sighting, hands) as link:
        talking = asyncio.ensure_future(driver.session(link))
        await peripheral.subscribed()
        await peripheral.measure()
        read = await finished.get()
        talking.cancel()
        await asyncio.wait((talking,))
    assert [read] == [message.truth for message in measured]
    # The same bytes by the letter of the specification: a tenth of the person.
    assert isinstance(read, BodyWeight)
    assert read.kilograms is not None
    assert [one.kilograms for one in as_generic if isinstance(one, BodyWeight)] == [
        read.kilograms / 10
    ]


async def test_without_it_the_advertisement_decides(
    scale: tuple[Peripheral, Radio], tmp_path: Path
) -> None:
    _peripheral, radio = scale
    recognised = recognise(
        await seen(radio), bindings(tmp_path, UNBOUND), "simulator", accept_any=False
    )
    assert recognised is not None
    assert recognised[0].driver.id == "sig_weight_scale"
