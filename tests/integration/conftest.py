"""Real brokers for every integration test: NATS from its wheel, mosquitto from the system.

``broker`` is each of them in turn; ``nats`` and ``mosquitto`` are one; ``start_broker``,
``start_nats`` and ``start_mosquitto`` start them with TLS, with a user, or several at once.
"""

import asyncio
import os
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

import psutil
import pytest
import trustme
from ports import free_port

from devicehub.delivery.address import Address, TlsFiles, Version
from devicehub.delivery.broker import EmbeddedBroker

CONFIG = Path(__file__).parents[2] / "config"
PATIENCE_SECONDS = 20.0


@dataclass(frozen=True)
class Certificates:
    """The files of a small invented authority."""

    server: TlsFiles
    client: TlsFiles
    stranger: TlsFiles
    """A client that trusts the server but whose own certificate another authority signed."""


class RunningBroker(ABC):
    """A broker in a process of its own, at one port for its whole life."""

    def __init__(
        self, folder: Path, user: str | None, password: str | None, tls: TlsFiles | None
    ) -> None:
        self.folder = folder
        self.user = user
        self.password = password
        self.tls = tls
        self.port = free_port()

    speaks: Version

    def address(self, **changes: Any) -> Address:
        """Where it is and how to log in; ``changes`` to what would work."""
        return replace(
            Address("127.0.0.1", self.port, user=self.user, password=self.password), **changes
        )

    @property
    @abstractmethod
    def pid(self) -> int: ...

    @abstractmethod
    async def start(self) -> None: ...

    @abstractmethod
    async def stop(self) -> None: ...

    async def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        psutil.Process(self.pid).kill()
        await self.stop()

    def suspend(self) -> None:
        """Make it say nothing while its connections stay."""
        psutil.Process(self.pid).suspend()


class Nats(RunningBroker):
    """The embedded broker."""

    speaks: Version = "3.1.1"
    _embedded: EmbeddedBroker | None = None

    @property
    def pid(self) -> int:
        assert self._embedded is not None
        return self._embedded.pid

    async def start(self) -> None:
        self._embedded = EmbeddedBroker(
            self.folder, port=self.port, user=self.user, password=self.password, tls=self.tls
        )
        await self._embedded.start()

    async def stop(self) -> None:
        if self._embedded is not None:
            await self._embedded.stop()


class Mosquitto(RunningBroker):
    """The broker a practice may have of its own."""

    speaks: Version = "5"
    binary: str
    _more: tuple[str, ...] = ()
    _process: asyncio.subprocess.Process | None = None

    async def configure(self, *lines: str) -> None:
        """Start again with more lines in the configuration file."""
        self._more = lines
        await self.stop()
        await self.start()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        configuration = self.folder / "mosquitto.conf"
        configuration.write_text("\n".join(self._settings()) + "\n")
        with (self.folder / "mosquitto.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                self.binary, "-c", str(configuration), stdout=log, stderr=log
            )
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await self._is_up():
                assert self._process.returncode is None, self.folder / "mosquitto.log"
                await asyncio.sleep(0.02)

    async def _is_up(self) -> bool:
        return await answers(self.port)

    def _settings(self) -> list[str]:
        lines = [f"listener {self.port} 127.0.0.1", "max_queued_messages 100000"]
        if sys.platform != "win32" and os.geteuid() == 0:
            lines.append("user root")  # else it gives up root and cannot read the test's files
        if self.user is None:
            lines.append("allow_anonymous true")
        else:
            passwords = self.folder / "passwords"
            passwords.unlink(missing_ok=True)
            subprocess.run(
                ["mosquitto_passwd", "-b", "-c", passwords, self.user, self.password or ""],
                check=True,
                capture_output=True,
            )
            lines += ["allow_anonymous false", f"password_file {passwords}"]
        if self.tls is not None:
            lines += [f"certfile {self.tls.certificate}", f"keyfile {self.tls.key}"]
            if self.tls.ca is not None:
                lines += [f"cafile {self.tls.ca}", "require_certificate true"]
        return [*lines, *self._more]

    async def stop(self) -> None:
        if self._process is not None:
            if self._process.returncode is None and psutil.pid_exists(self._process.pid):
                self._process.kill()
            await self._process.wait()


class ExampleMosquitto(Mosquitto):
    """mosquitto as config/mosquitto.example.conf and .acl have it: TLS, passwords, an access list."""

    users: dict[str, str]
    """Who may log in with which password: `start` writes them."""

    def said(self) -> str:
        """Its log."""
        return (self.folder / "mosquitto.log").read_text()

    async def _is_up(self) -> bool:
        return " running" in self.said().rpartition(" starting")[2]  # a probe would be logged

    def _settings(self) -> list[str]:
        passwords = self.folder / "passwords"
        passwords.write_text("")
        for user, password in self.users.items():
            command = ["mosquitto_passwd", "-b", str(passwords), user, password]
            subprocess.run(command, check=True, capture_output=True)
        assert self.tls is not None
        text = (CONFIG / "mosquitto.example.conf").read_text("utf-8")
        for written, ours in {
            "listener 8883": f"listener {self.port} 127.0.0.1",
            "/etc/mosquitto/certs/broker.pem": self.tls.certificate,
            "/etc/mosquitto/certs/broker.key": self.tls.key,
            "/etc/mosquitto/certs/ca.pem": self.tls.ca,
            "/etc/mosquitto/devicehub.passwords\nacl": f"{passwords}\nacl",
            "/etc/mosquitto/devicehub.acl\n\n": f"{CONFIG / 'mosquitto.example.acl'}\n\n",
        }.items():
            assert text.count(written) == 1, f"{written} stands in the example once"
            text = text.replace(written, str(ours))
        if sys.platform != "win32" and os.geteuid() == 0:
            text += "user root\n"  # else it gives up root and cannot read the test's files
        return text.splitlines()


Kind_co = TypeVar("Kind_co", bound=RunningBroker, covariant=True)


class StartBroker(Protocol[Kind_co]):
    """Start a broker that ends with the test; it asks for what it is given."""

    def __call__(
        self,
        *,
        user: str | None = None,
        password: str | None = None,
        tls: TlsFiles | None = None,
    ) -> Awaitable[Kind_co]: ...


async def answers(port: int) -> bool:
    """Whether somebody listens."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


def starter(kind: type[Kind_co], folder: Path, stack: AsyncExitStack) -> StartBroker[Kind_co]:
    """A function that starts brokers of one kind, each in a folder of its own."""
    count = 0

    async def start(
        *, user: str | None = None, password: str | None = None, tls: TlsFiles | None = None
    ) -> Kind_co:
        nonlocal count
        count += 1
        own = folder / f"{kind.__name__.lower()}-{count}"
        own.mkdir()
        broker = kind(own, user, password, tls)
        stack.push_async_callback(broker.stop)
        await broker.start()
        return broker

    return start


@pytest.fixture
async def start_nats(tmp_path: Path) -> AsyncIterator[StartBroker[Nats]]:
    async with AsyncExitStack() as stack:
        yield starter(Nats, tmp_path, stack)


@pytest.fixture
async def start_mosquitto(
    tmp_path: Path, needs: Callable[[str], str]
) -> AsyncIterator[StartBroker[Mosquitto]]:
    Mosquitto.binary = needs("mosquitto")
    async with AsyncExitStack() as stack:
        yield starter(Mosquitto, tmp_path, stack)


@pytest.fixture
async def example_mosquitto(
    tmp_path: Path, needs: Callable[[str], str], certificates: Certificates
) -> AsyncIterator[ExampleMosquitto]:
    """Not started: say first who its users are."""
    needs("mosquitto_passwd")
    ExampleMosquitto.binary = needs("mosquitto")
    folder = tmp_path / "mosquitto-example"
    folder.mkdir()
    broker = ExampleMosquitto(folder, None, None, certificates.server)
    yield broker
    await broker.stop()


@pytest.fixture(params=["nats", "mosquitto"])
def start_broker(request: pytest.FixtureRequest) -> StartBroker[RunningBroker]:
    start: StartBroker[RunningBroker] = request.getfixturevalue(f"start_{request.param}")
    return start


@pytest.fixture
async def nats(start_nats: StartBroker[Nats]) -> Nats:
    return await start_nats()


@pytest.fixture
async def mosquitto(start_mosquitto: StartBroker[Mosquitto]) -> Mosquitto:
    return await start_mosquitto()


@pytest.fixture
async def broker(start_broker: StartBroker[RunningBroker]) -> RunningBroker:
    return await start_broker()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    authority, other = trustme.CA(), trustme.CA()
    trusted = folder / "ca.pem"
    authority.cert_pem.write_to_path(trusted)

    def issue(name: str, by: trustme.CA, identity: str) -> TlsFiles:
        certificate = by.issue_cert(identity)
        chain, key = folder / f"{name}.pem", folder / f"{name}.key"
        for index, blob in enumerate(certificate.cert_chain_pems):
            blob.write_to_path(chain, append=index > 0)
        certificate.private_key_pem.write_to_path(key)
        return TlsFiles(ca=trusted, certificate=chain, key=key)

    return Certificates(
        server=issue("server", authority, "127.0.0.1"),
        client=issue("client", authority, "station.example.org"),
        stranger=issue("stranger", other, "stranger.example.org"),
    )
