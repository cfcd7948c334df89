"""What stands behind the page: the parts of the station it shows and speaks to. `app` makes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from devicehub.devices.passkeys import Passkeys
from devicehub.station.board import Board
from devicehub.station.expecting import Listed, Tells
from devicehub.station.provider import Provider
from devicehub.station.rendering import Rendering
from devicehub.station.sessions import Sessions
from devicehub.station.words import Language
from devicehub.visit.by_hand import ByHand
from devicehub.visit.deriver import Deriver
from devicehub.visit.desk import Desk
from devicehub.visit.reception import Reception
from devicehub.visit.review import Review
from devicehub.visit.series import SeriesRules


@dataclass(frozen=True)
class Hub:
    """The parts. ``listed`` are the devices of the configuration, ``tells`` what a driver reads.

    ``language`` is the practice's: a person changes it on the page. ``reception`` is there with an identity
    reader, ``provider`` with an identity provider.
    """

    board: Board
    desk: Desk
    review: Review
    deriver: Deriver
    by_hand: ByHand
    sessions: Sessions
    rendering: Rendering
    language: Language
    rules: SeriesRules
    listed: Sequence[Listed]
    tells: Tells
    passkeys: Passkeys
    reception: Reception | None = None
    provider: Provider | None = None
