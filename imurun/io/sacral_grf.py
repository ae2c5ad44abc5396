"""Loader of the sacral accelerometer and vertical ground reaction force trials of Alcantara et al. 2022.

PeerJ 10:e12752. Three tables in one folder, a row a trial: the sacral acceleration and the force have no
header; `Sub_Info_one_sub.csv` has one.
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imurun.errors import FormatError
from imurun.frames import FloatArray, G
from imurun.recording import Recording

RATE_HZ = 500.0
N_SAMPLES = 2480
_ACC_FILE, _FORCE_FILE, _INFO_FILE = "Accelerometer_one_sub.csv", "GRF_one_sub.csv", "Sub_Info_one_sub.csv"


@dataclass(frozen=True, eq=False)
class Trial:
    """One trial on the treadmill.

    Attributes:
        recording: 500 Hz, 4.96 s, frame "anatomical": x antero-posterior, z vertical, m/s2; the source
            has no medio-lateral axis, so y is 0. The vertical was low-passed at 20 Hz and negative
            values were set to 0 by its authors. No gyroscope.
        vgrf_bw: vertical ground reaction force, shape (2480,), body weights, same clock.
        speed_m_s: belt speed, m/s.
        slope_percent: inclination as published, uphill positive.
        mass_kg, height_m: the runner's.
    """

    recording: Recording
    vgrf_bw: FloatArray
    speed_m_s: float
    slope_percent: float
    mass_kg: float
    height_m: float


def read_trials(folder: str | os.PathLike[str]) -> list[Trial]:
    """Read all trials of the folder.

    Raises:
        FormatError: a table is missing, holds text, or has not the published shape.
    """
    root = Path(folder)
    acc_g = _matrix(root / _ACC_FILE, 2 * N_SAMPLES)
    vgrf_bw = _matrix(root / _FORCE_FILE, N_SAMPLES)
    info = _info(root / _INFO_FILE)
    if not len(acc_g) == len(vgrf_bw) == len(info):
        raise FormatError(
            f"{root.name}: the tables hold {len(acc_g)}, {len(vgrf_bw)} and {len(info)} trials; "
            "download the data set again."
        )
    trials: list[Trial] = []
    for index, (acc_row, force, about) in enumerate(zip(acc_g, vgrf_bw, info, strict=True)):
        acc = np.zeros((N_SAMPLES, 3))
        acc[:, 0] = acc_row[N_SAMPLES:] * G
        acc[:, 2] = acc_row[:N_SAMPLES] * G
        source = f"{_ACC_FILE} trial {index}"
        recording = Recording(acc, rate_hz=RATE_HZ, frame="anatomical", source=source)
        trials.append(Trial(recording, force.copy(), *about))
    return trials


def _matrix(file: Path, n_columns: int) -> FloatArray:
    try:
        matrix = np.loadtxt(file, delimiter=",", ndmin=2)
    except OSError as error:
        raise FormatError(f"{file} could not be read; give the folder of the data set.") from error
    except ValueError as error:
        raise FormatError(
            f"{file.name}: this is no table of numbers; download the data set again."
        ) from error
    if matrix.shape[1] != n_columns or not np.isfinite(matrix).all():
        raise FormatError(
            f"{file.name}: {matrix.shape[1]} columns where {n_columns} finite numbers a row are expected; "
            "download the data set again."
        )
    return matrix


def _info(file: Path) -> list[tuple[float, float, float, float]]:
    """Speed (m/s), slope (%), mass (kg) and height (m) of each trial."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
        return [
            (float(row["Speed"]), float(row["Slope"]), float(row["Mass"]), float(row["Height"]) / 100.0)
            for row in rows
        ]
    except OSError as error:
        raise FormatError(f"{file} could not be read; give the folder of the data set.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(
            f"{file.name}: Speed, Slope, Mass and Height must be numbers; download the data set again."
        ) from error
