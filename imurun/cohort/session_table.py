"""Builds the sessions table: a row for each recording, with covariates and summary."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from imurun.cohort.ledger import Entry
from imurun.cohort.names import PARTITION, column_names
from imurun.files.text import sanitize

if TYPE_CHECKING:
    import pyarrow as pa

FIRST = ("key", "recording", "session", "group", "mass_kg", "height_m")
TEXTS = {"method", "known_speed", "calibration", "mounting", "source", "warnings", "version"}
FLAGS = {"gyroscope"}
COUNTS = {"running_steps", "clipped_samples", "bridged_samples"}
"""Entries of the summary with another type than float64; `start` is a time in UTC."""
START = "start"
COVARIATE = {"role": "covariate"}
"""Metadata of a column from a manifest."""
SEPARATOR = "\n"
"""Between the warnings of a session."""


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
