"""Take out of a field capture what points to one device, and through it to a practice or a person.

Replaced everywhere, by zeros of the same length: the device's address in both byte orders, its serial number
and its System ID. Secrets never get into a recording. Names and initials that a device keeps of its users
cannot be recognised here: record with an invented user, and read the file before it is shared.
"""

from __future__ import annotations

import re

from devicehub.transport.tape import Capture, CapturedAdvert, Step

SERIAL_NUMBER = "2a25"
SYSTEM_ID = "2a23"
SHORTEST_TAIL = 4
"""Characters of an address or a serial number that makers like to append to the advertised name."""


def scrub(capture: Capture, address: str | None) -> Capture:
    """The capture without what identifies its device. ``address`` is the device's, where it has one."""
    told = {step.on: step.data for step in capture.steps if step.do == "value"}
    identities = [data for on, data in told.items() if on in (SERIAL_NUMBER, SYSTEM_ID) and data]
    if address is not None and re.fullmatch(r"([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}", address):
        plain = bytes.fromhex(address.replace(":", ""))
        identities += [plain, plain[::-1]]
    header = capture.header
    if header.advert is not None:
        header = header.model_copy(update={"advert": _advert(header.advert, identities, address)})
    steps = tuple(_step(step, identities) for step in capture.steps)
    return Capture(path=capture.path, header=header, steps=steps)


def _step(step: Step, identities: list[bytes]) -> Step:
    return step.model_copy(update={"data": _without(step.data, identities)})


def _without(data: bytes, identities: list[bytes]) -> bytes:
    for identity in identities:
        zero = b"0" if identity.isascii() and identity.decode("ascii").isprintable() else b"\0"
        data = data.replace(identity, zero * len(identity))
    return data


def _text(identity: bytes) -> str:
    return identity.decode("ascii").strip("\0 ") if identity.isascii() else ""


def _advert(advert: CapturedAdvert, identities: list[bytes], address: str | None) -> CapturedAdvert:
    name = advert.name
    for text in filter(None, ((address or "").replace(":", ""), *map(_text, identities))):
        for length in range(len(text), SHORTEST_TAIL - 1, -1):
            tail = re.compile(re.escape(text[-length:]), re.IGNORECASE)
            name = tail.sub("0" * length, name)
    return advert.model_copy(
        update={
            "name": name,
            "company_data": {c: _without(d, identities) for c, d in advert.company_data.items()},
            "service_data": {s: _without(d, identities) for s, d in advert.service_data.items()},
        }
    )
