"""The simulated sensor: consistent six axes, and errors of the size that is set."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from imurun.errors import SettingsError
from imurun.model.frames import G
from imurun.sim import RunnerModel, Segment, SensorModel, simulate
from imurun.sim.presets import eventful_run, steady_run
from imurun.sim.rotation import mounting_from_angles

RUN = [Segment("running", 20.0)]


def _integrate(gyr, rate_hz, first):
    """Orientation from the gyroscope alone: mid-point rotation vectors, one for each sample."""
    turns = Rotation.from_rotvec(0.5 * (gyr[1:] + gyr[:-1]) / rate_hz)
    here = Rotation.from_matrix(first)
    path = [here]
    for turn in turns:
        here = here * turn
        path.append(here)
    return Rotation.concatenate(path)


def _same_bytes(a, b):
    return a.tobytes() == b.tobytes()


@pytest.mark.parametrize("turn", [0.0, 12.0])
def test_gyro_integrates_to_the_rotation(turn):
    segments = [Segment("walking", 4.0, turn_deg_s=turn), Segment("running", 6.0, turn_deg_s=turn)]
    sim = simulate(segments, RunnerModel(fatigue_sway=0.5), SensorModel(rate_hz=1000.0), seed=3)
    assert sim.recording.gyr is not None
    truth = sim.truth
    found = _integrate(sim.recording.gyr, 1000.0, truth.rotation[0])
    error = (found.inv() * Rotation.from_matrix(truth.rotation)).magnitude()
    assert np.degrees(error.max()) < 0.1
    if turn:
        assert np.degrees(truth.motion.at(np.array([9.0])).heading_rad[0]) > 90.0


def test_gyro_integrates_to_the_rotation_through_stands_and_a_slip():
    segments = [Segment("still", 3.0), Segment("running", 4.0), Segment("still", 3.0)]
    mounting = mounting_from_angles(170.0, 20.0, 60.0)
    sensor = SensorModel(rate_hz=2000.0, mounting=mounting, slip_s=5.0, slip_deg=20.0, slip_axis=(0, 1, 0))
    sim = simulate(segments, None, sensor)
    assert sim.recording.gyr is not None
    found = _integrate(sim.recording.gyr, 2000.0, sim.truth.rotation[0] @ mounting)
    slip = Rotation.from_euler("y", 20.0, degrees=True).as_matrix()
    end = Rotation.from_matrix(sim.truth.rotation[-1] @ slip @ mounting)
    assert np.degrees((found[-1].inv() * end).magnitude()) < 0.1
    still = sim.truth.time_s > 9.5
    expected = (slip @ mounting).T @ (sim.truth.rotation[-1].T @ [0.0, 0.0, G])
    np.testing.assert_allclose(sim.recording.acc[still].mean(axis=0), expected, atol=1e-3)


@settings(max_examples=15)
@given(
    speed=st.floats(2.0, 5.0),
    angles=st.tuples(*[st.floats(-180.0, 180.0)] * 3),
    seed=st.integers(0, 2**32 - 1),
)
def test_mean_specific_force_over_strides_is_gravity(speed, angles, seed):
    mounting = mounting_from_angles(*angles)
    sensor = SensorModel(rate_hz=250.0, mounting=mounting)
    sim = simulate([Segment("running", 20.0, speed_m_s=speed)], None, sensor, seed=seed)
    truth = sim.truth
    level = np.einsum("nij,nj->ni", truth.rotation, sim.recording.acc @ mounting.T)
    contact = truth.steps["initial_contact_s"]
    strides = (truth.time_s >= contact[0]) & (truth.time_s < contact[len(contact) // 2 * 2 - 2])
    np.testing.assert_allclose(level[strides].mean(axis=0), [0.0, 0.0, G], atol=0.05)


def test_mounting_turns_both_sensors_alike():
    straight = simulate(RUN)
    mounting = mounting_from_angles(180.0, 10.0, 30.0)
    turned = simulate(RUN, None, SensorModel(mounting=mounting))
    assert straight.recording.gyr is not None
    assert turned.recording.gyr is not None
    np.testing.assert_allclose(turned.recording.acc @ mounting.T, straight.recording.acc, atol=1e-9)
    np.testing.assert_allclose(turned.recording.gyr @ mounting.T, straight.recording.gyr, atol=1e-9)
    assert turned.recording.acc[:, 2].mean() < 0.0
    np.testing.assert_array_equal(turned.mounting, mounting)


def test_same_seed_same_bytes_and_other_seed_other_run():
    sensor = SensorModel(acc_noise_g=0.01, gyr_noise_deg_s=0.5, drop_share=0.01, jitter_s=0.001)
    first, again, other = (simulate(RUN, None, sensor, seed=seed) for seed in (5, 5, 6))
    assert first.recording.gyr is not None
    assert again.recording.gyr is not None
    assert _same_bytes(first.recording.acc, again.recording.acc)
    assert _same_bytes(first.recording.gyr, again.recording.gyr)
    assert _same_bytes(first.truth.steps, again.truth.steps)
    assert _same_bytes(first.time_stamps_s, again.time_stamps_s)
    assert not np.array_equal(first.truth.steps["initial_contact_s"], other.truth.steps["initial_contact_s"])


def test_another_sensor_measures_the_same_run():
    clean = simulate(RUN, seed=8)
    noisy = simulate(RUN, None, SensorModel(rate_hz=200.0, acc_noise_g=0.1, drop_share=0.1), seed=8)
    assert _same_bytes(clean.truth.steps, noisy.truth.steps)
    np.testing.assert_allclose(noisy.truth.acc_body[::2], clean.truth.acc_body, atol=1e-12)


def test_noise_and_bias_match_the_settings():
    bias_g, bias_deg = (0.05, -0.02, 0.01), (1.0, -2.0, 0.5)
    sensor = SensorModel(
        acc_noise_g=0.02, gyr_noise_deg_s=0.7, acc_bias_g=bias_g, gyr_bias_deg_s=bias_deg, rate_hz=400.0
    )
    sim = simulate(RUN, None, sensor)
    assert sim.recording.gyr is not None
    acc_error = (sim.recording.acc - sim.truth.acc_body) / G
    gyr_error = np.degrees(sim.recording.gyr - sim.truth.gyr_body)
    np.testing.assert_allclose(acc_error.std(axis=0), 0.02, rtol=0.05)
    np.testing.assert_allclose(gyr_error.std(axis=0), 0.7, rtol=0.05)
    np.testing.assert_allclose(acc_error.mean(axis=0), bias_g, atol=0.001)
    np.testing.assert_allclose(gyr_error.mean(axis=0), bias_deg, atol=0.04)


def test_readings_are_clipped_and_quantised():
    sensor = SensorModel(
        acc_range_g=2.0, gyr_range_deg_s=60.0, acc_resolution_g=1 / 64, gyr_resolution_deg_s=0.5
    )
    sim = simulate(RUN, None, sensor)
    recording = sim.recording
    assert recording.gyr is not None
    acc_g, gyr_deg = recording.acc / G, np.degrees(recording.gyr)
    assert np.abs(acc_g).max() == pytest.approx(2.0, abs=1e-12)
    assert (acc_g[:, 2] > 1.999).sum() > 20
    assert np.abs(gyr_deg).max() == pytest.approx(60.0, abs=1e-9)
    np.testing.assert_allclose(acc_g * 64, np.rint(acc_g * 64), atol=1e-9)
    np.testing.assert_allclose(gyr_deg * 2, np.rint(gyr_deg * 2), atol=1e-9)
    assert (recording.acc_range_g, recording.gyr_range_deg_s) == (2.0, 60.0)


def test_single_and_burst_losses_match_the_settings():
    sim = simulate([Segment("running", 120.0)], None, SensorModel(drop_share=0.05), seed=1)
    assert sim.lost.mean() == pytest.approx(0.05, rel=0.15)
    assert sim.recording.n_bridged > 0.8 * sim.lost.sum()
    sensor = SensorModel(bursts_per_min=6.0, burst_s=0.5)
    sim = simulate([Segment("running", 120.0)], None, sensor, seed=1)
    assert 4 <= len(sim.recording.gaps) <= 24
    assert all(last - first >= 4 for first, last in sim.recording.gaps)
    assert not np.isnan(sim.recording.acc[~sim.lost]).any()
    assert np.isnan(sim.recording.acc[sim.lost]).all()


def test_clock_drift_and_jitter_match_the_settings():
    sim = simulate([Segment("running", 100.0)], None, SensorModel(clock_ppm=1000.0, jitter_s=0.002))
    assert len(sim.recording) == 10_010
    assert sim.truth.time_s[-1] == pytest.approx(100.0, abs=0.02)
    assert (np.diff(sim.time_stamps_s) >= 0.0).all()
    assert np.std(sim.time_stamps_s - sim.recording.time_s) == pytest.approx(0.002, rel=0.1)


def test_a_sensor_without_gyroscope_gives_no_angular_rate():
    start = datetime(2024, 5, 1, 7, 30, tzinfo=UTC)
    sim = simulate(RUN, None, SensorModel(has_gyro=False, gyr_range_deg_s=2000.0), start=start)
    assert sim.recording.gyr is None
    assert sim.recording.gyr_range_deg_s is None
    assert sim.recording.start == start
    assert sim.recording.frame == "sensor"


@pytest.mark.parametrize(
    "settings_",
    [
        {"rate_hz": 5.0},
        {"rate_hz": float("nan")},
        {"acc_range_g": 0.1},
        {"acc_noise_g": -1.0},
        {"drop_share": 1.0},
        {"acc_bias_g": (1.0, 2.0)},
        {"slip_axis": (0.0, 0.0, 0.0)},
        {"mounting": np.diag([1.0, 1.0, -1.0])},
        {"mounting": np.ones((3, 3))},
    ],
)
def test_sensors_out_of_range_are_refused(settings_):
    with pytest.raises(SettingsError):
        SensorModel(**settings_)


def test_presets_have_the_described_properties():
    steady = steady_run(20.0)
    assert len(steady.recording) == 2000
    assert set(steady.truth.steps["gait"]) == {"running"}
    eventful = eventful_run()
    kinds = eventful.truth.bouts["kind"].tolist()
    assert kinds == ["still", "walking", "running", "walking", "running", "walking", "still"]
    assert eventful.recording.rate_hz == 100.0
    assert eventful.recording.gaps
    assert np.nanmean(eventful.recording.acc[:900, 2]) < -0.9 * G
    assert (eventful.recording.start, eventful.recording.frame) == (None, "sensor")
    assert len(eventful.recording) * 12 < 1_500_000
