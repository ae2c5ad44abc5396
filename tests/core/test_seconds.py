"""Motion of a second and samples at full scale, against whole arrays."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imurun.core.seconds import (
    FULL_SCALES_G,
    NEAR_SCALE,
    STILL_G,
    close_second,
    is_clipped,
    watch_second,
    write_clipped,
)
from imurun.core.state import new_state
from imurun.model.frames import G
from tests.core.core_helpers import examples

LEVELS = np.array(FULL_SCALES_G) * G


def motions(acc, window):
    """Motion of each full second, and the standing vector after it."""
    state, output = new_state(0)[0], []
    for i, resultant in enumerate(np.linalg.norm(acc, axis=1) / G):
        if watch_second(state, acc, i, resultant, window):
            output.append((close_second(state, window), *state["standing"]))
    return np.array(output).reshape(-1, 4)


def clipped(acc, levels, exact, edges=()):
    """Flags of all samples, written in blocks that end at `edges`."""
    last, flags = np.full(3, np.nan), np.full(len(acc) + 1, -7.0)
    for a, b in pairwise([0, *edges, len(acc)]):
        write_clipped(flags[a:b], acc[a:b], last, levels, exact)
        assert b == 0 or np.array_equal(last, acc[b - 1])
    assert flags[-1] == -7.0
    return flags[:-1]


@examples(40)
@given(
    seed=st.integers(0, 2**32 - 1),
    window=st.sampled_from([25, 50, 104]),
    n=st.integers(0, 400),
    spread=st.sampled_from([0.0, 1e-300, 0.1, 0.29, 3.0, 1e100]),
)
def test_each_second_has_its_motion_and_standing_direction(seed, window, n, spread):
    acc = np.array([0.0, 3.0, 9.3]) + spread * np.random.default_rng(seed).standard_normal((n, 3))
    seconds = acc[: n // window * window].reshape(-1, window, 3)
    excess = np.linalg.norm(seconds, axis=2) / G - 1.0
    motion = np.sqrt(np.mean(excess**2, axis=1))
    found = motions(acc, window)
    assert np.allclose(found[:, 0], motion, rtol=1e-10)
    standing = np.full(3, np.nan)
    for row, second, size in zip(found, seconds, motion, strict=True):
        if size < STILL_G:
            standing = second.mean(axis=0)
        assert np.allclose(row[1:], standing, equal_nan=True)


def test_a_moving_second_keeps_how_the_runner_stood():
    still = np.tile([0.0, 0.0, G], (50, 1))
    moving = np.tile([G, G, G], (50, 1))
    found = motions(np.vstack([still, moving, still]), 50)
    assert found[:, 0] == pytest.approx([0.0, np.sqrt(3.0) - 1.0, 0.0], abs=1e-12)
    assert np.allclose(found[:, 1:], [0.0, 0.0, G])


@examples(60)
@given(seed=st.integers(0, 2**32 - 1), exact=st.booleans(), edges=st.lists(st.integers(0, 60), max_size=8))
def test_clipped_samples_match_the_reference_for_any_blocks(seed, exact, edges):
    """Samples that often sit at, near or beyond a full scale, and often repeat."""
    rng = np.random.default_rng(seed)
    sizes = rng.choice([0.3, 0.98, 0.991, 0.996, 1.0, 1.009, 1.02], (60, 3)) * rng.choice(LEVELS, (60, 3))
    acc = rng.choice([-1.0, 1.0], (60, 3)) * sizes
    hold = rng.random(60) < 0.5
    for k in np.flatnonzero(hold[1:]) + 1:
        acc[k] = acc[k - 1]
    levels = LEVELS[5:6] if exact else LEVELS
    if exact:
        expected = (np.abs(acc) >= (1.0 - 0.5 * NEAR_SCALE) * levels[0]).any(axis=1)
    else:
        near = (np.abs(np.abs(acc)[..., None] / levels - 1.0) < NEAR_SCALE).any(axis=2)
        expected = (near & np.vstack([np.zeros((1, 3), dtype=bool), acc[1:] == acc[:-1]])).any(axis=1)
    assert clipped(acc, levels, exact).tolist() == expected.tolist()
    assert clipped(acc, levels, exact, sorted(edges)).tolist() == expected.tolist()
    assert clipped(acc, levels, exact, range(60)).tolist() == expected.tolist()
    before = np.vstack([np.full((1, 3), np.nan), acc[:-1]])
    one_by_one = [
        [is_clipped(*pair, levels, exact) for pair in zip(*rows, strict=True)]
        for rows in zip(acc, before, strict=True)
    ]
    assert np.any(one_by_one, axis=1).tolist() == expected.tolist()


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_samples_held_at_full_scale_are_clipped(axis, sign):
    acc = np.random.default_rng(1).standard_normal((10, 3))
    acc[4:7, axis] = sign * 16.0 * G
    assert clipped(acc, LEVELS, False).tolist() == [0, 0, 0, 0, 0, 1, 1, 0, 0, 0]
    assert clipped(acc, LEVELS[5:6], True).tolist() == [0, 0, 0, 0, 1, 1, 1, 0, 0, 0]


def test_a_value_held_over_the_border_of_two_blocks_is_clipped():
    acc = np.random.default_rng(1).standard_normal((4, 3))
    acc[1:3, 1] = 16.0 * G
    for edges in ((), (2,), (2, 2), (1, 2, 3)):
        assert clipped(acc, LEVELS, False, edges).tolist() == [0, 0, 1, 0]


def test_no_samples_keep_the_last_one():
    last = np.array([1.0, 2.0, 3.0])
    write_clipped(np.zeros(0), np.zeros((0, 3)), last, LEVELS, False)
    assert last.tolist() == [1.0, 2.0, 3.0]


def test_standing_is_not_clipped():
    assert clipped(np.tile([0.0, 0.0, G], (20, 1)), LEVELS, False).sum() == 0
    assert clipped(np.zeros((20, 3)), LEVELS, False).sum() == 0
