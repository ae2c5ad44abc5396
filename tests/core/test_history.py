"""Level axes and angles against scipy's rotations; the moving of a full history."""

from __future__ import annotations

import numpy as np
import pytest
from core_helpers import examples, quats_from
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from imurun.core.history import (
    FORWARD,
    KEEP_S,
    LEFTWARD,
    N_CHANNELS,
    PITCH,
    PUSH_FORWARD,
    RESULTANT,
    ROLL,
    SIDEWAYS,
    VERTICAL,
    YAW,
    make_room,
    new_history,
    write_level,
)
from imurun.frames import G

WRITTEN = [VERTICAL, FORWARD, LEFTWARD, RESULTANT, SIDEWAYS, ROLL, PITCH, YAW]


def level(acc, earth_from_sensor, mounting, previous_yaw=np.nan):
    """One column written by the kernel."""
    history = np.full((N_CHANNELS, 3), -7.0)
    yaw = write_level(history, 1, acc, quats_from(earth_from_sensor)[0], mounting, previous_yaw)
    assert (history[:, [0, 2]] == -7.0).all()
    assert yaw == history[YAW, 1]
    return history[:, 1]


def plain_level(acc, earth_from_sensor, mounting):
    """The same from Euler angles: turn to earth, then back by the yaw."""
    earth_from_body = earth_from_sensor * Rotation.from_matrix(mounting).inv()
    yaw, pitch, roll = earth_from_body.as_euler("ZYX")
    forward, left, up = Rotation.from_euler("z", -yaw).apply(earth_from_sensor.apply(acc)) / G
    sideways = Rotation.from_matrix(mounting).apply(acc)[1] / G
    return [up, forward, left, np.linalg.norm(acc) / G, sideways, roll, pitch, yaw]


@examples(150)
@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([0.0, 1e-300, 1.0, 9.81, 1e6]))
def test_any_orientation_and_mounting(seed, size):
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
def test_signs_of_the_angles(axis, channel):
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


def test_yaw_is_unwrapped_over_many_turns():
    turns = np.linspace(0.3, 25.0, 120)
    for direction in (1.0, -1.0):
        yaw, found = np.nan, []
        for angle in direction * turns:
            yaw = level(np.zeros(3), Rotation.from_euler("z", angle), np.eye(3), yaw)[YAW]
            found.append(yaw)
        assert np.allclose(np.diff(found), direction * np.diff(turns))


@pytest.mark.parametrize("angle", [np.pi / 2, -np.pi / 2])
def test_lying_gives_numbers(angle):
    column = level(np.array([G, 0.0, 0.0]), Rotation.from_euler("y", angle), np.eye(3))
    assert np.isfinite(column).all()
    assert abs(column[PITCH]) == pytest.approx(np.pi / 2, abs=1e-7)
    assert abs(column[VERTICAL]) == pytest.approx(1.0)


@pytest.mark.parametrize("rate_hz", [25.0, 104.17, 1000.0])
def test_room_for_twice_what_is_kept(rate_hz):
    history = new_history(rate_hz)
    assert history.shape[0] == N_CHANNELS == PUSH_FORWARD + 1
    assert history.shape[1] % 2 == 0
    assert history.shape[1] / 2 / rate_hz >= KEEP_S


@examples(40)
@given(half=st.integers(1, 12), share=st.floats(0.0, 1.0), base=st.integers(0, 10**12))
def test_make_room_keeps_the_newest_half(half, share, base):
    used = half + round(share * half)
    history = np.random.default_rng(used).standard_normal((N_CHANNELS, 2 * half))
    before = history.copy()
    moved = make_room(history, base, used)
    assert np.array_equal(history[:, :half], before[:, used - half : used])
    assert moved - base == used - half  # the same absolute index finds the same sample
