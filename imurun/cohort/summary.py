"""Summarises a cohort in two tables: one row for each runner, and one for each group and measure.

Both are computed from the sessions table of `imurun.cohort.results.read_sessions`, whose measures are
medians over running steps. They describe a sample, without tests, intervals or p-values; for these, fit a
model to the table of `imurun.cohort.summary_files`.

A session without running counts as a session without values. Missing values, such as pelvic ranges without a
gyroscope, are left out of their own measure only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from imurun.model.columns import UNITS
from imurun.model.frames import FloatArray
from imurun.summary import FRESH_AND_TIRED, MEDIANS, SIDED

DRIFT = "drift_"
ASYMMETRIES = tuple(f"{name.rsplit('_', 1)[0]}_asymmetry_percent" for name in SIDED)
DRIFTS = tuple(f"{DRIFT}{name}" for name in FRESH_AND_TIRED)
MEASURES = ("running_s", *MEDIANS, "lumbar_dose_bw4", *ASYMMETRIES, *DRIFTS)
"""Of a session: running time, medians over its running steps, session load, left minus right in percent of
their mean, and the median of the last fifth of the running minus that of the first (from 100 steps)."""

ALL = "(all)"
"""Group name in a cohort without groups."""
NO_GROUP = "(none)"
"""Group name of sessions without a group, if others have one."""


def unit_of(measure: str) -> str:
    """The unit of a measure; "" for a ratio."""
    others = {"running_s": "s", "lumbar_dose_bw4": "BW^4"}
    if measure.endswith("_percent"):
        return "%"
    return others.get(measure) or UNITS[measure.removeprefix(DRIFT)]


def with_groups(sessions: pd.DataFrame) -> pd.DataFrame:
    """The sessions with a group name in each row: `ALL` if no session has a group, otherwise `NO_GROUP`."""
    sessions = sessions.reset_index(drop=True)
    group: Any = sessions["group"]
    return sessions.assign(group=group.fillna(NO_GROUP) if group.notna().any() else ALL)


def measure(sessions: pd.DataFrame, name: str) -> FloatArray:
    """One of `MEASURES` for each session, NaN if unknown; shape (n,)."""
    if name.startswith(DRIFT):
        stem = name.removeprefix(DRIFT)
        return _numbers(sessions, f"tired_{stem}") - _numbers(sessions, f"fresh_{stem}")
    return _numbers(sessions, name)


def runner_table(sessions: pd.DataFrame) -> pd.DataFrame:
    """One row for each runner, in order of name.

    Columns: runner; group (several as "a; b"); sessions; sessions_running, those with a running step;
    running_h and running_steps, sums; then for each of `MEASURES` median_NAME, the median over the sessions,
    and sd_NAME, the standard deviation between them (with n - 1; NaN for one session).

    Args:
        sessions: as from `read_sessions`.
    """
    sessions = with_groups(sessions)
    runners = sessions["runner"]
    steps = pd.Series(_numbers(sessions, "running_steps")).fillna(0.0)
    hours = pd.Series(measure(sessions, "running_s") / 3600.0)
    table = pd.DataFrame(
        {
            "group": sessions["group"].groupby(runners).agg(lambda words: "; ".join(sorted(set(words)))),
            "sessions": runners.groupby(runners).size(),
            "sessions_running": (steps > 0.0).groupby(runners).sum(),
            "running_h": hours.groupby(runners).sum(),
            "running_steps": steps.astype(np.int64).groupby(runners).sum(),
        }
    )
    values = pd.DataFrame({name: measure(sessions, name) for name in MEASURES}).groupby(runners)
    spread = pd.concat([values.median().add_prefix("median_"), values.std(ddof=1).add_prefix("sd_")], axis=1)
    order = [f"{statistic}_{name}" for name in MEASURES for statistic in ("median", "sd")]
    return table.join(spread[order]).reset_index()


def group_table(sessions: pd.DataFrame) -> pd.DataFrame:
    """One row for each group and measure, groups in order of name.

    A runner with sessions in several groups counts in each of them, with the sessions of that group.

    Columns: group; runners and sessions of the group; measure and unit; runners_measured and
    sessions_measured, those with a value; mean and sd over the runners' means of their sessions;
    between_runner_sd, within_runner_sd and icc1, see `components`.

    Args:
        sessions: as from `read_sessions`.
    """
    sessions = with_groups(sessions)
    rows: list[dict[str, Any]] = []
    group: Any
    for group, members in sessions.groupby("group", sort=True):
        codes, names = pd.factorize(members["runner"])
        for name in MEASURES:
            found = components(measure(members, name), codes)
            rows.append(
                {
                    "group": group,
                    "runners": len(names),
                    "sessions": len(members),
                    "measure": name,
                    "unit": unit_of(name),
                    "runners_measured": found.n_runners,
                    "sessions_measured": found.n_sessions,
                    "mean": found.mean,
                    "sd": found.sd,
                    "between_runner_sd": found.between_sd,
                    "within_runner_sd": found.within_sd,
                    "icc1": found.icc,
                }
            )
    return pd.DataFrame(rows)


class Components(NamedTuple):
    """Result of `components`: one measure, in its unit; NaN for what cannot be estimated.

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
    """Mean over runners, and variance between and within runners, by the one-way random effects model.

    Session j of runner i measures y_ij = mu + a_i + e_ij, with var(a) between runners and var(e) within. Of a
    runners with n_i sessions each, N in all, and the means ybar_i and ybar of all N sessions, the analysis of
    variance estimates

        MSB = sum n_i (ybar_i - ybar)^2 / (a - 1)            MSW = sum (y_ij - ybar_i)^2 / (N - a)
        n0  = (N - sum n_i^2 / N) / (a - 1)
        var(e) = MSW        var(a) = (MSB - MSW) / n0        ICC(1) = var(a) / (var(a) + var(e))

    from S. R. Searle, G. Casella, C. E. McCulloch, Variance Components, Wiley 1992, chapter 3 (unbalanced
    data, ANOVA estimator); ICC(1) is the ICC(1,1) of P. E. Shrout and J. L. Fleiss, Psychol. Bull. 86 (1979)
    420-428, with n0 in the place of the common number of sessions. The estimators are unbiased for the
    variances, for any distribution. They are descriptive, without tests or p-values.

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


def _numbers(sessions: pd.DataFrame, name: str) -> FloatArray:
    if name not in sessions:
        return np.full(len(sessions), np.nan)
    values: Iterable[Any] = sessions[name]
    return np.asarray(pd.to_numeric(pd.Series(values), errors="coerce"), dtype=np.float64)
