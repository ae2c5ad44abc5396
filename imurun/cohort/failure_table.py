"""The failures table: a row for each recording that is not in the cohort, with the reason."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from imurun.cohort.folder import write_whole
from imurun.cohort.source import Failure
from imurun.files.text import printable

COLUMNS = ("address", "row", "runner", "session", "sentence")
NAME = "failures"


def write_failures(failures: Sequence[Failure], folder: Path) -> None:
    """Write failures.parquet and failures.csv, also where there are none.

    Raises:
        OSError: they cannot be written.
    """
    ordered = sorted(failures, key=lambda failure: (failure.address, failure.row or 0, failure.sentence))
    table = pd.DataFrame({name: [_cell(failure, name) for failure in ordered] for name in COLUMNS})
    table = table.astype({name: "Int64" if name == "row" else "str" for name in COLUMNS})
    out = io.BytesIO()
    table.to_parquet(out, index=False, compression="zstd")
    write_whole(folder / f"{NAME}.parquet", out.getvalue())
    write_whole(folder / f"{NAME}.csv", table.to_csv(index=False, lineterminator="\n").encode())


def _cell(failure: Failure, name: str) -> str | int | None:
    value = getattr(failure, name)
    return printable(value) if isinstance(value, str) else value
