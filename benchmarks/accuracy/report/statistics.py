"""Summary statistics of errors: bias, SD, limits of agreement, and intervals over runners."""

from __future__ import annotations

from dataclasses import dataclass

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
        bias, sd: mean, and standard deviation around it (n - 1); SD of one value is NaN.
        rmse: root mean square, bias included.
        mean_abs: mean of the absolute values.
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
    bias = float(values.mean())
    sd = float(values.std(ddof=1)) if n > 1 else float("nan")
    sums = runner_sums(values, names)
    bias_95, rmse_95, mean_abs_95 = over_runners(sums, seed, n_resamples)
    return Summary(
        n,
        len(sums),
        bias,
        sd,
        float(np.sqrt(np.mean(values**2))),
        float(np.abs(values).mean()),
        (bias - LIMITS * sd, bias + LIMITS * sd),
        bias_95,
        rmse_95,
        mean_abs_95,
    )


def runner_sums(values: FloatArray, names: np.ndarray) -> FloatArray:
    """For each runner, in order of name: count, sum, sum of squares, sum of absolutes; shape (runners, 4)."""
    _, which = np.unique(names, return_inverse=True)
    columns = (np.ones(len(values)), values, values**2, np.abs(values))
    return np.column_stack([np.bincount(which, weights=column) for column in columns])


def over_runners(sums: FloatArray, seed: int, n_resamples: int) -> tuple[Interval, Interval, Interval]:
    """Percentile intervals of bias, RMSE and mean absolute error.

    Whole runners are drawn with replacement, because contacts of one runner are correlated; drawing contacts
    would make the intervals far too narrow. With one runner there is no interval.
    """
    n_runners = len(sums)
    if n_runners < 2:
        return UNKNOWN, UNKNOWN, UNKNOWN
    drawn = np.random.default_rng(seed).integers(n_runners, size=(n_resamples, n_runners))
    n, total, squares, absolutes = sums[drawn].sum(axis=1).T
    low_high = [2.5, 97.5]
    found = (total / n, np.sqrt(squares / n), absolutes / n)
    bias, rmse, mean_abs = (tuple(np.percentile(values, low_high).tolist()) for values in found)
    return bias, rmse, mean_abs
