"""Prints two figures of the README that are not in the benchmark: cadence over minutes, and any mounting.

python -m benchmarks.accuracy.score
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks
from scipy.spatial.transform import Rotation

import imurun
from benchmarks.accuracy.pelvis import mean_axes
from benchmarks.datasets import Trial, folder_of, hip_shoe_run, load
from imurun.engine import RunAnalyzer
from imurun.model.frames import FloatArray, G

N_TURNS = 200


def cadence_ratios(folder: Path) -> FloatArray:
    """Hip cadence over twice the shoe's stride rate, for every full minute of running in `hip_shoe_run`."""
    hip, shoe = hip_shoe_run.hip(folder), hip_shoe_run.shoe(folder)
    magnitude_g = gaussian_filter1d(np.linalg.norm(shoe.acc, axis=1) / G, 6.0)
    peaks, _ = find_peaks(magnitude_g, distance=50, prominence=0.5)
    strides_s = peaks / shoe.rate_hz
    steps = imurun.analyze(hip).steps
    strikes_s = steps.loc[steps["gait"] == "running", "initial_contact_s"].to_numpy()
    ratios = []
    for start in np.arange(0.0, hip.duration_s - 59.0, 60.0):
        strides = strides_s[(strides_s >= start) & (strides_s < start + 60)]
        if len(strides) > 60 and np.diff(strides).max() < 1.0 and np.ptp(strides) > 58.0:
            strikes = strikes_s[(strikes_s >= start) & (strikes_s < start + 60)]
            ratios.append(np.mean(np.diff(strides)) / (2 * np.mean(np.diff(strikes))))
    return np.array(ratios)


def six_axis_trials() -> list[Trial]:
    """The trials with pelvis angles from cameras."""
    return [*load("treadmill_run_grf"), *load("running_speeds")]


def analysed_turned(trial: Trial, turn: FloatArray) -> tuple[np.ndarray, FloatArray]:
    """Steps of the trial with a rotated sensor, and the estimated mounting, rotated back."""
    analyzer = RunAnalyzer(trial.recording.rate_hz)
    assert trial.recording.gyr is not None
    steps = analyzer.push_arrays(trial.recording.acc @ turn.T, trial.recording.gyr @ turn.T)[0]
    steps = np.concatenate([steps, analyzer.finish_arrays()[0]])
    assert analyzer.mounting is not None
    return steps, analyzer.mounting.rotation @ turn


def mounting_error_deg(found: FloatArray, truth: FloatArray) -> tuple[float, float]:
    """Angle between the up axes, and between the forward axes in the horizontal plane."""
    up = np.rad2deg(np.arccos(np.clip(found[2] @ truth[2], -1.0, 1.0)))
    forward = np.rad2deg(abs(np.arctan2(found[0] @ truth[1], found[0] @ truth[0])))
    return float(up), float(forward)


def main() -> None:
    """Print a line for each figure."""
    ratios = cadence_ratios(folder_of("hip_shoe_run"))
    print(f"cadence against the shoe: {len(ratios)} minutes, worst {100 * np.abs(ratios - 1).max():.2f} %")
    turns = Rotation.random(N_TURNS, random_state=20).as_matrix()
    worst = np.max(
        [
            mounting_error_deg(analysed_turned(trial, turn)[1], mean_axes(trial))
            for trial in six_axis_trials()
            for turn in turns
        ],
        axis=0,
    )
    print(f"mounting, {N_TURNS} turns a trial, worst: up {worst[0]:.2f} deg, forward {worst[1]:.1f} deg")


if __name__ == "__main__":
    main()
