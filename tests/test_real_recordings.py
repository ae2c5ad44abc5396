"""Foot strikes, contact times, sides, cadence and mounting against force plates, cameras and a shoe."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks
from scipy.spatial.transform import Rotation

import imurun
from benchmarks import recordings
from imurun.engine import RunAnalyzer

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too slow without the compiler")

TOLERANCE_S = 0.05


@dataclass(frozen=True)
class Score:
    """How the steps of one trial compare with its force plates."""

    n_true: int
    n_found: int
    n_invented: int
    contact_error_ms: np.ndarray
    sides_right: int

    @staticmethod
    def total(scores: list[Score]) -> Score:
        return Score(
            sum(s.n_true for s in scores),
            sum(s.n_found for s in scores),
            sum(s.n_invented for s in scores),
            np.concatenate([s.contact_error_ms for s in scores]),
            sum(s.sides_right for s in scores),
        )

    @property
    def f1(self) -> float:
        return 2 * self.n_found / (self.n_true + self.n_found + self.n_invented)

    @property
    def contact_rmse_ms(self) -> float:
        return float(np.sqrt(np.mean(self.contact_error_ms**2)))


def score(trial: recordings.Trial) -> Score:
    """Contacts at least half a second inside the recording, one to one, within 50 ms."""
    steps = imurun.analyze(trial.recording).steps
    steps = steps[steps["gait"] == "running"]
    strike, off = steps["initial_contact_s"].to_numpy(), steps["final_contact_s"].to_numpy()
    free = set(range(len(steps)))
    found, errors, right = 0, [], 0
    for k in np.flatnonzero(trial.inside()):
        near = [j for j in free if abs(strike[j] - trial.initial_contact_s[k]) < TOLERANCE_S]
        if near:
            j = min(near, key=lambda i: abs(strike[i] - trial.initial_contact_s[k]))
            free.remove(j)
            found += 1
            errors.append(1000 * (off[j] - strike[j] - trial.final_contact_s[k] + trial.initial_contact_s[k]))
            right += steps["side"].iloc[j] == trial.side[k]
    inside = (strike >= 0.5) & (off <= trial.recording.duration_s - 0.5)
    invented = sum(
        bool(inside[j]) and np.abs(trial.initial_contact_s - strike[j]).min() >= TOLERANCE_S for j in free
    )
    return Score(int(trial.inside().sum()), found, invented, np.array(errors), right)


def test_treadmill_run(shared_data):
    (trial,) = recordings.treadmill_run(shared_data)
    result = score(trial)
    assert result.n_found == result.n_true == 25
    assert result.n_invented == 0
    assert result.sides_right >= result.n_true - 1
    assert result.contact_rmse_ms <= 20.0


def test_running_speeds(shared_data):
    result = Score.total([score(trial) for trial in recordings.running_speeds(shared_data)])
    assert result.n_true > 150
    assert result.f1 >= 0.99
    assert result.sides_right >= 0.98 * result.n_found
    assert result.contact_rmse_ms <= 16.0


def test_sacral_grf(shared_data):
    trials = list(recordings.sacral_grf(shared_data))
    assert len(trials) == 31
    level = Score.total([score(trial) for trial in trials if trial.slope_percent == 0])
    every = Score.total([score(trial) for trial in trials])
    assert level.n_true > 60
    assert level.f1 >= 0.98
    assert every.f1 >= 0.95


def test_cadence_of_full_minutes_is_the_shoes(shared_data):
    hip = imurun.read(shared_data / "hip_shoe_run" / "left_hip.csv.gz")
    shoe = imurun.read(shared_data / "hip_shoe_run" / "left_ankle.csv.gz")
    swing = gaussian_filter1d(np.linalg.norm(shoe.acc, axis=1) / 9.80665, 6.0)
    peaks, _ = find_peaks(swing, distance=50, prominence=0.5)
    strides_s = peaks / shoe.rate_hz
    steps = imurun.analyze(hip).steps
    strikes_s = steps.loc[steps["gait"] == "running", "initial_contact_s"].to_numpy()
    compared = 0
    for minute in range(int(hip.duration_s // 60)):
        strides = strides_s[(strides_s >= 60 * minute) & (strides_s < 60 * minute + 60)]
        full = len(strides) > 60 and np.diff(strides).max() < 1.0 and np.ptp(strides) > 58.0
        if full:
            strikes = strikes_s[(strikes_s >= 60 * minute) & (strikes_s < 60 * minute + 60)]
            ratio = np.mean(np.diff(strides)) / (2 * np.mean(np.diff(strikes)))
            assert abs(ratio - 1) < 0.01, minute
            compared += 1
    assert compared >= 9


def test_nobody_runs_in_walking(shared_data):
    for file in sorted((shared_data / "lumbar_walking").glob("*.csv")):
        session = imurun.analyze(imurun.read(file, profile="mobgap"))
        assert session.summary["running_steps"] == 0, file.name
        assert 70 < session.summary["walking_cadence_spm"] < 140, file.name
        acc_only = imurun.Recording(imurun.read(file, profile="mobgap").acc, rate_hz=100.0)
        assert imurun.analyze(acc_only).summary["running_steps"] == 0, file.name


def six_axis_trials(folder):
    return [*recordings.treadmill_run(folder), *recordings.running_speeds(folder)]


def true_axes(trial: recordings.Trial) -> np.ndarray:
    """Rows: the direction of travel, left and up, on average over the trial, in the recording's axes."""
    earth = Rotation.from_euler("ZYX", trial.angles_deg[:, ::-1], degrees=True).as_matrix()
    up = earth[:, 2, :].mean(axis=0)
    up /= np.linalg.norm(up)
    forward = earth[:, 0, :].mean(axis=0)
    forward -= (forward @ up) * up
    forward /= np.linalg.norm(forward)
    return np.vstack([forward, np.cross(up, forward), up])


def analyzed(trial, turn):
    analyzer = RunAnalyzer(trial.recording.rate_hz)
    steps = analyzer.push_arrays(trial.recording.acc @ turn.T, trial.recording.gyr @ turn.T)[0]
    return np.concatenate([steps, analyzer.finish_arrays()[0]]), analyzer.mounting.rotation @ turn


def test_mounting_of_200_rotations(shared_data):
    turns = Rotation.random(200, random_state=20).as_matrix()
    for trial in six_axis_trials(shared_data):
        truth = true_axes(trial)
        base, _ = analyzed(trial, np.eye(3))
        for turn in turns:
            steps, found = analyzed(trial, turn)
            assert np.rad2deg(np.arccos(min(found[2] @ truth[2], 1.0))) < 1.0, trial.name
            assert np.rad2deg(abs(np.arctan2(found[0] @ truth[1], found[0] @ truth[0]))) < 10.0, trial.name
            assert np.array_equal(steps["side"], base["side"])
            for name in ("initial_contact_s", "final_contact_s"):
                assert np.abs(steps[name] - base[name]).max() < 0.002
            for name in ("peak_impact_g", "peak_vgrf_bw", "lumbar_compression_bw", "lumbar_shear_bw"):
                assert np.allclose(steps[name], base[name], rtol=0.01)


def test_given_mounting_turns_with_the_sensor(shared_data):
    """With the mounting given, any rotation gives the same steps within rounding."""
    for trial in six_axis_trials(shared_data):
        whole = imurun.analyze(trial.recording, mounting=np.eye(3)).steps
        for turn in Rotation.random(3, random_state=5).as_matrix():
            turned = imurun.Recording(
                trial.recording.acc @ turn.T, trial.recording.gyr @ turn.T, rate_hz=trial.recording.rate_hz
            )
            steps = imurun.analyze(turned, mounting=turn.T).steps
            assert list(steps["side"]) == list(whole["side"])
            numbers = steps.select_dtypes("number")
            assert np.allclose(numbers, whole[numbers.columns], rtol=1e-6, atol=1e-6, equal_nan=True)


def test_pelvis_ranges_follow_the_cameras(shared_data):
    """Roll and pitch range per stride: the mean over each trial within 2 deg, over all trials within half."""
    errors = []
    for trial in six_axis_trials(shared_data):
        steps = imurun.analyze(trial.recording, mounting=true_axes(trial)).steps.dropna(subset="roll_rom_deg")
        level = Rotation.from_euler("ZYX", trial.angles_deg[:, ::-1], degrees=True) * Rotation.from_matrix(
            true_axes(trial).T
        )
        _, pitch, roll = level.as_euler("ZYX", degrees=True).T
        rate = trial.recording.rate_hz
        stride_s = 2 * np.median(steps["step_time_ms"]) / 1000
        for name, angle in (("roll_rom_deg", roll), ("pitch_rom_deg", pitch)):
            true = [
                np.ptp(angle[max(int((t - stride_s) * rate), 0) : int(t * rate)])
                for t in steps["final_contact_s"]
                if t > stride_s
            ]
            errors.append(np.mean(steps[name]) - np.mean(true))
    assert np.abs(errors).max() < 2.0
    assert abs(np.mean(errors)) < 0.5
