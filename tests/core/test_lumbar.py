"""The lumbar model, against forces and moments as vectors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imurun.core.lumbar import (
    ARM_M,
    BASE_LEAN_DEG,
    DOSE_EXPONENT,
    LEVER_SHARE,
    UPPER_BODY_SHARE,
    write_lumbar,
)
from imurun.core.ring_buffer import N_CHANNELS, SLOW_FORWARD, SLOW_VERTICAL
from imurun.core.step import BLANK
from tests.core.core_helpers import examples


def columns(vertical, forward, scale=1.0, lean_change=0.0, height_m=1.75, first=0, stop=None):
    buffer = np.full((N_CHANNELS, len(vertical)), np.nan)
    buffer[SLOW_VERTICAL], buffer[SLOW_FORWARD] = vertical, forward
    row = BLANK.copy()[0]
    stop = len(vertical) - 1 if stop is None else stop
    write_lumbar(row, buffer, first, stop, scale, lean_change, height_m)
    return row["lumbar_compression_bw"], row["lumbar_shear_bw"], row["lumbar_dose"]


def plain_columns(vertical, forward, scale, lean_change, height_m):
    """The pelvis pushes the trunk with F; one muscle along the spine holds its moment."""
    lean = np.radians(BASE_LEAN_DEG) + lean_change
    spine, anterior = np.array([np.sin(lean), np.cos(lean)]), np.array([np.cos(lean), -np.sin(lean)])
    force = UPPER_BODY_SHARE * np.column_stack([forward, scale * np.asarray(vertical)])
    mass = LEVER_SHARE * height_m * spine
    moment = mass[0] * force[:, 1] - mass[1] * force[:, 0]
    compression = force @ spine + np.abs(moment) / ARM_M
    shear = -force @ anterior
    return max(compression.max(), 0.0), max(shear.max(), 0.0)


@examples(100)
@given(
    seed=st.integers(0, 2**32 - 1),
    scale=st.floats(0.5, 2.0),
    lean_change=st.floats(-0.5, 0.5),
    height_m=st.floats(1.2, 2.2),
)
def test_load_columns_match_the_vectorised_reference(seed, scale, lean_change, height_m):
    rng = np.random.default_rng(seed)
    vertical, forward = rng.uniform(-0.2, 2.5, 30), rng.uniform(-0.6, 0.6, 30)
    found = columns(vertical, forward, scale, lean_change, height_m)
    expected = plain_columns(vertical, forward, scale, lean_change, height_m)
    assert found[:2] == pytest.approx(expected)
    assert found[2] == pytest.approx(expected[0] ** DOSE_EXPONENT)


def test_standing_upright_carries_the_upper_body():
    upright = -np.radians(BASE_LEAN_DEG)
    compression, shear, _ = columns([1.0], [0.0], lean_change=upright)
    assert compression == pytest.approx(UPPER_BODY_SHARE)
    assert shear == pytest.approx(0.0, abs=1e-15)


def test_the_load_rises_with_force_lean_and_height():
    base = columns([2.0], [0.0])
    for worse in (columns([2.2], [0.0]), columns([2.0], [-0.3]), columns([2.0], [0.0], lean_change=0.1)):
        assert all(np.array(worse) > base)
    assert columns([2.0], [0.0], height_m=1.9)[0] > base[0]


def test_samples_outside_the_contact_do_not_count():
    assert columns([9.0, 2.0, 9.0], [0.0, 0.0, 0.0], first=1, stop=1) == columns([2.0], [0.0])


@pytest.mark.parametrize(("first", "stop"), [(0, 1), (2, 1)])
def test_free_fall_and_no_contact_are_no_load(first, stop):
    assert columns([0.0, 0.0, 5.0], [0.0, 0.0, 0.0], first=first, stop=stop) == (0.0, 0.0, 0.0)
