"""Print the measured errors that the README states.

    python -m benchmarks.accuracy.score

Contacts at least half a second inside a recording count; a step belongs to a contact within 50 ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks
from scipy.spatial.transform import Rotation

import imurun
from benchmarks.datasets import Trial, folder_of, hip_shoe_run, load
from imurun.engine import RunAnalyzer
from imurun.frames import FloatArray, G

TOLERANCE_S = 0.05
N_TURNS = 200


@dataclass(frozen=True)
class Score:
    """How the steps of one or more trials compare with the force plates."""

    n_true: int
    n_found: int
    n_invented: int
    contact_error_ms: FloatArray
    sides_right: int

    @staticmethod
    def total(scores: list[Score]) -> Score:
        """Several trials as one."""
        return Score(
            sum(s.n_true for s in scores),
            sum(s.n_found for s in scores),
            sum(s.n_invented for s in scores),
            np.concatenate([s.contact_error_ms for s in scores]),
            sum(s.sides_right for s in scores),
        )

    @property
    def f1(self) -> float:
        """Harmonic mean of recall and precision."""
        return 2 * self.n_found / (self.n_true + self.n_found + self.n_invented)

    @property
    def contact_rmse_ms(self) -> float:
        """Of the contact time, bias included."""
        return float(np.sqrt(np.mean(self.contact_error_ms**2)))


def score(trial: Trial) -> Score:
    """Contacts of a trial against its steps, one to one."""
    steps = imurun.analyze(trial.recording).steps
    steps = steps[steps["gait"] == "running"]
    strike, off = steps["initial_contact_s"].to_numpy(), steps["final_contact_s"].to_numpy()
    free = set(range(len(steps)))
    errors_ms, right = [], 0
    for k in np.flatnonzero(trial.inside()):
        near = [j for j in free if abs(strike[j] - trial.initial_contact_s[k]) < TOLERANCE_S]
        if near:
            j = min(near, key=lambda i: abs(strike[i] - trial.initial_contact_s[k]))
            free.remove(j)
            true_s = trial.final_contact_s[k] - trial.initial_contact_s[k]
            errors_ms.append(1000 * (off[j] - strike[j] - true_s))
            right += steps["side"].iloc[j] == trial.side[k]
    inside = (strike >= 0.5) & (off <= trial.recording.duration_s - 0.5)
    invented = sum(
        bool(inside[j]) and np.abs(trial.initial_contact_s - strike[j]).min(initial=np.inf) >= TOLERANCE_S
        for j in free
    )
    return Score(int(trial.inside().sum()), len(errors_ms), invented, np.array(errors_ms), right)


def cadence_ratios(folder: Path) -> FloatArray:
    """Hip cadence over twice the shoe's stride rate, for every minute of `hip_shoe_run` run in full."""
    hip, shoe = hip_shoe_run.hip(folder), hip_shoe_run.shoe(folder)
    swing = gaussian_filter1d(np.linalg.norm(shoe.acc, axis=1) / G, 6.0)
    peaks, _ = find_peaks(swing, distance=50, prominence=0.5)
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
    """The trials whose pelvis cameras saw."""
    return [*load("treadmill_run_grf"), *load("running_speeds")]


def pelvis(trial: Trial) -> Rotation:
    """Earth from the recording's axes, for each sample."""
    assert trial.angles_deg is not None
    return Rotation.from_euler("ZYX", trial.angles_deg[:, ::-1], degrees=True)


def true_axes(trial: Trial) -> FloatArray:
    """Rows: the direction of travel, left and up, on average over the trial, in the recording's axes."""
    earth = pelvis(trial).as_matrix()
    up = earth[:, 2, :].mean(axis=0)
    up /= np.linalg.norm(up)
    forward = earth[:, 0, :].mean(axis=0)
    forward -= (forward @ up) * up
    forward /= np.linalg.norm(forward)
    return np.vstack([forward, np.cross(up, forward), up])


def analysed_turned(trial: Trial, turn: FloatArray) -> tuple[np.ndarray, FloatArray]:
    """Steps of the trial with the sensor turned, and the mounting found, turned back."""
    analyzer = RunAnalyzer(trial.recording.rate_hz)
    assert trial.recording.gyr is not None
    steps = analyzer.push_arrays(trial.recording.acc @ turn.T, trial.recording.gyr @ turn.T)[0]
    steps = np.concatenate([steps, analyzer.finish_arrays()[0]])
    assert analyzer.mounting is not None
    return steps, analyzer.mounting.rotation @ turn


def mounting_error_deg(found: FloatArray, truth: FloatArray) -> tuple[float, float]:
    """Angle between the up axes, and between the forward axes in the level plane."""
    up = np.rad2deg(np.arccos(np.clip(found[2] @ truth[2], -1.0, 1.0)))
    forward = np.rad2deg(abs(np.arctan2(found[0] @ truth[1], found[0] @ truth[0])))
    return float(up), float(forward)


def range_errors_deg(trial: Trial) -> tuple[float, float]:
    """Mean error of the range per stride of side tilt and forward tilt."""
    steps = imurun.analyze(trial.recording).steps.dropna(subset="roll_rom_deg")
    level = pelvis(trial) * Rotation.from_matrix(true_axes(trial).T)
    _, pitch, roll = level.as_euler("ZYX", degrees=True).T
    rate = trial.recording.rate_hz
    stride_s = 2 * np.median(steps["step_time_ms"]) / 1000
    steps = steps[steps["final_contact_s"] > stride_s]
    errors = []
    for name, angle in (("roll_rom_deg", roll), ("pitch_rom_deg", pitch)):
        ends = [int(t * rate) for t in steps["final_contact_s"]]
        true = [np.ptp(angle[max(end - int(stride_s * rate), 0) : end]) for end in ends]
        errors.append(float(np.mean(steps[name]) - np.mean(true)))
    return errors[0], errors[1]


def main() -> None:
    """Print one line a figure."""
    sets = {
        "treadmill_run_grf": load("treadmill_run_grf"),
        "running_speeds": load("running_speeds"),
        "sacral_grf level": [t for t in load("sacral_grf") if t.slope_percent == 0],
        "sacral_grf": load("sacral_grf"),
    }
    for name, trials in sets.items():
        total = Score.total([score(trial) for trial in trials])
        sides = "not known" if name.startswith("sacral") else f"{total.sides_right} right"
        print(
            f"{name:18s} {total.n_found} of {total.n_true} found, {total.n_invented} invented, "
            f"F1 {total.f1:.4f}, sides {sides}, contact time RMSE {total.contact_rmse_ms:.1f} ms"
        )
    ratios = cadence_ratios(folder_of("hip_shoe_run"))
    print(f"cadence against the shoe: {len(ratios)} minutes, worst {100 * np.abs(ratios - 1).max():.2f} %")
    trials = six_axis_trials()
    ranges = np.array([range_errors_deg(trial) for trial in trials])
    print(
        f"range of side and forward tilt: mean error {ranges.mean(axis=0).round(2)} deg, "
        f"worst trial {np.abs(ranges).max(axis=0).round(2)} deg"
    )
    turns = Rotation.random(N_TURNS, random_state=20).as_matrix()
    worst = np.max(
        [
            mounting_error_deg(analysed_turned(trial, turn)[1], true_axes(trial))
            for trial in trials
            for turn in turns
        ],
        axis=0,
    )
    print(f"mounting, {N_TURNS} turns a trial, worst: up {worst[0]:.2f} deg, forward {worst[1]:.1f} deg")


if __name__ == "__main__":
    main()
