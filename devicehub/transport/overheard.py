"""A device that is only overheard: its advertisements, as a link."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime

from devicehub.driver import Frame
from devicehub.transport.hands import Recorder, station_now
from devicehub.transport.inbox import Inbox

COMPANY = "adv"
_COMPANY_ID_BYTES = 2


class OverheardLink:
    """A `devicehub.driver.AdvertLink`: fed by the radio, never connected."""

    def __init__(self, inbox: Inbox, recorder: Recorder | None = None) -> None:
        self._inbox = inbox
        self._recorder = recorder

    @property
    def now(self) -> datetime:
        """The station's time, with its zone."""
        return station_now()

    @property
    def model(self) -> str | None:
        """The model this device was bound as."""
        return self._inbox.model

    @property
    def secrets(self) -> Mapping[str, bytes]:
        """Keys, PINs and passwords of this device, by name."""
        return self._inbox.secrets

    def keep(self, name: str, secret: bytes) -> None:
        """Remember a secret for the next conversations with this device."""
        self._inbox.keep(name, secret)

    async def deliver(self, frame: Frame) -> None:
        """Hand over one finished message; see `devicehub.driver.Link.deliver`."""
        await self._inbox.deliver(frame)

    def live(self, frame: Frame) -> None:
        """Show one message."""
        self._inbox.live(frame)

    async def pause(self, seconds: float) -> None:
        """Let time pass. Raises `LinkLost` when the radio goes away."""
        await self._inbox.pause(seconds)

    def frames(self, *places: str, quiet: float) -> AsyncIterator[Frame]:
        """Each advertisement of these places; ends when ``quiet`` seconds pass without one."""
        return self._inbox.frames(frozenset(places), quiet)

    def heard(self, company_data: Mapping[int, bytes], service_data: Mapping[str, bytes]) -> None:
        """An advertisement of this device has just been heard."""
        for company, data in company_data.items():
            self._put(COMPANY, company.to_bytes(_COMPANY_ID_BYTES, "little") + data)
        for service, data in service_data.items():
            self._put(f"{COMPANY}:{service}", data)

    def _put(self, on: str, data: bytes) -> None:
        received = self._inbox.put(on, data)
        if self._recorder is not None:
            self._recorder.device("message", on, received)
