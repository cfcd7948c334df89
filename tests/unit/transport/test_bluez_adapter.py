"""Which adapter is used. The watch over it is tested with BlueZ itself, in tests/system."""

import sys

import pytest

if sys.platform != "linux":
    pytest.skip("D-Bus is Linux's", allow_module_level=True)

from devicehub.transport.bluez_adapter import _choose
from devicehub.transport.failures import RadioUnavailable

ON, OFF = {"Powered": True}, {"Powered": False}


def test_the_first_adapter_that_is_switched_on_is_taken() -> None:
    assert _choose({"hci1": ON, "hci0": OFF, "hci2": ON}, "") == "hci1"


def test_the_adapter_asked_for_is_taken() -> None:
    assert _choose({"hci0": ON, "hci1": ON}, "hci1") == "hci1"


@pytest.mark.parametrize(
    ("adapters", "wanted", "words"),
    [
        ({}, "", "plug in a Bluetooth 4.0"),
        ({"hci0": OFF}, "", "switched off"),
        ({"hci0": ON, "hci1": OFF}, "hci1", "switched off"),
        ({"hci0": ON, "hci1": ON}, "hci7", "no Bluetooth adapter hci7.*hci0, hci1"),
    ],
)
def test_what_is_missing_is_said(
    adapters: dict[str, dict[str, bool]], wanted: str, words: str
) -> None:
    with pytest.raises(RadioUnavailable, match=words):
        _choose(adapters, wanted)
