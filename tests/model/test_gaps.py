"""Missing rows, and the bridging of short gaps: the same in whole arrays, in blocks and in a stream."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imurun.model.gaps import GapFiller, Gaps, fill_blocks, fill_in_place, find_gaps, longest_bridge
from imurun.model.recording import Recording

RATE_HZ = 100.0
LONGEST = longest_bridge(RATE_HZ)


def joined(filled):
    """All rows of the stretches, shape (n, 6)."""
    return np.concatenate([np.hstack([stretch.acc, stretch.gyr]) for stretch in filled])


def drawn_rows(missing, axis, bad):
    mask = np.concatenate([np.full(n, is_missing) for is_missing, n in missing])
    values = np.random.default_rng(len(mask)).normal(size=(len(mask), 6))
    values[mask, axis] = bad
    return mask, values


@settings(max_examples=60, deadline=None)
@given(
    missing=st.lists(st.tuples(st.booleans(), st.integers(1, 9)), min_size=1, max_size=12),
    borders=st.sets(st.integers(1, 100)),
    bad=st.sampled_from([np.nan, np.inf, -np.inf]),
    axis=st.integers(0, 5),
)
def test_blocks_are_filled_as_a_recording_is(missing, borders, bad, axis):
    """However the rows are divided into blocks."""
    mask, values = drawn_rows(missing, axis, bad)
    blocks = np.split(values, sorted(border for border in borders if border < len(values)))
    filled = list(fill_blocks(iter(blocks), LONGEST))
    gaps = find_gaps(filled)
    assert gaps.is_all == mask.all()
    if mask.all():
        assert np.isnan(joined(filled)).all()
        return
    expected = Recording(values[:, :3], values[:, 3:], rate_hz=RATE_HZ)
    np.testing.assert_array_equal(joined(filled), np.hstack([expected.acc, expected.gyr]))
    assert gaps == Gaps(len(values), expected.n_bridged, expected.gaps)


@settings(max_examples=60, deadline=None)
@given(
    missing=st.lists(st.tuples(st.booleans(), st.integers(1, 9)), min_size=1, max_size=12),
    axis=st.integers(0, 5),
    gyro=st.booleans(),
)
def test_short_gaps_lie_on_straight_lines_and_others_are_nan(missing, axis, gyro):
    """Against numpy.interp over the measured rows."""
    _, values = drawn_rows(missing, axis, np.nan)
    values = values if gyro else values[:, :3]
    mask = np.isnan(values).any(axis=1)
    acc, gyr = values[:, :3].copy(), values[:, 3:].copy() if gyro else None
    n_bridged = fill_in_place(acc, gyr, LONGEST)
    filled = acc if gyr is None else np.hstack([acc, gyr])
    expected, rows = np.full(values.shape, np.nan), np.flatnonzero(~mask)
    expected[rows] = values[rows]
    for before, after in pairwise(rows):
        if 1 < after - before <= LONGEST + 1:
            for column in range(values.shape[1]):
                line = np.interp(np.arange(before, after), [before, after], values[[before, after], column])
                expected[before + 1 : after, column] = line[1:]
    np.testing.assert_allclose(filled, expected, rtol=1e-12, atol=1e-12)
    assert n_bridged == mask.sum() - np.isnan(filled[:, 0]).sum()


@settings(max_examples=40, deadline=None)
@given(
    missing=st.lists(st.tuples(st.booleans(), st.integers(1, 9)), min_size=1, max_size=12),
    cut=st.integers(0, 108),
)
def test_the_state_is_the_pending_length_and_the_last_row(missing, cut):
    """A filler continued by another one with the same state fills as one alone."""
    _, values = drawn_rows(missing, 0, np.nan)
    whole = list(fill_blocks([values], LONGEST))
    first, second = GapFiller(LONGEST), GapFiller(LONGEST)
    filled = list(first.push(values[:cut, :3], values[:cut, 3:]))
    second.n_pending, second.last_row = first.n_pending, first.last_row
    filled += [*second.push(values[cut:, :3], values[cut:, 3:]), *second.finish()]
    np.testing.assert_array_equal(joined(filled), joined(whole))


def test_the_pending_length_is_known_before_it_is_decided():
    filler = GapFiller(3)
    rows = np.ones((4, 3))
    rows[2:] = np.nan
    assert [stretch.kind for stretch in filler.push(rows, None)] == ["measured"]
    assert filler.n_pending == 2
    assert [stretch.kind for stretch in filler.push(rows[2:], None)] == ["gap"]
    assert (filler.n_pending, filler.last_row) == (0, None)


@pytest.mark.parametrize("gyro", [True, False])
def test_a_pending_range_at_the_end_is_a_gap(gyro):
    rows = np.ones((3, 3))
    rows[2] = np.nan
    filler = GapFiller(3)
    list(filler.push(rows, rows if gyro else None))
    (gap,) = filler.finish()
    assert (gap.kind, len(gap.acc), gap.gyr is not None) == ("gap", 1, gyro)
    assert list(filler.finish()) == []


def test_a_long_gap_takes_no_memory():
    blocks = (np.full((1000, 6), np.nan) for _ in range(100))
    assert max(len(stretch.acc) for stretch in fill_blocks(blocks, LONGEST)) == 1000
