"""Reads trials of four CSV tables on one clock: IMU, contacts, vertical force, angles of the pelvis."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.datasets.force import at_samples
from benchmarks.datasets.text import lines_of
from benchmarks.datasets.trial import Trial
from imurun import Recording
from imurun.errors import FormatError
from imurun.model.frames import FloatArray

SAME_STANCE_S = 0.15
"""Two contacts that start within this time are one foot on both plates."""
SIDES = ("left", "right")


def plate_trial(
    folder: Path, prefix: str, angles: str, *, dataset: str, name: str, runner: str, speed_m_s: float = np.nan
) -> Trial:
    """Read `{prefix}imu.csv`, `{prefix}contacts.csv`, `{prefix}vgrf.csv` and `{prefix}{angles}.csv`.

    Each table has one line of names. IMU: time (s), acceleration (m/s2, specific force) and angular rate
    (rad/s) about x forward, y left, z up. Contacts: initial and final contact (s), side, peak (BW, may be
    empty). Force: time (s), vertical force (BW). Angles: time (s), roll, pitch, yaw (deg) at the IMU's times.

    Raises:
        FormatError: a table is missing, is not numeric, or does not match the others.
    """
    imu = _table(folder / f"{prefix}imu.csv", 7)
    force = _table(folder / f"{prefix}vgrf.csv", 2)
    pelvis = _table(folder / f"{prefix}{angles}.csv", 4)
    first, last, side, peak = _contacts(folder / f"{prefix}contacts.csv")
    recording = Recording.from_timed_samples(imu[:, 0], imu[:, 1:4], imu[:, 4:7], source=f"{prefix}imu.csv")
    if len(pelvis) != len(recording):
        raise FormatError(
            f"{prefix}{angles}.csv: {len(pelvis)} rows for {len(recording)} samples of the sensor; "
            "get the data set again."
        )
    return Trial(
        dataset=dataset,
        name=name,
        runner=runner,
        recording=recording,
        initial_contact_s=first - imu[0, 0],
        final_contact_s=last - imu[0, 0],
        side=side,
        peak_bw=peak,
        vgrf_bw=at_samples(recording, float(imu[0, 0]), force[:, 0], force[:, 1]),
        angles_deg=pelvis[:, 1:4],
        speed_m_s=speed_m_s,
    )


def _contacts(file: Path) -> tuple[FloatArray, FloatArray, tuple[str, ...], FloatArray]:
    """Initial and final contacts (s), sides, peaks (BW); a foot on both plates is one contact."""
    table = _table(file, 4, str)
    try:
        rows = [(float(a), float(b), str(side), float(peak or "nan")) for a, b, side, peak in table]
    except ValueError as error:
        raise FormatError(
            f"{file.name}: a contact holds text for a number; get the data set again."
        ) from error
    return merged_contacts(rows, file.name)


def merged_contacts(
    rows: Iterable[tuple[float, float, str, float]], source: str
) -> tuple[FloatArray, FloatArray, tuple[str, ...], FloatArray]:
    """Contacts in order of time; those that start within `SAME_STANCE_S` are one, with an unknown peak.

    Args:
        rows: initial and final contact (s), side, and peak (BW, NaN if unknown) of each, in any order.
        source: name of the file, for errors.

    Returns:
        Initial and final contacts (s), shape (k,), k sides, and peaks (BW), shape (k,).

    Raises:
        FormatError: a side is neither left nor right.
    """
    merged: list[tuple[float, float, str, float]] = []
    for row in sorted(rows):
        if row[2] not in SIDES:
            raise FormatError(f"{source}: the side {row[2]!r} is neither left nor right.")
        if merged and row[0] - merged[-1][0] < SAME_STANCE_S:
            merged[-1] = (merged[-1][0], max(row[1], merged[-1][1]), merged[-1][2], np.nan)
        else:
            merged.append(row)
    numbers = np.array([(a, b, peak) for a, b, _, peak in merged]).reshape(-1, 3)
    return numbers[:, 0], numbers[:, 1], tuple(side for _, _, side, _ in merged), numbers[:, 2]


def _table(file: Path, n_columns: int, kind: type = float) -> Any:
    """The rows below the line of names, shape (n, n_columns); a table of text may be empty."""
    lines = lines_of(file)[1:]
    if not lines and kind is str:
        return np.empty((0, n_columns), dtype=str)
    try:
        table = np.loadtxt(lines, delimiter=",", dtype=kind, ndmin=2) if lines else np.empty((0, 0))
    except ValueError as error:
        raise FormatError(f"{file.name}: this is no table of numbers; get the data set again.") from error
    if table.shape[1] != n_columns or (kind is float and not np.isfinite(table).all()):
        raise FormatError(
            f"{file.name}: {n_columns} columns of finite numbers are expected; get the data set again."
        )
    return table
