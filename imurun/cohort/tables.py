"""Writes the sessions and failures tables of the output folder from the ledger, at the end of each run."""

from __future__ import annotations

import contextlib
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from imurun.cohort.folder import SESSIONS, STEPS, OutputFolder, write_whole
from imurun.cohort.ledger import Entry, Ledger
from imurun.cohort.names import partition
from imurun.cohort.plan import is_gone
from imurun.cohort.session_table import covariate_columns, sessions_bytes, sessions_schema
from imurun.cohort.source import Failure
from imurun.files.text import sanitize

FILE = "sessions.parquet"
FAILURES = "failures"
"""Name of the failures table, without ending."""
FAILURE_COLUMNS = ("address", "row", "runner", "session", "sentence")


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
