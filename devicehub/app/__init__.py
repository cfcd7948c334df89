"""The programs, wired from the configuration. Read `devicehub.app.station` first."""

from devicehub.app.arguments import MissingTable
from devicehub.app.services import run_broker, run_dossier_service
from devicehub.app.station import run_station

__all__ = ["MissingTable", "run_broker", "run_dossier_service", "run_station"]
