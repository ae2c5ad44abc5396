"""Whether quality means something: the error of contacts by the quality they were given."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from benchmarks.accuracy.methods import LEFT_OUT
from benchmarks.accuracy.results import Results

EDGES = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0)
"""Of the bins; the last holds its upper edge."""


def calibration_table(results: Results, method: str = LEFT_OUT) -> pd.DataFrame:
    """A row a bin that is not empty, over every condition that was run.

    Columns: low, high (of quality), n, n_runners, and the RMSE of initial contact and contact time, ms.
    """
    contacts = results.contacts[(results.contacts["method"] == method) & results.contacts["quality"].notna()]
    rows = []
    for low, high in pairwise(EDGES):
        quality = contacts["quality"]
        inside = contacts[(quality >= low) & ((quality < high) | ((quality == high) & (high == EDGES[-1])))]
        if len(inside):
            rmse = np.sqrt((inside[["initial_error_ms", "contact_error_ms"]] ** 2).mean())
            rows.append((low, high, len(inside), inside["runner"].nunique(), *rmse))
    return pd.DataFrame(rows, columns=["low", "high", "n", "n_runners", "initial_rmse_ms", "contact_rmse_ms"])
