"""A question to BlueZ over D-Bus. Linux only."""

from __future__ import annotations

from typing import Any

from bleak.exc import BleakDBusError
from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

BLUEZ = "org.bluez"


async def ask(bus: MessageBus, question: Message) -> list[Any]:
    """The body of the answer. Raises ``BleakDBusError`` for a no, and where nobody answers."""
    reply = await bus.call(question)
    if reply is None or reply.message_type is MessageType.ERROR:
        error, details = ("no reply", []) if reply is None else (reply.error_name, reply.body)
        raise BleakDBusError(error or "no name", details)
    return list(reply.body)
