"""Variance between and within runners: the one-way random effects model.

Session j of runner i measures y_ij = mu + a_i + e_ij, with var(a) between runners and var(e) within. Of a
runners with n_i sessions each, N in all, and the means ybar_i and ybar of all N sessions, the analysis of
variance estimates

    MSB = sum n_i (ybar_i - ybar)^2 / (a - 1)            MSW = sum (y_ij - ybar_i)^2 / (N - a)
    n0  = (N - sum n_i^2 / N) / (a - 1)
    var(e) = MSW        var(a) = (MSB - MSW) / n0        ICC(1) = var(a) / (var(a) + var(e))

from S. R. Searle, G. Casella, C. E. McCulloch, Variance Components, Wiley 1992, chapter 3 (unbalanced data,
ANOVA estimator); ICC(1) is the ICC(1,1) of P. E. Shrout and J. L. Fleiss, Psychol. Bull. 86 (1979) 420-428,
with n0 in the place of the common number of sessions. The estimators are unbiased for the variances, for any
distribution. They are descriptive, without tests or p-values.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from imurun.model.frames import FloatArray


class Components(NamedTuple):
    """One measure over the sessions of several runners, in its unit; NaN for what cannot be estimated.

    Attributes:
        n_runners: runners with a known value.
        n_sessions: known values.
        mean: of the runners' means, so that every runner counts once.
        sd: of the runners' means, with n - 1; NaN for one runner.
        between_sd: root of var(a); 0 if the estimate of the variance is negative; NaN for one runner, or if
            no runner has two sessions.
        within_sd: root of var(e); NaN if no runner has two sessions.
        icc: ICC(1) of the estimated variances; negative if sessions of one runner differ more than those of
            different runners; NaN as `between_sd`, and if all values are equal.
    """

    n_runners: int
    n_sessions: int
    mean: float
    sd: float
    between_sd: float
    within_sd: float
    icc: float


def components(values: FloatArray, runners: npt.NDArray[np.int64]) -> Components:
    """Mean over runners, and variance between and within runners.

    Args:
        values: shape (n,), one for each session; NaN is left out.
        runners: shape (n,), runner of each session, as numbers from 0.
    """
    known = np.isfinite(values)
    _, codes = np.unique(runners[known], return_inverse=True)
    y = values[known]
    n_sessions = len(y)
    if not n_sessions:
        return Components(0, 0, *(math.nan,) * 5)
    counts = np.bincount(codes)
    n_runners = len(counts)
    means = np.bincount(codes, weights=y) / counts
    mean = float(means.mean())
    msw = (
        float(np.sum((y - means[codes]) ** 2)) / (n_sessions - n_runners)
        if n_sessions > n_runners
        else math.nan
    )
    within_sd = math.sqrt(msw)
    if n_runners == 1:
        return Components(1, n_sessions, mean, math.nan, math.nan, within_sd, math.nan)
    sd = float(means.std(ddof=1))
    msb = float(np.sum(counts * (means - y.mean()) ** 2)) / (n_runners - 1)
    n0 = (n_sessions - float(np.sum(counts.astype(np.float64) ** 2)) / n_sessions) / (n_runners - 1)
    between = (msb - msw) / n0
    total = between + msw
    return Components(
        n_runners,
        n_sessions,
        mean,
        sd,
        math.nan if math.isnan(between) else math.sqrt(max(between, 0.0)),
        within_sd,
        between / total if total > 0.0 else math.nan,
    )
