"""What a cohort run left in its folder, read back: the sessions of all runners, and one session's steps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from imurun.errors import FormatError, StoreError
from imurun.io.printable import printable

PARTITION = "runner="
IDENTITY = ("runner", "session", "key", "recording", "group", "partition")
TEXTS = ("session", "key", "recording", "group", "start")
UNREAD = ("runner", "partition", "warnings")
"""The runner is the name of the folder; warnings are lists."""


class Results(NamedTuple):
    """The sessions of a cohort.

    Attributes:
        sessions: one row a session, in order of runner and session: runner, session, key, recording, group as
            text (None where unknown), the covariates of the manifest, `Session.summary` but its warnings,
            and partition, the name of the runner's folders.
        failed: recordings that gave no session.
        notes: files that could not be read, one sentence each.
    """

    sessions: pd.DataFrame
    failed: int
    notes: list[str]


def read_sessions(folder: Path) -> Results:
    """Read every session of a cohort's output folder.

    A runner's table that cannot be read is left out and noted.

    Raises:
        StoreError: the folder is not what `imurun cohort` wrote, or no session in it can be read.
    """
    name = printable(str(folder))
    if not folder.is_dir():
        raise StoreError(f"{name} is no folder; give the one that `imurun cohort ... --out DIR` wrote.")
    _check_is_cohort(folder)
    notes: list[str] = []
    tables: list[pa.Table] = []
    for file in sorted((folder / "sessions").glob(f"{PARTITION}*/*.parquet")):
        try:
            table = _read(file)
        except FormatError as error:
            notes.append(str(error))
            continue
        runner = unquote(file.parent.name.removeprefix(PARTITION))
        table = table.drop_columns([column for column in UNREAD if column in table.column_names])
        for column, text in (("partition", file.parent.name), ("runner", runner)):
            table = table.add_column(0, column, pa.array([text] * len(table), pa.string()))
        tables.append(table)
    failed = _count_failed(folder, notes)
    sessions = _join(tables)
    if not len(sessions):
        if notes:
            raise StoreError(f"No session of {name} can be read: {notes[0]}")
        why = f"; failures.parquet says why of {failed} recordings" if failed else ""
        raise StoreError(f"{name} holds no session{why}; run `imurun cohort` on recordings that can be read.")
    return Results(sessions, failed, notes)


def read_columns(file: Path, names: Sequence[str]) -> pd.DataFrame:
    """Some columns of a step file.

    Raises:
        FormatError: the file is missing, damaged, or lacks a column.
    """
    table = _read(file, names)
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise FormatError(f"{_named(file)}: there is no column {missing[0]}; run `imurun cohort` again.")
    return table.to_pandas()


def _check_is_cohort(folder: Path) -> None:
    file = folder / "cohort.json"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        content = None
    except (OSError, ValueError) as error:
        raise StoreError(f"{printable(str(file))} cannot be read; run `imurun cohort` again.") from error
    if not isinstance(content, dict) or "schema" not in content:
        raise StoreError(
            f"{printable(str(folder))} was not written by `imurun cohort`: give the folder of its --out."
        )


def _read(file: Path, names: Sequence[str] | None = None) -> pa.Table:
    try:
        # one file by itself: no guess at types from the names of folders
        with pq.ParquetFile(file) as stored:
            return stored.read(None if names is None else list(names), use_threads=False)
    except FileNotFoundError as error:
        raise FormatError(f"{_named(file)} is missing; run `imurun cohort` again.") from error
    except (OSError, pa.ArrowException) as error:
        raise FormatError(
            f"{_named(file)} is damaged; delete it and run `imurun cohort` again, which makes it anew."
        ) from error


def _named(file: Path) -> str:
    return printable("/".join(file.parts[-3:]))


def _count_failed(folder: Path, notes: list[str]) -> int:
    file = folder / "failures.parquet"
    if not file.exists():
        return 0
    try:
        return len(_read(file))
    except FormatError as error:
        notes.append(str(error))
        return 0


def _join(tables: list[pa.Table]) -> pd.DataFrame:
    """All tables as one, a column whose type differs between them as text."""
    tables = [table for table in tables if len(table)]
    if not tables:
        return pd.DataFrame()
    tables = [_as_text(table, TEXTS) for table in tables]
    try:
        joined = pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException:
        kinds: dict[str, set[str]] = {}
        for table in tables:
            for field in table.schema:
                kinds.setdefault(field.name, set()).add(_kind(field.type))
        mixed = [name for name, found in kinds.items() if len(found - {"null"}) > 1]
        joined = pa.concat_tables([_as_text(table, mixed) for table in tables], promote_options="permissive")
    for name in TEXTS:
        if name not in joined.column_names:
            joined = joined.append_column(name, pa.nulls(len(joined), pa.string()))
    frame = joined.to_pandas()
    order = np.lexsort([frame[name].fillna("").to_numpy(dtype=object) for name in ("key", "session", "runner")])
    return frame.iloc[order].reset_index(drop=True)


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_null(kind):
        return "null"
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    return "number" if is_number else str(kind)


def _as_text(table: pa.Table, names: Sequence[str]) -> pa.Table:
    for name in names:
        if name in table.column_names:
            k = table.column_names.index(name)
            table = table.set_column(k, name, pc.cast(table[name], pa.string()))
    return table
