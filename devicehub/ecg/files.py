"""Recordings in files: NumPy archives, WFDB records, CSV. The only module here that opens any."""

from __future__ import annotations

import csv
import math
import zipfile
from collections.abc import Iterable
from itertools import dropwhile
from pathlib import Path
from typing import Any

import numpy as np

from devicehub.ecg.leads import spell
from devicehub.ecg.recording import Recording
from devicehub.ecg.window import Floats

MILLIVOLTS = {"mv": 1.0, "uv": 1e-3, "µv": 1e-3, "μv": 1e-3, "v": 1e3, "nv": 1e-6}
"""Millivolts in one of each unit, the micro sign in both of its code points."""

TIME = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "time": 1.0, "t": 1.0, "time_s": 1.0}
TIME |= {"ms": 1e-3, "time_ms": 1e-3, "milliseconds": 1e-3}
"""Names of a CSV file's column of times, and seconds in its unit."""

PADDED_SHARE = 0.1
"""Of the records of one array, the share that must end in zeros for those zeros to be padding."""


class BadRecording(ValueError):
    """The file is not a recording, or lacks what the check must know; says what, and what to do."""


class NoWfdb(Exception):
    """WFDB files need the package ``wfdb``, which is not installed."""


def load(path: Path, *, fs: float | None = None) -> list[Recording]:
    """The recordings of a file. ``fs``: the sampling rate in hertz where the file does not tell.

    Raises `BadRecording`, `NoWfdb`, or OSError where the file cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return _load_npz(path, fs)
    if suffix in (".csv", ".tsv", ".txt"):
        return [_load_csv(path, fs)]
    if suffix in (".hea", ".dat", ".mat") or path.with_name(path.name + ".hea").is_file():
        return [_load_wfdb(path)]
    if not path.exists():
        raise FileNotFoundError(2, "there is no such file", str(path))
    raise BadRecording(f"{path}: not a .npz, .csv or WFDB (.hea) file")


def _load_npz(path: Path, fs: float | None) -> list[Recording]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            held = {name: stored[name] for name in stored.files}
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise BadRecording(f"{path}: not a NumPy archive of plain arrays ({error})") from None
    wanted = ["signal", "units_per_mv", "leads"] + (["fs"] if fs is None else [])
    if lacking := [name for name in wanted if name not in held]:
        raise BadRecording(
            f"{path}: lacks {', '.join(lacking)}; an archive needs signal (records × leads × samples,"
            " or leads × samples), fs (Hz), units_per_mv and leads (their names)"
        )
    rate = _rate(path, held["fs"] if fs is None else fs)
    leads = _names(path, np.atleast_1d(held["leads"]).tolist())
    signal = np.asarray(held["signal"], dtype=np.float64)
    if signal.ndim == 1 or (signal.ndim == 2 and len(leads) == 1 and len(signal) != 1):
        signal = signal.reshape(-1, 1, signal.shape[-1])
    if signal.ndim == 2:
        signal = signal[None]
    if signal.ndim != 3 or signal.shape[1] != len(leads):
        raise BadRecording(
            f"{path}: signal has the shape {held['signal'].shape}, but leads names {len(leads)}"
        )
    per_mv = np.asarray(held["units_per_mv"], dtype=np.float64)
    if not (np.isfinite(per_mv).all() and (per_mv > 0).all() and per_mv.size in (1, len(leads))):
        raise BadRecording(
            f"{path}: units_per_mv must be above zero, one for all leads or one each"
        )
    millivolts = _unpadded(signal) / per_mv.reshape(-1, 1)
    names = next((held[key] for key in ("ids", "records", "record") if key in held), None)
    if names is None or np.size(names) != len(signal):
        names = [path.stem] if len(signal) == 1 else range(len(signal))
    return [
        Recording(str(name), one, rate, leads)
        for name, one in zip(np.ravel(np.asarray(names)), millivolts, strict=True)
    ]


def _unpadded(signal: Floats) -> Floats:
    """Zeros after the end of shorter records, in an array of records of several lengths, are no samples."""
    silent = ~(signal != 0).any(axis=1)
    ends = silent.shape[1] - silent[:, ::-1].argmin(axis=1)
    ends[silent.all(axis=1)] = silent.shape[1]
    if len(signal) == 1 or (ends < silent.shape[1] - 1).mean() < PADDED_SHARE:
        return signal
    padded = signal.copy()
    for record, end in zip(padded, ends, strict=True):
        record[:, end:] = np.nan
    return padded


def _load_csv(path: Path, fs: float | None) -> Recording:
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise BadRecording(f"{path}: not a text file in UTF-8") from None
    notes = _notes(line for line in lines if line.startswith("#"))
    table = [line for line in lines if line.strip() and not line.startswith("#")]
    if len(table) < 2:
        raise BadRecording(f"{path}: needs a first line of lead names, and samples below it")
    delimiter = next((one for one in (";", "\t") if one in table[0]), ",")
    header = [name.strip() for name in next(csv.reader(table, delimiter=delimiter))]
    try:
        columns = np.array(
            [
                [float(cell) if cell.strip() else math.nan for cell in row]
                for row in csv.reader(table[1:], delimiter=delimiter)
            ]
        ).T
    except ValueError as error:
        raise BadRecording(
            f"{path}: rows must be numbers, as many as the header: {error}"
        ) from None
    if len(columns) != len(header):
        raise BadRecording(f"{path}: {len(header)} names above rows of {len(columns)} numbers")
    unit = notes.get("unit", "mv").lower()
    if unit not in MILLIVOLTS:
        raise BadRecording(f"{path}: the unit {notes['unit']!r} is not mV, uV or V")
    rate: Any = fs if fs is not None else notes.get("fs")
    if header[0].lower() in TIME:
        steps = np.diff(columns[0]) * TIME[header[0].lower()]
        rate = rate if rate is not None else 1 / float(np.median(steps))
        header, columns = header[1:], columns[1:]
    if rate is None:
        raise BadRecording(
            f"{path}: the sampling rate is not told; give --fs, a first line '# fs: 500',"
            " or a first column of times named s or ms"
        )
    signal = columns * MILLIVOLTS[unit]
    return Recording(path.stem, signal, _rate(path, rate), _names(path, header))


def _notes(comments: Iterable[str]) -> dict[str, str]:
    """``# fs: 500`` and ``# unit: uV``."""
    pairs = (comment.lstrip("# ").partition(":") for comment in comments)
    return {name.strip().lower(): value.strip() for name, colon, value in pairs if colon}


def _load_wfdb(path: Path) -> Recording:
    try:
        # An optional extra, slow to import; it ships no types.
        import wfdb  # type: ignore[import-untyped]  # noqa: PLC0415
    except ModuleNotFoundError:
        raise NoWfdb(
            f"{path}: WFDB records need the package wfdb: pip install 'devicehub[wfdb]'"
        ) from None
    bare = path.with_suffix("") if path.suffix.lower() in (".hea", ".dat", ".mat") else path
    try:
        record = wfdb.rdrecord(str(bare))
    except (ValueError, IndexError, TypeError) as error:
        raise BadRecording(f"{path}: not a WFDB record ({error})") from None
    if record.p_signal is None or not record.sig_name:
        raise BadRecording(f"{path}: the record holds no signal")
    units = [unit.lower() for unit in record.units]
    if unknown := [unit for unit in units if unit not in MILLIVOLTS]:
        raise BadRecording(f"{path}: a signal in {unknown[0]!r} is no voltage")
    factors = np.array([[MILLIVOLTS[unit]] for unit in units])
    signal = np.asarray(record.p_signal, dtype=np.float64).T * factors
    return Recording(
        record.record_name, signal, _rate(path, record.fs), _names(path, record.sig_name)
    )


def _rate(path: Path, told: object) -> float:
    try:
        rate = float(np.asarray(told, dtype=np.float64).reshape(()))
    except ValueError:
        raise BadRecording(f"{path}: the sampling rate {told!r} is not a number") from None
    if not 100 <= rate <= 1000:
        raise BadRecording(f"{path}: {rate:g} samples per second; the check takes 100 to 1000")
    return rate


def _names(path: Path, names: Iterable[object]) -> tuple[str, ...]:
    told = tuple(str(name) for name in names)
    spelt = [spell(name) for name in told]
    if twice := next(dropwhile(lambda name: spelt.count(name) == 1, spelt), None):
        raise BadRecording(f"{path}: the lead {twice} is there more than once")
    return told
