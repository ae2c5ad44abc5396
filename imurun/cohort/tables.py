"""The tables of the output folder, made anew from the ledger at the end of each run."""

from __future__ import annotations

import contextlib
import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from imurun.cohort.failure_table import write_failures
from imurun.cohort.folder import SESSIONS, STEPS, OutputFolder, write_whole
from imurun.cohort.ledger import Entry, Ledger
from imurun.cohort.names import partition
from imurun.cohort.plan import is_gone
from imurun.cohort.session_table import covariate_columns, sessions_bytes, sessions_schema
from imurun.cohort.source import Failure

FILE = "sessions.parquet"


def write_tables(folder: OutputFolder, ledger: Ledger, failures: Iterable[Failure], in_run: set[str]) -> int:
    """Write sessions and failures, and take away step tables of what is no part of the cohort any more.

    Args:
        folder: output folder.
        ledger: what was done.
        failures: what could not even be tried.
        in_run: keys of the recordings that this run names.

    Returns:
        How many rows the failures table has.

    Raises:
        OSError: they cannot be written.
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
    """Keys of the recordings that are done and whose step table is there."""
    there: dict[Path, set[str]] = {}
    found: set[str] = set()
    for entry in entries:
        file = folder.steps_file(entry.runner, entry.key)
        if file.parent not in there:
            there[file.parent] = {child.name for child in file.parent.glob("*.parquet")}
        if entry.is_done and file.name in there[file.parent]:
            found.add(entry.key)
    return found


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
        with contextlib.suppress(OSError):  # it holds something
            partition_folder.rmdir()


def _failed(ledger: Ledger, in_run: set[str], said: set[str]) -> Iterable[Failure]:
    for entry in ledger.entries.values():
        if entry.is_done or entry.address in said:
            continue
        if entry.key not in in_run and is_gone(entry.address):
            continue
        sentence = entry.sentence
        if entry.status == "duplicate":
            first = ledger.entries.get(entry.first)
            sentence = f"it is the same recording as {first.address if first else entry.first}, which counts."
        yield Failure(entry.address, sentence, entry.row, entry.runner, entry.session)
