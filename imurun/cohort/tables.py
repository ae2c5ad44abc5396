"""Writes the sessions and failures tables of the output folder from the ledger, at the end of each run."""

from __future__ import annotations

import contextlib
import io
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from imurun.cohort.folder import SESSIONS, STEPS, OutputFolder, write_whole
from imurun.cohort.ledger import Entry, Ledger
from imurun.cohort.names import PARTITION, column_names, partition
from imurun.cohort.plan import is_gone
from imurun.cohort.source import Failure
from imurun.files.text import sanitize

if TYPE_CHECKING:
    import pyarrow as pa

FILE = "sessions.parquet"
FAILURES = "failures"
"""Name of the failures table, without ending."""
FAILURE_COLUMNS = ("address", "row", "runner", "session", "sentence")
FIRST = ("key", "recording", "session", "group", "mass_kg", "height_m")
"""Columns of the sessions table before covariates and summary."""
TEXTS = {"method", "known_speed", "calibration", "mounting", "source", "warnings", "version"}
FLAGS = {"gyroscope"}
COUNTS = {"running_steps", "clipped_samples", "bridged_samples"}
"""Entries of the summary with another type than float64; `start` is a time in UTC."""
START = "start"
COVARIATE = {"role": "covariate"}
"""Metadata of a column from a manifest."""
SEPARATOR = "\n"
"""Between the warnings of a session."""


def write_tables(folder: OutputFolder, ledger: Ledger, failures: Iterable[Failure], in_run: set[str]) -> int:
    """Write the tables, and delete step tables that are not part of the cohort.

    Args:
        folder: output folder.
        ledger: of the cohort.
        failures: inputs that could not be submitted.
        in_run: keys of the recordings that this run names.

    Returns:
        Number of rows of the failures table.

    Raises:
        OSError: a file cannot be written.
    """
    done = sorted(
        (entry for entry in ledger.entries.values() if entry.is_done), key=lambda entry: entry.address
    )
    _write_sessions(folder, ledger, done)
    steps = {folder.steps_file(entry.runner, entry.key) for entry in done}
    _keep_only(folder.path / STEPS, steps)
    rows = [*failures, *_failed(ledger, in_run, {failure.address for failure in failures})]
    write_failures(rows, folder.path)
    return len(rows)


def has_steps(folder: OutputFolder, entries: Iterable[Entry]) -> set[str]:
    """Keys of the recordings that are done and have their step table."""
    there: dict[Path, set[str]] = {}
    found: set[str] = set()
    for entry in entries:
        file = folder.steps_file(entry.runner, entry.key)
        if file.parent not in there:
            there[file.parent] = {child.name for child in file.parent.glob("*.parquet")}
        if entry.is_done and file.name in there[file.parent]:
            found.add(entry.key)
    return found


def write_failures(failures: Sequence[Failure], folder: Path) -> None:
    """Write failures.parquet and failures.csv, also without failures.

    Raises:
        OSError: a file cannot be written.
    """
    ordered = sorted(failures, key=lambda failure: (failure.address, failure.row or 0, failure.sentence))
    table = pd.DataFrame({name: [_cell(failure, name) for failure in ordered] for name in FAILURE_COLUMNS})
    table = table.astype({name: "Int64" if name == "row" else "str" for name in FAILURE_COLUMNS})
    out = io.BytesIO()
    table.to_parquet(out, index=False, compression="zstd")
    write_whole(folder / f"{FAILURES}.parquet", out.getvalue())
    write_whole(folder / f"{FAILURES}.csv", table.to_csv(index=False, lineterminator="\n").encode())


def covariate_columns(entries: Iterable[Entry], summary_names: Iterable[str]) -> dict[str, tuple[str, bool]]:
    """Columns for the covariates of manifests.

    Returns:
        By name in the manifest: name of the column, which is `covariate_NAME` if NAME is taken, and whether
        all of its values are numbers.
    """
    taken = {*FIRST, *summary_names, PARTITION.rstrip("="), "partition"}
    is_number: dict[str, bool] = {}
    for entry in entries:
        for name, text in entry.covariates.items():
            is_number[name] = is_number.get(name, True) and (not text or _number(text) is not None)
    columns = column_names(is_number, taken)
    return {name: (columns[name], numbers) for name, numbers in is_number.items()}


def sessions_schema(summary_names: Sequence[str], covariates: Mapping[str, tuple[str, bool]]) -> pa.Schema:
    """Names and types of the columns, the same for all runners of a cohort."""
    import pyarrow as pa

    kinds = {name: pa.string() for name in FIRST[:4]} | {name: pa.float64() for name in FIRST[4:]}
    for name in summary_names:
        if name == START:
            kinds[name] = pa.timestamp("us", "UTC")
        elif name in TEXTS:
            kinds[name] = pa.string()
        elif name in FLAGS:
            kinds[name] = pa.bool_()
        else:
            kinds[name] = pa.int64() if name in COUNTS else pa.float64()
    fields = [pa.field(name, kind) for name, kind in kinds.items()]
    given = [
        pa.field(name, pa.float64() if numbers else pa.string(), metadata=COVARIATE)
        for name, numbers in covariates.values()
    ]
    return pa.schema(fields[: len(FIRST)] + given + fields[len(FIRST) :])


def sessions_bytes(
    rows: Sequence[tuple[Entry, Mapping[str, Any]]],
    schema: pa.Schema,
    covariates: Mapping[str, tuple[str, bool]],
    defaults: Mapping[str, Any],
) -> bytes:
    """The sessions of a runner as the bytes of a Parquet file.

    Args:
        rows: entry and summary of each.
        schema: of `sessions_schema`.
        covariates: of `covariate_columns`.
        defaults: parsed settings, by the text in the entries.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pylist([_row(*row, covariates, defaults) for row in rows], schema=schema)
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()


def _write_sessions(folder: OutputFolder, ledger: Ledger, done: list[Entry]) -> None:
    by_runner: dict[str, list[Entry]] = defaultdict(list)
    for entry in done:
        by_runner[entry.runner].append(entry)
    files: set[Path] = set()
    if done:
        names = list(ledger.summary(done[0].key))
        covariates = covariate_columns(done, names)
        schema = sessions_schema(names, covariates)
        settings = {text: json.loads(text) for text in {entry.settings for entry in done}}
        for runner, entries in by_runner.items():
            file = folder.path / SESSIONS / partition(runner) / FILE
            rows = [(entry, ledger.summary(entry.key)) for entry in entries]
            write_whole(file, sessions_bytes(rows, schema, covariates, settings))
            files.add(file)
    _keep_only(folder.path / SESSIONS, files)


def _keep_only(folder: Path, files: set[Path]) -> None:
    """Remove the Parquet files below a folder that are not among these, and folders left empty."""
    for partition_folder in folder.glob("*"):
        for file in partition_folder.glob("*"):
            if file not in files and ".parquet" in file.name:
                file.unlink()
        with contextlib.suppress(OSError):  # not empty
            partition_folder.rmdir()


def _failed(ledger: Ledger, in_run: set[str], reported: set[str]) -> Iterable[Failure]:
    for entry in ledger.entries.values():
        if entry.is_done or entry.address in reported:
            continue
        if entry.key not in in_run and is_gone(entry.address):
            continue
        sentence = entry.sentence
        if entry.status == "duplicate":
            first = ledger.entries.get(entry.first)
            sentence = f"it is the same recording as {first.address if first else entry.first}, which counts."
        yield Failure(entry.address, sentence, entry.row, entry.runner, entry.session)


def _cell(failure: Failure, name: str) -> str | int | None:
    value = getattr(failure, name)
    return sanitize(value) if isinstance(value, str) else value


def _row(
    entry: Entry,
    summary: Mapping[str, Any],
    covariates: Mapping[str, tuple[str, bool]],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    used = settings[entry.settings]
    row: dict[str, Any] = {
        **summary,
        "warnings": SEPARATOR.join(summary["warnings"]),
        START: _utc(summary[START]),
    }
    for name, (column, numbers) in covariates.items():
        text = entry.covariates.get(name, "")
        row[column] = _number(text) if numbers else text or None
    return row | {
        "key": entry.key,
        "recording": sanitize(entry.address),
        "session": entry.session,
        "group": entry.group or None,
        "mass_kg": used["mass_kg"],
        "height_m": used["height_m"],
    }


def _utc(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
