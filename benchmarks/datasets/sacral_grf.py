"""Sacral accelerometer and vertical force of one runner (S), from Alcantara et al. 2022 (PeerJ 10:e12752).

The published column `Slope` is in degrees, as stated in the paper; the force is normal to the belt, so its
mean over whole strides decreases with the slope.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.datasets.force import contacts_of
from benchmarks.datasets.text import lines_of
from benchmarks.datasets.trial import Trial
from imurun.errors import FormatError
from imurun.model.frames import FloatArray, G
from imurun.model.recording import Recording

RATE_HZ = 500.0
N_SAMPLES = 2480


@dataclass(frozen=True)
class Tables:
    """Names of the three tables in one folder, a row for each trial; only the last has a header."""

    acceleration: str = "Accelerometer_one_sub.csv"
    force: str = "GRF_one_sub.csv"
    info: str = "Sub_Info_one_sub.csv"


@dataclass(frozen=True, eq=False)
class SacralTrial:
    """One trial on the treadmill as published.

    Attributes:
        subject: the publication's number of the runner.
        recording: 500 Hz, 4.96 s, frame "anatomical": x antero-posterior, z vertical, m/s2; the source
            has no medio-lateral axis, so y is 0. The vertical was low-passed at 20 Hz and negative
            values were set to 0 by its authors. No gyroscope.
        vgrf_bw: vertical ground reaction force, shape (2480,), body weights, same clock.
        speed_m_s: belt speed, m/s.
        slope_deg: inclination of the belt, uphill positive.
        mass_kg, height_m: the runner's.
    """

    subject: str
    recording: Recording
    vgrf_bw: FloatArray
    speed_m_s: float
    slope_deg: float
    mass_kg: float
    height_m: float


def trials(folder: Path) -> Iterator[Trial]:
    """The 31 trials of runner S: contacts from the force; no gyroscope, no sides.

    Raises:
        FormatError: see `read_trials`.
    """
    for number, trial in enumerate(read_trials(folder)):
        yield with_contacts(trial, dataset="sacral_grf", name=f"S{number:02d}", runner="S")


def with_contacts(trial: SacralTrial, *, dataset: str, name: str, runner: str) -> Trial:
    """The trial with contacts detected in its force."""
    first, last, peak = contacts_of(trial.vgrf_bw, trial.recording.rate_hz)
    return Trial(
        dataset=dataset,
        name=name,
        runner=runner,
        recording=trial.recording,
        initial_contact_s=first,
        final_contact_s=last,
        side=("unknown",) * len(first),
        peak_bw=peak,
        vgrf_bw=trial.vgrf_bw,
        speed_m_s=trial.speed_m_s,
        slope_percent=100.0 * math.tan(math.radians(trial.slope_deg)),
    )


def read_trials(folder: str | os.PathLike[str], tables: Tables = Tables()) -> list[SacralTrial]:
    """Read all trials of the folder.

    Raises:
        FormatError: a table is missing, has text, or does not have the published shape.
    """
    root = Path(folder)
    acc_g = _matrix(root / tables.acceleration, 2 * N_SAMPLES)
    vgrf_bw = _matrix(root / tables.force, N_SAMPLES)
    info = _info(root / tables.info)
    if not len(acc_g) == len(vgrf_bw) == len(info):
        raise FormatError(
            f"{root.name}: the tables hold {len(acc_g)}, {len(vgrf_bw)} and {len(info)} trials; "
            "get the data set again."
        )
    found: list[SacralTrial] = []
    for index, (acc_row, force, about) in enumerate(zip(acc_g, vgrf_bw, info, strict=True)):
        acc = np.zeros((N_SAMPLES, 3))
        acc[:, 0] = acc_row[N_SAMPLES:] * G
        acc[:, 2] = acc_row[:N_SAMPLES] * G
        source = f"{tables.acceleration} trial {index}"
        recording = Recording(acc, rate_hz=RATE_HZ, frame="anatomical", source=source)
        subject, *numbers = about
        found.append(SacralTrial(subject, recording, force.copy(), *numbers))
    return found


def _matrix(file: Path, n_columns: int) -> FloatArray:
    lines = lines_of(file)
    try:
        matrix = np.loadtxt(lines, delimiter=",", ndmin=2) if lines else np.empty((0, 0))
    except ValueError as error:
        raise FormatError(f"{file.name}: this is no table of numbers; get the data set again.") from error
    if matrix.shape[1] != n_columns or not np.isfinite(matrix).all():
        raise FormatError(
            f"{file.name}: {matrix.shape[1]} columns where {n_columns} finite numbers a row are expected; "
            "get the data set again."
        )
    return matrix


def _info(file: Path) -> list[tuple[str, float, float, float, float]]:
    """Subject, speed (m/s), slope (deg), mass (kg) and height (m) of each trial."""
    lines = lines_of(file)
    try:
        rows = list(csv.DictReader(lines))
        return [
            (
                row["Sub"],
                float(row["Speed"]),
                float(row["Slope"]),
                float(row["Mass"]),
                float(row["Height"]) / 100.0,
            )
            for row in rows
        ]
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise FormatError(
            f"{file.name}: Sub, Speed, Slope, Mass and Height are expected in every row; "
            "get the data set again."
        ) from error
