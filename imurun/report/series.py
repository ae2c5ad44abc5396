"""Long series made short: what a plot can show, however long the run was."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from imurun.model.frames import FloatArray

MOST_PARTS = 240
"""Of equal time: as many as a line a hand wide can show."""
SHORTEST_PART_S = 10.0
"""About 28 steps: fewer would draw noise."""
LOW, HIGH = 0.1, 0.9
"""Quantiles of the band: eight in ten steps lie in it."""


class Thin(NamedTuple):
    """A series by parts of equal time, each array of shape (parts,); NaN where a part holds nothing.

    Attributes:
        time_s: the middle of each part.
        low, median, high: of the values in it.
    """

    time_s: FloatArray
    low: FloatArray
    median: FloatArray
    high: FloatArray


def part_edges(duration_s: float) -> FloatArray:
    """Where parts begin and end, from 0 to the duration, s; at most `MOST_PARTS` parts."""
    n = int(np.clip(duration_s // SHORTEST_PART_S, 1, MOST_PARTS))
    return np.linspace(0.0, max(duration_s, 1e-9), n + 1)


def thin(time_s: FloatArray, values: FloatArray, edges_s: FloatArray) -> Thin:
    """Median and band of what is known in each part.

    Args:
        time_s, values: shape (n,); values that are not finite are left out.
        edges_s: rising, shape (parts + 1,); what lies outside belongs to the nearest part.
    """
    n_parts = len(edges_s) - 1
    known = np.isfinite(time_s) & np.isfinite(values)
    part = np.clip(np.searchsorted(edges_s, time_s[known], side="right") - 1, 0, n_parts - 1)
    groups = pd.Series(values[known]).groupby(part)
    low, median, high = (
        groups.quantile(share).reindex(range(n_parts)).to_numpy(np.float64) for share in (LOW, 0.5, HIGH)
    )
    return Thin(0.5 * (edges_s[:-1] + edges_s[1:]), low, median, high)


def adding_up(time_s: FloatArray, values: FloatArray, edges_s: FloatArray) -> FloatArray:
    """Sum of what was known up to each edge; shape of `edges_s`. The last is the sum of all."""
    known = np.isfinite(time_s) & np.isfinite(values)
    order = np.argsort(time_s[known], kind="stable")
    sums = np.concatenate([[0.0], np.cumsum(values[known][order])])
    counts = np.searchsorted(time_s[known][order], edges_s, side="right")
    counts[-1] = len(sums) - 1
    return sums[counts]


def unbroken(thinned: Thin) -> list[slice]:
    """The stretches of parts without a hole."""
    known = np.concatenate([[False], np.isfinite(thinned.median), [False]])
    turns = np.flatnonzero(known[1:] != known[:-1])
    return [slice(int(begin), int(end)) for begin, end in zip(turns[::2], turns[1::2], strict=True)]
