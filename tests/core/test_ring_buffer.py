"""Level axes and angles against scipy's rotations, for any blocks; the moving of a full buffer."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from imurun.core.ring_buffer import (
    FORWARD,
    KEEP_S,
    LEFTWARD,
    MEDIOLATERAL,
    N_CHANNELS,
    PITCH,
    RESULTANT,
    ROLL,
    ROLL_COSINE,
    VERTICAL,
    YAW,
    YAW_COSINE,
    YAW_SINE,
    angle_of,
    make_room,
    new_buffer,
    write_angles,
    write_forces,
    write_levels,
)
from imurun.model.frames import G
from tests.core.core_helpers import examples, quats_from

WRITTEN = [VERTICAL, FORWARD, LEFTWARD, RESULTANT, MEDIOLATERAL, ROLL, PITCH, YAW]


ANGLES = [ROLL, PITCH, YAW]
KEPT_FOR_ANGLES = [ROLL_COSINE, YAW_SINE, YAW_COSINE]
UNTOUCHED = -7.0


def levels(acc, earth_from_sensor, mounting, edges=(), first=0):
    """Columns written by the kernel from column `first` on, in blocks that end at `edges`."""
    acc, quats = np.atleast_2d(acc), quats_from(earth_from_sensor)
    buffer = np.full((N_CHANNELS, first + len(acc) + 1), UNTOUCHED)
    for a, b in pairwise([0, *edges, len(acc)]):
        write_levels(buffer, first + a, acc[a:b], quats[a:b], mounting)
    assert (buffer[:, :first] == UNTOUCHED).all()
    assert (buffer[:, -1] == UNTOUCHED).all()
    written = np.flatnonzero((buffer[:, first:-1] != UNTOUCHED).any(axis=1))
    assert not len(acc) or set(written) == {*WRITTEN, *KEPT_FOR_ANGLES}
    return buffer[:, first:-1]


def level(acc, earth_from_sensor, mounting):
    """The one column of a stretch of one sample."""
    return levels(acc, earth_from_sensor, mounting)[:, 0]


def plain_level(acc, earth_from_sensor, mounting):
    """The same from Euler angles: turn to earth, then back by the yaw."""
    earth_from_body = earth_from_sensor * Rotation.from_matrix(mounting).inv()
    yaw, pitch, roll = earth_from_body.as_euler("ZYX")
    forward, left, up = Rotation.from_euler("z", -yaw).apply(earth_from_sensor.apply(acc)) / G
    sideways = Rotation.from_matrix(mounting).apply(acc)[1] / G
    return [up, forward, left, np.linalg.norm(acc) / G, sideways, roll, pitch, yaw]


@examples(150)
@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([0.0, 1e-300, 1.0, 9.81, 1e6]))
def test_a_column_matches_the_reference_for_any_orientation(seed, size):
    rng = np.random.default_rng(seed)
    earth_from_sensor, mounting = Rotation.random(2, random_state=seed)
    acc = size * rng.standard_normal(3)
    expected = plain_level(acc, earth_from_sensor, mounting.as_matrix())
    found = level(acc, earth_from_sensor, mounting.as_matrix())[WRITTEN]
    assert np.allclose(found[:5], expected[:5], rtol=1e-9, atol=1e-9 * max(size, 1e-290))
    assert np.allclose(found[5:], expected[5:], atol=1e-7)


@pytest.mark.parametrize(
    ("axis", "channel"), [("x", ROLL), ("y", PITCH), ("z", YAW)], ids=["left side up", "forward", "to left"]
)
def test_angles_follow_the_right_hand_rule(axis, channel):
    """Body axes x forward, y left, z up; a turn by the right hand about each."""
    turned = Rotation.from_euler(axis, 0.3)
    column = level(np.zeros(3), turned, np.eye(3))
    assert column[channel] == pytest.approx(0.3)
    assert np.abs(np.delete(column[[ROLL, PITCH, YAW]], [ROLL, PITCH, YAW].index(channel))).max() < 1e-12
    left_end, front_end = turned.apply([0.0, 1.0, 0.0]), turned.apply([1.0, 0.0, 0.0])
    assert {ROLL: left_end[2] > 0, PITCH: front_end[2] < 0, YAW: front_end[1] > 0}[channel]


def test_standing_reads_one_g_up_however_the_sensor_sits():
    for turn in Rotation.random(10, random_state=1):
        mounting = turn.as_matrix()
        acc = mounting.T @ [0.0, 0.0, G]
        column = level(acc, turn, mounting)
        assert column[[VERTICAL, FORWARD, LEFTWARD, RESULTANT]] == pytest.approx([1.0, 0.0, 0.0, 1.0])
        assert column[[ROLL, PITCH]] == pytest.approx([0.0, 0.0], abs=1e-12)


def test_braking_is_backward_and_level_even_when_leaning():
    lean = Rotation.from_euler("y", 0.4)
    acc = lean.inv().apply([-3.0, 0.0, G])
    column = level(acc, lean, np.eye(3))
    assert column[[VERTICAL, FORWARD, LEFTWARD]] == pytest.approx([1.0, -3.0 / G, 0.0])


def about(axis, angles):
    """One turn a sample about the same axis."""
    return Rotation.from_euler(axis, np.asarray(angles)[:, None])


def random_walk(seed, n, step_rad, start=None):
    """Orientations that turn about any axis by up to `step_rad` from sample to sample."""
    rng = np.random.default_rng(seed)
    turns = Rotation.from_rotvec(step_rad * rng.uniform(-0.57, 0.57, (n, 3)))
    walked = [Rotation.random(random_state=seed) if start is None else start]
    for turn in turns[1:]:
        walked.append(walked[-1] * turn)
    return Rotation.concatenate(walked)


@examples(60)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 60),
    step_rad=st.sampled_from([0.0, 0.01, 0.3, 1.0]),
    edges=st.lists(st.integers(0, 60), max_size=6),
)
def test_block_sizes_do_not_change_the_columns(seed, n, step_rad, edges):
    """One sample at a time, several, or none: the same to the last bit, and as in the reference."""
    turned, mounting = random_walk(seed, n, step_rad), Rotation.random(random_state=seed)
    acc = 9.8 * np.random.default_rng(seed).standard_normal((n, 3))
    sample = acc, turned, mounting.as_matrix()
    whole = levels(*sample)
    assert levels(*sample, sorted(min(edge, n) for edge in edges)).tobytes() == whole.tobytes()
    assert levels(*sample, range(1, n)).tobytes() == whole.tobytes()
    expected = np.array([plain_level(a, t, sample[2]) for a, t in zip(acc, turned, strict=True)]).T
    assert np.allclose(whole[WRITTEN[:-1]], expected[:-1], atol=1e-7)
    assert np.allclose(whole[YAW], np.unwrap(expected[-1]), atol=1e-6 * n)
    assert np.allclose(np.hypot(whole[YAW_SINE], whole[YAW_COSINE]), 1.0)
    assert np.allclose(np.arctan2(whole[YAW_SINE], whole[YAW_COSINE]), expected[-1], atol=1e-7)
    assert np.allclose(whole[ROLL_COSINE], np.cos(expected[5]), atol=1e-7)


def test_yaw_is_unwrapped_over_many_turns():
    turns = np.linspace(0.3, 250.0, 600)
    for direction in (1.0, -1.0):
        found = levels(np.zeros((600, 3)), about("z", direction * turns), np.eye(3))[YAW]
        assert np.allclose(found, direction * turns, atol=1e-10)


def test_yaw_restarts_in_the_first_column_and_only_there():
    turned = about("z", [3.0, 4.0, 5.0])
    buffer = np.full((N_CHANNELS, 4), 100.0)
    acc, quats = np.zeros((3, 3)), quats_from(turned)
    write_levels(buffer, 0, acc, quats, np.eye(3))
    assert buffer[YAW, :3] == pytest.approx([3.0, 4.0, 5.0])
    # as after an hour of turning left, and after the buffer was moved
    buffer[YAW, 0] += 200.0 * np.pi
    write_levels(buffer, 1, acc[1:], quats[1:], np.eye(3))
    assert buffer[YAW, :3] == pytest.approx(200.0 * np.pi + np.array([3.0, 4.0, 5.0]))
    write_levels(buffer, 0, acc[1:], quats[1:], np.eye(3))
    assert buffer[YAW, :2] == pytest.approx([4.0 - 2.0 * np.pi, 5.0 - 2.0 * np.pi])


@pytest.mark.parametrize("roll_deg", [0.0, 29.9, 30.1, 89.9, 90.0, 90.1, 150.0, 179.9, -29.9, -90.1, -150.0])
@pytest.mark.parametrize("pitch_deg", [0.0, -89.0, 60.0, 89.9])
def test_angles_are_right_at_large_roll_and_pitch(roll_deg, pitch_deg):
    turned = Rotation.from_euler("ZYX", [100.0, pitch_deg, roll_deg], degrees=True)
    column = level(np.array([1.0, 2.0, 3.0]), turned, np.eye(3))
    assert np.degrees(column[ANGLES]) == pytest.approx([roll_deg, pitch_deg, 100.0], abs=1e-5)
    assert column[WRITTEN] == pytest.approx(
        plain_level(np.array([1.0, 2.0, 3.0]), turned, np.eye(3)), abs=1e-7
    )


def test_an_upside_down_sensor_has_a_roll_of_180_degrees():
    column = level(np.array([0.0, 0.0, -G]), Rotation.from_euler("x", 180.0, degrees=True), np.eye(3))
    assert column[[VERTICAL, FORWARD, LEFTWARD, RESULTANT]] == pytest.approx([1.0, 0.0, 0.0, 1.0])
    assert abs(column[ROLL]) == pytest.approx(np.pi)
    assert column[[PITCH, YAW]] == pytest.approx([0.0, 0.0], abs=1e-12)


def test_angles_are_right_again_after_lying():
    """Through the pose that has no forward direction: numbers on the way, the right angles after it."""
    pitch = np.radians(np.concatenate([np.linspace(0.0, 90.0, 10), np.linspace(90.0, 0.0, 10)]))
    found = levels(np.tile([0.0, 0.0, G], (20, 1)), about("y", pitch), np.eye(3))
    assert np.isfinite(found[WRITTEN]).all()
    assert found[PITCH] == pytest.approx(pitch, abs=1e-6)
    assert np.sin(found[YAW, [0, -1]]) == pytest.approx([0.0, 0.0], abs=1e-9)
    assert found[ROLL, [0, -1]] == pytest.approx([0.0, 0.0], abs=1e-9)


@examples(100)
@given(angle=st.floats(-np.pi, np.pi))
def test_angle_of_recovers_the_angle(angle):
    assert angle_of(np.sin(angle), np.cos(angle)) == pytest.approx(angle, abs=1e-15, rel=4e-16)


@pytest.mark.parametrize("near", [np.pi / 6, np.pi / 2, 5 * np.pi / 6, np.pi, 0.0])
def test_angles_do_not_jump_where_another_formula_takes_over(near):
    angles = near + 1e-12 * np.arange(-50, 51)
    found = [angle_of(np.sin(angle), np.cos(angle)) for angle in angles]
    assert np.abs(np.unwrap(np.concatenate([[near], found]))[1:] - angles).max() < 1e-15 * 4


def test_columns_written_in_two_halves_equal_the_whole():
    turned, mounting = random_walk(3, 9, 0.4), Rotation.random(random_state=4).as_matrix()
    acc, quats = 9.8 * np.random.default_rng(3).standard_normal((9, 3)), quats_from(turned)
    parts = np.zeros((N_CHANNELS, 9))
    write_forces(parts, acc, quats, mounting)
    forward = Rotation.from_matrix(mounting).inv().apply([1.0, 0.0, 0.0])
    pitch = -np.arcsin(turned.apply(forward)[:, 2])
    assert parts[PITCH] == pytest.approx(np.sin(pitch))  # a sine until `write_angles` has been there
    write_angles(parts, 0, 9)
    assert parts[PITCH] == pytest.approx(pitch)
    whole = levels(acc, turned, mounting)
    assert parts[WRITTEN].tobytes() == whole[WRITTEN].tobytes()


def test_a_nan_sample_does_not_spread():
    """The angles of the others come from their own quaternions."""
    acc = np.tile([0.0, 0.0, G], (3, 1))
    acc[1] = np.nan
    found = levels(acc, about("z", [0.1, 0.2, 0.3]), np.eye(3))
    assert np.isnan(found[VERTICAL]).tolist() == [False, True, False]
    assert found[YAW] == pytest.approx([0.1, 0.2, 0.3])


@pytest.mark.parametrize("angle", [np.pi / 2, -np.pi / 2])
def test_lying_gives_finite_columns(angle):
    column = level(np.array([G, 0.0, 0.0]), Rotation.from_euler("y", angle), np.eye(3))
    assert np.isfinite(column).all()
    assert abs(column[PITCH]) == pytest.approx(np.pi / 2, abs=1e-7)
    assert abs(column[VERTICAL]) == pytest.approx(1.0)


@pytest.mark.parametrize("rate_hz", [25.0, 104.17, 1000.0])
def test_a_new_buffer_has_room_for_twice_the_kept_time(rate_hz):
    buffer = new_buffer(rate_hz)
    assert buffer.shape[0] == N_CHANNELS == ROLL_COSINE + 1
    assert buffer.shape[1] % 2 == 0
    assert buffer.shape[1] / 2 / rate_hz >= KEEP_S


@examples(40)
@given(half=st.integers(1, 12), share=st.floats(0.0, 1.0), base=st.integers(0, 10**12))
def test_make_room_keeps_the_newest_half(half, share, base):
    used = half + round(share * half)
    buffer = np.random.default_rng(used).standard_normal((N_CHANNELS, 2 * half))
    before = buffer.copy()
    moved = make_room(buffer, base, used)
    assert np.array_equal(buffer[:, :half], before[:, used - half : used])
    assert moved - base == used - half  # the same absolute index finds the same sample
