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
    a_stride_before,
    earth_rows,
    quaternion_of,
    recent_length,
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


# -- gaps ---------------------------------------------------------------------------------------------------


def oriented(recording, gyro, gap=None, pieces=()):
    """Quaternions of a recording; with a gap, those before and after it, which is skipped in pieces."""
    acc, gyr = recording.acc, recording.gyr if gyro else None
    orientation = Orientation(recording.rate_hz, gyro, acc[:150].mean(axis=0), acc[0])
    if gap is None:
        return orientation.push(acc, gyr)
    quats = [orientation.push(acc[: gap[0]], None if gyr is None else gyr[: gap[0]])]
    for n_missing in pieces or (gap[1] - gap[0],):
        orientation.skip(n_missing)
        resumed = Orientation(recording.rate_hz, gyro, acc[:150].mean(axis=0), acc[0])
        resumed.state = orientation.state
        orientation = resumed
    quats.append(orientation.push(acc[gap[1] :], None if gyr is None else gyr[gap[1] :]))
    return np.concatenate(quats)


def tilted_apart_deg(one, other):
    """Angles between the up axes of pairs of orientations, shape (n,)."""
    ups = [rotation_from(quats).inv().apply([0.0, 0.0, 1.0]) for quats in (one, other)]
    return np.degrees(np.arccos(np.clip((ups[0] * ups[1]).sum(axis=1), -1.0, 1.0)))


@pytest.mark.parametrize("n_missing", [6, 10, 15, 25, 40, 50])
@pytest.mark.parametrize("kind", ["running", "walking"])
def test_a_short_gap_hardly_turns_the_horizon(kind, n_missing):
    """Held instead, the orientation would be up to 9 deg off."""
    recording = simulated((kind, 20.0), tilted=True).recording
    whole = oriented(recording, True)
    for first in range(1200, 1270, 7):  # at all phases of a stride
        stop = first + n_missing
        after = oriented(recording, True, (first, stop))[first:]
        assert tilted_apart_deg(whole[stop:], after).max() < 2.5


@pytest.mark.parametrize("n_missing", [10, 40])
def test_a_short_gap_without_a_gyroscope(n_missing):
    recording = simulated(("running", 20.0)).recording
    whole = oriented(recording, False)
    for first in range(1200, 1270, 7):
        after = oriented(recording, False, (first, first + n_missing))[first:]
        assert tilted_apart_deg(whole[first + n_missing :], after).max() < 0.5


@pytest.mark.parametrize("gyro", [True, False])
@pytest.mark.parametrize(("n_missing", "carried"), [(50, True), (51, False)])
def test_over_a_long_gap_the_orientation_is_held(gyro, n_missing, carried):
    """As if the samples after followed those before."""
    recording = simulated(("running", 20.0)).recording
    rows = np.r_[0:1200, 1200 + n_missing : len(recording.acc)]
    orientation = Orientation(100.0, gyro, recording.acc[:150].mean(axis=0), recording.acc[0])
    held = orientation.push(recording.acc[rows], recording.gyr[rows] if gyro else None)
    after = oriented(recording, gyro, (1200, 1200 + n_missing))
    assert (after.tobytes() == held.tobytes()) == (not carried)


@pytest.mark.parametrize("gyro", [True, False])
@pytest.mark.parametrize("pieces", [(1,) * 40, (0, 11, 29)])
def test_a_gap_in_pieces_is_one_gap(gyro, pieces):
    recording = simulated(("running", 20.0)).recording
    whole = oriented(recording, gyro, (1200, 1240))
    assert oriented(recording, gyro, (1200, 1240), pieces).tobytes() == whole.tobytes()


def test_a_state_without_the_last_samples_holds_over_the_next_gap():
    recording = simulated(("running", 20.0)).recording
    orientation = Orientation(100.0, True, recording.acc[:150].mean(axis=0), recording.acc[0])
    orientation.push(recording.acc[:1000], recording.gyr[:1000])
    older = Orientation(100.0, True, recording.acc[:150].mean(axis=0), recording.acc[0])
    older.state = {name: orientation.state[name] for name in ("mean", "vqf")}
    older.skip(20)
    held = Orientation(100.0, True, recording.acc[:150].mean(axis=0), recording.acc[0])
    held.state = orientation.state
    later = (recording.acc[1020:], recording.gyr[1020:])
    assert older.push(*later).tobytes() == held.push(*later).tobytes()


@pytest.mark.parametrize("rate_hz", [25.0, 100.0, 1000.0])
@pytest.mark.parametrize("n_axes", [3, 6])
def test_the_next_rows_are_those_a_stride_before(rate_hz, n_axes):
    """Of a signal that repeats each stride, and nearly each step, to the last bit; beyond a stride too."""
    stride = round(0.72 * rate_hz)
    one = np.random.default_rng(3).standard_normal((stride // 2, n_axes))
    stride_rows = np.vstack([one, one + 0.3])[:stride]
    rows = np.vstack([stride_rows] * 8)
    n_recent = recent_length(rate_hz)
    for n in (1, round(0.15 * rate_hz), round(0.5 * rate_hz), len(stride_rows) + 5):
        filled = a_stride_before(rows[7 : 7 + n_recent], n, rate_hz)
        assert filled is not None
        assert np.array_equal(filled, rows[7 + n_recent : 7 + n_recent + n])


def test_no_stride_in_noise_in_rest_and_in_few_rows():
    noise = np.random.default_rng(4).standard_normal((200, 6))
    assert a_stride_before(noise, 10, 100.0) is None
    assert a_stride_before(np.zeros((0, 6)), 10, 100.0) is None
    assert a_stride_before(np.vstack([noise[:40]] * 3)[:97], 10, 100.0) is None
    still = a_stride_before(np.ones((200, 6)), 10, 100.0)
    assert still is None or np.array_equal(still, np.ones((10, 6)))
