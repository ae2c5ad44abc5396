"""Prints the reliability of the sides: for each cue, and with a changed sensor or runner.

    python -m benchmarks.accuracy.sides

Uses trials whose contacts have sides; contacts are counted as in `benchmarks.accuracy.compare`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

import imurun
from benchmarks.accuracy import faults
from benchmarks.accuracy.compare import compare_all
from benchmarks.accuracy.match import TOLERANCE_S
from benchmarks.accuracy.methods import METHODS
from benchmarks.accuracy.pelvis import orientation
from benchmarks.accuracy.score import six_axis_trials
from benchmarks.datasets import Trial
from imurun import Recording
from imurun.core.alignment import Mounting
from imurun.core.orientation import START_S, Orientation
from imurun.core.side import N_CUES
from imurun.core.stepper import Stepper, StepperSettings
from imurun.model.frames import FloatArray, G

N_TURNS = 5
BLOCK_S = 0.05
"""Shorter than a step, so that the cues of each step can be read."""
SMOOTH_S = 0.007
"""Standard deviation of the Gaussian smoothing of a differentiated rate."""
CUES = ("roll fall", "force fall", "loaded side")

Change = Callable[[Trial], tuple[FloatArray, FloatArray]]
"""Acceleration and angular rate of a trial with a changed sensor or runner."""


def cue_contrasts(trial: Trial, has_gyro: bool) -> FloatArray:
    """Contrast of each cue with the step before, above 0 if it gives the correct foot; (k, N_CUES)."""
    acc, gyr, rate = trial.recording.acc, trial.recording.gyr, trial.recording.rate_hz
    gyr = gyr if has_gyro else None
    mounting = imurun.analyze(Recording(acc, gyr, rate_hz=rate)).mounting
    assert mounting is not None
    quats = Orientation(rate, has_gyro, acc[: round(START_S * rate)].mean(axis=0), acc[0]).push(acc, gyr)
    stepper = Stepper(
        StepperSettings(rate, has_gyro=has_gyro), Mounting(mounting.rotation, 1.0, "given", 0.0)
    )
    found, before, side_before = [], np.full(N_CUES, np.nan), 0
    block = round(BLOCK_S * rate)
    for first in range(0, len(acc), block):
        piece = slice(first, first + block)
        steps, _ = stepper.push(np.array(acc[piece]), quats[piece])
        if not len(steps):
            continue
        gap_s = np.abs(trial.initial_contact_s - steps["initial_contact_s"][-1])
        name = trial.side[int(gap_s.argmin())] if gap_s.min() < TOLERANCE_S else "unknown"
        side = {"left": 1, "right": -1}.get(name, 0)
        cues = stepper.record["cues"].copy()
        if side * side_before == -1:
            found.append(side * (cues - before))
        before, side_before = cues, side
    return np.array(found)


def unchanged(trial: Trial) -> tuple[FloatArray, FloatArray]:
    """The trial itself."""
    assert trial.recording.gyr is not None
    return np.array(trial.recording.acc), np.array(trial.recording.gyr)


def moved(metres: tuple[float, float, float]) -> Change:
    """The sensor is at another position on the rigid pelvis."""

    def change(trial: Trial) -> tuple[FloatArray, FloatArray]:
        return unchanged(faults.moved(trial, metres))

    return change


def noisy(trial: Trial) -> tuple[FloatArray, FloatArray]:
    """White noise of 0.2 g and 0.2 rad/s."""
    noise = 0.2 * np.random.default_rng(1).standard_normal((2, len(trial.recording.acc), 3))
    acc, gyr = unchanged(trial)
    return acc + G * noise[0], gyr + noise[1]


def rolling(share: float) -> Change:
    """The pelvis rolls `share` times as much, with the same acceleration."""

    def change(trial: Trial) -> tuple[FloatArray, FloatArray]:
        rate = trial.recording.rate_hz
        earth = orientation(trial)
        angles = earth.as_euler("ZYX")
        angles[:, 2] = angles[:, 2].mean() + share * (angles[:, 2] - angles[:, 2].mean())
        other = Rotation.from_euler("ZYX", angles)
        acc = other.apply(earth.apply(np.array(trial.recording.acc)), inverse=True)
        turned = (other[:-1].inv() * other[1:]).as_rotvec() * rate
        return acc, gaussian_filter1d(np.vstack([turned, turned[-1:]]), SMOOTH_S * rate, axis=0)

    return change


def sides_right(change: Change, has_gyro: bool) -> tuple[int, int]:
    """Correct sides and found contacts of all trials, each in `N_TURNS` random orientations."""
    trials = []
    for trial in six_axis_trials():
        acc, gyr = change(trial)
        for turn in Rotation.random(N_TURNS, random_state=5).as_matrix():
            turned = Recording(
                acc @ turn.T, gyr @ turn.T if has_gyro else None, rate_hz=trial.recording.rate_hz
            )
            trials.append(replace(trial, recording=turned))
    contacts, _ = compare_all(METHODS["imurun"], trials)
    return int(contacts["side_right"].sum()), int(contacts["found"].sum())


def main() -> None:
    """Print a line for each cue, then one for each change."""
    for has_gyro in (True, False):
        contrasts = {trial.name: cue_contrasts(trial, has_gyro) for trial in six_axis_trials()}
        every = np.concatenate(list(contrasts.values()))
        axes = "six axes" if has_gyro else "no gyro"
        for i, cue in enumerate(CUES):
            if has_gyro or cue != "roll fall":
                weakest = min((c[:, i].mean() / c[:, i].std(), name) for name, c in contrasts.items())
                right = 100 * np.mean(every[:, i] > 0)
                print(
                    f"{cue:12s} {axes:9s} {right:5.1f} % of {len(every)} right, "
                    f"weakest d' {weakest[0]:.1f} ({weakest[1]})"
                )
    changes = {
        "as measured": unchanged,
        "5 cm to the left": moved((0.0, 0.05, 0.0)),
        "5 cm to the right": moved((0.0, -0.05, 0.0)),
        "5 cm up": moved((0.0, 0.0, 0.05)),
        "noise of 0.2 g, 0.2 rad/s": noisy,
        "roll x 0.3": rolling(0.3),
        "roll x 0": rolling(0.0),
        "roll x -0.5": rolling(-0.5),
    }
    for name, change in changes.items():
        for has_gyro in (True, False):
            right, n_found = sides_right(change, has_gyro)
            print(f"{name:26s} {'six axes' if has_gyro else 'no gyro':9s} {right} of {n_found} right")


if __name__ == "__main__":
    main()
