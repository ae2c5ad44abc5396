"""Result files of the accuracy benchmark: written by `generate`, read by `report`.

benchmark.json                 schema, data, code, settings, environment, units of the run
units/METHOD.DATASET.CONDITION.json      one unit: its key, a record for each trial, failures
units/METHOD.DATASET.CONDITION.parquet   one unit: a row for each true contact, with the errors
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.accuracy.compare import COLUMNS, RECORD
from imurun.errors import FormatError, SettingsError
from imurun.files.atomic import atomic_path

SCHEMA = 2
"""Increased with every incompatible change."""
RUN_FILE = "benchmark.json"
UNITS = "units"
UNIT = ("method", "condition")
"""Columns that reading adds to every row of a unit."""


@dataclass(frozen=True, eq=False)
class Results:
    """Content of a folder of results.

    Attributes:
        run: the content of `benchmark.json`.
        contacts: a row for each true contact, see `compare.COLUMNS`, with method and condition in front.
        trials: a row for each trial, see `compare.compare`, with method and condition in front.
        notes: one sentence for each failure or omission, without repeats.
    """

    run: dict[str, Any]
    contacts: pd.DataFrame
    trials: pd.DataFrame
    notes: tuple[str, ...]


def stem(method: str, dataset: str, condition: str) -> str:
    """Name of a unit's files without ending."""
    slug = re.sub(r"[^a-z0-9.]+", "-", condition.lower()).strip("-")
    return f"{method}.{dataset}.{slug}"


def key_hash(key: Mapping[str, Any]) -> str:
    """Hash of everything that determines a unit's result."""
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()


def open_folder(folder: Path) -> None:
    """Create the folder, or check that it holds results of the same schema.

    Raises:
        SettingsError: it holds other files or results of another schema, or cannot be created.
    """
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / RUN_FILE).is_file() and not (folder / UNITS).is_dir():
            raise SettingsError(f"{folder} is no folder of results and is not empty; choose another --out.")
        if (folder / RUN_FILE).is_file():
            read_run(folder)
    try:
        (folder / UNITS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"{folder} cannot be made ({error.strerror or error}); choose another --out."
        ) from error


def read_run(folder: Path) -> dict[str, Any]:
    """The content of `benchmark.json`.

    Raises:
        FormatError: it is missing or not a JSON object.
        SettingsError: it has another schema.
    """
    run = _read_json(folder / RUN_FILE)
    if run.get("schema") != SCHEMA:
        raise SettingsError(
            f"The results in {folder} are of schema {run.get('schema')} and this version has {SCHEMA}; "
            "delete the folder or choose another --out."
        )
    return run


def is_done(folder: Path, name: str, key: Mapping[str, Any]) -> bool:
    """Whether the unit of that name exists, is complete, and has the same key."""
    try:
        manifest = _read_json(folder / UNITS / f"{name}.json")
        table = (folder / UNITS / f"{name}.parquet").read_bytes()
    except (FormatError, OSError):
        return False
    same = manifest.get("schema") == SCHEMA and manifest.get("key_sha256") == key_hash(key)
    return same and manifest.get("table_sha256") == hashlib.sha256(table).hexdigest()


def write_unit(folder: Path, name: str, manifest: Mapping[str, Any], contacts: pd.DataFrame) -> None:
    """Write the table, then its manifest, which marks it as complete.

    Raises:
        OSError: the folder cannot be written.
    """
    table = folder / UNITS / f"{name}.parquet"
    with atomic_path(table) as aside:
        contacts.to_parquet(aside, index=False)
        digest = hashlib.sha256(aside.read_bytes()).hexdigest()
    write_json(folder / UNITS / f"{name}.json", {**manifest, "schema": SCHEMA, "table_sha256": digest})


def write_run(folder: Path, run: Mapping[str, Any]) -> None:
    """Write `benchmark.json`.

    Raises:
        OSError: the folder cannot be written.
    """
    write_json(folder / RUN_FILE, {"schema": SCHEMA, **run})


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write an object, NaN as null."""
    with atomic_path(path) as aside:
        text = json.dumps(_plain(content), indent=1, allow_nan=False, ensure_ascii=False)
        aside.write_text(text + "\n", encoding="utf-8")


def read_results(folder: Path, run: dict[str, Any] | None = None) -> Results:
    """Read the units of a run.

    Args:
        folder: of the results.
        run: as in `benchmark.json`; the last one in the folder by default.

    Raises:
        FormatError: a file is missing or invalid.
        SettingsError: the results are of another schema.
    """
    run = read_run(folder) if run is None else run
    contacts, trials, notes = [], [], list(run["notes"])
    for name in run["units"]:
        manifest = _read_json(folder / UNITS / f"{name}.json")
        if manifest.get("schema") != SCHEMA:
            raise SettingsError(f"{name} is of another schema; delete {folder} and run the benchmark again.")
        where = {"method": manifest["method"], "condition": manifest["condition"]}
        try:
            written = (folder / UNITS / f"{name}.parquet").read_bytes()
            table = pd.read_parquet(BytesIO(written))
        except (OSError, ValueError) as error:
            raise FormatError(
                f"{name}.parquet cannot be read; delete it and run the benchmark again."
            ) from error
        if manifest.get("table_sha256") != hashlib.sha256(written).hexdigest():
            raise FormatError(f"{name}.parquet is of another run than its manifest; run the benchmark again.")
        contacts.append(table.assign(**where))
        trials.append(pd.DataFrame(manifest["trials"]).assign(**where))
        notes += manifest["notes"]
    of_contacts, of_trials = (*COLUMNS, "quality", *UNIT), (*RECORD, "note", *UNIT)
    return Results(
        run, _joined(contacts, of_contacts), _joined(trials, of_trials), tuple(dict.fromkeys(notes))
    )


def _joined(tables: list[pd.DataFrame], columns: tuple[str, ...]) -> pd.DataFrame:
    """Join the tables; without rows the result still has the columns."""
    filled = [_with_numbers(table) for table in tables if len(table)]
    return (
        pd.concat(filled, ignore_index=True) if filled else _with_numbers(pd.DataFrame(columns=list(columns)))
    )


def _with_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Convert columns other than text to numbers, also empty ones, so that tables have equal types."""
    texts = {"method", "condition", "dataset", "runner", "trial", "note"}
    whole = {"found", "gyroscope"}
    numbers = [name for name in table.columns if name not in texts and not (name in whole and len(table))]
    return table.assign(**{name: pd.to_numeric(table[name]) for name in numbers})


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FormatError(f"{path} cannot be read; delete it, or choose another --out.") from error
    if not isinstance(content, dict):
        raise FormatError(f"{path} is no manifest; delete it, or choose another --out.")
    return content


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.item() if hasattr(value, "item") else value
