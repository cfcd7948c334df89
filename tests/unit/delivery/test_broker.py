"""The embedded broker as a process: what it opens, hides, refuses, and leaves."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from devicehub.delivery import broker as broker_module
from devicehub.delivery.address import Address, TlsFiles
from devicehub.delivery.broker import BrokerFailed, EmbeddedBroker, executable
from devicehub.delivery.mqtt import Incoming, MqttClient

PATIENCE_SECONDS = 20.0
PASSWORD = 'TEST-only "quoted" \\ é $x'


def test_the_wheel_brings_a_program_that_runs() -> None:
    said = subprocess.run([executable(), "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.startswith("nats-server")


async def test_it_takes_clients_when_start_returns_and_is_gone_when_stop_does(
    tmp_path: Path,
) -> None:
    async with EmbeddedBroker(tmp_path / "new" / "folder") as broker:
        assert broker.url == f"mqtt://127.0.0.1:{broker.port}"
        assert psutil.pid_exists(broker.pid)
        pid = broker.pid
        async with MqttClient(Address("127.0.0.1", broker.port)) as client:
            await asyncio.wait_for(client.connected.wait(), PATIENCE_SECONDS)
    assert not psutil.pid_exists(pid)
    with pytest.raises(BrokerFailed, match="not started"):
        _ = broker.port


async def test_both_its_doors_are_on_loopback(tmp_path: Path) -> None:
    async with EmbeddedBroker(tmp_path) as broker:
        listening = {
            connection.laddr.ip
            for connection in psutil.Process(broker.pid).net_connections()
            if connection.status == psutil.CONN_LISTEN
        }
    assert listening == {"127.0.0.1"}


async def test_the_password_is_neither_on_the_command_line_nor_for_others_to_read(
    tmp_path: Path,
) -> None:
    async with EmbeddedBroker(tmp_path, user="TEST", password=PASSWORD) as broker:
        process = psutil.Process(broker.pid)
        assert not [word for word in process.cmdline() if PASSWORD in word]
        assert PASSWORD not in str(process.environ())
        holders = [path for path in tmp_path.rglob("*") if path.is_file() and holds(path, PASSWORD)]
    assert holders == [tmp_path / "nats.conf"]
    if sys.platform != "win32":
        assert holders[0].stat().st_mode & 0o077 == 0


def holds(path: Path, secret: str) -> bool:
    content = path.read_bytes()
    return any(
        form.encode() in content for form in (secret, json.dumps(secret, ensure_ascii=False))
    )


async def test_an_mqtt_user_cannot_enter_by_the_other_door(tmp_path: Path) -> None:
    async with EmbeddedBroker(tmp_path, user="TEST", password=PASSWORD):
        (ports,) = tmp_path.glob("*.ports")
        port = int(json.loads(ports.read_text())["nats"][0].rsplit(":", 1)[1])
        for login in ({}, {"user": "TEST", "pass": PASSWORD}):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert (await reader.readline()).startswith(b"INFO")
            writer.write(b"CONNECT " + json.dumps({"verbose": False} | login).encode() + b"\r\n")
            assert b"Authorization Violation" in await reader.readline()
            writer.close()
            await writer.wait_closed()


async def test_a_taken_port_is_named_with_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(BrokerFailed, match=rf"port {port} is already used.*another port"):
            await EmbeddedBroker(tmp_path, port=port).start()


@pytest.mark.parametrize("missing", ["no key", "no file"])
async def test_certificates_that_cannot_be_used_are_said_at_the_start(
    tmp_path: Path, missing: str
) -> None:
    there = tmp_path / "server.pem"
    key = None if missing == "no key" else tmp_path / "server.key"
    with pytest.raises(BrokerFailed, match=r"needs a certificate|server\.pem"):
        await EmbeddedBroker(tmp_path, tls=TlsFiles(certificate=there, key=key)).start()


async def test_a_second_start_in_the_same_folder_is_refused_and_names_the_first(
    tmp_path: Path,
) -> None:
    async with EmbeddedBroker(tmp_path) as first:
        with pytest.raises(BrokerFailed, match=f"as process {first.pid}; its data is safe"):
            await EmbeddedBroker(tmp_path).start()
    async with EmbeddedBroker(tmp_path):
        pass


async def test_what_is_retained_survives_a_kill(tmp_path: Path) -> None:
    async with EmbeddedBroker(tmp_path) as broker:
        async with MqttClient(Address("127.0.0.1", broker.port)) as client:
            await asyncio.wait_for(client.connected.wait(), PATIENCE_SECONDS)
            await client.publish("devicehub/state", b"online", retain=True)
        psutil.Process(broker.pid).kill()
        await broker.ended()
    received: asyncio.Queue[Incoming] = asyncio.Queue()
    async with (
        EmbeddedBroker(tmp_path) as again,
        MqttClient(
            Address("127.0.0.1", again.port),
            subscriptions=("devicehub/state",),
            on_message=received.put,
        ),
    ):
        state = await asyncio.wait_for(received.get(), PATIENCE_SECONDS)
    assert (state.payload, state.retained) == (b"online", True)


async def test_one_that_does_not_end_when_asked_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_module, "STOP", 0.1)
    broker = EmbeddedBroker(tmp_path)
    await broker.start()
    process = psutil.Process(broker.pid)
    process.suspend()
    await broker.stop()
    assert not process.is_running()


async def test_one_that_never_gets_ready_is_reported_and_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_module, "READY", "never said")
    monkeypatch.setattr(broker_module, "START", 0.5)
    with pytest.raises(BrokerFailed, match="not ready within"):
        await EmbeddedBroker(tmp_path).start()


PARENT = """
import asyncio, sys
from pathlib import Path
from devicehub.delivery.broker import EmbeddedBroker

async def main():
    async with EmbeddedBroker(Path(sys.argv[1])) as broker:
        print(broker.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start names the orphan")
async def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], PATIENCE_SECONDS)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    async with EmbeddedBroker(tmp_path):
        pass
