from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imurun.errors import SettingsError
from imurun.model.frames import as_rotation, level_rotation


@given(arrays(np.float64, 3, elements=st.floats(-100, 100)).filter(lambda v: np.linalg.norm(v) > 1e-3))
def test_level_rotation_turns_up_to_z(up):
    rotation = level_rotation(up)
    assert np.allclose(rotation @ up / np.linalg.norm(up), [0, 0, 1], atol=1e-6)
    assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(rotation) > 0


def test_level_rotation_is_the_smallest():
    up = np.array([0.3, -0.2, 0.9])
    angle = np.arccos((np.trace(level_rotation(up)) - 1) / 2)
    assert angle == pytest.approx(np.arccos(0.9 / np.linalg.norm(up)))
    assert np.allclose(level_rotation([0, 0, 1]), np.eye(3))
    assert np.allclose(level_rotation([0, 0, -1]), np.diag([1, -1, -1]))


@pytest.mark.parametrize(
    ("matrix", "part"),
    [
        (np.eye(2), "3 x 3"),
        (np.full((3, 3), np.nan), "finite"),
        (np.ones((3, 3)), "orthonormal"),
        (np.diag([1.0, 1.0, -1.0]), "mirrors"),
    ],
)
def test_a_matrix_that_is_no_rotation_is_refused(matrix, part):
    with pytest.raises(SettingsError, match=part):
        as_rotation(matrix)
