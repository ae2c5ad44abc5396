"""Writes the summary of a cohort: runners.csv, groups.csv, tidy.parquet and tidy.csv.

The tidy table is for mixed-effects models: one row for each session, third of the running, and side. One step
file is in memory at a time, so that memory does not grow with the number of sessions.

The parts first, middle and last are thirds of the running time, without walking and standing: a clock that
advances with each running step by its step time. The first step after a break has no step time; the median of
the session is used. A step belongs to the third that contains the middle of its step time.

Steps of unknown side have separate rows, so that n_steps of a session add up to its running steps; leave
these rows out if side is a factor. Values are medians over the running steps of the cell, NaN if none has a
value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import imurun
from imurun.cohort.folder import STEPS
from imurun.cohort.names import column_names
from imurun.cohort.results import Results, read_steps
from imurun.cohort.summary import group_table, runner_table, with_groups
from imurun.errors import CohortError, FormatError
from imurun.files.atomic import atomic_path
from imurun.files.metadata import MARK, to_schema
from imurun.files.text import encodable, sanitize
from imurun.model.columns import STEP_COLUMNS, UNITS
from imurun.model.frames import FloatArray

KIND = "cohort steps"
BATCH_SESSIONS = 200
"""Sessions written at a time, in row groups of some thousand rows."""
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


class Summary(NamedTuple):
    """Result of `write_summary`.

    Attributes:
        runners: see `runner_table`.
        groups: see `group_table`.
        tidy_rows: number of rows in tidy.parquet and tidy.csv.
        files: paths of the four files, in the order above.
        notes: one sentence for each file that could not be read.
    """

    runners: pd.DataFrame
    groups: pd.DataFrame
    tidy_rows: int
    files: tuple[Path, ...]
    notes: list[str]


def write_summary(
    folder: Path, results: Results, out: Path, progress: Callable[[float], None] | None = None
) -> Summary:
    """Write the four files, each atomically; those of an earlier summary are replaced.

    A step file that cannot be read gives a note; its session counts in runners.csv and groups.csv and has no
    rows in the tidy table.

    Args:
        folder: of the cohort.
        results: of `read_sessions`.
        out: folder for the files, created if it is missing.
        progress: called with the share that is done, 0 to 1.

    Raises:
        CohortError: `out` cannot be written to.
    """
    runners, groups = runner_table(results.sessions), group_table(results.sessions)
    notes = list(results.notes)
    files = tuple(out / name for name in ("runners.csv", "groups.csv", "tidy.parquet", "tidy.csv"))
    try:
        out.mkdir(parents=True, exist_ok=True)
        for table, file in zip((runners, groups), files, strict=False):
            with atomic_path(file) as aside:
                aside.write_bytes(_csv(table, header=True))
        n_rows = _write_tidy(folder, results, files[2], files[3], notes, progress)
    except OSError as error:
        where = error.filename or out
        raise CohortError(
            f"{sanitize(str(where))} could not be written: {error.strerror or error}; choose another --out."
        ) from error
    return Summary(runners, groups, n_rows, files, notes)


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


def _write_tidy(
    folder: Path,
    results: Results,
    parquet: Path,
    csv: Path,
    notes: list[str],
    progress: Callable[[float], None] | None,
) -> int:
    schema, n_sessions = _schema(results), len(results.sessions)
    n_rows = 0
    with (
        atomic_path(parquet) as aside,
        atomic_path(csv) as aside_csv,
        aside.open("wb") as stream,
        pq.ParquetWriter(stream, schema, compression="zstd") as writer,
        aside_csv.open("wb") as text,
    ):
        text.write(_csv(pd.DataFrame(columns=schema.names), header=True))
        batch: list[pa.Table] = []
        for k, rows in enumerate(tidy_rows(folder, results, notes), start=1):
            batch.append(pa.Table.from_pandas(rows, schema, preserve_index=False))
            if len(batch) == BATCH_SESSIONS or k == n_sessions:
                table = pa.concat_tables(batch)
                writer.write_table(table)
                text.write(_csv(table.to_pandas(), header=False))
                n_rows += len(table)
                batch = []
            if progress is not None:
                progress(k / n_sessions)
    return n_rows


def _schema(results: Results) -> pa.Schema:
    """Types and units of the tidy table's columns, the same for every session."""
    extra = tidy_names(results.covariates)
    described = pa.Schema.from_pandas(results.sessions[list(extra)], preserve_index=False)
    units = {TIDY_NAMES.get(name, name): unit for name, unit in UNITS.items()}
    kinds = {"start": pa.timestamp("us", "UTC")}
    fields = [pa.field(name, kinds.get(name, pa.string())) for name in SESSION_COLUMNS]
    for field in described:
        kind = pa.string() if pa.types.is_null(field.type) else field.type  # a column without values
        fields.append(pa.field(extra[field.name], kind))
    for name in CELL_COLUMNS:
        kind = pa.float64() if name not in ("part", "side", "n_steps") else pa.string()
        unit = "s" if name.endswith("time_s") else units.get(name, "")
        fields.append(pa.field(name, pa.int64() if name == "n_steps" else kind, metadata={"unit": unit}))
    return pa.schema(fields, metadata=to_schema({MARK: KIND, "imurun_version": imurun.__version__}))


def _csv(table: pd.DataFrame, *, header: bool) -> bytes:
    return encodable(table.to_csv(index=False, header=header, lineterminator="\n")).encode("utf-8")
