"""The Bluetooth half of the supervisor: radios kept listening, each device talked to through the right one.

What must not be paired is not paired here: `_converse` is the only place where the station connects.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Literal, Protocol

from devicehub.devices.adoption import Sorted
from devicehub.devices.binding import BleBinding, WrongDriver, recognise
from devicehub.devices.bonds import Bonds
from devicehub.devices.intake import Conversation, Intake, Source
from devicehub.devices.matching import Ambiguous
from devicehub.devices.nearby import Heard, Nearby, choose
from devicehub.devices.news import Condition, Why
from devicehub.devices.registry import UnknownDriver
from devicehub.driver import (
    BleDriver,
    BleSession,
    Frame,
    LinkLost,
    NotUnderstood,
    Overhear,
    Refused,
)
from devicehub.transport.ble import BondLost, NoPlace, Radio, Sighting
from devicehub.transport.ble_wire import BleWire, NotPaired, PairingRefused
from devicehub.transport.failures import RadioFault, RadioUnavailable
from devicehub.transport.hands import Arrival, Hands, station_now
from devicehub.transport.radios import MakeRadio
from devicehub.transport.scanning import Listening

log = logging.getLogger(__name__)

RADIO_RETRY = 1.0
LONGEST_RADIO_RETRY = 60.0
"""For a radio that each attempt resets; one that is just not there is looked for every second."""

UNPAIRED_RETRY = 1.0
"""How soon a device that may not be paired is looked at again: its advertised name tells when it may."""

_ELSEWHERE = (
    "the device is paired with another radio, which is absent or does not hear it: plug that radio in, or bring the "
    "device closer to it; if it is gone for good: devicehub bonds forget {address}, then devicehub pair {address}"
)
_PUT_OFF = "nobody answered what it asked for its pairing: it is called again after a pause, or when somebody wants that"
_RESETS: frozenset[RadioFault] = frozenset({"stuck", "other"})


@dataclass(frozen=True, slots=True)
class RadioNews:
    """A radio's condition has changed. ``number`` counts the configured ones from 1; ``detail`` is English."""

    number: int
    name: str
    condition: Listening | Literal["lost"]
    since: datetime
    fault: RadioFault | None = None
    detail: str | None = None


ShowRadio = Callable[[RadioNews], None]
Sort = Callable[[Sighting], Sorted]
"""What a device in range is to the room (`devicehub.devices.commissioning`)."""
PutOff = Callable[[str], bool]
"""Whether pairing the device at this address was given up, and is not to be tried again yet."""
Guard = Callable[[Source, str, Callable[[], Awaitable[None]]], Coroutine[None, None, None]]


class Show(Protocol):
    """Tells the condition of a device."""

    def __call__(
        self,
        source: Source,
        name: str,
        condition: Condition,
        detail: str | None = None,
        why: Why | None = None,
    ) -> None:
        """Say it, if it is new."""
        ...


class _HungUp(Exception):
    """The device has told what it had and has ended the connection itself, as cuffs and thermometers do."""


class Bluetooth:
    """The radios of the station and the devices they hear."""

    def __init__(
        self,
        intake: Intake,
        bonds: Bonds,
        make_radios: Sequence[MakeRadio],
        bindings: Sequence[BleBinding],
        *,
        accept_any: bool,
        sort: Sort,
        put_off: PutOff,
        guard: Guard,
        show: Show,
        show_radio: ShowRadio,
    ) -> None:
        self._intake = intake
        self._bonds = bonds
        self._make_radios = make_radios
        self._bindings = bindings
        self._accept_any = accept_any
        self._sort = sort
        self._put_off = put_off
        self._guard = guard
        self._show = show
        self._show_radio = show_radio
        self._radios: dict[str, Radio] = {}
        self._nearby: dict[str, Nearby] = {}
        self._cared_for: dict[str, asyncio.Task[None]] = {}
        """The task of each of them."""
        self._strangers: set[str] = set()

    async def run(self) -> None:
        """Listen and talk until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number, make_radio in enumerate(self._make_radios, start=1):
                group.create_task(self._listen(group, number, make_radio), name=f"radio {number}")

    def belongs(self, device: str, address: str | None) -> None:
        """From now on only this address is the room's ``device``; ``None``: nobody knows which one is."""
        for other, nearby in tuple(self._nearby.items()):
            if nearby.source.id == device and other.lower() != (address or "").lower():
                self._leave(other)

    async def _listen(self, group: asyncio.TaskGroup, number: int, make_radio: MakeRadio) -> None:
        """Keep one radio listening, whatever becomes of the others."""
        retry, lost_since = RADIO_RETRY, None
        while True:
            radio = make_radio()
            radio.listen(partial(self._heard, group, radio))
            radio.observe(partial(self._tell, number, radio))
            try:
                async with radio:
                    self._radios[radio.identity] = radio
                    lost_since = None
                    self._tell(number, radio, radio.listening)
                    try:
                        why = await radio.lost()
                    finally:
                        self._radios.pop(radio.identity, None)
                    retry = RADIO_RETRY
            except RadioUnavailable as error:
                why = error
            log.error("radio_lost adapter=%s fault=%s %s", radio.name, why.fault, why)
            lost_since = lost_since or station_now()  # each attempt that fails is the same trouble
            news = RadioNews(number, radio.name, "lost", lost_since, why.fault, why.reason)
            self._show_radio(news)
            await asyncio.sleep(retry)
            retry = min(retry * 2, LONGEST_RADIO_RETRY) if why.fault in _RESETS else RADIO_RETRY

    def _tell(self, number: int, radio: Radio, listening: Listening) -> None:
        self._show_radio(RadioNews(number, radio.name, listening, station_now()))

    def _heard(self, group: asyncio.TaskGroup, radio: Radio, sighting: Sighting) -> None:
        if radio.identity not in self._radios:
            return  # It is being closed: nobody could talk through it, and the station may be ending.
        found = self._sort(sighting)
        if found.standing in ("look_alike", "not_adopted"):
            return  # It is a warning on the page, and nothing is read from it.
        nearby = self._nearby.get(sighting.address) or self._meet(
            group, radio, sighting, found.binding
        )
        if nearby is not None:
            nearby.put(radio, sighting)

    def _meet(
        self,
        group: asyncio.TaskGroup,
        radio: Radio,
        sighting: Sighting,
        binding: BleBinding | None,
    ) -> Nearby | None:
        if sighting.address in self._strangers:
            return None
        bindings = self._bindings if binding is None else (binding,)
        try:
            met = recognise(sighting, bindings, radio.origin, accept_any=self._accept_any)
        except (Ambiguous, UnknownDriver, WrongDriver) as error:
            log.error("device_not_bound address=%s %s", sighting.address, error)  # noqa: TRY400
            self._strangers.add(sighting.address)
            return None
        if met is None:
            return None
        # Another one may have been taken for it, which is the room's no more.
        self.belongs(met[0].id, sighting.address)
        nearby = self._nearby[sighting.address] = Nearby(*met)
        self._cared_for[sighting.address] = group.create_task(
            self._guard(nearby.source, nearby.name, partial(self._care, nearby)),
            name=nearby.source.id,
        )
        return nearby

    def _leave(self, address: str) -> None:
        """End the conversation with a device, and hear it no more."""
        nearby = self._nearby.pop(address)
        self._cared_for.pop(address).cancel()
        log.info("device_left device=%s address=%s", nearby.source.id, address)
        self._show(nearby.source, nearby.name, "waiting")

    async def _care(self, nearby: Nearby) -> None:
        """One device's task."""
        source, name = nearby.source, nearby.name
        driver = source.driver
        if not isinstance(driver, BleDriver):
            raise WrongDriver(f"{source.id}: {driver.id} does not read Bluetooth")
        await self._intake.recover([source])
        self._show(source, name, "waiting")
        while True:
            await self._wait_while_put_off(nearby)
            heard = await nearby.heard(len(self._radios))
            try:
                if isinstance(driver.session, Overhear):
                    if (chosen := choose(heard, ())) is None:
                        continue
                    hands = self._intake.open(source).hands
                    with chosen.radio.overhear(chosen.sighting, hands, source.model) as overheard:
                        self._show(source, name, "connected")
                        await driver.session(overheard)
                elif not await self._converse(nearby, driver, heard):
                    continue
                nearby.rest()
            except NoPlace as full:
                self._show(source, name, "waiting", str(full), "no_place")
                await asyncio.sleep(nearby.backoff())
                continue
            except _HungUp:
                self._show(source, name, "waiting")
                nearby.forget()
                await asyncio.sleep(nearby.backoff())
                continue
            except (LinkLost, Refused, NotUnderstood) as lost:
                nearby.refused = isinstance(lost, PairingRefused)
                if not await self._is_put_off(source.address):
                    # Until it is heard again: that it is tried anew changes nothing about it.
                    self._show(source, name, "lost", str(lost), _why(lost))
                nearby.forget()
                await asyncio.sleep(nearby.backoff())
                continue
            self._show(source, name, "waiting")

    async def _converse(self, nearby: Nearby, driver: BleDriver, heard: Sequence[Heard]) -> bool:
        """One connection and the driver's session over it. ``False`` where none may be made now."""
        source, name, model = nearby.source, nearby.name, nearby.source.model
        bonded = await self._bonded_with(source.address)
        chosen = choose(heard, bonded)
        if chosen is None:
            if heard:
                words = _ELSEWHERE.format(address=source.address)
                self._show(source, name, "waiting", words, "bond_elsewhere")
            return False
        radio = chosen.radio
        may_pair = driver.may_pair(model, chosen.sighting.name)
        if not (bonded or may_pair):
            # Not even connected to: BlueZ sends a pair request by itself as soon as the device wants one.
            self._show(source, name, "waiting", str(NotPaired()), "not_paired")
            await asyncio.sleep(UNPAIRED_RETRY)
            return False
        if not radio.slots.free:
            self._show(source, name, "waiting", "it waits for a place at the radio", "no_place")
        async with radio.slots.place() as place:
            self._show(
                source, name, "connecting", why="pairing_refused" if nearby.refused else None
            )
            conversation = self._intake.open(source, nearby.last_idle)
            hands = self._noting(radio, nearby, conversation.hands)
            sighting = nearby.newest(radio) or chosen.sighting
            try:
                # With a bond there is nothing to pair: a device that has lost its own is told, never paired anew.
                async with radio.connect(
                    sighting, hands, model, may_pair=may_pair and not bonded, place=place
                ) as link:
                    if bonded:
                        self._show(source, name, "connected")
                    nearby.reached()
                    nearby.last_idle = None
                    try:
                        await _talk(driver.session, link, conversation)
                        nearby.last_idle = conversation.idle_at_end()
                    finally:
                        await self._note_bond(radio, nearby, paired=link.paired)
            except BondLost:
                self._bonds.lost(radio.identity, source.address, name, station_now())
                raise
        return True

    async def _wait_while_put_off(self, nearby: Nearby) -> None:
        """Not even connect to a device whose pairing a person gave up: it would ask again at once."""
        source, name = nearby.source, nearby.name
        if not await self._is_put_off(source.address):
            return
        nearby.refused = False
        self._show(source, name, "waiting", _PUT_OFF, "pairing_put_off")
        while await self._is_put_off(source.address):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(UNPAIRED_RETRY)
        self._show(source, name, "waiting")

    async def _is_put_off(self, address: str) -> bool:
        # Somebody may have paired it at a terminal meanwhile.
        return self._put_off(address) and not await self._bonded_with(address)

    async def _bonded_with(self, address: str) -> list[str]:
        """The radios that hold a bond with a device: those here are asked, of absent ones the inventory tells."""
        holders = []
        inventory = {bond.radio for bond in self._bonds.of(address)}
        for identity, radio in list(self._radios.items()):
            told = await radio.is_bonded(address)
            if told or (told is None and identity in inventory):
                holders.append(identity)
            elif told is False and identity in inventory:
                self._bonds.forget(identity, address)
        return [*holders, *(inventory - self._radios.keys())]

    def _noting(self, radio: Radio, nearby: Nearby, hands: Hands) -> Hands:
        """The hands, which note the bond in the inventory with the first frame that came over it.

        Who lets the station listen asks for no bond, or has one by now: then it is connected.
        """
        noted = False

        async def deliver(frame: Frame, arrival: Arrival) -> None:
            nonlocal noted
            await hands.deliver(frame, arrival)
            noted = noted or await self._note_bond(radio, nearby)

        def listening(at: datetime) -> None:
            hands.listening(at)
            nearby.refused = False
            self._show(nearby.source, nearby.name, "connected")

        return replace(hands, deliver=deliver, listening=listening)

    async def _note_bond(self, radio: Radio, nearby: Nearby, *, paired: bool = False) -> bool:
        address = nearby.source.address
        told = await radio.is_bonded(address)
        # WinRT and CoreBluetooth do not tell: there the inventory goes by what the station did itself.
        bonded = paired if told is None else told
        if bonded:
            self._bonds.used(radio.identity, address, nearby.name, station_now())
        return bonded


async def _talk(session: BleSession, link: BleWire, conversation: Conversation) -> None:
    """The driver's session. Raises `_HungUp` where the link ends after what may be the end, as the pairing is."""
    try:
        await session(link)
    except LinkLost as lost:
        if conversation.has_told or link.paired:
            raise _HungUp from lost
        raise


def _why(error: Exception) -> Why | None:
    if isinstance(error, BondLost):
        return "bond_lost"
    if isinstance(error, NotPaired):
        return "not_paired"
    if isinstance(error, PairingRefused):
        return "pairing_refused"
    return None
