"""The same run with another sensor: rotated, mirrored, with another gain."""

from __future__ import annotations

from dataclasses import replace

import numba
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from tests.metamorphic.metamorphic_helpers import (
    MIRRORED,
    analysed,
    compared,
    differing,
    turned,
)

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too slow without the compiler")

ANY_TURN = st.integers(0, 2**32 - 1).map(lambda seed: Rotation.random(random_state=seed).as_matrix())
HALF_TURNS = st.sampled_from([np.diag(axes) for axes in ((1.0, -1, -1), (-1.0, 1, -1), (-1.0, -1, 1))])
LEFT_RIGHT = np.diag([1.0, -1.0, 1.0])


@settings(max_examples=2)
@given(turn=ANY_TURN | HALF_TURNS)
@example(turn=Rotation.random(8, random_state=1).as_matrix()[3])  # its rounding split two steps of a walk
def test_a_turned_sensor_gives_the_same_steps(runs, turn):
    """Within rounding, found or given; an axis at full scale is another one then, which quality counts."""
    for run in runs:
        if not run.recording.acc[:, 1].any():
            continue  # without a sideways axis rounding decides whether feet alternate, once it is turned
        other = turned(run.recording, turn)
        steps, analyzer = analysed(run.recording)
        clipped = ("quality", "doubt_clipping") if analyzer.n_clipped else ()
        assert not differing(steps, analysed(other)[0], clipped), run.name
        steps = analysed(run.recording, run.mounting)[0]
        assert not differing(steps, analysed(other, run.mounting @ turn.T)[0], clipped), run.name


def test_a_mirror_image_swaps_the_sides_and_is_otherwise_identical(runs):
    """Force changes sign across the mirror's plane; rotation, which is no vector, along it."""
    for run in runs:
        body = turned(run.recording, run.mounting)
        gyr = None if body.gyr is None else -(body.gyr @ LEFT_RIGHT)
        image = replace(body, acc=body.acc @ LEFT_RIGHT, gyr=gyr)
        steps, other = analysed(body, np.eye(3))[0], analysed(image, np.eye(3))[0]
        other["side"] = MIRRORED[other["side"]]
        assert not differing(steps, other, rtol=0.0, atol=0.0), run.name
        steps, other = analysed(body)[0], analysed(image)[0]  # with the mounting found
        other["side"] = MIRRORED[other["side"]]
        assert not differing(steps, other), run.name


@pytest.mark.parametrize("gain", [0.98, 1.02])
def test_a_scale_error_of_2_percent_changes_little(runs, gain):
    """Peaks are off by as much; contacts by 2 to 5 ms, as a higher pulse is taken for a longer contact."""
    found = compared(
        (
            analysed(recording, mounting)[0],
            analysed(replace(recording, acc=recording.acc * gain), mounting)[0],
        )
        for _, recording, mounting in runs
    )
    assert found.n_unmatched <= 1 + 0.001 * len(found.one)
    assert found.n_swapped == 0
    assert found.apart_ms("initial") < 3.0
    assert found.apart_ms("final") < 5.0
    for name in ("peak_vertical_g", "peak_resultant_g"):
        near = np.isclose(found.two[name], gain * found.one[name], rtol=1e-6)
        assert near.mean() > 0.99, name  # all but where two steps were taken for one
    force = (found.two["peak_vgrf_bw"] / found.one["peak_vgrf_bw"] - 1.0) / (gain - 1.0)
    # the map of the shape takes a part of it, and another part in each step
    assert 0.1 < np.percentile(force, 2.0)
    assert np.percentile(force, 98.0) < 1.0
