"""Runs methods on datasets under conditions in worker processes, and writes result files."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd

import imurun
from benchmarks.accuracy.compare import COLUMNS, SETTINGS, compare, nothing_found
from benchmarks.accuracy.conditions import AS_RECORDED
from benchmarks.accuracy.harmonise import harmonised
from benchmarks.accuracy.methods import FITTED_WITHOUT, METHODS, checked
from benchmarks.accuracy.plan import ALL_CONDITIONS, Plan, Unit, shares_unnamed_people
from benchmarks.accuracy.provenance import SOURCES, data_hash
from benchmarks.accuracy.results import is_done, key_hash, open_folder, write_run, write_unit
from benchmarks.datasets import Trial, dataset, load
from benchmarks.provenance import code_hash, code_version, environment
from imurun.core.stepper import is_compiled
from imurun.errors import ImurunError, MethodError, SettingsError

Progress = Callable[[float], None]
NAMED = 4
"""Trials named in one sentence; the records name all."""


def generate(
    plan: Plan, folder: Path, *, processes: int | None = None, progress: Progress | None = None
) -> int:
    """Run the units of the plan whose results are missing; returns their number.

    Args:
        plan: units of work.
        folder: of the results.
        processes: number of worker processes, one for each core by default; 1 runs in this process.
        progress: called with the share that is done.

    Raises:
        SettingsError: the folder holds other files, or results of another schema.
        MethodError: a worker process died.
    """
    open_folder(folder)
    keys = {unit: unit.key() for unit in plan.units}
    todo = [unit for unit in plan.units if not is_done(folder, unit.name, keys[unit])]
    processes = min(processes or os.cpu_count() or 1, max(len(todo), 1))
    if todo and processes == 1:
        for done, unit in enumerate(todo, 1):
            run_unit(unit, folder, keys[unit])
            _tell(progress, done / len(todo))
    elif todo:
        if not is_compiled():  # once here, not in every worker at the same time
            imurun.analyze(load(todo[0].dataset)[0].recording)
        _run_all({unit: keys[unit] for unit in todo}, folder, processes, progress)
    write_run(folder, describe(plan))
    return len(todo)


def _run_all(
    todo: dict[Unit, dict[str, object]], folder: Path, processes: int, progress: Progress | None
) -> None:
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(run_unit, unit, folder, key): unit for unit, key in todo.items()}
        try:
            for done, future in enumerate(as_completed(waiting), 1):
                future.result()
                _tell(progress, done / len(todo))
        except BrokenProcessPool as error:
            raise MethodError(
                "A worker process died; run again, and leave methods out with --methods to see which one."
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def run_unit(unit: Unit, folder: Path, key: dict[str, object]) -> None:
    """Score one method on one dataset under one condition, and write the result.

    Raises:
        SettingsError: the source has changed since the start of the run, so that the key is wrong.
    """
    if key["code_sha256"] != code_hash(SOURCES):
        raise SettingsError("The source was changed while the benchmark ran; run it again.")
    method, condition = METHODS[unit.method], ALL_CONDITIONS[unit.condition]
    tables: list[pd.DataFrame] = []
    records: list[dict[str, Any]] = []
    notes: list[str] = []
    skip = unit.method in FITTED_WITHOUT and shares_unnamed_people(unit.dataset)
    if skip:
        others = ", ".join(dataset(unit.dataset).overlaps)
        notes.append(f"{method.label}: not scored on {unit.dataset}, whose people may be those of {others}.")
    for recorded in () if skip else trials_of(unit.dataset):
        if not condition.applies_to(recorded):
            continue
        if not method.applies_to(recorded):
            notes.append(f"{method.label}: not scored on {recorded.name}, which has {method.lacking}.")
            continue
        table, record = score_trial(unit, recorded)
        tables.append(table)
        records.append(record)
    notes += failures(unit, records)
    manifest = {
        "key": key,
        "key_sha256": key_hash(key),
        "method": unit.method,
        "dataset": unit.dataset,
        "condition": unit.condition,
        "settings": SETTINGS,
        "code": code_version(SOURCES),
        "environment": environment(),
        "trials": records,
        "notes": list(dict.fromkeys(notes)),
    }
    write_unit(folder, unit.name, manifest, pd.concat(tables, ignore_index=True) if tables else _no_rows())


def score_trial(unit: Unit, recorded: Trial) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Rows and record; if the method failed, all contacts are missed and the record has a note."""
    method, condition = METHODS[unit.method], ALL_CONDITIONS[unit.condition]
    note, trial = "", recorded
    try:
        trial = condition.apply(recorded)
        found = checked(method, trial)
    except ImurunError as error:
        found, note = nothing_found(), str(error)
    if not note and not len(found.initial_s) and trial.inside().any():
        note = f"{method.name} found no contact"
    table, record = compare(method, trial, found, harmonised(recorded))
    return table, {**record, "note": note}


def failures(unit: Unit, records: list[dict[str, Any]]) -> list[str]:
    """A sentence for each reason, with the affected trials."""
    befell: dict[str, list[str]] = {}
    for record in records:
        if record["note"]:
            befell.setdefault(record["note"].rstrip("."), []).append(record["trial"])
    prefix = "" if unit.condition == AS_RECORDED.label else f"{unit.condition}: "
    return [
        f"{prefix}{reason}: {len(names)} of {len(records)} trials of {unit.dataset}, scored as missed "
        f"({', '.join(names[:NAMED])}{', ...' if len(names) > NAMED else ''})."
        for reason, names in befell.items()
    ]


@cache
def trials_of(name: str) -> tuple[Trial, ...]:
    """The trials of a dataset, read once in a process."""
    return tuple(load(name))


def describe(plan: Plan) -> dict[str, Any]:
    """Content of `benchmark.json` for a run."""
    conditions = [ALL_CONDITIONS[label] for label in plan.conditions]
    return {
        "code": code_version(SOURCES),
        "environment": environment(),
        "settings": SETTINGS,
        "data_sha256": data_hash(plan.datasets),
        "datasets": {
            name: {
                "title": dataset(name).title,
                "citation": dataset(name).citation,
                "licence": dataset(name).licence,
                "truth": dataset(name).truth,
                "sensor": dataset(name).axes,
                "data_sha256": data_hash([name]),
            }
            for name in plan.datasets
        },
        "methods": {
            name: {"label": METHODS[name].label, "source": METHODS[name].source} for name in plan.methods
        },
        "conditions": [
            {"label": c.label, "family": c.family, "value": c.value, "unit": c.unit} for c in conditions
        ],
        "units": [unit.name for unit in plan.units],
        "notes": list(plan.notes),
    }


def _no_rows() -> pd.DataFrame:
    """A table without rows that has every column."""
    return pd.DataFrame({name: pd.Series(dtype=object) for name in (*COLUMNS, "quality")})


def _tell(progress: Progress | None, share: float) -> None:
    if progress is not None:
        progress(share)
