"""Reads the output of a cohort: the sessions of all runners, and the steps of one session."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from imurun.cohort.folder import SCHEMA, SESSIONS
from imurun.cohort.names import PARTITION, runner_of
from imurun.cohort.scan import MARK
from imurun.cohort.tables import COVARIATE
from imurun.errors import CohortError, FormatError
from imurun.files.text import sanitize

BODY = ("mass_kg", "height_m")


class Results(NamedTuple):
    """The sessions of a cohort.

    Attributes:
        sessions: one row a session, in order of runner, session and key: runner, partition (name of the
            runner's folders), session, key, recording, group (None where unknown), mass_kg, height_m, the
            covariates of the manifest, and `Session.summary`.
        covariates: mass, height, and the columns from manifests.
        left_out: number of recordings in the failures table: failed ones and duplicates.
        notes: one sentence for each file that could not be read.
    """

    sessions: pd.DataFrame
    covariates: tuple[str, ...]
    left_out: int
    notes: list[str]


def read_sessions(folder: Path) -> Results:
    """Read every session of a cohort's output folder.

    A runner's table that cannot be read is left out and noted.

    Raises:
        CohortError: the folder was not written by `imurun cohort`, or no session in it can be read.
    """
    _check_is_cohort(folder)
    notes: list[str] = []
    tables: list[pa.Table] = []
    for file in sorted((folder / SESSIONS).glob(f"{PARTITION}*/*.parquet")):
        try:
            tables.append(_read_runner(file))
        except FormatError as error:
            notes.append(str(error))
    left_out = _count_left_out(folder, notes)
    tables = [table for table in tables if len(table)]
    if not tables:
        _refuse_empty(folder, left_out, notes)
    try:
        joined = pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        raise CohortError(
            f"The tables in {sanitize(str(folder / SESSIONS))} do not match each other; "
            "run `imurun cohort` again."
        ) from error
    order = [(name, "ascending") for name in ("runner", "session", "key")]
    given = [field.name for field in joined.schema if _is_covariate(field)]
    sessions = joined.sort_by(order).to_pandas()
    return Results(sessions, (*BODY, *given), left_out, notes)


def read_steps(file: Path, names: Sequence[str]) -> pd.DataFrame:
    """Columns of a step file: side and gait as text, all others as float64.

    Raises:
        FormatError: the file is missing or damaged.
    """
    table = _read(file, names)
    kinds = [pa.string() if name in ("side", "gait") else pa.float64() for name in names]
    try:
        return table.select(list(names)).cast(pa.schema(list(zip(names, kinds, strict=True)))).to_pandas()
    except (KeyError, ValueError, pa.ArrowException) as error:
        raise _damaged(file) from error


def _is_covariate(field: pa.Field) -> bool:
    return (field.metadata or {}).get(b"role") == COVARIATE["role"].encode()


def _check_is_cohort(folder: Path) -> None:
    name = sanitize(str(folder))
    if not folder.is_dir():
        raise CohortError(f"{name} is not a folder; give the one that `imurun cohort ... --out DIR` wrote.")
    file = folder / MARK
    if not file.exists():
        raise CohortError(f"{name} was not written by `imurun cohort`; give the folder of its --out.")
    try:
        schema = json.loads(file.read_bytes())["schema"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CohortError(
            f"{sanitize(str(file))} is damaged; run `imurun cohort` into another folder."
        ) from error
    if schema != SCHEMA:
        raise CohortError(f"{name} was written by another version of imurun; run `imurun cohort` again.")


def _refuse_empty(folder: Path, left_out: int, notes: list[str]) -> NoReturn:
    name = sanitize(str(folder))
    if notes:
        raise CohortError(f"No session of {name} can be read: {notes[0]}")
    why = f"; failures.parquet has the reasons for {left_out} recordings" if left_out else ""
    raise CohortError(f"{name} holds no session{why}; run `imurun cohort` on recordings that can be read.")


def _read_runner(file: Path) -> pa.Table:
    table = _read(file)
    if not {"session", "key", "recording", "group"} <= set(table.column_names):
        raise _damaged(file)
    partition = file.parent.name
    for name, text in (("partition", partition), ("runner", runner_of(partition))):
        table = table.add_column(0, name, pa.array([text] * len(table), pa.string()))
    return table


def _read(file: Path, names: Sequence[str] | None = None) -> pa.Table:
    try:
        # read as a single file: as a data set, a runner called 01 would become a number
        with pq.ParquetFile(file) as stored:
            table = stored.read(None if names is None else list(names), use_threads=False)
        return table.replace_schema_metadata(None)  # that of pandas may not match the columns
    except FileNotFoundError as error:
        raise FormatError(f"{_named(file)} is missing; run `imurun cohort` again.") from error
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _damaged(file) from error


def _damaged(file: Path) -> FormatError:
    return FormatError(f"{_named(file)} is damaged; delete it and run `imurun cohort` again.")


def _named(file: Path) -> str:
    return sanitize("/".join(file.parts[-3:]))


def _count_left_out(folder: Path, notes: list[str]) -> int:
    file = folder / "failures.parquet"
    if not file.exists():
        return 0
    try:
        return len(_read(file))
    except FormatError as error:
        notes.append(str(error))
        return 0
