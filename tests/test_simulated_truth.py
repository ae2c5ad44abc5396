"""The analysis of simulated runs against their exact truth."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import imurun
from imurun.sim import RunnerModel, Segment, SensorModel, simulate

SLOW = numba.config.DISABLE_JIT


def compare(simulation, mounting="auto"):
    """Steps and truth of the running contacts at least half a second inside, one to one."""
    session = imurun.analyze(simulation.recording, mounting=mounting)
    steps = session.steps[session.steps["gait"] == "running"].reset_index(drop=True)
    truth = simulation.truth.to_frame()
    end = simulation.recording.duration_s - 0.5
    inside = (
        (truth["initial_contact_s"] > 0.5) & (truth["final_contact_s"] < end) & (truth["gait"] == "running")
    )
    truth = truth[inside].reset_index(drop=True)
    strikes = steps["initial_contact_s"].to_numpy()
    nearest = [int(np.argmin(np.abs(strikes - strike))) for strike in truth["initial_contact_s"]]
    assert len(set(nearest)) == len(nearest)
    assert (strikes > 0.5).sum() <= len(truth) + 3  # nothing invented; those at the ends are not in the truth
    return steps.iloc[nearest].reset_index(drop=True), truth, session


def rms(values):
    return float(np.sqrt(np.nanmean(np.asarray(values, dtype=float) ** 2)))


@pytest.mark.parametrize("speed", [3.0] if SLOW else [2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0])
def test_steps_match_the_simulated_truth(speed):
    turn = Rotation.random(random_state=round(10 * speed)).as_matrix()
    sensor = SensorModel(rate_hz=50.0 if SLOW else 100.0, mounting=turn)
    segments = [Segment("running", 8.0 if SLOW else 60.0, speed_m_s=speed)]
    steps, truth, session = compare(simulate(segments, RunnerModel(), sensor, seed=round(speed * 7)))
    # the simulated runner has a bias as any runner has: what is asked is that the interval tells it
    for what in ("initial_contact", "final_contact"):
        error_ms = 1000.0 * (steps[f"{what}_s"] - truth[f"{what}_s"])
        assert abs(error_ms.mean()) < 1.2 * steps[f"{what}_error_ms"].median()
        assert error_ms.std() < 5.0
    contact_ms = steps["contact_time_ms"] - truth["contact_time_ms"]
    assert abs(contact_ms.mean()) < 1.2 * steps["contact_time_error_ms"].median()
    assert contact_ms.std() < 6.0
    assert list(steps["side"]) == list(truth["side"])
    assert rms(steps["roll_rom_deg"] - truth["roll_rom_deg"]) < 0.5
    assert rms(steps["pitch_rom_deg"] - truth["pitch_rom_deg"]) < 0.5
    between = [np.diff(table["initial_contact_s"]).mean() for table in (steps, truth)]
    assert abs(between[0] / between[1] - 1) < 0.002
    assert rms(steps["peak_vgrf_bw"] - truth["peak_vgrf_bw"]) < 0.10
    assert rms(steps["vertical_impulse_bw_s"] - truth["vertical_impulse_bw_s"]) < 0.01
    assert abs(np.mean(steps["vertical_oscillation_mm"] - truth["vertical_oscillation_mm"])) < 3.0
    assert session.mounting.confidence > (0.5 if SLOW else 0.9)


@pytest.mark.skipif(SLOW, reason="too slow without the compiler")
def test_pelvic_rotation_matches_the_truth_with_the_mounting_given():
    simulation = simulate([Segment("running", 30.0, speed_m_s=3.5)], seed=2)
    steps, truth, _ = compare(simulation, mounting=simulation.mounting)
    assert rms(steps["yaw_rom_deg"] - truth["yaw_rom_deg"]) < 0.7


@pytest.mark.skipif(SLOW, reason="too slow without the compiler")
@pytest.mark.parametrize("rate", [25.0, 52.0, 208.0, 400.0])
def test_contacts_and_sides_match_the_truth_at_any_rate(rate):
    simulation = simulate([Segment("running", 30.0, speed_m_s=3.2)], sensor=SensorModel(rate_hz=rate), seed=3)
    steps, truth, _ = compare(simulation)
    assert rms(steps["initial_contact_s"] - truth["initial_contact_s"]) < 0.008
    assert rms(steps["final_contact_s"] - truth["final_contact_s"]) < 0.012
    assert list(steps["side"]) == list(truth["side"])


@pytest.mark.skipif(SLOW, reason="too slow without the compiler")
def test_steps_of_a_poor_sensor_match_the_truth():
    sensor = SensorModel(
        rate_hz=104.0,
        mounting=Rotation.random(random_state=8).as_matrix(),
        acc_noise_g=0.05,
        gyr_noise_deg_s=1.0,
        acc_bias_g=(0.03, -0.03, 0.02),
        gyr_bias_deg_s=(1.0, -1.0, 0.5),
        drop_share=0.03,
    )
    steps, truth, _ = compare(simulate([Segment("running", 60.0, speed_m_s=3.2)], sensor=sensor, seed=3))
    assert rms(steps["initial_contact_s"] - truth["initial_contact_s"]) < 0.006
    assert list(steps["side"]) == list(truth["side"])
    assert rms(steps["roll_rom_deg"] - truth["roll_rom_deg"]) < 1.0


@pytest.mark.skipif(SLOW, reason="too slow without the compiler")
def test_steps_without_gyroscope_match_the_truth():
    sensor = SensorModel(rate_hz=100.0, has_gyro=False, mounting=Rotation.random(random_state=4).as_matrix())
    steps, truth, _ = compare(simulate([Segment("running", 60.0, speed_m_s=3.2)], sensor=sensor, seed=3))
    assert rms(steps["initial_contact_s"] - truth["initial_contact_s"]) < 0.008
    assert list(steps["side"]) == list(truth["side"])
    assert steps[["roll_rom_deg", "pitch_rom_deg", "yaw_rom_deg"]].isna().all(axis=None)
    assert steps["lean_deg"].notna().all()


@pytest.mark.skipif(SLOW, reason="too slow without the compiler")
def test_lean_is_measured_from_standing():
    segments = [
        Segment("still", 6.0),
        Segment("walking", 10.0, speed_m_s=1.4),
        Segment("running", 40.0, speed_m_s=3),
    ]
    steps, truth, _ = compare(simulate(segments, RunnerModel(lean_deg=9.0), seed=5))
    assert abs(np.mean(steps["lean_deg"] - truth["lean_deg"])) < 1.0


@pytest.mark.skipif(SLOW, reason="too slow without the compiler")
@pytest.mark.parametrize(
    ("speed", "duty", "cadence", "has_gyro"),
    [
        (1.6, 0.55, 130, True),
        # while forward is unknown, an accelerometer alone does not tell it from quick walking
        pytest.param(1.6, 0.55, 130, False, marks=pytest.mark.xfail(strict=True)),
        (2.0, 0.52, 160, True),
        (2.0, 0.52, 160, False),
        (2.4, 0.50, 170, True),
        (2.4, 0.50, 170, False),
    ],
)
def test_grounded_running_is_running(speed, duty, cadence, has_gyro):
    """No flight phase. Contact times are read short: nobody whom the formulas were fitted on ran so."""
    segment = Segment("running", 30.0, speed_m_s=speed, duty_factor=duty, cadence_spm=cadence)
    sensor = SensorModel(has_gyro=has_gyro, mounting=Rotation.random(random_state=cadence).as_matrix())
    simulation = simulate([segment], RunnerModel(), sensor, seed=4)
    assert np.median(simulation.truth.steps["flight_time_ms"][1:]) < 1.0
    steps, truth, session = compare(simulation)
    assert session.summary["walking_steps"] == 0
    assert list(steps["side"]) == list(truth["side"])
    assert rms(steps["initial_contact_s"] - truth["initial_contact_s"]) < 0.03
    assert -90.0 < np.mean(steps["contact_time_ms"] - truth["contact_time_ms"]) < 0.0


@pytest.mark.skipif(SLOW, reason="too slow without the compiler")
def test_flat_steps_are_running_once_forward_is_known():
    segments = [
        Segment("running", 20.0, speed_m_s=3.0),
        Segment("walking", 10.0, speed_m_s=1.6),
        Segment("running", 30.0, speed_m_s=2.0, duty_factor=0.6, cadence_spm=130),
        Segment("walking", 10.0, speed_m_s=2.4),
    ]
    simulation = simulate(segments, seed=3)
    session = imurun.analyze(simulation.recording)
    kinds = session.bouts[session.bouts["end_s"] - session.bouts["start_s"] > 1.0]["kind"]
    assert list(kinds) == ["running", "walking", "running", "walking"]


@pytest.mark.skipif(SLOW, reason="too slow without the compiler")
@pytest.mark.parametrize("has_gyro", [True, False])
@pytest.mark.parametrize(
    ("speed", "cadence", "contact_s"), [(7.0, 240, 0.125), (8.5, 265, 0.11), (9.0, 285, 0.1)]
)
def test_every_step_and_side_of_a_sprint_is_found(speed, cadence, contact_s, has_gyro):
    """Every step and side; contacts come early, far beyond the speeds that the formulas were fitted at."""
    segment = Segment(
        "running", 15.0, speed_m_s=speed, duty_factor=contact_s * cadence / 120, cadence_spm=cadence
    )
    sensor = SensorModel(
        rate_hz=200.0, has_gyro=has_gyro, mounting=Rotation.random(random_state=cadence).as_matrix()
    )
    steps, truth, _ = compare(simulate([segment], RunnerModel(), sensor, seed=4))
    assert list(steps["side"]) == list(truth["side"])
    early = truth["initial_contact_s"] - steps["initial_contact_s"]
    assert np.std(early) < 0.008
    assert 0.0 < np.mean(early) < 0.08
    assert abs(np.mean(steps["cadence_spm"]) / cadence - 1) < 0.01
    assert np.std(steps["contact_time_ms"] - truth["contact_time_ms"]) < 10.0
