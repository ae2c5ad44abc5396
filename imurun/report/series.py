"""Thins long series for plots: median and band in time bins, however long the run."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from imurun.model.frames import FloatArray

MOST_PARTS = 240
"""Most time bins: as many as a line of 10 cm can show."""
SHORTEST_PART_S = 10.0
"""Least length of a bin: about 28 steps, since fewer would show noise."""
LOW, HIGH = 0.1, 0.9
"""Quantiles of the band, which holds eight in ten steps."""


class Thin(NamedTuple):
    """A series in time bins, each array of shape (bins,); NaN where a bin has no values.

    Attributes:
        time_s: the middle of each bin.
        low, median, high: quantiles `LOW`, 0.5 and `HIGH` of the values in it.
    """

    time_s: FloatArray
    low: FloatArray
    median: FloatArray
    high: FloatArray


def part_edges(duration_s: float) -> FloatArray:
    """Edges of equal time bins from 0 to the duration, s; at most `MOST_PARTS` bins."""
    n = int(np.clip(duration_s // SHORTEST_PART_S, 1, MOST_PARTS))
    return np.linspace(0.0, max(duration_s, 1e-9), n + 1)


def thin(time_s: FloatArray, values: FloatArray, edges_s: FloatArray) -> Thin:
    """Median and band of the known values in each bin.

    Args:
        time_s, values: shape (n,); values that are not finite are left out.
        edges_s: rising, shape (bins + 1,); times outside belong to the nearest bin.
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
    """Sum of the known values up to each edge, shape of `edges_s`; the last is the sum of all."""
    known = np.isfinite(time_s) & np.isfinite(values)
    order = np.argsort(time_s[known], kind="stable")
    sums = np.concatenate([[0.0], np.cumsum(values[known][order])])
    counts = np.searchsorted(time_s[known][order], edges_s, side="right")
    counts[-1] = len(sums) - 1
    return sums[counts]


def unbroken(thinned: Thin) -> list[slice]:
    """Runs of neighbouring bins that have values."""
    known = np.concatenate([[False], np.isfinite(thinned.median), [False]])
    turns = np.flatnonzero(known[1:] != known[:-1])
    return [slice(int(begin), int(end)) for begin, end in zip(turns[::2], turns[1::2], strict=True)]
