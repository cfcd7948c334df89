"""The simulated serial cuffs and oximeters: their truth is what their bytes say; they do nothing they are not asked."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import SERIAL, Frame
from devicehub.testing.simulator import Message
from devicehub_drivers import and_tm2657, omron_hbp, terumo_es_p2020, visomat
from devicehub_simulators.and_tm2657 import AndTm2657
from devicehub_simulators.contec_cms50d import ASK_LIVE, ContecCms50d
from devicehub_simulators.nonin_serial import ACKNOWLEDGE, NoninSerial
from devicehub_simulators.omron_hbp import OmronHbp
from devicehub_simulators.suntech_oem import SuntechOem
from devicehub_simulators.terumo_es_p2020 import TerumoEsP2020
from devicehub_simulators.visomat import ASK_MEMORY, Visomat

NOW = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
PRINTERS = (
    (AndTm2657, and_tm2657.DRIVER),
    (OmronHbp, omron_hbp.DRIVER),
    (TerumoEsP2020, terumo_es_p2020.DRIVER),
)


@given(seed=st.integers(0, 2**32))
def test_a_printer_tells_its_truth_and_takes_no_commands(seed: int) -> None:
    for make, driver in PRINTERS:
        cuff = make(seed)
        assert cuff.receive(b"anything\r\n", NOW) == b""
        (said,) = cuff.measure(NOW)
        (line,) = driver.line.framer().feed(said.data)
        frame = driver.unseal(Frame.of(SERIAL, line), {})
        assert list(driver.decode(frame)) == [said.truth]


@given(seed=st.integers(0, 2**32))
def test_a_visomat_tells_its_memory_when_asked(seed: int) -> None:
    cuff = Visomat(seed)
    assert cuff.receive(ASK_MEMORY[:3], NOW) == b""
    assert cuff.receive(ASK_MEMORY[3:], NOW) == b"\x02M1001M2001\x03"
    truths = [step.truth for step in cuff.measure(NOW) if step.truth is not None]
    memory = cuff.receive(ASK_MEMORY, NOW)
    assert list(visomat.DRIVER.decode(Frame.of(SERIAL, memory))) == truths
    assert cuff.receive(b"\x02R02\x03", NOW) == b""


def test_a_spot_check_is_kept_until_it_is_acknowledged() -> None:
    oximeter = NoninSerial(seed=2)

    def sent() -> list[bytes]:
        return [step.data for step in oximeter.measure(NOW) if step.data]

    (first,) = sent()
    again, second = sent()
    assert again == first
    for _ in range(2):
        oximeter.receive(ACKNOWLEDGE, NOW)
    (third,) = sent()
    assert third not in (first, second)


def test_a_contec_is_silent_until_it_is_asked() -> None:
    oximeter = ContecCms50d(seed=1)
    silent: list[Message] = list(oximeter.measure(NOW))
    assert not any(step.data for step in silent)
    assert oximeter.receive(ASK_LIVE, NOW) == b""
    assert all(step.data for step in oximeter.measure(NOW))


@pytest.mark.parametrize("start", [b"\x3a\x20\xa6", b"\x3a\x28\x9e", b"\x3a\x87\x3f"])
def test_a_suntech_starts_for_nobody(start: bytes) -> None:
    cuff = SuntechOem(seed=1)
    cuff.receive(start.ljust(5, b"\0"), NOW)
    assert cuff.receive(b"\x3a\x79\x05\x00\x48", NOW) == b"\x3e\x05\x00\x00\xbd"
