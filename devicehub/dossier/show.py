"""What is filed, for a person at a terminal or for a program: ``devicehub dossier show``."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import MappingProxyType

from devicehub.dossier.store import DossierStore, Filed
from devicehub.driver import Kind

HEADINGS = ("reçu", "mesure", "valeurs", "appareil", "pilote", "rév.", "visite", "état")
NOTHING = "rien n'est classé"
FILED, WITHDRAWN = "classé", "retiré"
ACTIONS = MappingProxyType({"assign": "attribué", "reassign": "déplacé", "withdraw": "retiré"})
SOURCES = MappingProxyType({"derived": "calculé", "typed": "saisi à la main"})
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
        "mean_mmhg": "PAM",
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

WORDS: MappingProxyType[str, str] = MappingProxyType(
    {
        # where a temperature is taken (Health Thermometer Service, Temperature Type)
        "axilla": "aisselle",
        "body": "corps",
        "ear": "oreille",
        "finger": "doigt",
        "gastrointestinal": "gastro-intestinal",
        "mouth": "bouche",
        "rectum": "rectum",
        "toe": "orteil",
        "tympanum": "tympan",
        # what a glucose was measured in, where it was taken, at which meal (Glucose Service 1.0.1)
        "capillary_whole_blood": "sang capillaire",
        "capillary_plasma": "plasma capillaire",
        "venous_whole_blood": "sang veineux",
        "venous_plasma": "plasma veineux",
        "arterial_whole_blood": "sang artériel",
        "arterial_plasma": "plasma artériel",
        "undetermined_whole_blood": "sang, d'origine inconnue",
        "undetermined_plasma": "plasma, d'origine inconnue",
        "interstitial_fluid": "liquide interstitiel",
        "control_solution": "solution de contrôle",
        "alternate_site": "autre site",
        "earlobe": "lobe de l'oreille",
        "preprandial": "avant le repas",
        "postprandial": "après le repas",
        "fasting": "à jeun",
        "casual": "sans rapport avec un repas",
        "bedtime": "au coucher",
        # why a reading was given, moved or withdrawn (`review.Reason`, `derivations.SUPERSEDED`)
        "wrong_patient": "mauvais patient",
        "moved": "le patient a bougé",
        "position": "mauvaise position",
        "cuff": "brassard mal mis",
        "device": "appareil en cause",
        "implausible": "valeur peu crédible",
        "interrupted": "mesure interrompue",
        "duplicate": "mesure en double",
        "test": "essai",
        "other": "autre raison",
        "superseded": "remplacé",
    }
)
"""French for what a device or a person says from a closed list."""

UNITS = MappingProxyType(
    {
        "kilograms_per_square_metre": "kg/m²",
        "milligrams_per_decilitre": "mg/dL",
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


def show(store: Path, *, visit: str | None = None, as_json: bool = False) -> Iterator[str]:
    """The lines to print: one JSON object a reading, or a table.

    Raises `StoreFailed`, or `UnknownVisit` for a visit this dossier did not open.
    """
    with DossierStore(store, create=False) as dossier:
        filed = dossier.filed(visit)
        if as_json:
            for entry in filed:
                yield entry.model_dump_json()
        else:
            yield from _table(list(_rows(filed)))


def values(entry: Filed) -> str:
    """A reading's values with their units: ``sys 128 mmHg, dia 82 mmHg, pouls 71 /min``."""
    said = entry.reading.measurement.model_dump(mode="json")
    shown = []
    for field, value in said.items():
        unit = next((UNITS[end] for end in UNITS if field.endswith(end)), None)
        if (unit is None and field not in VALUES) or isinstance(value, list | None):
            continue
        shown.append(" ".join(filter(None, (VALUES.get(field), _figure(value), unit))))
    return ", ".join(shown) or "—"


def _figure(value: object) -> str:
    if isinstance(value, bool):
        return "oui" if value else "non"
    text = str(value)
    return WORDS.get(text) or text.replace(".", ",")


def _row(entry: Filed) -> tuple[str, ...]:
    reading = entry.reading
    kind = KINDS.get(reading.kind, reading.kind)
    if reading.source != "measured":
        kind = f"{kind} ({SOURCES[reading.source]})"
    maker_and_model = " ".join(filter(None, (reading.device.maker, reading.device.model)))
    return (
        reading.received_at.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
        kind.replace("_", " "),
        values(entry),
        f"{reading.device.id} ({maker_and_model})" if maker_and_model else reading.device.id,
        f"{reading.driver.id} {reading.driver.version}",
        str(entry.revision),
        entry.visit or "—",
        WITHDRAWN if entry.withdrawn else FILED,
    )


def _rows(filed: Iterable[Filed]) -> Iterator[tuple[str, ...]]:
    """A row a reading, and below it one for each word about whose it is, where there were several."""
    for entry in filed:
        yield _row(entry)
        if len(entry.revisions) > 1:
            for one in entry.revisions:
                why = _figure(one.reason) if one.reason else None
                said = " ".join(filter(None, (ACTIONS[one.action], why and f"({why})")))
                at = one.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
                yield at, "↳", said, one.author, "", str(one.revision), one.visit or "—", ""


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    if not rows:
        yield NOTHING
        return
    lines = [HEADINGS, *rows]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        yield "  ".join(_padded(line, widths)).rstrip()


def _padded(cells: Iterable[str], widths: Iterable[int]) -> Iterator[str]:
    for cell, width in zip(cells, widths, strict=True):
        yield cell + " " * (width - _width(cell))


def _width(text: str) -> int:
    """Columns on a terminal: a combining mark takes none."""
    return sum(not unicodedata.combining(character) for character in text)
