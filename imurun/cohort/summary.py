"""A cohort as tables: one row a runner, and one row a group and measure.

Both start from one row a session, `imurun.cohort.results.read_sessions`, and from the medians over running
steps that `Session.summary` holds. They describe a sample: there is no test, no interval and no p-value here;
for these, fit a model to the table of `imurun.cohort.tidy`.

A session without running counts as a session and has no value of any measure. What was not measured, as
ranges of tilt without a gyroscope, is left out of the measure it belongs to and of no other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from imurun.cohort.variance import components
from imurun.model.columns import UNITS
from imurun.model.frames import FloatArray
from imurun.summary import FRESH_AND_TIRED, MEDIANS, SIDED

DRIFT = "drift_"
ASYMMETRIES = tuple(f"{name.rsplit('_', 1)[0]}_asymmetry_percent" for name in SIDED)
DRIFTS = tuple(f"{DRIFT}{name}" for name in FRESH_AND_TIRED)
MEASURES = ("running_s", *MEDIANS, "lumbar_dose_bw4", *ASYMMETRIES, *DRIFTS)
"""Of a session: time run, medians over its running steps, session load, left minus right in percent of their
mean, and the median of the last fifth of the running minus that of the first (of 100 steps or more)."""

ALL = "(all)"
"""The one group of a cohort without groups."""
NO_GROUP = "(none)"
"""Of sessions without a group, where others have one."""


def unit_of(measure: str) -> str:
    """The unit of a measure; "" for a ratio."""
    others = {"running_s": "s", "lumbar_dose_bw4": "BW^4"}
    if measure.endswith("_percent"):
        return "%"
    return others.get(measure) or UNITS[measure.removeprefix(DRIFT)]


def with_groups(sessions: pd.DataFrame) -> pd.DataFrame:
    """The sessions with a word for each one's group: `ALL` where none has one, `NO_GROUP` where some have."""
    sessions = sessions.reset_index(drop=True)
    group: Any = sessions["group"]
    return sessions.assign(group=group.fillna(NO_GROUP) if group.notna().any() else ALL)


def measure(sessions: pd.DataFrame, name: str) -> FloatArray:
    """One of `MEASURES`, a value a session, NaN where unknown; shape (n,)."""
    if name.startswith(DRIFT):
        stem = name.removeprefix(DRIFT)
        return _numbers(sessions, f"tired_{stem}") - _numbers(sessions, f"fresh_{stem}")
    return _numbers(sessions, name)


def runner_table(sessions: pd.DataFrame) -> pd.DataFrame:
    """One row a runner, in order of name.

    Columns: runner; group (several ones as "a; b"); sessions; sessions_running, those with a running step;
    running_h and running_steps, sums; then of each of `MEASURES` median_NAME, the median over the sessions,
    and sd_NAME, the standard deviation between them (with n - 1; NaN for one session).

    Args:
        sessions: as `read_sessions` gives them.
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
    """One row a group and measure, groups in order of name.

    A runner with sessions in several groups counts in each, with the sessions of that group.

    Columns: group; runners and sessions of the group; measure and unit; runners_measured and
    sessions_measured, those with a value; mean and sd over runners, each counting once by the mean of its
    sessions; between_runner_sd, within_runner_sd and icc1, see `imurun.cohort.variance`.

    Args:
        sessions: as `read_sessions` gives them.
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


def _numbers(sessions: pd.DataFrame, name: str) -> FloatArray:
    if name not in sessions:
        return np.full(len(sessions), np.nan)
    values: Iterable[Any] = sessions[name]
    return np.asarray(pd.to_numeric(pd.Series(values), errors="coerce"), dtype=np.float64)
