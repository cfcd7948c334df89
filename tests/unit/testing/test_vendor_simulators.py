"""The simulated vendors' devices: whoever steps on or puts the cuff on, their truth is what their bytes say."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicehub.driver import BleDriver, Frame, Measurement
from devicehub.testing.simulator import AttributeRefused, BleSimulator, Message
from devicehub_drivers import (
    beurer_bf700,
    beurer_bm85,
    microlife_bp3gy1,
    transtek,
    xiaomi_s400,
    xiaomi_scale,
    yonker_bp,
)
from devicehub_simulators.beurer_bf700 import BeurerBf700
from devicehub_simulators.beurer_bm85 import BeurerBm85
from devicehub_simulators.microlife_bp3gy1 import MicrolifeBp3gy1
from devicehub_simulators.transtek import Transtek
from devicehub_simulators.xiaomi_s400 import XiaomiS400
from devicehub_simulators.xiaomi_scale import XiaomiScale
from devicehub_simulators.yonker_bp import YonkerBp

NOW = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
SEEDS = st.integers(0, 2**32)
GET_MEMORY = bytes.fromhex("4dff000900000000000000fd52")


def truths(messages: Iterable[Message]) -> list[Measurement]:
    return [message.truth for message in messages if message.truth is not None]


def read(driver: BleDriver, *parts: tuple[str, bytes]) -> list[Measurement]:
    return list(driver.decode(driver.unseal(Frame(parts), {})))


@given(seed=SEEDS)
@pytest.mark.parametrize(
    ("make", "driver"),
    [(BeurerBm85, beurer_bm85.DRIVER), (YonkerBp, yonker_bp.DRIVER), (Transtek, transtek.DRIVER)],
)
def test_each_finished_message_says_its_truth(
    make: type[BeurerBm85 | YonkerBp | Transtek], driver: BleDriver, seed: int
) -> None:
    for message in make("TEST-0001", seed).measure(NOW):
        found = read(driver, (message.on, message.data))
        finished = [each for each in found if "unstable" not in getattr(each, "flags", ())]
        assert finished == ([] if message.truth is None else [message.truth])


@given(seed=SEEDS)
def test_a_bf700_goes_on_when_it_is_acknowledged(seed: int) -> None:
    scale = BeurerBf700("TEST-0001", seed)
    *live, part = scale.measure(NOW)
    assert truths(live) == []
    parts, told = [(part.on, part.data)], list[Message]()
    while parts[-1][1][2] != parts[-1][1][3]:
        part, *rest = scale.write("ffe1", b"\xe7\xf1" + parts[-1][1][1:4], NOW)
        parts.append((part.on, part.data))
        told += rest
    assert read(beurer_bf700.DRIVER, *parts) == truths(told)


@given(seed=SEEDS, count=st.integers(1, 4))
def test_a_microlife_tells_all_it_has_measured(seed: int, count: int) -> None:
    cuff = MicrolifeBp3gy1("TEST-0001", seed)
    measured = [truth for _ in range(count) for truth in truths(cuff.measure(NOW))]
    answer = tuple((message.on, message.data) for message in cuff.write("fff2", GET_MEMORY, NOW))
    assert read(microlife_bp3gy1.DRIVER, *answer) == measured


def shown(simulator: BleSimulator) -> Iterator[tuple[str, bytes]]:
    """What it advertises while it measures, each once."""
    for _message in simulator.measure(NOW):
        ((service, data),) = simulator.advertisement.service_data.items()
        yield f"adv:{service}", data


@given(seed=SEEDS)
def test_a_mi_scale_advertises_its_truth(seed: int) -> None:
    finished = [
        measurement
        for place in dict.fromkeys(shown(XiaomiScale("TEST-0001", seed)))
        for measurement in read(xiaomi_scale.DRIVER, place)
        if getattr(measurement, "stable", True)
    ]
    weight, same_weight, impedance = finished
    assert weight == same_weight  # once without and once with the impedance
    assert [weight, impedance] == truths(XiaomiScale("TEST-0001", seed).measure(NOW))


@given(seed=SEEDS)
def test_an_s400_advertises_its_truth_sealed(seed: int) -> None:
    scale = XiaomiS400("TEST-0001", seed)
    secrets = {"bind_key": scale.bind_key, "mac": scale.mac}
    found = [
        measurement
        for on, data in dict.fromkeys(shown(scale))
        for measurement in xiaomi_s400.DRIVER.decode(
            xiaomi_s400.DRIVER.unseal(Frame.of(on, data), secrets)
        )
    ]
    assert found == truths(XiaomiS400("TEST-0001", seed).measure(NOW))


def test_a_transtek_trusts_only_its_own_password() -> None:
    scale = Transtek("TEST-0001", seed=1)
    clock = b"\x02" + bytes(4)
    (password,) = scale.write("8a81", clock, NOW)
    assert password.data == b"\xa0" + scale.password
    assert list(scale.write("8a81", b"\x22", NOW)) == []
    (challenge,) = scale.write("8a81", clock, NOW)
    wrong = bytes(b ^ 0xFF for b in challenge.data[1:])
    with pytest.raises(AttributeRefused):
        scale.write("8a81", b"\x20" + wrong, NOW)
    right = bytes(a ^ b for a, b in zip(challenge.data[1:], scale.password, strict=True))
    assert list(scale.write("8a81", b"\x20" + right, NOW)) == []
    assert scale.trusts
