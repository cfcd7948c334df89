"""The page of the vitals room: a live picture of its devices, in the browser of the workstation."""

from devicehub.station.board import Board
from devicehub.station.routes import LOOPBACK, Unavailable, station_app
from devicehub.station.server import serve

__all__ = ["LOOPBACK", "Board", "Unavailable", "serve", "station_app"]
