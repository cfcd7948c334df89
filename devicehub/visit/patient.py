"""Who a visit is about, for the banner alone. It comes from the dossier, lives in memory, and goes nowhere else."""

from __future__ import annotations

from datetime import date
from typing import Literal

from devicehub.reading.reading import Record


class PatientIdentity(Record):
    """The strict traits a person checks before measuring. Never on MQTT, in a log, a metric or a capture."""

    family_name: str
    given_name: str
    born: date
    sex: Literal["F", "M", "X"]
