"""Writes the summary of a cohort: runners.csv, groups.csv, tidy.parquet and tidy.csv."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import imurun
from imurun.cohort.results import Results
from imurun.cohort.summary import group_table, runner_table
from imurun.cohort.tidy import CELL_COLUMNS, SESSION_COLUMNS, TIDY_NAMES, tidy_names, tidy_rows
from imurun.errors import CohortError
from imurun.files.atomic import atomic_path
from imurun.files.metadata import MARK, to_schema
from imurun.files.text import encodable, sanitize
from imurun.model.columns import UNITS

KIND = "cohort steps"
BATCH_SESSIONS = 200
"""Sessions written at a time, in row groups of some thousand rows."""


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
