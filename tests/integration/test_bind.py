"""`devicehub devices bind` and `list`: real ports, real drivers' simulators, and the configuration they lead to."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from devicehub.config import load
from devicehub.devices import listening, registry
from devicehub.devices.listening import PortHeard, as_table, listen, tries
from devicehub.driver import (
    LineSettings,
    LinkLost,
    NotUnderstood,
    Refused,
    SerialDriver,
    SerialLink,
)
from devicehub.testing.capture import captured
from devicehub.transport.port_identity import Port

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are Unix's", allow_module_level=True)

from devicehub.testing.pty_body import PtyBody
from devicehub.testing.pty_port import pty_port
from devicehub_simulators.mt_sics import MtSicsScale

PATIENCE = 40.0
CAPTURES = Path(__file__).parents[1] / "captures"
DRIVERS = [one for one in registry.installed().values() if isinstance(one, SerialDriver)]


def driver(name: str) -> SerialDriver:
    return cast("SerialDriver", registry.find(name))


def said(name: str, capture: str) -> bytes:
    (one,) = [one for one in captured(name, CAPTURES) if one.capture.path.stem == capture]
    return b"".join(step.data for step in one.capture.steps if step.by == "device")


class Terminal:
    """A device's end of a line, which a person uses again and again."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._plugged = ExitStack()
        self.device, self.path = self._plugged.enter_context(pty_port(held=True))

    async def use(self, every: float = 0.2) -> None:
        while True:
            with suppress(BlockingIOError):  # a line that nobody reads is full: a device speaks on
                os.write(self.device, self.data)
            await asyncio.sleep(every)

    def close(self) -> None:
        self._plugged.close()


@asynccontextmanager
async def used(data: bytes) -> AsyncIterator[Terminal]:
    terminal = Terminal(data)
    try:
        async with in_use(terminal, every=0.2):
            yield terminal
    finally:
        terminal.close()


@asynccontextmanager
async def in_use(terminal: Terminal, every: float = 1.3) -> AsyncIterator[None]:
    """Somebody measures again and again, and waits in between."""
    using = asyncio.create_task(terminal.use(every))
    try:
        yield
    finally:
        using.cancel()
        await asyncio.wait((using,))


async def hear(ports: list[Port], drivers: list[SerialDriver]) -> list[PortHeard]:
    heard = [PortHeard(port, port.identity(ports)) for port in ports]
    await listen(
        heard, drivers, seconds=PATIENCE, ask=False, tell=lambda *_: None, use=lambda: None
    )
    return heard


async def test_the_driver_that_understood_is_named() -> None:
    async with used(said("and_tm2657", "published_line")) as cuff:
        ports = [Port(cuff.path, "0403:6001", "CUFF", "1-2")]
        (heard,) = await hear(ports, [driver("and_tm2657"), driver("omron_hbp")])
    (understood,) = heard.understood
    assert (understood.driver.id, understood.is_sure) == ("and_tm2657", True)
    assert understood.kinds == ("blood_pressure",)
    assert as_table(heard, understood, ["and-tm2657"]).splitlines() == [
        "[[device]]",
        'id = "and-tm2657-2"',
        'name = "A&D TM-2657P"',
        'driver = "and_tm2657"',
        'port = "usb:0403:6001:CUFF"',
    ]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - a port tells nobody what it has heard so far
            await asyncio.sleep(0.01)


async def test_what_was_understood_before_the_line_was_lost_is_named() -> None:
    scale = Terminal(SCALE)
    heard = PortHeard(Port(scale.path), scale.path)
    work = listen(
        [heard],
        [driver("rice_lake_350")],
        seconds=PATIENCE,
        ask=False,
        tell=lambda *_: None,
        use=lambda: None,
    )
    async with asyncio.timeout(PATIENCE / 2):
        listening_on = asyncio.create_task(work)
        try:
            async with in_use(scale, every=0.2):
                await until(lambda: heard.bytes_heard >= len(SCALE))
            scale.close()  # unplugged
            await listening_on
        finally:
            listening_on.cancel()
            await asyncio.wait((listening_on,))
    assert [one.driver.id for one in heard.understood] == ["rice_lake_350"]


@pytest.mark.parametrize("end", [LinkLost("gone"), Refused("no"), NotUnderstood("what")])
async def test_what_was_understood_before_a_session_failed_is_named(end: Exception) -> None:
    async def session(link: SerialLink) -> None:
        while (frame := await link.frame(within=PATIENCE)) is not None:
            await link.deliver(frame)
            raise end

    asked = replace(driver("rice_lake_350"), session=session)
    async with used(SCALE) as scale:
        heard = PortHeard(Port(scale.path), scale.path)
        told: list[LineSettings | None] = []
        async with asyncio.timeout(PATIENCE / 2):
            await listen(
                [heard],
                [asked],
                seconds=PATIENCE,
                ask=True,
                tell=lambda _one, settings: told.append(settings),
                use=lambda: None,
            )
    assert [one.driver.id for one in heard.understood] == ["rice_lake_350"]
    assert told == [None], "once, and no other settings were tried"


async def test_look_alikes_are_all_named() -> None:
    one = driver("rice_lake_350")
    twin = replace(one, id="twin")
    async with used(said("rice_lake_350", "printed_examples")) as scale:
        (heard,) = await hear([Port(scale.path)], [one, twin])
    assert [each.driver.id for each in heard.understood] == ["rice_lake_350", "twin"]
    assert not any(each.is_sure for each in heard.understood)


async def test_a_makers_usb_id_only_proposes() -> None:
    assert driver("visomat").line.usb == "1247:00f8"
    async with used(said("and_tm2657", "published_line")) as cuff:
        ports = [Port(cuff.path, "1247:00f8", None, "1-1")]
        (heard,) = await hear(ports, [driver("visomat"), driver("and_tm2657")])
    assert heard.by_usb == ("visomat",)
    assert [each.driver.id for each in heard.understood] == ["and_tm2657"]


async def test_what_nobody_understands_moves_on_to_the_next_settings() -> None:
    told: list[LineSettings] = []
    enough = asyncio.Event()

    def tell(_heard: PortHeard, settings: LineSettings | None) -> None:
        if settings is not None:
            told.append(settings)
        if len(told) == 2:
            enough.set()

    async with used(b"no device says this\r\n") as strange:
        heard = [PortHeard(Port(strange.path), strange.path)]
        drivers = [driver("and_scale"), driver("sartorius_sbi")]
        work = listen(heard, drivers, seconds=PATIENCE, ask=False, tell=tell, use=lambda: None)
        task = asyncio.create_task(work)
        await asyncio.wait_for(enough.wait(), PATIENCE)
        task.cancel()
        await asyncio.wait((task,))
    assert len(set(told)) == 2


def verdict(name: str, data: bytes) -> listening.Understood | None:
    judge = listening._Judge(tries([driver(name)])[0])
    judge.hear(data)
    return judge.verdict()


@pytest.mark.parametrize("name", [one.id for one in DRIVERS])
async def test_every_driver_understands_what_its_device_says(name: str) -> None:
    for one in captured(name, CAPTURES):
        assert verdict(name, said(name, one.capture.path.stem)) is not None


@pytest.mark.parametrize(
    ("name", "other", "capture"),
    [
        ("berry_bci_serial", "nonin_serial", "format_2"),  # chance: a fifth of its bytes
        ("contec_cms50d", "ads1298_bridge", "ecg_fe"),
        ("kern", "mt_sics", "manual_examples"),
        ("pelstar", "and_scale", "streaming_pounds"),
        ("and_scale", "and_tm2657", "published_line"),
    ],
)
async def test_what_looks_like_a_message_in_another_devices_bytes_is_no_understanding(
    name: str, other: str, capture: str
) -> None:
    assert verdict(name, said(other, capture)) is None


async def test_a_driver_that_understands_less_than_half_is_not_named() -> None:
    line = b"S S     72.40 kg\r\n"
    assert verdict("mt_sics", line) is not None
    assert verdict("mt_sics", line + b"another thing\r\n" * 2) is None


def test_every_setting_a_driver_declares_is_tried() -> None:
    found = {(one.driver.id, str(one.settings), one.model, one.differs) for one in tries(DRIVERS)}
    assert {
        ("and_scale", "2400 7E1", None, False),
        ("and_scale", "9600 8N1", None, True),
        ("sartorius_sbi", "1200 7O1", None, True),
        ("contec_cms50d", "19200 8O1", "CMS50D+ before firmware 4.6", False),
    } <= found


def test_settings_that_are_not_the_drivers_own_are_proposed_with_it() -> None:
    heard = PortHeard(Port("COM3"), "COM3")
    for one in tries([driver("sartorius_sbi"), driver("contec_cms50d")]):
        understood = listening.Understood(
            one.driver, one.settings, one.model, one.differs, 3, ("body_weight",)
        )
        table = as_table(heard, understood, [])
        assert ('line = { baud = 1200, data_bits = 7, parity = "odd" }' in table) == one.differs
        assert ('model = "CMS50D+ before firmware 4.6"' in table) == (one.model is not None)


async def command(*arguments: str | Path) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "devicehub", "devices", *map(str, arguments)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    return process.returncode or 0, out.decode(), err.decode()


ROOM = '# The room.\n[station]\nid = "room-1"  # never changed\nsite = "practice"\n'


async def test_a_device_that_only_answers_is_asked_where_its_driver_is_named_and_is_configured(
    tmp_path: Path,
) -> None:
    config = tmp_path / "devicehub.toml"
    config.write_text(ROOM)
    async with PtyBody(MtSicsScale(seed=1), lambda *_: None) as body:
        asked = ("bind", "--port", body.path, "--driver", "mt_sics", "--config", config)
        status, out, err = await command(*asked, "--write", "--json")
        assert status == 0, err
        (heard,) = [json.loads(line) for line in out.splitlines()]
        assert heard["path"] == body.path
        assert [each["driver"] for each in heard["understood"]] == ["mt_sics"]
        assert config.read_text().startswith(ROOM)
        (device,) = load(config, environment={}, known_drivers=registry.installed()).device
        assert (device.id, device.driver, device.port) == ("mt-sics", "mt_sics", body.path)

        status, out, err = await command("list", "--config", config, "--json")
        listed = [json.loads(line) for line in out.splitlines()]
        assert [one for one in listed if one["event"] == "device"] == [
            {
                "event": "device",
                "id": "mt-sics",
                "driver": "mt_sics",
                "port": body.path,
                "path": body.path,
                "trouble": None,
            }
        ]
        # It is taken now: no second device is bound to it.
        status, out, err = await command(*asked)
        assert (status, out) == (3, "")
        assert "already bound to the device mt-sics" in err


async def test_a_port_that_stays_silent_is_said_to_be_silent(tmp_path: Path) -> None:
    terminal = Terminal(b"")
    try:
        status, out, err = await command("bind", "--port", terminal.path, "--seconds", "1")
    finally:
        terminal.close()
    assert (status, out) == (1, "")
    assert f"{terminal.path} : silence" in err
    assert "--driver" in err


async def test_a_driver_that_reads_no_line_is_refused() -> None:
    status, _out, err = await command("bind", "--driver", "sig_thermometer")
    assert status == 2
    assert "sig_thermometer" in err


async def test_ports_are_listed_in_spite_of_a_configuration_that_is_wrong(tmp_path: Path) -> None:
    config = tmp_path / "devicehub.toml"
    config.write_text(ROOM + 'port = "usb:1"\n')
    status, _out, err = await command("list", "--config", config)
    assert status == 3
    assert "devicehub.toml:5" in err


CUFF = said("and_tm2657", "published_line")
SCALE = said("rice_lake_350", "printed_examples")


class Binding:
    """`devicehub devices bind` at work, and what it has said so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[str] = []

    async def says(self, words: str) -> None:
        """Wait until it says these words."""
        assert self.process.stderr is not None
        async with asyncio.timeout(PATIENCE):
            while not any(words in line for line in self.said):
                line = await self.process.stderr.readline()
                assert line, "".join(self.said)
                self.said.append(line.decode())

    async def ends(self) -> tuple[int, str, str]:
        out, err = await asyncio.wait_for(self.process.communicate(), PATIENCE)
        assert self.process.returncode is not None
        return self.process.returncode, out.decode(), "".join(self.said) + err.decode()


@asynccontextmanager
async def binding(*arguments: str | Path) -> AsyncIterator[Binding]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "devicehub", "devices", "bind", *map(str, arguments)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Binding(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "devicehub.toml"
    file.write_text(ROOM)
    return file


@pytest.fixture
def idle() -> Iterator[Terminal]:
    """A device that nobody has touched yet: the cuff."""
    terminal = Terminal(CUFF)
    yield terminal
    terminal.close()


async def test_a_scale_that_always_speaks_is_not_the_cuff_in_the_hand(
    config: Path, idle: Terminal
) -> None:
    async with (
        used(SCALE) as scale,
        binding(
            *("--port", scale.path, "--port", idle.path, "--write", "--config", config)
        ) as bind,
    ):
        await bind.says("use the device")
        async with in_use(idle):
            status, _out, err = await bind.ends()
    assert status == 0, err
    (device,) = load(config, environment={}, known_drivers=registry.installed()).device
    assert (device.driver, device.port) == ("and_tm2657", idle.path)
    assert f"{scale.path} : parlait déjà avant" in err


async def test_two_ports_that_begin_to_speak_are_named_and_nothing_is_guessed(
    config: Path, idle: Terminal
) -> None:
    scale = Terminal(SCALE)
    try:
        async with binding(
            *("--port", scale.path, "--port", idle.path, "--write", "--config", config)
        ) as bind:
            await bind.says("use the device")
            async with in_use(scale):
                await bind.says(f"{scale.path} : rice_lake_350")  # the first word is not the last
            async with in_use(idle):
                status, out, err = await bind.ends()
    finally:
        scale.close()
    assert (status, out, config.read_text()) == (1, "", ROOM)
    assert f"{idle.path} : and_tm2657" in err
    assert f"--port {scale.path}" in err
    assert f"--port {idle.path}" in err


async def test_a_scale_that_always_speaks_is_not_written_where_the_cuff_stays_silent(
    config: Path, idle: Terminal
) -> None:
    async with used(SCALE) as scale:
        ports = ("--port", scale.path, "--port", idle.path)
        async with binding(*ports, "--seconds", "3", "--write", "--config", config) as bind:
            status, out, err = await bind.ends()
    assert (status, out, config.read_text()) == (1, "", ROOM)
    assert f"{idle.path} : silence" in err
    assert f"--port {scale.path}" in err, "how to say that it is the one, all the same"


async def test_whoever_has_heard_enough_ends_it_and_nothing_is_written(
    config: Path, idle: Terminal
) -> None:
    silent = Terminal(b"")
    try:
        async with binding(
            *("--port", silent.path, "--port", idle.path, "--write", "--config", config)
        ) as bind:
            await bind.says("use the device")
            async with in_use(idle):
                await bind.says(f"{idle.path} : and_tm2657")
            bind.process.send_signal(signal.SIGINT)
            status, out, _err = await bind.ends()
    finally:
        silent.close()
    assert (status, config.read_text()) == (0, ROOM)
    assert f'port = "{idle.path}"' in out


@pytest.mark.parametrize("named", [(), ("--driver", "and_scale")])
async def test_bytes_that_nobody_understands_are_counted_and_the_line_is_what_to_look_at(
    named: tuple[str, ...],
) -> None:
    garbled = b"\xfc\x98\x1e\x80" * 5
    async with used(garbled) as scale, binding("--port", scale.path, *named, "--json") as bind:
        await bind.says("measure again")
        bind.process.send_signal(signal.SIGINT)
        status, out, err = await bind.ends()
    (heard,) = [json.loads(line) for line in out.splitlines()]
    assert (status, heard["understood"]) == (1, [])
    assert heard["bytes"] >= len(garbled)
    assert heard["tried"][0] == "2400 7E1" if named else heard["tried"]
    assert f"{heard['bytes']} octets arrivés, aucun compris" in err
    assert all(settings in err for settings in heard["tried"])
    assert "silence" not in err
    assert "--driver" not in err or not named


async def test_a_named_driver_goes_on_to_the_setting_it_has_not_tried() -> None:
    async with used(b"\xfc\x98\x1e\x80" * 5) as scale:
        told: list[tuple[LineSettings | None, list[LineSettings]]] = []
        enough = asyncio.Event()

        def tell(one: PortHeard, settings: LineSettings | None) -> None:
            told.append((settings, list(one.tried)))
            enough.set()

        heard = [PortHeard(Port(scale.path), scale.path)]
        work = listen(
            heard, [driver("and_scale")], seconds=PATIENCE, ask=True, tell=tell, use=lambda: None
        )
        task = asyncio.create_task(work)
        await asyncio.wait_for(enough.wait(), PATIENCE)
        task.cancel()
        await asyncio.wait((task,))
    following, tried = told[0]
    assert (str(following), [str(one) for one in tried]) == ("9600 8N1", ["2400 7E1"])


async def test_a_device_that_does_not_answer_is_said_to_be_silent_whoever_asked() -> None:
    silent = Terminal(b"")
    try:
        status, _out, err = await command(
            *("bind", "--port", silent.path, "--driver", "mt_sics", "--seconds", "1")
        )
    finally:
        silent.close()
    assert status == 1
    assert f"{silent.path} : silence" in err
    assert "--driver" not in err, "one was named"
