"""Quaternions and level axes against scipy's rotations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter
from scipy.spatial.transform import Rotation

from imurun.core.orientation import (
    MEAN_TAU_S,
    START_S,
    Orientation,
    earth_rows,
    quaternion_of,
    tilt_from_mean,
)
from imurun.model.frames import LEFT, UP, G, as_rotation, level_rotation
from tests.core.core_helpers import examples, quats_from, rotation_from, simulated, smooth_noise

UPS = [*np.vstack([np.eye(3), -np.eye(3)]), *np.random.default_rng(1).standard_normal((20, 3))]


@examples(60)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_rotation_becomes_its_quaternion_and_back(seed):
    rotation = Rotation.random(random_state=seed)
    quat = quaternion_of(rotation.as_matrix())
    assert quat[0] >= 0.0
    assert np.allclose(rotation_from(quat).as_matrix(), rotation.as_matrix(), atol=1e-14)


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("angle_deg", [0.0, 1e-7, 90.0, 179.9999999, 180.0, -180.0, 270.0])
def test_a_half_turn_becomes_its_quaternion_and_back(axis, angle_deg):
    rotation = Rotation.from_euler("xyz"[axis], angle_deg, degrees=True).as_matrix()
    assert np.allclose(rotation_from(quaternion_of(rotation)).as_matrix(), rotation, atol=1e-14)


@examples(60)
@given(seed=st.integers(0, 2**32 - 1))
def test_earth_rows_are_the_matrix(seed):
    rotation = Rotation.random(random_state=seed)
    rows = earth_rows(*quats_from(rotation)[0])
    assert np.allclose(np.reshape(rows, (3, 3)), rotation.as_matrix(), atol=1e-14)


@pytest.mark.parametrize("up", UPS)
@pytest.mark.parametrize("length", [1e-3, 1.0, 9.81])
def test_level_rotation_is_the_smallest(up, length):
    rotation = as_rotation(level_rotation(length * up))
    assert np.allclose(rotation @ up / np.linalg.norm(up), [0.0, 0.0, 1.0], atol=1e-12)
    angle = np.arccos(np.clip(up[UP] / np.linalg.norm(up), -1.0, 1.0))
    assert Rotation.from_matrix(rotation).magnitude() == pytest.approx(angle, abs=1e-7)


@pytest.mark.parametrize("tilt", [1e-9, 1e-7, 1e-6, 1.5e-6, 3e-6, 1e-4, 1e-2])
def test_level_rotation_is_accurate_nearly_upside_down(tilt):
    up = np.array([np.sin(tilt) * 0.6, np.sin(tilt) * 0.8, -np.cos(tilt)])
    rotation = as_rotation(level_rotation(up))
    assert np.allclose(rotation @ up, [0.0, 0.0, 1.0], atol=1e-5)


def plain_mean(acc, gain, mean):
    """One-pole mean, column by column."""
    start = (1.0 - gain) * np.asarray(mean)[None]
    return lfilter([gain], [1.0, gain - 1.0], acc, axis=0, zi=start)[0]


@examples(30)
@given(seed=st.integers(0, 2**32 - 1), rate_hz=st.sampled_from([25.0, 100.0]))
def test_tilt_levels_the_slow_mean(seed, rate_hz):
    rng = np.random.default_rng(seed)
    first = 9.81 * Rotation.random(random_state=seed).apply([0.0, 0.0, 1.0])
    acc = first + np.column_stack([smooth_noise(rng, 200, 4.0, 5.0) for _ in range(3)])
    gain = 1.0 - np.exp(-1.0 / (MEAN_TAU_S * rate_hz))
    mean, quats = first.copy(), np.empty((200, 4))
    tilt_from_mean(acc, gain, mean, quats)
    expected = plain_mean(acc, gain, first)
    assert np.allclose(mean, expected[-1])
    for up, quat in zip(expected[::17], quats[::17], strict=True):
        assert np.linalg.norm(quat) == pytest.approx(1.0, abs=1e-9)
        assert np.allclose(rotation_from(quat).as_matrix(), level_rotation(up), atol=1e-6)


@pytest.mark.parametrize("up", UPS)
def test_tilt_levels_a_sensor_at_rest(up):
    acc = np.tile(G * up / np.linalg.norm(up), (5, 1))
    quats = np.empty((5, 4))
    tilt_from_mean(acc, 0.01, acc[0].copy(), quats)
    assert np.allclose(rotation_from(quats).apply(acc), [0.0, 0.0, G], atol=1e-6)


def test_tilt_of_no_samples_keeps_the_mean():
    mean = np.array([1.0, 2.0, 3.0])
    tilt_from_mean(np.zeros((0, 3)), 0.01, mean, np.zeros((0, 4)))
    assert mean.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("gyro", [True, False])
def test_any_split_and_any_pause_gives_the_same_orientation(gyro):
    recording = simulated(("running", 6.0), tilted=True).recording
    acc, gyr = recording.acc, recording.gyr if gyro else None
    start = (100.0, gyro, acc[:150].mean(axis=0), acc[0])
    whole = Orientation(*start).push(acc, gyr)
    other, parts = Orientation(*start), []
    for first, stop in ((0, 1), (1, 2), (2, 40), (40, 41), (41, 333), (333, len(acc))):
        resumed = Orientation(*start)
        resumed.state = other.state
        other = resumed
        parts.append(other.push(acc[first:stop], None if gyr is None else gyr[first:stop]))
    assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_saved_state_is_not_changed_by_going_on():
    recording = simulated(("running", 6.0)).recording
    for gyr in (recording.gyr, None):
        orientation = Orientation(100.0, gyr is not None, np.array([0.0, 0.0, 9.8]), recording.acc[0])
        orientation.push(recording.acc[:50], None if gyr is None else gyr[:50])
        saved = orientation.state
        before = repr(saved)
        orientation.push(recording.acc[50:90], None if gyr is None else gyr[50:90])
        assert repr(saved) == before != repr(orientation.state)


@pytest.mark.parametrize("gyro", [True, False])
def test_up_is_within_2_degrees_while_running(gyro):
    session = simulated(("running", 20.0), tilted=True)
    acc, gyr = session.recording.acc, session.recording.gyr if gyro else None
    n = round(START_S * 100.0)
    quats = Orientation(100.0, gyro, acc[:n].mean(axis=0), acc[0]).push(acc, gyr)
    # no net acceleration over a long run: its mean in earth axes is gravity
    force = rotation_from(quats).apply(acc.copy())[500:].mean(axis=0)
    assert np.degrees(np.arccos(force[UP] / np.linalg.norm(force))) < 2.0


def test_turning_left_is_followed_by_the_gyroscope():
    """Sensor x along body z: the turn is about the sensor's x axis."""
    body_from_sensor = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    n, turn = 400, np.radians(30.0)
    acc = np.tile(body_from_sensor.T @ [0.0, 0.0, G], (n, 1))
    gyr = np.tile(body_from_sensor.T @ [0.0, 0.0, turn], (n, 1))
    quats = Orientation(100.0, True, acc[0], acc[0]).push(acc, gyr)
    left = rotation_from(quats).apply(body_from_sensor.T[:, LEFT])
    heading = np.unwrap(np.arctan2(left[:, 1], left[:, 0]))
    assert heading[-1] - heading[0] == pytest.approx(turn * (n - 1) / 100.0, rel=1e-3)
