"""The air of a virtual radio, and the socket where a hub plugs in.

bumble's virtual controller and link, with what they lack (bumble 0.0.236) made good. Each correction
names the defect. Not corrected: payloads are not really encrypted, links have no supervision timeout but
`Air.out_of_range`'s, and duplicate advertisements are never filtered.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Literal, Self

from bumble import hci, ll
from bumble.controller import Connection, Controller
from bumble.core import PhysicalTransport
from bumble.link import LocalLink
from bumble.transport.common import PacketParser

_HUB_CONTROLLER_ADDRESS = "00:11:22:33:44:{:02X}"

Fault = Literal["deaf", "refuses_to_scan"]
"""What ails an adapter: it scans and hears nothing, or takes no order to scan."""


LAST_TCP_PORT = 65535


class Air(LocalLink):
    """What the controllers of one simulated room share."""

    def __init__(self) -> None:
        # bumble leaves the link's constructor unannotated.
        super().__init__()  # type: ignore[no-untyped-call]
        self.latency = 0.0
        """Seconds every packet of a connection is under way."""
        self._unreachable: set[Controller] = set()
        self._last_arrival = 0.0

    def out_of_range(
        self, controller: Controller, supervision_timeout: float | None = None
    ) -> None:
        """A device leaves. After ``supervision_timeout`` seconds both ends of its links learn of it (0x08)."""
        self._unreachable.add(controller)
        if supervision_timeout is not None:
            asyncio.get_running_loop().call_later(supervision_timeout, self._break, controller)

    def in_range(self, controller: Controller) -> None:
        """It is back."""
        self._unreachable.discard(controller)

    def leave(self, controller: Controller) -> None:
        """A controller ceases to exist: its links break at once, as after a supervision timeout."""
        self._break(controller)
        self._unreachable.discard(controller)
        self.remove_controller(controller)

    def _break(self, controller: Controller) -> None:
        lost = hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
        for connection in list(controller.le_connections.values()):
            peer = self.find_le_controller(connection.peer_address)
            controller.on_le_disconnected(connection, lost)
            if peer is not None and connection.self_address in peer.le_connections:
                peer.on_le_disconnected(peer.le_connections[connection.self_address], lost)

    def send_advertising_pdu(
        self, sender_controller: Controller, packet: ll.AdvertisingPdu
    ) -> None:
        """Only to who listens: bumble sends each advertisement to every controller, N² a second.

        A connect that no advertiser takes fails with 0x3E: bumble leaves the central with half a link.
        """
        if sender_controller in self._unreachable:
            return
        others = self.controllers - self._unreachable - {sender_controller}
        loop = asyncio.get_running_loop()
        if isinstance(packet, ll.ConnectInd):
            takers = [c for c in others if _advertises(c, packet.advertiser_address)]
            if not takers:
                loop.call_soon(self._not_established, sender_controller, packet.advertiser_address)
        else:
            takers = [c for c in others if c.le_scan_enable or c.pending_le_connection]
        for controller in takers:
            loop.call_soon(controller.on_ll_advertising_pdu, packet)

    def _not_established(self, controller: Controller, peer_address: hci.Address) -> None:
        connection = controller.le_connections.get(peer_address)
        if connection is not None:
            failed = hci.HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR
            controller.on_le_disconnected(connection, failed)

    def send_acl_data(
        self,
        sender_controller: Controller,
        destination_address: hci.Address,
        transport: PhysicalTransport,
        data: bytes,
    ) -> None:
        """From the address the link was made with: bumble takes the random one, and public links go deaf."""
        connection = sender_controller.le_connections.get(destination_address)
        destination = self.find_le_controller(destination_address)
        if connection is None or destination is None:
            return
        if self._unreachable & {sender_controller, destination}:
            return
        loop = asyncio.get_running_loop()
        arrive = destination.on_link_acl_data
        if self.latency:
            # Never before the packet sent earlier.
            self._last_arrival = max(self._last_arrival, loop.time() + self.latency)
            loop.call_at(self._last_arrival, arrive, connection.self_address, transport, data)
        else:
            loop.call_soon(arrive, connection.self_address, transport, data)

    def send_ll_control_pdu(
        self, sender_address: hci.Address, receiver_address: hci.Address, packet: ll.ControlPdu
    ) -> None:
        """Lost where nobody receives it: bumble raises in the sender."""
        sender = self.find_le_controller(sender_address)
        receiver = self.find_le_controller(receiver_address)
        if receiver is None or self._unreachable & {sender, receiver}:
            return
        asyncio.get_running_loop().call_soon(_control, receiver, sender_address, packet)


def _control(receiver: Controller, sender_address: hci.Address, packet: ll.ControlPdu) -> None:
    # Both ends may hang up in the same moment.
    if sender_address in receiver.le_connections:
        receiver.on_ll_control_pdu(sender_address, packet)


def _advertises(controller: Controller, address: hci.Address) -> bool:
    legacy = controller.le_legacy_advertiser
    return (legacy.enabled and legacy.address == address) or any(
        advertising.enabled and advertising.address == address
        for advertising in controller.advertising_sets.values()
    )


_REPORTS = (hci.HCI_LE_Advertising_Report_Event, hci.HCI_LE_Extended_Advertising_Report_Event)


class VirtualController(Controller):
    """bumble's controller with a connect that can be cancelled, as few places as a dongle has, and faults."""

    places: int | None = None
    """How many connections it takes; ``None`` for as many as there are."""
    fault: Fault | None = None
    strength = -50
    """How strongly it hears everybody, in dBm."""

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """As bumble, which hears everybody at -50 dBm."""
        if isinstance(packet, _REPORTS):
            for report in packet.reports:
                report.rssi = self.strength
        super().send_hci_packet(packet)

    def on_ll_advertising_pdu(self, packet: ll.AdvertisingPdu) -> None:
        """A deaf one hears no advertisement."""
        if self.fault != "deaf" or isinstance(packet, ll.ConnectInd):
            super().on_ll_advertising_pdu(packet)

    def on_hci_le_set_scan_enable_command(
        self, command: hci.HCI_LE_Set_Scan_Enable_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Refused by one that is stuck."""
        if self.fault == "refuses_to_scan" and command.le_scan_enable:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        return super().on_hci_le_set_scan_enable_command(command)

    def on_hci_le_set_extended_scan_enable_command(
        self, command: hci.HCI_LE_Set_Extended_Scan_Enable_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Refused by one that is stuck."""
        if self.fault == "refuses_to_scan" and command.enable:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        return super().on_hci_le_set_extended_scan_enable_command(command)

    def on_hci_le_create_connection_command(
        self, command: hci.HCI_LE_Create_Connection_Command
    ) -> None:
        """Refused by one whose places are taken (Core Specification, vol. 1, part F, 2.9)."""
        if not self._refused(command):
            super().on_hci_le_create_connection_command(command)

    def on_hci_le_extended_create_connection_command(
        self, command: hci.HCI_LE_Extended_Create_Connection_Command
    ) -> None:
        """As the older command."""
        if not self._refused(command):
            super().on_hci_le_extended_create_connection_command(command)

    def _refused(self, command: hci.HCI_Command) -> bool:
        if self.places is None or len(self.le_connections) < self.places:
            return False
        full = hci.HCI_ErrorCode.CONNECTION_LIMIT_EXCEEDED_ERROR
        self._send_hci_command_status(full, command.op_code)
        return True

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Report the end of the pending connect (Core Specification, vol. 4, part E, 7.8.13).

        bumble reports success and goes on connecting: the next connect is disallowed.
        """
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        self.send_hci_packet(
            hci.HCI_LE_Connection_Complete_Event(
                status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                connection_handle=0,
                role=hci.Role.CENTRAL,
                peer_address_type=pending.peer_address.address_type,
                peer_address=pending.peer_address,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            )
        )
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def on_hci_acl_data_packet(self, packet: hci.HCI_AclDataPacket) -> None:
        """Drop what a host sent before it learnt that the link is gone."""
        connection: Connection | None = self.find_connection_by_handle(packet.connection_handle)
        if connection is not None:
            connection.on_hci_acl_data_packet(packet)


class BadPort(ValueError):
    """What a hub cannot be offered a place at. The message says how one is written."""


class PortTaken(OSError):
    """Nothing can listen there now. The message says where, why, and what to do."""


class HubPort:
    """Where a hub plugs in: a socket that offers a controller on the air, a fresh one to each caller.

    ``listen`` is ``tcp-server:127.0.0.1:9700`` (port 0 chooses a free one) or ``unix-server:/path``. A hub
    may be killed and come back; a second caller takes the place of the first. ``number`` tells several adapters
    of one hub apart; each has so many ``places`` for connections and hears with a ``strength`` in dBm.
    Raises `BadPort`, and `PortTaken` on entering.
    """

    def __init__(
        self,
        air: Air,
        listen: str,
        number: int = 1,
        places: int | None = None,
        strength: int = VirtualController.strength,
    ) -> None:
        self._air = air
        self._scheme, self._place = _split(listen)
        self._number = number
        self._places = places
        self._strength = strength
        self._fault: Fault | None = None
        self._for_good = False
        self._server: asyncio.Server | None = None
        self._caller: _Caller | None = None
        self.address = ""
        """What a hub opens: ``tcp-client:127.0.0.1:9700`` or ``unix:/path``. Known after entering."""

    async def __aenter__(self) -> Self:
        # bumble reports every lost link as an error of its own, with a traceback.
        logging.getLogger("bumble").setLevel(logging.CRITICAL)
        try:
            await self._listen()
        except OSError as error:
            raise PortTaken(
                f"no hub can be let in at {self._place} ({error.strerror or error}): other simulators may be "
                "running there; end them, or choose another place"
            ) from None
        return self

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        if self._scheme == "unix-server":
            self._server = await loop.create_unix_server(self._answer, self._place)
            self.address = f"unix:{self._place}"
        else:
            host, _, port = self._place.rpartition(":")
            self._server = await loop.create_server(self._answer, host, int(port))
            chosen = self._server.sockets[0].getsockname()[1]
            self.address = f"tcp-client:{host}:{chosen}"

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        self.hang_up()
        # The sockets close in the loop's next turn.
        await asyncio.sleep(0)

    def hang_up(self) -> None:
        """Close the caller's socket: for the hub, the radio is gone."""
        if self._caller is not None:
            self._caller.end()
            self._caller = None

    def break_down(self, fault: Fault, *, for_good: bool) -> None:
        """The adapter, or the next that is plugged in, gets a fault; a reset heals it unless it is ``for_good``."""
        self._fault, self._for_good = fault, for_good
        if self._caller is not None:
            self._give_fault(self._caller.controller)

    def _give_fault(self, controller: VirtualController) -> None:
        controller.fault = self._fault
        if not self._for_good:
            self._fault = None

    def _answer(self) -> asyncio.Protocol:
        self.hang_up()
        controller = VirtualController(
            f"hub {self._number}",
            link=self._air,
            public_address=_HUB_CONTROLLER_ADDRESS.format(0x54 + self._number),
        )
        controller.places, controller.strength = self._places, self._strength
        self._give_fault(controller)
        self._caller = _Caller(self._air, controller)
        return self._caller


def _split(listen: str) -> tuple[str, str]:
    """Scheme and place of where a hub plugs in. Raises `BadPort`."""
    scheme, _, place = listen.partition(":")
    host, _, port = place.rpartition(":")
    is_tcp = scheme == "tcp-server" and host and port.isdecimal() and int(port) <= LAST_TCP_PORT
    if not is_tcp and not (scheme == "unix-server" and place):
        raise BadPort(
            f"{listen!r} is no place for a hub: write tcp-server:127.0.0.1:PORT, the port from 0 (any free one) "
            f"to {LAST_TCP_PORT}, or unix-server:/path"
        )
    return scheme, place


class _Caller(asyncio.Protocol):
    """One hub on the socket, and the controller it uses."""

    def __init__(self, air: Air, controller: VirtualController) -> None:
        self.controller = controller
        controller.set_packet_sink(self)
        self._air = air
        self._transport: asyncio.Transport | None = None
        self._parser = PacketParser(controller)
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._ended:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        if not self._ended:
            self._parser.feed_data(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self.end()

    def on_packet(self, packet: bytes) -> None:
        """From the controller to the hub."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(packet)

    def end(self) -> None:
        """The hub is gone: so is its controller, and its links break."""
        if not self._ended:
            self._ended = True
            self._air.leave(self.controller)
            if self._transport is not None:
                self._transport.abort()
