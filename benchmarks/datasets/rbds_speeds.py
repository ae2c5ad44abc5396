"""Thirteen runners (E to Q) on a force treadmill at 2.5, 3.5 and 4.5 m/s; virtual six-axis IMU from markers.

Derived from the data of Fukuchi, Fukuchi and Duarte 2017 (PeerJ 5:e3298). All trials are in one file of each
kind, with columns `runner` and `speed_m_s`; each trial of 30 s has times from its own start.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.datasets.force import at_samples
from benchmarks.datasets.plates import merged_contacts
from benchmarks.datasets.text import lines_of
from benchmarks.datasets.trial import Trial
from imurun import Recording
from imurun.errors import FormatError
from imurun.model.frames import FloatArray

RUNNERS = "EFGHIJKLMNOPQ"
SPEEDS_M_S = (2.5, 3.5, 4.5)
FORCE_RATE_HZ = 300.0
KEYS = ("runner", "speed_m_s")
IMU = (
    "time_s",
    *(f"acc_{axis}_m_s2" for axis in "xyz"),
    *(f"gyr_{axis}_rad_s" for axis in "xyz"),
)
FORCE = ("time_s", "vgrf_bw")
ANGLES = ("time_s", "roll_x_deg", "pitch_y_deg", "yaw_z_deg")
CONTACTS = ("initial_contact_s", "final_contact_s", "peak_vgrf_bw")

Parts = dict[tuple[str, float], pd.DataFrame]
"""The rows of each trial, by runner and speed."""


def trials(folder: Path) -> Iterator[Trial]:
    """The 39 trials, a runner's in order of speed: contacts with sides, force and pelvis angles.

    Raises:
        FormatError: a table is missing, cannot be read, lacks a column or a trial, holds something that is
            not a finite number, or does not match the others.
    """
    imu = _tables(folder / "imu.parquet", IMU)
    force = _tables(folder / "vgrf.parquet", FORCE)
    angles = _tables(folder / "pelvis.parquet", ANGLES)
    contacts = _tables(folder / "contacts.csv", CONTACTS)
    for runner in RUNNERS:
        for speed in SPEEDS_M_S:
            key = (runner, speed)
            yield _trial(key, imu[key], force[key], angles[key], contacts[key])


@dataclass(frozen=True, eq=False)
class Force:
    """The vertical force of one trial at the rate of the treadmill.

    Attributes:
        runner, speed_m_s: whose trial it is.
        vgrf_bw: shape (n,), body weights, every 1 / FORCE_RATE_HZ.
    """

    runner: str
    speed_m_s: float
    vgrf_bw: FloatArray


def forces(folder: Path) -> Iterator[Force]:
    """The force of the 39 trials at 300 Hz, which is finer than the samples of the sensor.

    Raises:
        FormatError: as `trials`, for the table of forces.
    """
    force = _tables(folder / "vgrf.parquet", FORCE)
    for runner in RUNNERS:
        for speed in SPEEDS_M_S:
            vgrf_bw = force[(runner, speed)]["vgrf_bw"].to_numpy(dtype=np.float64)
            yield Force(runner, speed, vgrf_bw)


def _trial(
    key: tuple[str, float],
    imu: pd.DataFrame,
    force: pd.DataFrame,
    angles: pd.DataFrame,
    contacts: pd.DataFrame,
) -> Trial:
    runner, speed_m_s = key
    samples = imu[list(IMU)].to_numpy(dtype=np.float64)
    start_s = float(samples[0, 0])
    source = f"imu.parquet {runner} {speed_m_s:g} m/s"
    recording = Recording.from_timed_samples(samples[:, 0], samples[:, 1:4], samples[:, 4:7], source=source)
    if len(angles) != len(recording):
        raise FormatError(
            f"pelvis.parquet: {len(angles)} rows of {runner} at {speed_m_s:g} m/s for {len(recording)} "
            "samples of the sensor; get the data set again."
        )
    rows = (
        (float(first), float(last), str(side), float(peak))
        for first, last, peak, side in zip(
            *(contacts[name] for name in CONTACTS), contacts["side"], strict=True
        )
    )
    first_s, last_s, side, peak_bw = merged_contacts(rows, "contacts.csv")
    time_s, vgrf_bw = force[list(FORCE)].to_numpy(dtype=np.float64).T
    return Trial(
        dataset="rbds_speeds",
        name=f"{runner}{speed_m_s:g}",
        runner=runner,
        recording=recording,
        initial_contact_s=first_s - start_s,
        final_contact_s=last_s - start_s,
        side=side,
        peak_bw=peak_bw,
        vgrf_bw=at_samples(recording, start_s, time_s, vgrf_bw),
        angles_deg=angles[list(ANGLES[1:])].to_numpy(dtype=np.float64),
        speed_m_s=speed_m_s,
    )


def _tables(file: Path, numbers: tuple[str, ...]) -> Parts:
    """A file's rows by trial, its `numbers` checked to be finite; every trial is there."""
    table = _read(file)
    texts = ("runner", "side") if file.suffix == ".csv" else ("runner",)
    missing = [name for name in (*texts, "speed_m_s", *numbers) if name not in table]
    if missing:
        raise FormatError(f"{file.name}: column {missing[0]} is missing; get the data set again.")
    try:
        finite = np.isfinite(table[["speed_m_s", *numbers]].to_numpy(dtype=np.float64)).all()
    except (TypeError, ValueError):
        finite = False
    if not finite:
        raise FormatError(f"{file.name}: finite numbers are expected; get the data set again.")
    parts = {
        (str(runner), float(speed)): rows for (runner, speed), rows in table.groupby(list(KEYS), sort=False)
    }
    for runner in RUNNERS:
        for speed in SPEEDS_M_S:
            if (runner, speed) not in parts:
                raise FormatError(
                    f"{file.name}: runner {runner} at {speed:g} m/s is missing; get the data set again."
                )
    return parts


def _read(file: Path) -> pd.DataFrame:
    try:
        if file.suffix == ".csv":
            return pd.read_csv(StringIO("\n".join(lines_of(file))))
        return pd.read_parquet(file)
    except OSError as error:
        raise FormatError(f"{file} could not be read; give the folder of the data set.") from error
    except ValueError as error:  # of pandas and pyarrow, for a file of another kind
        raise FormatError(f"{file.name}: this is no table; get the data set again.") from error
