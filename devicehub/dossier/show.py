"""What is filed, for a person at a terminal or for a program: ``devicehub dossier show``."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from devicehub.dossier.store import DossierStore, Filed
from devicehub.driver import Kind

Language = Literal["fr", "en"]

HEADINGS: MappingProxyType[Language, tuple[str, ...]] = MappingProxyType(
    {
        "fr": ("reçu", "mesure", "valeurs", "appareil", "pilote", "rév.", "visite", "état"),
        "en": ("received", "kind", "values", "device", "driver", "rev.", "visit", "state"),
    }
)
NOTHING: MappingProxyType[Language, str] = MappingProxyType(
    {"fr": "rien n'est classé", "en": "nothing is filed"}
)
STATES: MappingProxyType[Language, tuple[str, str]] = MappingProxyType(
    {"fr": ("classé", "retiré"), "en": ("filed", "withdrawn")}
)
ACTIONS: MappingProxyType[Language, dict[str, str]] = MappingProxyType(
    {
        "fr": {"assign": "attribué", "reassign": "déplacé", "withdraw": "retiré"},
        "en": {"assign": "assigned", "reassign": "moved", "withdraw": "withdrawn"},
    }
)
SOURCES: MappingProxyType[Language, dict[str, str]] = MappingProxyType(
    {
        "fr": {"derived": "calculé", "typed": "saisi à la main"},
        "en": {"derived": "derived", "typed": "typed by hand"},
    }
)
KINDS: MappingProxyType[Kind, str] = MappingProxyType(
    {
        "blood_pressure": "pression artérielle",
        "body_weight": "poids",
        "body_height": "taille",
        "body_mass_index": "IMC",
        "body_composition": "composition corporelle",
        "body_temperature": "température",
        "oxygen_saturation": "SpO₂",
        "heart_rate": "fréquence cardiaque",
        "glucose": "glycémie",
        "ecg_preparation": "préparation ECG",
    }
)
VALUES = MappingProxyType(
    {
        "systolic_mmhg": "sys",
        "diastolic_mmhg": "dia",
        "mean_mmhg": "moy",
        "pulse_per_minute": "pouls",
        "perfusion_index_percent": "IP",
        "fat_percent": "masse grasse",
        "muscle_percent": "muscle",
        "muscle_kilograms": "muscle",
        "fat_free_kilograms": "masse maigre",
        "soft_lean_kilograms": "tissu mou maigre",
        "water_kilograms": "eau",
        "water_percent": "eau",
        "bone_kilograms": "os",
        "basal_metabolism_kilojoules": "métabolisme de base",
        "impedance_ohms": "impédance",
        "energy_kilojoules": "énergie",
        "duration_seconds": "durée",
        "site": "site",
        "sample": "échantillon",
        "location": "prélèvement",
        "meal": "repas",
        "ready": "prêt",
    }
)
"""French names of values that need one beside their kind's; the others are the kind's own."""

UNITS = MappingProxyType(
    {
        "kilograms_per_square_metre": "kg/m²",
        "milligrams_per_decilitre": "mg/dl",
        "per_minute": "/min",
        "mmhg": "mmHg",
        "percent": "%",
        "kilograms": "kg",
        "kilojoules": "kJ",
        "centimetres": "cm",
        "celsius": "°C",
        "ohms": "Ω",
        "seconds": "s",
    }
)
"""The unit behind the end of a field's name."""


def show(
    store: Path, *, visit: str | None = None, as_json: bool = False, language: Language = "fr"
) -> Iterator[str]:
    """The lines to print: one JSON object a reading, or a table.

    Raises `StoreFailed`, or `UnknownVisit` for a visit this dossier did not open.
    """
    with DossierStore(store, create=False) as dossier:
        filed = dossier.filed(visit)
        if as_json:
            for entry in filed:
                yield entry.model_dump_json()
        else:
            yield from _table(list(_rows(filed, language)), language)


def values(entry: Filed, language: Language = "fr") -> str:
    """A reading's values with their units: ``sys 128 mmHg, dia 82 mmHg, pouls 71 /min``."""
    said = entry.reading.measurement.model_dump(mode="json")
    shown = []
    for field, value in said.items():
        unit = next((UNITS[end] for end in UNITS if field.endswith(end)), None)
        if (unit is None and field not in VALUES) or isinstance(value, list | None):
            continue
        if language == "fr":
            name = VALUES.get(field, "")
        else:
            name = "" if field in UNITS else field.removesuffix("_mmhg").replace("_", " ")
        shown.append(" ".join(filter(None, (name, _figure(value, language), unit))))
    return ", ".join(shown) or "—"


def _figure(value: object, language: Language) -> str:
    if isinstance(value, bool):
        return {"fr": ("non", "oui"), "en": ("no", "yes")}[language][value]
    return str(value).replace(".", ",") if language == "fr" else str(value)


def _row(entry: Filed, language: Language) -> tuple[str, ...]:
    reading = entry.reading
    kind = KINDS.get(reading.kind, reading.kind) if language == "fr" else reading.kind
    if reading.source != "measured":
        kind = f"{kind} ({SOURCES[language][reading.source]})"
    maker_and_model = " ".join(filter(None, (reading.device.maker, reading.device.model)))
    return (
        reading.received_at.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
        kind.replace("_", " "),
        values(entry, language),
        f"{reading.device.id} ({maker_and_model})" if maker_and_model else reading.device.id,
        f"{reading.driver.id} {reading.driver.version}",
        str(entry.revision),
        entry.visit or "—",
        STATES[language][entry.withdrawn],
    )


def _rows(filed: Iterable[Filed], language: Language) -> Iterator[tuple[str, ...]]:
    """A row a reading, and below it one for each word about whose it is, where there were several."""
    for entry in filed:
        yield _row(entry, language)
        if len(entry.revisions) > 1:
            for one in entry.revisions:
                said = " ".join(filter(None, (ACTIONS[language][one.action], one.reason)))
                at = one.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
                yield at, "↳", said, one.author, "", str(one.revision), one.visit or "—", ""


def _table(rows: list[tuple[str, ...]], language: Language) -> Iterator[str]:
    if not rows:
        yield NOTHING[language]
        return
    lines = [HEADINGS[language], *rows]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        yield "  ".join(_padded(line, widths)).rstrip()


def _padded(cells: Iterable[str], widths: Iterable[int]) -> Iterator[str]:
    for cell, width in zip(cells, widths, strict=True):
        yield cell + " " * (width - _width(cell))


def _width(text: str) -> int:
    """Columns on a terminal: a combining mark takes none."""
    return sum(not unicodedata.combining(character) for character in text)
