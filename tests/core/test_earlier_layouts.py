"""Rows of saved states: those of this version are kept, those of an earlier one are converted by field."""

from __future__ import annotations

import numpy as np
import pytest

from imurun.core.earlier_layouts import LAYOUTS, converted
from imurun.core.state import STATE, new_state
from imurun.core.step import BLANK, STEP
from imurun.core.step_cycle import STEP_CYCLE

SIZES = {"cycle": 144, "step": 424, "state": 864}
"""Bytes of a row in imurun 0.1 and 0.2."""


def earlier(size):
    """Two rows of an earlier version in which each word holds its own number."""
    words = np.arange(2 * size // 8, dtype=np.float64).reshape(2, -1)
    return np.frombuffer(words.tobytes(), dtype=[(f"old_{k}", "f8") for k in range(size // 8)])


def test_rows_of_this_version_are_copied_whatever_their_names():
    rows = np.repeat(BLANK, 3)
    renamed = rows.view([(f"old_{k}", "f8") for k in range(STEP.itemsize // 8)])
    again = converted(renamed, BLANK)
    assert again.dtype == STEP
    assert again.tobytes() == rows.tobytes()
    assert not np.shares_memory(again, rows)


@pytest.mark.parametrize(
    ("blank", "size"),
    [(np.zeros(1, STEP_CYCLE), SIZES["cycle"]), (BLANK, SIZES["step"]), (new_state(0), SIZES["state"])],
    ids=["cycle", "step", "state"],
)
def test_each_field_keeps_its_words_and_new_ones_are_blank(blank, size):
    rows = converted(earlier(size), blank)
    assert rows.dtype == blank.dtype
    place = 0
    layout = LAYOUTS[size]
    for name, words in layout.items():
        if name in blank.dtype.names:
            for k, row in enumerate(rows):
                found = np.frombuffer(np.array(row[name]).tobytes(), dtype=np.float64)
                expected = k * size / 8 + place + np.arange(words)
                n = min(len(found), words)
                assert np.array_equal(found[:n], expected[:n]), name
        place += words
    for name in set(blank.dtype.names) - set(layout):
        for row in rows:
            assert np.array(row[name]).tobytes() == np.array(blank[0][name]).tobytes()


def test_layouts_name_the_fields_of_today_but_for_those_that_are_gone():
    gone = {
        "average",
        "force_begin",
        "force_peak_g",
        "force_minimum_g",
        "braking_g",
        "propulsion_g",
        "forward_rms_g",
    }
    for dtype, size in ((STATE, SIZES["state"]), (STEP, SIZES["step"]), (STEP_CYCLE, SIZES["cycle"])):
        assert set(LAYOUTS[size]) - gone <= set(dtype.names)


def test_rows_of_an_unknown_size_are_refused():
    with pytest.raises(ValueError, match="16 bytes each"):
        converted(np.zeros(2, dtype=[("a", "f8"), ("b", "f8")]), BLANK)
