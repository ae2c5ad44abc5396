"""The real recordings with their truth, one `Trial` each, from the folder `../shared/data` or IMURUN_DATA."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imurun import Recording
from imurun.frames import FloatArray
from imurun.io.sacral_grf import read_trials

CONTACT_BW = 0.05
"""Force that counts as contact."""
MIN_CONTACT_S = 0.06
SAME_STANCE_S = 0.15
"""Two contacts that begin this close are one foot across both plates."""
SPEEDS_M_S = (2, 3, 4, 5)


@dataclass(frozen=True)
class Trial:
    """A recording and what force plates and cameras saw; times from the recording's first sample."""

    dataset: str
    name: str
    runner: str
    recording: Recording
    initial_contact_s: FloatArray
    final_contact_s: FloatArray
    side: tuple[str, ...]
    peak_bw: FloatArray
    speed_m_s: float
    slope_percent: float
    angles_deg: FloatArray | None
    """Roll, pitch, yaw of the pelvis at the recording's samples, shape (n, 3)."""

    def inside(self, margin_s: float = 0.5) -> np.ndarray:
        """Which contacts lie wholly this far inside the recording."""
        end = self.recording.duration_s - margin_s
        return (self.initial_contact_s >= margin_s) & (self.final_contact_s <= end)


def data_folder() -> Path:
    """Where the recordings are."""
    return Path(os.environ.get("IMURUN_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")


def treadmill_run(folder: Path) -> Iterator[Trial]:
    """The one trial of `treadmill_run_grf` (runner T)."""
    yield _plate_trial(folder / "treadmill_run_grf", "", "T", "treadmill_run_grf", "pelvis_angles", np.nan)


def running_speeds(folder: Path) -> Iterator[Trial]:
    """The 16 trials of `running_speeds` (runners A to D)."""
    for runner in "ABCD":
        for speed in SPEEDS_M_S:
            prefix = f"runner{runner}_{speed}mps_"
            yield _plate_trial(folder / "running_speeds", prefix, runner, "running_speeds", "pelvis", speed)


def sacral_grf(folder: Path) -> Iterator[Trial]:
    """The 31 trials of `sacral_grf` (runner S); no gyroscope, no sides."""
    for number, trial in enumerate(read_trials(folder / "sacral_grf")):
        first, last, peak = contacts_of(trial.vgrf_bw, trial.recording.rate_hz)
        yield Trial(
            "sacral_grf",
            f"S{number:02d}",
            "S",
            trial.recording,
            first,
            last,
            ("unknown",) * len(first),
            peak,
            trial.speed_m_s,
            trial.slope_percent,
            None,
        )


def contacts_of(vgrf_bw: FloatArray, rate_hz: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Whole contacts in a force signal: first and last instant (s) above 5 % BW, and the peak (BW)."""
    on = vgrf_bw >= CONTACT_BW
    rises = np.flatnonzero(~on[:-1] & on[1:])
    falls = np.flatnonzero(on[:-1] & ~on[1:])
    contacts = []
    for rise in rises:
        later = falls[falls > rise]
        if len(later):
            first, last = (_crossing(vgrf_bw, k) / rate_hz for k in (rise, later[0]))
            if last - first > MIN_CONTACT_S:
                contacts.append((first, last, vgrf_bw[rise : later[0] + 1].max()))
    return tuple(np.array(contacts).reshape(-1, 3).T)


def _crossing(signal: FloatArray, k: int) -> float:
    return k + (CONTACT_BW - signal[k]) / (signal[k + 1] - signal[k])


def _plate_trial(folder: Path, prefix: str, runner: str, dataset: str, angles: str, speed: float) -> Trial:
    imu = np.loadtxt(folder / f"{prefix}imu.csv", delimiter=",", skiprows=1)
    table = np.loadtxt(folder / f"{prefix}contacts.csv", delimiter=",", skiprows=1, dtype=str)
    pelvis = np.loadtxt(folder / f"{prefix}{angles}.csv", delimiter=",", skiprows=1)
    rows = sorted((float(a), float(b), side, float(peak or "nan")) for a, b, side, peak in table)
    merged: list[tuple[float, float, str, float]] = []
    for row in rows:
        if merged and row[0] - merged[-1][0] < SAME_STANCE_S:
            merged[-1] = (merged[-1][0], max(row[1], merged[-1][1]), merged[-1][2], np.nan)
        else:
            merged.append(row)
    first, last, side, peak = zip(*merged, strict=True)
    recording = Recording.from_timed_samples(imu[:, 0], imu[:, 1:4], imu[:, 4:7], source=f"{prefix}imu.csv")
    return Trial(
        dataset,
        f"{runner}{speed:g}" if np.isfinite(speed) else runner,
        runner,
        recording,
        np.array(first) - imu[0, 0],
        np.array(last) - imu[0, 0],
        side,
        np.array(peak),
        speed,
        0.0,
        pelvis[:, 1:4],
    )
