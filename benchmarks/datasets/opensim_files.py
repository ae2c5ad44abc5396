"""Reads OpenSim tables: marker positions (.trc) and forces (.mot)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.datasets.text import lines_of
from imurun.errors import FormatError
from imurun.model.frames import FloatArray

_UNIT_M = {"mm": 1e-3, "m": 1.0}


def read_trc(file: Path) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Times, s, shape (n,), and each marker's positions, m, shape (n, 3), in the file's axes; NaN if lost.

    Raises:
        FormatError: not a TRC file.
    """
    lines = lines_of(file)
    try:
        keys, values = lines[1].split("\t"), lines[2].split("\t")
        unit_m = _UNIT_M[values[keys.index("Units")].strip()]
        names = [name.strip() for name in lines[3].split("\t")[2:] if name.strip()]
        rows = [line.split("\t") for line in lines[5:] if line.strip()]
        width = 2 + 3 * len(names)
        table = np.array(
            [
                [float(cell) if cell.strip() else np.nan for cell in (row + [""] * width)[:width]]
                for row in rows
            ]
        )
        positions = unit_m * table[:, 2:].reshape(len(table), len(names), 3)
    except (IndexError, KeyError, ValueError) as error:
        raise FormatError(f"{file.name}: this is no TRC file of markers; get the data set again.") from error
    return table[:, 1], {name: positions[:, k] for k, name in enumerate(names)}


def read_mot(file: Path) -> dict[str, FloatArray]:
    """The columns of a MOT or STO file by name, each of shape (n,).

    Raises:
        FormatError: not a MOT file.
    """
    lines = lines_of(file)
    try:
        start = next(k for k, line in enumerate(lines) if line.strip() == "endheader") + 1
        names = lines[start].split()
        table = np.array(
            [[float(cell) for cell in line.split()] for line in lines[start + 1 :] if line.strip()]
        )
        if table.ndim != 2 or table.shape[1] != len(names):
            raise ValueError("rows of another length")
    except (StopIteration, IndexError, ValueError) as error:
        raise FormatError(f"{file.name}: this is no MOT file; get the data set again.") from error
    return {name: table[:, k] for k, name in enumerate(names)}
