"""Summary statistics of errors: bias, SD, limits of agreement, and intervals over runners.

Every runner has the same weight, whatever the number of steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from imurun.model.frames import FloatArray

N_RESAMPLES = 4000
SEED = 20
LIMITS = 1.96
"""Standard deviations from the bias to a limit of agreement (Bland and Altman 1986, Lancet 327:307)."""

Interval = tuple[float, float]
UNKNOWN: Interval = (np.nan, np.nan)


@dataclass(frozen=True)
class Summary:
    """Statistics of the errors (found minus true) of one quantity.

    Attributes:
        n, n_runners: number of values and of runners.
        bias, sd: mean over the means of the runners, and standard deviation of single values around it,
            corrected for the number of values; SD of one value is NaN.
        rmse: root of the mean over runners of their mean squares, bias included.
        mean_abs: mean over the runners' means of the absolute values.
        limits: bias - 1.96 SD, bias + 1.96 SD: where 95 % of the errors lie if they are normal.
        bias_95, rmse_95, mean_abs_95: 95 % intervals by resampling whole runners; NaN with one runner.
    """

    n: int
    n_runners: int
    bias: float
    sd: float
    rmse: float
    mean_abs: float
    limits: Interval
    bias_95: Interval
    rmse_95: Interval
    mean_abs_95: Interval


def summarise(
    errors: npt.ArrayLike, runners: npt.ArrayLike, *, seed: int = SEED, n_resamples: int = N_RESAMPLES
) -> Summary:
    """Statistics of errors, without NaN.

    Args:
        errors: shape (n,).
        runners: runner of each, shape (n,).
        seed: the same seed gives the same intervals.
        n_resamples: number of resamples.
    """
    values = np.asarray(errors, dtype=np.float64)
    names = np.asarray(runners)[np.isfinite(values)]
    values = values[np.isfinite(values)]
    n = len(values)
    if not n:
        nan = float("nan")
        return Summary(0, 0, nan, nan, nan, nan, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
    counts, means = runner_means(values, names)
    bias, square, mean_abs = means.mean(axis=0).tolist()
    # weights 1 / (runners x values of the runner), and the correction for them; n - 1 if all are equal
    left = 1.0 - float(np.mean(1.0 / counts)) / len(counts)
    sd = float(np.sqrt(max(square - bias**2, 0.0) / left)) if n > 1 else float("nan")
    bias_95, rmse_95, mean_abs_95 = over_runners(means, seed, n_resamples)
    return Summary(
        n,
        len(counts),
        bias,
        sd,
        float(np.sqrt(square)),
        mean_abs,
        (bias - LIMITS * sd, bias + LIMITS * sd),
        bias_95,
        rmse_95,
        mean_abs_95,
    )


def root_mean_square(errors: npt.ArrayLike, runners: npt.ArrayLike) -> float:
    """RMSE of errors without NaN, shape (n,), every runner with the same weight; NaN without any."""
    values = np.asarray(errors, dtype=np.float64)
    known = np.isfinite(values)
    if not known.any():
        return float("nan")
    return float(np.sqrt(runner_means(values[known], np.asarray(runners)[known])[1][:, 1].mean()))


def runner_means(values: FloatArray, names: np.ndarray) -> tuple[FloatArray, FloatArray]:
    """By runner, in order of name: counts, shape (r,); mean, mean square, mean absolute, shape (r, 3)."""
    _, which = np.unique(names, return_inverse=True)
    counts = np.bincount(which).astype(np.float64)
    columns = (values, values**2, np.abs(values))
    return counts, np.column_stack([np.bincount(which, weights=column) / counts for column in columns])


def over_runners(means: FloatArray, seed: int, n_resamples: int) -> tuple[Interval, Interval, Interval]:
    """Percentile intervals of bias, RMSE and mean absolute error, from the means of `runner_means`.

    Whole runners are drawn with replacement, because contacts of one runner are correlated; drawing contacts
    would make the intervals far too narrow. With one runner there is no interval.
    """
    n_runners = len(means)
    if n_runners < 2:
        return UNKNOWN, UNKNOWN, UNKNOWN
    mean, square, absolute = (_draws(n_runners, seed, n_resamples) @ means).T
    low_high = [2.5, 97.5]
    found = (mean, np.sqrt(square), absolute)
    bias, rmse, mean_abs = (tuple(np.percentile(values, low_high).tolist()) for values in found)
    return bias, rmse, mean_abs


@cache
def _draws(n_runners: int, seed: int, n_resamples: int) -> FloatArray:
    """Weight of each runner in each resample, shape (n_resamples, n_runners)."""
    drawn = np.random.default_rng(seed).integers(n_runners, size=(n_resamples, n_runners))
    return (drawn[:, :, None] == np.arange(n_runners)).mean(axis=1)
