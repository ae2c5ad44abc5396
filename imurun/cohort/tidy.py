"""Steps of a cohort as a tidy table for mixed-effects models: a row a session, third of the running and side.

One step file is in memory at a time, so that memory does not grow with the length of the sessions.

The parts first, middle and last are thirds of the running time, walking and standing left out: a clock that
runs by each running step's time from the foot strike before. The first step after a break has no such time;
it counts with the session's median. A step belongs to the third in which the middle of that time falls.

Steps of unknown side have rows of their own, so that n_steps of a session add up to its running steps; leave
these rows out where side is a factor. Values are medians over the running steps of the cell, NaN where none
of them has a value.
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
"""Of columns whose own name lacks the unit."""
TIDY_MEASURES = tuple(TIDY_NAMES.get(name, name) for name in MEDIAN_COLUMNS)
CELL_COLUMNS = ("part", "side", "n_steps", "mean_time_s", "mean_running_time_s", *TIDY_MEASURES)
"""Times: initial contacts from the recording's start, and on the clock of running alone."""
SESSION_COLUMNS = ("runner", "session", "key", "group", "start")
_STEP_COLUMNS = ("initial_contact_s", "side", "gait", *MEDIAN_COLUMNS)


def tidy_names(covariates: Sequence[str]) -> dict[str, str]:
    """Covariates with their names in the tidy table.

    The name is the same, or covariate_NAME where the tidy table has a column of that name.
    """
    return column_names(covariates, {*SESSION_COLUMNS, *CELL_COLUMNS})


def running_clock_s(step_time_ms: FloatArray) -> FloatArray:
    """Time at which each running step ends on a clock that runs with running steps only; shape (n,).

    Args:
        step_time_ms: of the running steps, shape (n,); NaN counts as the median of the others.
    """
    known = np.isfinite(step_time_ms)
    usual = float(np.median(step_time_ms[known])) if known.any() else 1.0
    return np.cumsum(np.where(known, step_time_ms, usual)) / 1000.0


def thirds(clock_s: FloatArray) -> npt.NDArray[np.int64]:
    """In which third of the running each step is, 0 to 2, shape (n,)."""
    if not len(clock_s):
        return np.zeros(0, dtype=np.int64)
    middle = clock_s - 0.5 * np.diff(clock_s, prepend=0.0)
    return np.minimum(np.floor(3.0 * middle / clock_s[-1]).astype(np.int64), 2)


def tidy_session(steps: pd.DataFrame) -> pd.DataFrame:
    """The cells of one session, in order of part and side; none without a running step.

    Args:
        steps: a step table, in order of time.

    Returns:
        Columns as in `CELL_COLUMNS`; only cells that hold steps.
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
    """The rows of one session after the other, each an empty or short table of the same columns.

    Args:
        folder: of the cohort.
        results: as `read_sessions` gives them.
        notes: a sentence is added for each step file that cannot be read; the session has no rows then.

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
