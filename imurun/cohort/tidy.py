"""Builds a tidy table for mixed-effects models: one row for each session, third of the running, and side.

One step file is in memory at a time, so that memory does not grow with the number of sessions.

The parts first, middle and last are thirds of the running time, without walking and standing: a clock that
advances with each running step by its step time. The first step after a break has no step time; the median of
the session is used. A step belongs to the third that contains the middle of its step time.

Steps of unknown side have separate rows, so that n_steps of a session add up to its running steps; leave
these rows out if side is a factor. Values are medians over the running steps of the cell, NaN if none has a
value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from imurun.cohort.folder import STEPS
from imurun.cohort.names import column_names
from imurun.cohort.results import Results, read_steps
from imurun.cohort.summary import with_groups
from imurun.errors import FormatError
from imurun.model.columns import STEP_COLUMNS
from imurun.model.frames import FloatArray

PARTS = ("first", "middle", "last")
TIDY_SIDES = ("left", "right", "unknown")
_NOT_MEASURED = ("initial_contact_s", "final_contact_s", "side", "gait", "decided_s")
MEDIAN_COLUMNS = tuple(column.name for column in STEP_COLUMNS if column.name not in _NOT_MEASURED)
TIDY_NAMES = {"lumbar_dose": "lumbar_dose_per_step_bw4"}
"""Other names for columns whose name lacks the unit."""
TIDY_MEASURES = tuple(TIDY_NAMES.get(name, name) for name in MEDIAN_COLUMNS)
CELL_COLUMNS = ("part", "side", "n_steps", "mean_time_s", "mean_running_time_s", *TIDY_MEASURES)
"""Times: initial contacts from the start of the recording, and on the running clock."""
SESSION_COLUMNS = ("runner", "session", "key", "group", "start")
_STEP_COLUMNS = ("initial_contact_s", "side", "gait", *MEDIAN_COLUMNS)


def tidy_names(covariates: Sequence[str]) -> dict[str, str]:
    """Names of covariates in the tidy table: NAME, or covariate_NAME if the table has a column of that name.

    See `imurun.cohort.names.column_names`.
    """
    return column_names(covariates, {*SESSION_COLUMNS, *CELL_COLUMNS})


def running_clock_s(step_time_ms: FloatArray) -> FloatArray:
    """End of each running step on the running clock, s; shape (n,).

    Args:
        step_time_ms: of the running steps, shape (n,); NaN is replaced by the median of the others.
    """
    known = np.isfinite(step_time_ms)
    median_ms = float(np.median(step_time_ms[known])) if known.any() else 1.0
    return np.cumsum(np.where(known, step_time_ms, median_ms)) / 1000.0


def thirds(clock_s: FloatArray) -> npt.NDArray[np.int64]:
    """Third of the running of each step, 0 to 2, shape (n,)."""
    if not len(clock_s):
        return np.zeros(0, dtype=np.int64)
    middle = clock_s - 0.5 * np.diff(clock_s, prepend=0.0)
    return np.minimum(np.floor(3.0 * middle / clock_s[-1]).astype(np.int64), 2)


def tidy_session(steps: pd.DataFrame) -> pd.DataFrame:
    """The rows of one session, in order of part and side; none without a running step.

    Args:
        steps: a step table, in order of time.

    Returns:
        Columns as in `CELL_COLUMNS`; only cells with steps.
    """
    running = steps.loc[np.asarray(steps["gait"] == "running")].reset_index(drop=True)
    clock_s = running_clock_s(running["step_time_ms"].to_numpy(dtype=np.float64))
    side = pd.Index(TIDY_SIDES).get_indexer(running["side"])
    side[side < 0] = TIDY_SIDES.index("unknown")
    cell = len(TIDY_SIDES) * thirds(clock_s) + side
    grouped = running[["initial_contact_s", *MEDIAN_COLUMNS]].assign(clock_s=clock_s).groupby(cell)
    times, n_steps = grouped[["initial_contact_s", "clock_s"]].mean(), grouped.size()
    return pd.DataFrame(
        {
            "part": np.array(PARTS, dtype=object)[times.index // len(TIDY_SIDES)],
            "side": np.array(TIDY_SIDES, dtype=object)[times.index % len(TIDY_SIDES)],
            "n_steps": n_steps.to_numpy(),
            "mean_time_s": times["initial_contact_s"].to_numpy(),
            "mean_running_time_s": times["clock_s"].to_numpy(),
            **_medians(grouped),
        }
    )


def _medians(grouped: Any) -> dict[str, FloatArray]:
    medians = grouped[list(MEDIAN_COLUMNS)].median()
    return {TIDY_NAMES.get(name, name): medians[name].to_numpy() for name in MEDIAN_COLUMNS}


def tidy_rows(folder: Path, results: Results, notes: list[str]) -> Iterator[pd.DataFrame]:
    """The rows of each session in turn, as a table that may be empty.

    Args:
        folder: of the cohort.
        results: as from `read_sessions`.
        notes: a sentence is appended for each step file that cannot be read; its session has no rows.

    Returns:
        Columns `SESSION_COLUMNS`, covariates, `CELL_COLUMNS`.
    """
    sessions = results.sessions
    names = {name: name for name in SESSION_COLUMNS} | tidy_names(results.covariates)
    described = with_groups(sessions).reindex(columns=list(names)).rename(columns=names)
    session: Any
    for k, (session, key) in enumerate(zip(sessions["partition"], sessions["key"], strict=True)):
        try:
            steps = read_steps(folder / STEPS / session / f"{key}.parquet", _STEP_COLUMNS)
        except FormatError as error:
            notes.append(str(error))
            steps = pd.DataFrame(columns=list(_STEP_COLUMNS))
        cells = tidy_session(steps)
        session_part = described.iloc[np.full(len(cells), k)].reset_index(drop=True)
        yield pd.concat([session_part, cells], axis=1)
