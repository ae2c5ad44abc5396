"""Rows joined and copied: all of them, in order, whatever the parts, to the last byte."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imurun.core.rows import NO_SECONDS, NO_STEPS, RowPile, copied, in_bytes, joined


def made(dtype, n, seed=0):
    """Rows of any bytes at all, NaN and -0.0 among them."""
    return np.frombuffer(np.random.default_rng(seed).bytes(n * dtype.itemsize), dtype=dtype).copy()


@pytest.mark.parametrize("none", [NO_STEPS, NO_SECONDS], ids=["steps", "seconds"])
@given(lengths=st.lists(st.integers(0, 3), max_size=6), seed=st.integers(0, 2**32 - 1))
def test_joined_parts_hold_all_rows_in_order(none, lengths, seed):
    rows = made(none.dtype, sum(lengths), seed)
    parts = np.split(rows, np.cumsum(lengths)[:-1]) if lengths else []
    together = joined(parts, none)
    assert together.dtype == none.dtype
    assert together.tobytes() == rows.tobytes()
    # as numpy does it, field by field
    assert together.tobytes() == np.concatenate([none, *parts]).tobytes()


@given(lengths=st.lists(st.integers(0, 3), max_size=6), seed=st.integers(0, 2**32 - 1))
def test_a_pile_has_all_rows_in_order_once(lengths, seed):
    rows = made(NO_SECONDS.dtype, sum(lengths), seed)
    pile = RowPile(NO_SECONDS)
    for part in np.split(rows, np.cumsum(lengths)[:-1]) if lengths else []:
        pile.add(part)
    assert pile.taken().tobytes() == rows.tobytes()
    assert len(pile.taken()) == 0


def test_one_part_is_returned_without_a_copy():
    part = made(NO_STEPS.dtype, 2)
    assert joined([NO_STEPS, part, NO_STEPS], NO_STEPS) is part
    assert joined([NO_STEPS, NO_STEPS], NO_STEPS) is NO_STEPS
    assert joined([], NO_SECONDS) is NO_SECONDS


def test_joined_rows_are_no_views_of_the_parts():
    part = made(NO_SECONDS.dtype, 2)
    together = joined([part, part], NO_SECONDS)
    together["first"] = 7
    assert part.tobytes() == made(NO_SECONDS.dtype, 2).tobytes()


@pytest.mark.parametrize("none", [NO_STEPS, NO_SECONDS], ids=["steps", "seconds"])
@pytest.mark.parametrize("piece", [slice(0, 0), slice(1, 3), slice(None), slice(None, None, 2)])
def test_a_copy_stays_when_its_rows_change(none, piece):
    rows = made(none.dtype, 5)
    expected = rows[piece].tobytes()
    copy = copied(rows[piece])
    in_bytes(rows)[:] = in_bytes(made(none.dtype, 5, seed=1))
    assert copy.dtype == none.dtype
    assert copy.tobytes() == expected
    assert not np.shares_memory(copy, rows)


def test_bytes_are_the_same_memory():
    rows = made(NO_STEPS.dtype, 3)
    in_bytes(rows)[1:2] = in_bytes(rows)[:1]
    assert rows[1].tobytes() == rows[0].tobytes() == made(NO_STEPS.dtype, 3)[0].tobytes()
    assert rows[2].tobytes() == made(NO_STEPS.dtype, 3)[2].tobytes()
    assert in_bytes(rows[1:]).shape == (2,)
