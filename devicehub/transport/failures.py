"""What keeps a radio from working at all, in words for the person who must act."""

from __future__ import annotations

import sys
from typing import Literal

from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
)

RadioFault = Literal[
    "no_adapter",
    "switched_off",
    "denied",
    "no_bluez",
    "no_bus",
    "unplugged",
    "stuck",
    "no_simulator",
    "other",
]
"""What is wrong, for the page: it has words of its own for each, in the reader's language."""

_NO_SERVICE = "org.freedesktop.DBus.Error.ServiceUnknown"
NO_ADAPTER = (
    "cet ordinateur n'a pas de radio Bluetooth Low Energy : branchez un adaptateur USB Bluetooth 4.0 ou plus récent · "
    "this computer has no Bluetooth Low Energy radio: plug in a Bluetooth 4.0 or later USB adapter"
)
SWITCHED_OFF = (
    "le Bluetooth est éteint : allumez-le dans les réglages du système · Bluetooth is switched off: switch it on in "
    "the system's settings"
)


class RadioUnavailable(Exception):
    """There is no radio to listen with. ``reason`` says what is missing and the next physical act."""

    def __init__(self, reason: str, fault: RadioFault = "other") -> None:
        super().__init__(reason)
        self.reason = reason
        self.fault = fault


def unavailable(error: BaseException) -> RadioUnavailable:
    """What a stack's failure to start means for a person. A `RadioUnavailable` is its own meaning."""
    if isinstance(error, RadioUnavailable):
        return error
    if isinstance(error, BleakBluetoothNotAvailableError) and error.reason in _REASONS:
        return RadioUnavailable(*_REASONS[error.reason])
    if isinstance(error, BleakDBusError) and error.dbus_error == _NO_SERVICE:
        return RadioUnavailable(
            "BlueZ ne tourne pas : installez le paquet bluez et démarrez son service, bluetooth · BlueZ is not running: install the package bluez and start its service, bluetooth",
            "no_bluez",
        )
    if isinstance(error, OSError) and sys.platform == "linux":
        return RadioUnavailable(
            "le bus D-Bus du système ne répond pas, BlueZ est hors d'atteinte : installez et démarrez les paquets dbus et "
            "bluez · no D-Bus system bus answers, so BlueZ cannot be reached: install and start the packages "
            f"dbus and bluez ({error})",
            "no_bus",
        )
    return RadioUnavailable(
        "le Bluetooth ne peut pas servir : vérifiez que son service tourne et qu'il n'est pas éteint · Bluetooth cannot "
        f"be used: check that its service is running and not switched off ({error})"
    )


_DENIED = (
    "le système interdit le Bluetooth à ce programme : autorisez-le dans les réglages · the system does not let this "
    "program use Bluetooth: allow it in the settings"
)
_REASONS: dict[BleakBluetoothNotAvailableReason, tuple[str, RadioFault]] = {
    BleakBluetoothNotAvailableReason.NO_BLUETOOTH: (NO_ADAPTER, "no_adapter"),
    BleakBluetoothNotAvailableReason.NO_BLE_CENTRAL_ROLE: (NO_ADAPTER, "no_adapter"),
    BleakBluetoothNotAvailableReason.POWERED_OFF: (SWITCHED_OFF, "switched_off"),
    BleakBluetoothNotAvailableReason.DENIED_BY_USER: (_DENIED, "denied"),
    BleakBluetoothNotAvailableReason.DENIED_BY_SYSTEM: (_DENIED, "denied"),
    BleakBluetoothNotAvailableReason.DENIED_BY_UNKNOWN: (_DENIED, "denied"),
}
