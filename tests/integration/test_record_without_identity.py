"""A recorded conversation holds no number that somebody typed into the device, however the recording ends."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from devicehub.devices import registry
from devicehub.driver import BloodPressure, BodyWeight, Measurement, SerialDriver
from devicehub.testing.record import record_serial
from devicehub.testing.replay import replay
from devicehub.transport.tape import load

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are Unix's", allow_module_level=True)

from devicehub.testing.pty_port import pty_port

PATIENCE = 30.0
NUMBER = b"9700175123456"


def sealed(text: bytes) -> bytes:
    return text + f"CS,{sum(text) & 0xFF:02X}\r\n".encode()


def summed(text: bytes) -> bytes:
    return text + bytes([sum(text) & 0xFF])


SENT: dict[str, tuple[bytes, type[Measurement]]] = {
    "omron_hbp": (
        b"bp," + NUMBER.rjust(20, b"0") + b",2026/11/22,08:30,128,097,082,084,1\r\n",
        BloodPressure,
    ),
    "tanita": (sealed(b'{0,16,~0,1,MO,"SC-330",ID,"' + NUMBER + b'",Wk,72.4,'), BodyWeight),
    "health_o_meter": (
        b"\x1bR\x1bI" + NUMBER + b"\x1bW184.5\x1bH84.0\x1bNc\x1bE",
        BodyWeight,
    ),
    "terumo_es_p2020": (
        summed(b"\x02R1," + NUMBER + b",261122,083000,128,097,082,084\x03"),
        BloodPressure,
    ),
}


@pytest.fixture
def line() -> Iterator[tuple[int, str]]:
    """The device's end of a line, and the path of ours."""
    with pty_port(held=True) as ends:
        yield ends


def holds_the_number(folder: Path) -> bool:
    texts = [path.read_text("utf-8") for path in folder.iterdir()]
    return any(NUMBER.hex(" ") in text or NUMBER.decode() in text for text in texts)


def say_until_taped(device: int, sent: bytes, folder: Path) -> None:
    """Say it again until something is on the tape: what is said before the port is open is lost."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with suppress(BlockingIOError):  # a line that nobody reads is full
            os.write(device, sent)
        time.sleep(0.1)
        if any(path.read_text("utf-8").count("\n") > 2 for path in folder.iterdir()):
            return
    raise AssertionError("nothing was taped")


@pytest.mark.parametrize("driver_id", SENT)
async def test_the_number_is_not_in_the_capture_and_the_value_is(
    driver_id: str, line: tuple[int, str], tmp_path: Path
) -> None:
    device, port = line
    driver = registry.find(driver_id)
    assert isinstance(driver, SerialDriver)
    sent, kind = SENT[driver_id]
    file = tmp_path / "x.jsonl"
    recording = asyncio.create_task(
        record_serial(port, driver, file, seconds=2 * PATIENCE, heard=lambda _frame, _said: None)
    )
    # A message that has lost its beginning first: what is not understood is taped no less blank.
    await asyncio.to_thread(say_until_taped, device, sent[5:] + sent, tmp_path)
    assert not holds_the_number(tmp_path)
    recording.cancel()
    with pytest.raises(asyncio.CancelledError):
        await recording
    assert [path.name for path in tmp_path.iterdir()] == ["x.jsonl"]
    assert not holds_the_number(tmp_path)
    assert kind in {type(measurement) for measurement in replay(driver, load(file))}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_the_capture_and_nothing_else(
    how: signal.Signals,
    line: tuple[int, str],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    device, port = line
    folder = tmp_path / "captures"
    folder.mkdir()
    file = folder / "x.jsonl"
    command = [sys.executable, "-m", "devicehub", "record", str(file), "--port", port]
    program = subprocess.Popen([*command, "--driver", "omron_hbp", "--seconds", "300"])
    try:
        say_until_taped(device, SENT["omron_hbp"][0], folder)
        program.send_signal(how)
        assert program.wait(PATIENCE) == 0
    finally:
        program.kill()
        program.wait()
    assert f"{file}: read it" in capfd.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["x.jsonl"]
    assert not holds_the_number(folder)
