"""Cumulative lumbar load (dose) of a session, and the share of its steps whose load is high for the runner.

Dose = sum over running steps of (lumbar compression, BW)^m. The default is m = 4, as in the daily load
stimulus of bone (Carter & Beaupre). Other proposed exponents: 1 weights steps by their compression, 2 fits
tests of spine segments best (Coenen 2012), 10 is Miner's rule for tissue fatigue. With m = 4, 5 % more
compression counts as much as 22 % more steps. The exponent in living runners is not known, so the doses with
m = 1 and m = 10 are reported too.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from imurun.model.frames import FloatArray

EXPONENTS = (1, 4, 10)
HIGHEST_BW, BIN_BW = 16.0, 0.05
"""Histogram of compression; runners reach 2 to 6 BW, and larger values go into the last bin."""
N_BINS = round(HIGHEST_BW / BIN_BW)
NS_A_DAY = 86_400_000_000_000

Counts = npt.NDArray[np.int64]


def doses(steps: pd.DataFrame) -> dict[str, float | None]:
    """Doses of a step table: lumbar_dose_bw1, lumbar_dose_bw4 and lumbar_dose_bw10, in BW^m.

    None where no running step has a compression.
    """
    from imurun.summary import running_column

    compression = running_column(steps, "lumbar_compression_bw")
    known = compression[np.isfinite(compression)]
    return {f"lumbar_dose_bw{m}": float(np.sum(known ** float(m))) if len(known) else None for m in EXPONENTS}


def compression_counts(steps: pd.DataFrame) -> Counts:
    """Number of running steps in each bin of 0.05 BW of compression; shape (320,)."""
    from imurun.summary import running_column

    compression = running_column(steps, "lumbar_compression_bw")
    known = compression[np.isfinite(compression)]
    bins = np.clip((known / BIN_BW).astype(np.int64), 0, N_BINS - 1)
    return np.bincount(bins, minlength=N_BINS)


def intensity_shares(
    start_ns: npt.NDArray[np.int64], counts: Counts, days: int, percentile: float
) -> FloatArray:
    """Share of each session's steps that lie above the percentile of the steps of the days before it.

    Args:
        start_ns: of each session, ns, non-decreasing; shape (n,).
        counts: of each session's compression, shape (n, bins).
        days: how far back.
        percentile: of the steps of all sessions in these days together.

    Returns:
        Shape (n,); NaN without steps in the session or in the days before. Steps are assumed to be evenly
        spread within a bin.
    """
    n = len(start_ns)
    total = np.zeros((n + 1, counts.shape[1]), dtype=np.int64)
    np.cumsum(counts, axis=0, out=total[1:])
    first = np.searchsorted(start_ns, start_ns - days * NS_A_DAY, side="right")
    own = np.searchsorted(start_ns, start_ns)
    shares = np.full(n, np.nan)
    for k in range(n):
        before = total[own[k]] - total[first[k]]
        n_before, n_own = before.sum(), counts[k].sum()
        if n_before and n_own:
            shares[k] = _share_above(counts[k], _position(before, percentile / 100.0 * n_before))
    return shares


def _position(counts: Counts, rank: float) -> float:
    """Position, in bins, below which `rank` of the counts lie; interpolated within a bin."""
    below = np.cumsum(counts)
    k = int(np.searchsorted(below, rank))
    return k + 1.0 - (below[k] - rank) / counts[k]


def _share_above(counts: Counts, position: float) -> float:
    k = min(int(position), len(counts) - 1)
    above = counts[k + 1 :].sum() + counts[k] * (k + 1.0 - position)
    return float(above / counts.sum())
