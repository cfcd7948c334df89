"""The conversation with a scale of the Weight Scale and Body Composition Services."""

from __future__ import annotations

from datetime import timedelta

from devicehub.driver import BleLink, BleSession, Frame, LinkLost
from devicehub.gatt import body_composition, user_data, weight_scale

Parts = tuple[tuple[str, bytes], ...]

TOGETHER = timedelta(seconds=60)
"""A composition that comes later than this after a weight is of another measurement."""


def weigh(
    first: BleSession,
    *,
    agree: BleSession = user_data.consent,
    hears: tuple[str, ...] = (weight_scale.MEASUREMENT, body_composition.MEASUREMENT),
    quiet: float = 30.0,
) -> BleSession:
    """Say ``first``, subscribe, ``agree``, and hand over what the scale measures until it is silent for ``quiet`` seconds.

    A weight is handed over as it comes. A composition is one frame: its packet, or the two halves of it,
    then the weight that came just before, which may be the only one to tell time and user.
    """

    async def session(link: BleLink) -> None:
        await first(link)
        offered = tuple(on for on in hears if on in link.characteristics)
        await link.subscribe(*offered)
        await agree(link)
        half: Parts = ()
        weight: Parts = ()
        weighed = link.now
        try:
            async for frame in link.frames(*offered, quiet=quiet):
                if frame.on == weight_scale.MEASUREMENT:
                    await link.deliver(frame)
                    weight, weighed = frame.parts, link.now
                    continue
                joins = body_composition.is_half(frame.data)
                if half and not joins:
                    await link.deliver(Frame(half, link.model))
                    half = ()
                if joins and not half:
                    half = frame.parts
                    continue
                if link.now - weighed > TOGETHER:
                    weight = ()
                await link.deliver(Frame(half + frame.parts + weight, link.model))
                half = weight = ()
        except LinkLost:
            # What has arrived is evidence, also where its other half never will.
            if half:
                await link.deliver(Frame(half, link.model))
            raise
        if half:
            await link.deliver(Frame(half, link.model))

    return session
