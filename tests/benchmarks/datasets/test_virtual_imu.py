"""The virtual sensor compared with the motion of its markers."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from benchmarks.datasets.virtual_imu import Pelvis, virtual_imu
from imurun.errors import FormatError
from imurun.model.frames import G

PLACES_M = np.array([[0.0, -0.12, 0.0], [0.0, 0.12, 0.0], [-0.15, -0.05, 0.0], [-0.15, 0.05, 0.0]])
"""Right, left ASIS, right, left PSIS in the pelvis' axes."""


def turn(time_s):
    """Earth from pelvis: slow tilt, list and rotation."""
    swing = 2 * np.pi * 1.4 * time_s
    angles = np.column_stack([0.15 * np.sin(swing), 0.2 + 0.05 * np.cos(2 * swing), 0.1 * np.sin(swing + 1)])
    return Rotation.from_euler("ZYX", angles)


def place(time_s):
    """The middle of the PSIS, m."""
    swing = 2 * np.pi * 1.4 * time_s
    return np.column_stack([0.02 * np.sin(2 * swing), 0.01 * np.cos(swing), 1.0 + 0.04 * np.cos(2 * swing)])


def markers(time_s):
    arms = PLACES_M - PLACES_M[2:].mean(axis=0)
    return [place(time_s) + turn(time_s).apply(arm) for arm in arms]


def test_signals_match_the_motion():
    time_s = 0.3 + np.arange(300) / 100.0
    found = virtual_imu(Pelvis(time_s, *markers(time_s)))
    t, h = found.time_s, 1e-4
    assert t[0] == time_s[0]
    np.testing.assert_allclose(np.diff(t), 1 / 200.0)
    second = (place(t + h) - 2 * place(t) + place(t - h)) / h**2
    acc = turn(t).inv().apply(second + np.array([0.0, 0.0, G]))
    gyr = (turn(t - h).inv() * turn(t + h)).as_rotvec() / (2 * h)
    middle = slice(60, -60)
    np.testing.assert_allclose(found.acc[middle], acc[middle], atol=0.15)
    np.testing.assert_allclose(found.gyr[middle], gyr[middle], atol=0.02)
    yaw, pitch, roll = np.rad2deg(turn(t).as_euler("ZYX")).T
    np.testing.assert_allclose(
        found.angles_deg[middle], np.column_stack([roll, pitch, yaw])[middle], atol=0.1
    )


def test_standing_still_reads_gravity():
    time_s = np.arange(100) / 100.0
    found = virtual_imu(Pelvis(time_s, *(np.tile(place, (100, 1)) for place in PLACES_M)))
    np.testing.assert_allclose(found.acc, np.tile([0.0, 0.0, G], (len(found.acc), 1)), atol=1e-9)
    np.testing.assert_allclose(found.gyr, 0.0, atol=1e-9)


@pytest.mark.parametrize("fault", ["lost", "short", "uneven", "on one line"])
def test_invalid_markers_are_refused(fault):
    time_s = np.arange(10 if fault == "short" else 100) / 100.0
    seen = markers(time_s)
    if fault == "lost":
        seen[1][50:60] = np.nan
    elif fault == "uneven":
        time_s[50:] += 0.1
    elif fault == "on one line":
        seen = [seen[0]] * 4
    with pytest.raises(FormatError, match="leave the trial out"):
        virtual_imu(Pelvis(time_s, *seen))
