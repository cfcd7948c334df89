"""Recordings in files: NumPy archives, WFDB records, CSV. The only module here that opens any."""

from __future__ import annotations

import csv
import math
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from itertools import dropwhile
from pathlib import Path
from typing import Any

import numpy as np

from devicehub.ecg.leads import OTHERS, STANDARD, spell
from devicehub.ecg.recording import Recording
from devicehub.ecg.window import Floats

MILLIVOLTS = {"mv": 1.0, "uv": 1e-3, "µv": 1e-3, "μv": 1e-3, "v": 1e3, "nv": 1e-6}
"""Millivolts in one of each unit, the micro sign in both of its code points."""

TIME = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "time": 1.0, "t": 1.0, "time_s": 1.0}
TIME |= {"ms": 1e-3, "time_ms": 1e-3, "milliseconds": 1e-3}
"""Names of a CSV file's column of times, and seconds in its unit."""

LARGEST_MV = 1e6
"""A thousand volts: no amplifier's output, so the unit or the gain is wrong."""

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
        raise FileNotFoundError(2, "ce fichier n'existe pas · there is no such file", str(path))
    raise BadRecording(f"{path}: not a .npz, .csv or WFDB (.hea) file")


def _load_npz(path: Path, fs: float | None) -> list[Recording]:
    held = _archive(path)
    wanted = ["signal", "units_per_mv", "leads"] + (["fs"] if fs is None else [])
    if lacking := [name for name in wanted if name not in held]:
        raise BadRecording(
            f"{path}: lacks {', '.join(lacking)}; an archive needs signal (records × leads × samples,"
            " or leads × samples), fs (Hz), units_per_mv and leads (their names)"
        )
    rate = _rate(path, _numbers(path, "fs", held["fs"]) if fs is None else fs)
    leads = _names(path, _texts(path, held["leads"]))
    signal = _by_record(path, _numbers(path, "signal", held["signal"]), leads)
    per_mv = _numbers(path, "units_per_mv", held["units_per_mv"])
    if not (np.isfinite(per_mv).all() and (per_mv > 0).all() and per_mv.size in (1, len(leads))):
        raise BadRecording(
            f"{path}: units_per_mv must be above zero, one for all leads or one each"
        )
    millivolts = _plausible(path, _unpadded(signal), per_mv.reshape(-1, 1))
    names = next((held[key] for key in ("ids", "records", "record") if key in held), None)
    if names is None or np.size(names) != len(signal):
        names = [path.stem] if len(signal) == 1 else range(len(signal))
    return [
        Recording(str(name), one, rate, leads)
        for name, one in zip(np.ravel(np.asarray(names)), millivolts, strict=True)
    ]


def _archive(path: Path) -> dict[str, Any]:
    """The arrays of an archive, by name."""
    if not zipfile.is_zipfile(path):
        path.open("rb").close()
        raise BadRecording(
            f"{path}: not a NumPy archive; numpy.savez(file, signal=…, fs=…, units_per_mv=…, leads=…)"
            " writes one"
        )
    name = ""
    held = {}
    try:
        with np.load(path, allow_pickle=False) as stored:
            for name in stored.files:
                held[name] = stored[name]
    except ValueError:
        raise BadRecording(
            f"{path}: {name} holds Python objects; an archive needs plain arrays of numbers or texts"
        ) from None
    except (EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise BadRecording(
            f"{path}: not a NumPy archive, or a damaged one ({error}); write it again"
        ) from None
    return held


def _by_record(path: Path, signal: Floats, leads: Sequence[str]) -> Floats:
    """The signal as records × leads × samples."""
    shape = signal.shape
    if not signal.size:
        raise BadRecording(f"{path}: signal holds no samples: it has the shape {shape}")
    turned = (
        signal.ndim in (2, 3)
        and shape[-1] == len(leads)
        and (shape[-2] != len(leads))
        and shape[-2] > shape[-1]
    )
    if turned:
        raise BadRecording(
            f"{path}: signal has the shape {shape}, samples × leads; turn it to leads × samples:"
            " signal.swapaxes(-1, -2)"
        )
    if signal.ndim == 1 or (signal.ndim == 2 and len(leads) == 1 and len(signal) != 1):
        signal = signal.reshape(-1, 1, shape[-1])
    if signal.ndim == 2:
        signal = signal[None]
    if signal.ndim != 3 or signal.shape[1] != len(leads):
        raise BadRecording(
            f"{path}: signal has the shape {shape}, but leads names {len(leads)}; it must be"
            f" leads × samples, ({len(leads)}, samples), or records × leads × samples"
        )
    return signal


def _numbers(path: Path, name: str, value: object) -> Floats:
    told = np.asarray(value)
    if told.dtype.kind not in "iuf":
        kind = {"c": "complex numbers", "U": "text", "S": "text", "b": "true and false"}.get(
            told.dtype.kind, str(told.dtype)
        )
        raise BadRecording(f"{path}: {name} holds {kind}; it must hold real numbers")
    return told.astype(np.float64)


def _texts(path: Path, value: object) -> list[str]:
    told = np.atleast_1d(np.asarray(value))
    if told.dtype.kind not in "US":
        raise BadRecording(f"{path}: leads must hold names such as I, II or V1, not {told.dtype}")
    if told.ndim != 1:
        raise BadRecording(
            f"{path}: leads has the shape {told.shape}; it must be one plain list of names"
        )
    return [
        one.decode("utf-8", "replace") if isinstance(one, bytes) else one for one in told.tolist()
    ]


def _plausible(path: Path, signal: Floats, per_mv: Floats) -> Floats:
    """The signal in millivolts, what is infinite missing."""
    finite = np.where(np.isfinite(signal), signal, np.nan)
    with np.errstate(over="ignore"):
        millivolts: Floats = finite / per_mv
    if (np.abs(millivolts) > LARGEST_MV).any():
        raise BadRecording(
            f"{path}: there are values above {LARGEST_MV / 1e6:g} kV; look at the unit or units_per_mv"
        )
    return millivolts


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
    table = [line for line in lines if _is_table(line)]
    if len(table) < 2:
        raise BadRecording(f"{path}: needs a first line of lead names, and samples below it")
    delimiter = next((one for one in (";", "\t") if one in table[0]), ",")
    header = [name.strip() for name in next(csv.reader(table, delimiter=delimiter))]
    if all(_is_number(name) for name in header):
        raise BadRecording(
            f"{path}: the first line holds numbers; it must name the leads: {', '.join(STANDARD)}"
        )
    columns = np.array(_rows(path, lines, table[0], delimiter, len(header))).T
    unit = notes.get("unit", "mv").lower()
    if unit not in MILLIVOLTS:
        raise BadRecording(f"{path}: the unit {notes['unit']!r} is not mV, uV or V")
    rate: Any = fs if fs is not None else notes.get("fs")
    if header[0].lower() in TIME:
        if rate is None:
            rate = _rate_of(path, header[0], columns[0] * TIME[header[0].lower()])
        header, columns = header[1:], columns[1:]
    if rate is None:
        raise BadRecording(
            f"{path}: the sampling rate is not told; give --fs, a first line '# fs: 500',"
            " or a first column of times named s or ms"
        )
    if not header:
        raise BadRecording(f"{path}: there are times, but no lead beside them")
    signal = _plausible(path, columns, np.array(1 / MILLIVOLTS[unit]))
    return Recording(path.stem, signal, _rate(path, rate), _names(path, header))


def _rows(
    path: Path, lines: Sequence[str], head: str, delimiter: str, width: int
) -> list[list[float]]:
    """The numbers below the head, an empty cell as a sample that is missing."""
    rows = []
    begun = False
    for number, line in enumerate(lines, start=1):
        if not _is_table(line):
            continue
        if not begun and line == head:
            begun = True
            continue
        cells = next(csv.reader([line], delimiter=delimiter))
        if len(cells) != width:
            raise BadRecording(
                f"{path}: line {number}: {width} names above rows of {len(cells)} numbers;"
                " every row needs one number a name"
            )
        if wrong := next((one for one in cells if one.strip() and not _is_number(one)), None):
            raise BadRecording(
                f"{path}: line {number}: rows must be numbers with a decimal point, not {wrong!r}"
            )
        rows.append([float(cell) if cell.strip() else math.nan for cell in cells])
    return rows


def _rate_of(path: Path, name: str, seconds: Floats) -> float:
    """The sampling rate that a column of times tells."""
    steps = np.diff(seconds[np.isfinite(seconds)])
    step = float(np.median(steps)) if steps.size else 0.0
    if step <= 0:
        raise BadRecording(
            f"{path}: the times in the column {name!r} do not go on; mend them, or give --fs"
        )
    return 1 / step


def _is_table(line: str) -> bool:
    return bool(line.strip()) and not line.startswith("#")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


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
    signal = _plausible(path, np.asarray(record.p_signal, dtype=np.float64).T, 1 / factors)
    return Recording(
        record.record_name, signal, _rate(path, record.fs), _names(path, record.sig_name)
    )


def _rate(path: Path, told: object) -> float:
    try:
        rate = float(np.asarray(told, dtype=np.float64).reshape(()))
    except ValueError:
        raise BadRecording(f"{path}: the sampling rate {told} is not a number") from None
    if not 100 <= rate <= 1000:
        raise BadRecording(f"{path}: {rate:g} samples per second; the check takes 100 to 1000")
    return rate


def _names(path: Path, names: Iterable[object]) -> tuple[str, ...]:
    told = tuple(str(name) for name in names)
    spelt = [spell(name) for name in told]
    if twice := next(dropwhile(lambda name: spelt.count(name) == 1, spelt), None):
        raise BadRecording(f"{path}: the lead {twice} is there more than once")
    if len(told) > 1 and (
        unknown := [name for name in told if spell(name) not in STANDARD + OTHERS]
    ):
        raise BadRecording(
            f"{path}: unknown leads: {', '.join(map(repr, unknown))}; known are"
            f" {', '.join(STANDARD + OTHERS)}"
        )
    return told
