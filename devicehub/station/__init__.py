"""The page of the vitals room: a live picture of its devices, in the browser of the workstation."""

from devicehub.station.board import Board
from devicehub.station.hub import Hub
from devicehub.station.routes import LOOPBACK, station_app
from devicehub.station.server import serve

__all__ = ["LOOPBACK", "Board", "Hub", "serve", "station_app"]
