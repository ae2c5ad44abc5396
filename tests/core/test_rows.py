"""Rows joined or piled up: all of them, in order, whatever the parts."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from imurun.core.rows import NO_SECONDS, RowPile, joined


@given(st.lists(st.integers(0, 3), max_size=6))
def test_all_rows_in_order(lengths):
    rows = np.zeros(sum(lengths), dtype=NO_SECONDS.dtype)
    rows["first"] = np.arange(len(rows))
    parts = np.split(rows, np.cumsum(lengths)[:-1]) if lengths else []
    together = joined(parts, NO_SECONDS)
    assert together.dtype == NO_SECONDS.dtype
    assert together["first"].tolist() == list(range(len(rows)))
    pile = RowPile(NO_SECONDS)
    for part in parts:
        pile.add(part)
    assert pile.taken().tobytes() == rows.tobytes()
    assert len(pile.taken()) == 0
