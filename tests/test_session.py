"""Session: bouts, phases, fresh and tired, warnings."""

from __future__ import annotations

import json

import numba
import numpy as np
import pytest

import imurun
from imurun.core.bouts import Bout
from imurun.errors import SettingsError
from imurun.model.columns import STEP_COLUMNS
from imurun.sim import RunnerModel, Segment, SensorModel, simulate
from imurun.sim.presets import eventful_run
from imurun.summary import find_phases

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too slow without the compiler")


@pytest.fixture(scope="module")
def eventful():
    simulation = eventful_run()
    return simulation, imurun.analyze(simulation.recording, imurun.Runner(mass_kg=70.0, height_m=1.75))


def test_the_step_table_has_the_documented_columns(eventful):
    steps = eventful[1].steps
    assert list(steps.columns) == [column.name for column in STEP_COLUMNS]
    assert set(steps["side"]) <= {"left", "right", "unknown"}
    assert set(steps["gait"]) == {"running", "walking"}
    assert steps["initial_contact_s"].is_monotonic_increasing
    walking = steps[steps["gait"] == "walking"]
    assert (
        walking[["contact_time_ms", "final_contact_s", "peak_vgrf_bw", "lumbar_dose"]].isna().all(axis=None)
    )
    assert walking["step_time_ms"].notna().mean() > 0.9


def test_bouts_follow_the_truth(eventful):
    simulation, session = eventful
    bouts = session.bouts
    assert bouts["start_s"].iloc[0] == 0.0
    assert bouts["end_s"].iloc[-1] == pytest.approx(simulation.recording.duration_s)
    assert np.array_equal(bouts["start_s"].iloc[1:], bouts["end_s"].iloc[:-1])
    gaps = [(a / 100.0, b / 100.0) for a, b in simulation.recording.gaps]
    told = bouts.loc[bouts["kind"] == "gap", ["start_s", "end_s"]].to_numpy()
    # of 0.15 s each: those inside a run or a walk do not cut it
    for start_s, end_s in gaps:
        around = bouts[(bouts["start_s"] < end_s - 1e-9) & (bouts["end_s"] > start_s + 1e-9)]
        if not any(np.allclose([start_s, end_s], gap) for gap in told):
            assert len(around) == 1
            assert around["kind"].iloc[0] in ("running", "walking")
    assert 0 < len(told) < len(gaps)
    assert session.summary["gap_s"] == pytest.approx(0.75)
    kinds = ("running", "walking", "still", "other", "gap")
    assert sum(session.summary[f"{kind}_s"] for kind in kinds) == pytest.approx(session.summary["duration_s"])
    truth = simulation.truth.to_frame()
    for kind, share in (("running", 0.97), ("walking", 0.93)):
        true_s = truth.loc[truth["gait"] == kind, "step_time_ms"].sum() / 1000
        assert share < session.summary[f"{kind}_s"] / true_s < 1.05
    assert session.summary["still_s"] > 15.0


def test_phases_and_changes_with_tiredness_are_found(eventful):
    summary = eventful[1].summary
    assert list(eventful[1].phases["kind"]) == ["warm-up", "main", "cool-down"]
    assert 30 < summary["warm_up_s"] < 90
    assert 30 < summary["cool_down_s"] < 90
    assert summary["tired_ml_sway_ratio"] > summary["fresh_ml_sway_ratio"]
    assert summary["tired_lean_deg"] > summary["fresh_lean_deg"] + 1
    assert summary["tired_roll_rom_deg"] > summary["fresh_roll_rom_deg"] + 1


def test_summary_is_flat_json(eventful):
    summary = eventful[1].summary
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert all(not isinstance(value, dict) for value in summary.values())
    assert summary["peak_vgrf_n"] == pytest.approx(summary["peak_vgrf_bw"] * 70.0 * 9.80665)
    running = eventful[1].steps.query("gait == 'running'")
    assert summary["cadence_spm"] == pytest.approx(running["cadence_spm"].median())
    assert summary["lumbar_dose_bw4"] == pytest.approx(running["lumbar_dose"].sum())
    assert summary["running_steps"] == len(running)


def test_asymmetry_is_detected():
    runner = RunnerModel(peak_asymmetry=0.10)
    simulation = simulate([Segment("running", 60.0, speed_m_s=3.0)], runner, seed=1)
    summary = imurun.analyze(simulation.recording).summary
    left, right = summary["peak_vgrf_left_bw"], summary["peak_vgrf_right_bw"]
    assert summary["peak_vgrf_asymmetry_percent"] == pytest.approx(200 * (left - right) / (left + right))
    assert summary["peak_vgrf_asymmetry_percent"] > 2.5


def test_the_mounting_of_the_whole_recording_agrees_with_the_found_one(eventful):
    simulation, session = eventful
    whole = imurun.analyze(simulation.recording, mounting="whole")
    assert whole.mounting.source == "whole"
    assert whole.settings["mounting"] == "whole"
    between = whole.mounting.rotation @ session.mounting.rotation.T
    assert np.rad2deg(np.arccos((np.trace(between) - 1) / 2)) < 6.0
    with pytest.raises(SettingsError, match="auto, find, whole"):
        imurun.analyze(simulation.recording, mounting="guess")


def test_anatomical_recordings_need_no_search():
    recording = simulate([Segment("running", 20.0, speed_m_s=3.0)], seed=1).recording
    anatomical = imurun.Recording(recording.acc, recording.gyr, rate_hz=100.0, frame="anatomical")
    assert imurun.analyze(anatomical).mounting.source == "given"


def test_walking_only_gives_no_running_and_no_phases():
    session = imurun.analyze(simulate([Segment("walking", 30.0, speed_m_s=1.4)], seed=1).recording)
    assert session.summary["running_steps"] == 0
    assert session.summary["cadence_spm"] is None
    assert session.phases.empty
    assert session.mounting.source == "level"
    assert imurun.analyze(
        simulate([Segment("walking", 30.0, speed_m_s=1.4)], seed=1).recording, mounting="whole"
    ).steps.equals(session.steps)


@pytest.mark.parametrize("n", [1, 50, 149, 151])
def test_a_very_short_recording_gives_no_steps(n):
    session = imurun.analyze(imurun.Recording(np.tile([0.0, 0.0, 9.81], (n, 1)), rate_hz=100.0))
    assert session.steps.empty
    assert session.bouts["end_s"].iloc[-1] == pytest.approx(n / 100)


def test_a_wrong_scale_gives_a_warning():
    recording = simulate([Segment("running", 30.0, speed_m_s=3.0)], seed=1).recording
    session = imurun.analyze(imurun.Recording(1.2 * recording.acc, recording.gyr, rate_hz=100.0))
    assert any("1.2" in warning and "scale" in warning for warning in session.warnings)


@pytest.mark.parametrize(("full_scale", "known"), [(2.5, True), (2.0, False)])
def test_saturation_is_counted_and_gives_a_warning(full_scale, known):
    sensor = SensorModel(rate_hz=100.0, acc_range_g=full_scale)
    simulated = simulate([Segment("running", 30.0, speed_m_s=4.0)], sensor=sensor, seed=1).recording
    recording = imurun.Recording(
        simulated.acc, simulated.gyr, rate_hz=100.0, acc_range_g=full_scale if known else None
    )
    session = imurun.analyze(recording)
    assert session.summary["clipped_samples"] > 30
    assert any("full scale" in warning for warning in session.warnings)


def test_a_dead_gyroscope_is_left_out():
    recording = simulate([Segment("running", 30.0, speed_m_s=3.0)], seed=1).recording
    dead = imurun.analyze(imurun.Recording(recording.acc, 0 * recording.gyr, rate_hz=100.0))
    without = imurun.analyze(imurun.Recording(recording.acc, rate_hz=100.0))
    assert dead.steps.equals(without.steps)
    assert not dead.summary["gyroscope"]
    assert any("gyroscope" in warning for warning in dead.warnings)


def test_degrees_taken_for_radians_give_a_warning():
    recording = simulate([Segment("running", 30.0, speed_m_s=3.0)], seed=1).recording
    wrong = imurun.Recording(recording.acc, np.rad2deg(recording.gyr), rate_hz=100.0)
    assert any("deg/s" in warning for warning in imurun.analyze(wrong).warnings)


@pytest.mark.parametrize("axis", [(0, 0, 1), (0, 1, 0)])
def test_a_sensor_turned_round_gives_a_warning(axis):
    """Half a turn about the up or the side axis: forward becomes backward."""
    sensor = SensorModel(rate_hz=100.0, slip_s=60.0, slip_deg=180.0, slip_axis=axis)
    simulation = simulate([Segment("running", 120.0, speed_m_s=3.0)], sensor=sensor, seed=1)
    session = imurun.analyze(simulation.recording)
    assert session.summary["running_s"] > 100.0
    assert any("against the mounting" in warning for warning in session.warnings)
    late = session.steps[session.steps["initial_contact_s"] > 75.0]
    assert (late["side"] == "unknown").all()
    assert late["contact_time_ms"].notna().all()
    assert late[["lean_deg", "braking_g", "lumbar_dose"]].isna().all(axis=None)


def test_a_reversed_forward_axis_gives_a_warning():
    recording = simulate([Segment("running", 30.0, speed_m_s=3.0)], seed=1).recording
    session = imurun.analyze(recording, mounting=np.diag([-1.0, -1.0, 1.0]))
    assert session.summary["running_steps"] > 50
    assert any("against the mounting" in warning for warning in session.warnings)


def test_long_standing_does_not_change_later_steps():
    segments = [
        Segment("walking", 10.0, speed_m_s=1.8),
        Segment("still", 90.0),
        Segment("walking", 10.0, speed_m_s=1.4),
        Segment("still", 40.0),
        Segment("running", 20.0, speed_m_s=3.0),
    ]
    for seed in range(4):
        steps = imurun.analyze(simulate(segments, seed=seed).recording).steps
        assert steps["initial_contact_s"].is_monotonic_increasing
        walking = steps[steps["gait"] == "walking"]
        assert np.isfinite(walking["peak_vertical_g"]).all()
        assert (walking["decided_s"] - walking["initial_contact_s"] < 5.0).all()
        running = steps[steps["gait"] == "running"]
        assert len(running) > 50
        assert not steps["initial_contact_s"].between(12.0, 98.0).any()


def test_lean_counts_from_the_stand_before_the_run():
    """A stop in mid-run, leaning, is not how the runner stands."""
    segments = [
        Segment("still", 5.0),
        Segment("running", 6.0, speed_m_s=3.0),
        Segment("still", 6.0, lean_deg=20.0),
        Segment("running", 30.0, speed_m_s=3.0),
    ]
    steps = imurun.analyze(simulate(segments, RunnerModel(lean_deg=8.0), seed=1).recording).steps
    running = steps[steps["gait"] == "running"]
    assert abs(running["lean_deg"].median() - 8.0) < 2.0


def test_progress_ends_at_one():
    told = []
    imurun.analyze(
        imurun.Recording(np.tile([0.0, 0.0, 9.81], (9000, 1)), rate_hz=100.0), progress=told.append
    )
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) > 2


def test_no_phases_without_running(eventful):
    steps = eventful[1].steps
    assert find_phases(steps[steps["gait"] == "walking"], [Bout(0.0, 10.0, "walking")]) == []
