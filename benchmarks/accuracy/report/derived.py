"""Figures that need more than the errors of single steps: intervals, calibration, and change by a condition.

All are of imurun, left out, on level ground unless stated otherwise.

Intervals: of each trial, the error of the mean over its steps and the mean of their half widths. `INSIDE` is
the share of trials whose error is not larger than the half width, `WIDTH` the median half width over the RMSE
of the trial means (1.64 if errors are normal and the interval is exact), `RANK` the rank correlation of half
width and absolute error.

Calibration: the mean error of contact time in a runner's trials at the speed nearest to `CALIBRATED_AT_M_S`
is taken off the trial means at the other speeds. It is what a runner gets who calibrates with exact contact
times.

Change: contact time RMSE under a condition minus that of the same trials as recorded, for the worst condition
of a family.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from benchmarks.accuracy.conditions import AS_RECORDED
from benchmarks.accuracy.methods import LEFT_OUT
from benchmarks.accuracy.report.quantities import (
    CALIBRATED,
    CHANGE,
    INSIDE,
    INTERVALS,
    QUANTITIES,
    RANK,
    WIDTH,
    derived,
)
from benchmarks.accuracy.report.robustness import robustness_table
from benchmarks.accuracy.report.scores import in_scope
from benchmarks.accuracy.report.statistics import root_mean_square
from benchmarks.accuracy.results import Results
from imurun.model.frames import FloatArray

CALIBRATED_AT_M_S = 3.4
"""Nearest for everyone: 3 m/s of A to D, 3.5 of E to Q, 3.33 of S."""
SOFT_STRAP_HZ = 15.0
"""Straps with a lower resonance are in the table of conditions only."""


@dataclass(frozen=True)
class Measured:
    """One derived figure.

    Attributes:
        value: in the unit of the figure.
        n, n_runners: number of trials (of contacts for a change) and of runners.
        by_runner: its value for each runner, where it has one.
        harmonised: the same against the harmonised truth, NaN if there is none.
        note: which condition it is of, or "".
    """

    value: float
    n: int
    n_runners: int
    by_runner: dict[str, float] = field(default_factory=dict[str, float])
    harmonised: float = float("nan")
    note: str = ""


def derive(
    results: Results, robustness: pd.DataFrame | None = None, method: str = LEFT_OUT
) -> dict[str, Measured]:
    """All derived figures of a method that its results allow, by name in `quantities.DERIVED`.

    Args:
        results: of the run.
        robustness: its `robustness_table`, if it is already made.
        method: to judge.
    """
    robustness = robustness_table(results) if robustness is None else robustness
    contacts = results.contacts[results.contacts["method"] == method]
    recorded = in_scope(contacts[contacts["condition"] == AS_RECORDED.label], "level")
    return {
        **_calibrated(recorded),
        **_intervals(recorded),
        **_changes(contacts, robustness[robustness["method"] == method]),
    }


def trial_means(contacts: pd.DataFrame, error: str, half: str) -> pd.DataFrame:
    """For each trial with both: dataset, runner, trial, mean error and mean half width."""
    rows = contacts.dropna(subset=[error, half])
    means = rows.groupby(["dataset", "runner", "trial"], sort=False)[[error, half]].mean()
    return means.reset_index().rename(columns={error: "error", half: "half"})


def _intervals(contacts: pd.DataFrame) -> dict[str, Measured]:
    found: dict[str, Measured] = {}
    for error, half in INTERVALS.items():
        means = trial_means(contacts, error, half)
        if not len(means):
            continue
        n, n_runners = len(means), means["runner"].nunique()
        inside = means["error"].abs() <= means["half"]
        shares = {str(runner): 100.0 * float(of.mean()) for runner, of in inside.groupby(means["runner"])}
        found[derived(INSIDE, error)] = Measured(100.0 * float(inside.mean()), n, n_runners, shares)
        rmse = root_mean_square(means["error"], means["runner"])
        width = float(means["half"].median()) / rmse if rmse > 0.0 else float("nan")
        found[derived(WIDTH, error)] = Measured(width, n, n_runners)
        rank = _rank_correlation(means["half"].to_numpy(), means["error"].abs().to_numpy())
        found[derived(RANK, error)] = Measured(rank, n, n_runners)
    return found


def _rank_correlation(a: FloatArray, b: FloatArray) -> float:
    if len(a) < 3 or np.ptp(a) == 0.0 or np.ptp(b) == 0.0:
        return float("nan")
    return float(np.asarray(spearmanr(a, b))[0])


def _calibrated(contacts: pd.DataFrame) -> dict[str, Measured]:
    columns = ["contact_error_ms", QUANTITIES["contact_error_ms"].harmonised]
    rows = contacts.dropna(subset=[*columns, "speed_m_s"])
    means = rows.groupby(["runner", "trial", "speed_m_s"], sort=False)[columns].mean().reset_index()
    parts = []
    for _, mine in means.groupby("runner"):
        nearest = mine.loc[(mine["speed_m_s"] - CALIBRATED_AT_M_S).abs().idxmin(), "speed_m_s"]
        there = mine["speed_m_s"] == nearest
        others = mine[~there].copy()
        others[columns] -= mine.loc[there, columns].mean()
        parts.append(others)
    left = pd.concat(parts) if parts else means
    if not len(left):
        return {}
    values = [root_mean_square(left[name], left["runner"]) for name in columns]
    by_runner = {
        str(runner): root_mean_square(of[columns[0]], of["runner"]) for runner, of in left.groupby("runner")
    }
    return {CALIBRATED: Measured(values[0], len(left), len(by_runner), by_runner, harmonised=values[1])}


def _changes(contacts: pd.DataFrame, table: pd.DataFrame) -> dict[str, Measured]:
    """The worst condition of each family; both tables are of one method."""
    table = table[(table["family"] != "strap") | (table["value"] >= SOFT_STRAP_HZ)]
    n_runners = contacts.groupby("condition")["runner"].nunique()
    found: dict[str, Measured] = {}
    for family, rows in table.groupby("family", sort=False):
        change = (rows["contact_error_ms"] - rows["recorded_contact_error_ms"]).astype(float)
        if change.notna().any():
            worst = change.idxmax()
            label = str(rows.loc[worst, "condition"])
            found[derived(CHANGE, str(family))] = Measured(
                float(change[worst]), int(rows.loc[worst, "n_true"]), int(n_runners[label]), note=label
            )
    return found
