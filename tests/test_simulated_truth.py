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
def test_truth_is_met(speed):
    turn = Rotation.random(random_state=round(10 * speed)).as_matrix()
    sensor = SensorModel(rate_hz=50.0 if SLOW else 100.0, mounting=turn)
    segments = [Segment("running", 8.0 if SLOW else 60.0, speed_m_s=speed)]
    steps, truth, session = compare(simulate(segments, RunnerModel(), sensor, seed=round(speed * 7)))
    assert rms(steps["initial_contact_s"] - truth["initial_contact_s"]) < 0.005
    assert rms(steps["final_contact_s"] - truth["final_contact_s"]) < 0.005
    assert rms(steps["contact_time_ms"] - truth["contact_time_ms"]) < 6.0
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
def test_rotation_is_met_with_the_mounting_given():
    simulation = simulate([Segment("running", 30.0, speed_m_s=3.5)], seed=2)
    steps, truth, _ = compare(simulation, mounting=simulation.mounting)
    assert rms(steps["yaw_rom_deg"] - truth["yaw_rom_deg"]) < 0.7


@pytest.mark.skipif(SLOW, reason="too slow without the compiler")
@pytest.mark.parametrize("rate", [25.0, 52.0, 208.0, 400.0])
def test_rate_hardly_matters(rate):
    simulation = simulate([Segment("running", 30.0, speed_m_s=3.2)], sensor=SensorModel(rate_hz=rate), seed=3)
    steps, truth, _ = compare(simulation)
    assert rms(steps["initial_contact_s"] - truth["initial_contact_s"]) < 0.005
    assert rms(steps["final_contact_s"] - truth["final_contact_s"]) < 0.006
    assert list(steps["side"]) == list(truth["side"])


@pytest.mark.skipif(SLOW, reason="too slow without the compiler")
def test_a_poor_sensor():
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
def test_without_gyroscope():
    sensor = SensorModel(rate_hz=100.0, has_gyro=False, mounting=Rotation.random(random_state=4).as_matrix())
    steps, truth, _ = compare(simulate([Segment("running", 60.0, speed_m_s=3.2)], sensor=sensor, seed=3))
    assert rms(steps["initial_contact_s"] - truth["initial_contact_s"]) < 0.005
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
