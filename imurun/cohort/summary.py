"""Summarises a cohort in two tables: one row for each runner, and one for each group and measure.

Both are computed from the sessions table of `imurun.cohort.results.read_sessions`, whose measures are
medians over running steps. They describe a sample, without tests, intervals or p-values; for these, fit a
model to the table of `imurun.cohort.tidy`.

A session without running counts as a session without values. Missing values, such as pelvic ranges without a
gyroscope, are left out of their own measure only.
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
    between_runner_sd, within_runner_sd and icc1, see `imurun.cohort.variance`.

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


def _numbers(sessions: pd.DataFrame, name: str) -> FloatArray:
    if name not in sessions:
        return np.full(len(sessions), np.nan)
    values: Iterable[Any] = sessions[name]
    return np.asarray(pd.to_numeric(pd.Series(values), errors="coerce"), dtype=np.float64)
