"""A device that is only overheard: its advertisements, as a link."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from devicehub.driver import Frame
from devicehub.transport.hands import Recorder
from devicehub.transport.inbox import Inbox, InboxLink

COMPANY = "adv"
_COMPANY_ID_BYTES = 2


class OverheardLink(InboxLink):
    """A `devicehub.driver.AdvertLink`: fed by the radio, never connected."""

    def __init__(self, inbox: Inbox, recorder: Recorder | None = None) -> None:
        super().__init__(inbox)
        self._recorder = recorder

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
