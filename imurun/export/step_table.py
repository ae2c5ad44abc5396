"""Writes and reads step tables as CSV or Parquet, with units and settings in the metadata."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from imurun._version import __version__
from imurun.errors import FormatError, SettingsError
from imurun.files.atomic import atomic_path, write_error
from imurun.files.byte_streams import GZIP, check_parquet_size, unpack
from imurun.files.metadata import MARK, from_comments, from_schema, to_comments, to_schema
from imurun.files.text import sanitize
from imurun.io.endings import WRITTEN_ENDINGS
from imurun.model.columns import STEP_COLUMNS, UNITS

if TYPE_CHECKING:
    import pandas as pd

KIND = "steps"
_TEXT = {column.name for column in STEP_COLUMNS if column.name in ("side", "gait")}


def write_steps(
    steps: pd.DataFrame, path: str | os.PathLike[str], *, metadata: Mapping[str, str] | None = None
) -> None:
    """Write a step table atomically.

    Numbers are read back exactly. The version of imurun and the units go into the metadata: comment lines
    `# key: value` in CSV (`pandas.read_csv(path, comment="#")` skips them), schema and field metadata in
    Parquet.

    Args:
        steps: one row a step; units as in `imurun.model.columns`.
        path: ends in .csv, .csv.gz or .parquet.
        metadata: settings and source, one line of text each; the key version is left out, because
            imurun_version is the same.

    Raises:
        SettingsError: another ending, an invalid key, or the file cannot be written.
    """
    target = Path(path)
    name = target.name.lower()
    if not name.endswith(WRITTEN_ENDINGS):
        raise SettingsError(
            f"{sanitize(target.name)}: steps can be written as .csv, .csv.gz or .parquet; change the ending."
        )
    content = {MARK: KIND, "imurun_version": __version__}
    for key, value in (metadata or {}).items():
        if not key or ": " in key or key != " ".join(key.split()):
            raise SettingsError(
                f"{sanitize(target.name)}: {key!r} cannot be a metadata key; use a plain word."
            )
        if key != "version":
            content.setdefault(key, value)
    try:
        with atomic_path(target) as aside:
            if name.endswith(".parquet"):
                _write_parquet(steps, content, aside)
            else:
                _write_csv(steps, content, aside, packed=name.endswith(".gz"))
    except OSError as error:
        raise write_error(target, error) from error


def _write_csv(steps: pd.DataFrame, metadata: dict[str, str], path: Path, *, packed: bool) -> None:
    units = ", ".join(f"{name} [{UNITS[name]}]" for name in steps.columns if UNITS.get(name))
    text = to_comments(metadata | {"units": units}) + steps.to_csv(index=False, lineterminator="\n")
    data = text.encode("utf-8")
    if packed:
        import gzip

        data = gzip.compress(data, mtime=0)
    path.write_bytes(data)


def _write_parquet(steps: pd.DataFrame, metadata: dict[str, str], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(steps, preserve_index=False)
    fields = [field.with_metadata({"unit": UNITS.get(field.name, "")}) for field in table.schema]
    schema = pa.schema(fields, metadata={**(table.schema.metadata or {}), **to_schema(metadata)})
    with path.open("wb") as stream:
        pq.write_table(table.cast(schema), stream, compression="zstd")


def read_steps(path: str | os.PathLike[str]) -> tuple[pd.DataFrame, dict[str, str]]:
    """Read a step table.

    Args:
        path: written by `write_steps`; the content decides on the format, not the name.

    Returns:
        The table and the metadata given to `write_steps`, with the key imurun_version.

    Raises:
        FormatError: not a step table of imurun.
    """
    file = Path(path)
    source = sanitize(file.name)
    try:
        if file.exists() and not file.is_file():
            raise FormatError(f"{source}: this is not a regular file; give one that imurun wrote.")
        with file.open("rb") as stream:
            start = stream.read(4)
        steps, metadata = _read_parquet(file) if start == b"PAR1" else _read_csv(file, start)
    except OSError as error:
        raise FormatError(f"{sanitize(str(file))} could not be read: {error.strerror or error}.") from error
    if metadata.get(MARK) != KIND:
        raise FormatError(f"{source}: this is not a step table of imurun; give one that imurun wrote.")
    texts = {sanitize(key): sanitize(value) for key, value in metadata.items()}
    return steps, {key: value for key, value in texts.items() if key not in (MARK, "units")}


def _read_parquet(file: Path) -> tuple[pd.DataFrame, dict[str, str]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with file.open("rb") as stream, pq.ParquetFile(stream) as parquet:
            check_parquet_size(parquet.metadata, file.stat().st_size)
            table = parquet.read()
        return table.to_pandas(), from_schema(table.schema.metadata)
    except FormatError as error:
        raise FormatError(f"{sanitize(file.name)}: {error}") from error
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise FormatError(
            f"{sanitize(file.name)}: the Parquet data are damaged; write the steps again."
        ) from error


def _read_csv(file: Path, start: bytes) -> tuple[pd.DataFrame, dict[str, str]]:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.csv as pacsv

    try:
        with file.open("rb") as stream:
            data = unpack(stream).read() if start[:2] == GZIP else stream.read()
        lines = data.split(b"\n", 200)
        n_comments = next((i for i, line in enumerate(lines) if not line.startswith(b"# ")), len(lines))
        metadata = from_comments(b"\n".join(lines[:n_comments]).decode("utf-8"))
    except FormatError as error:
        raise FormatError(f"{sanitize(file.name)}: {error}") from error
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{sanitize(file.name)}: this is not a step table of imurun; give one that imurun wrote."
        ) from error
    if not metadata:
        return pd.DataFrame(), {}
    types = {name: pa.string() if name in _TEXT else pa.float64() for name in UNITS}
    try:
        # pyarrow reads decimal numbers exactly in every version of pandas
        table = pacsv.read_csv(
            pa.BufferReader(data),
            read_options=pacsv.ReadOptions(skip_rows=n_comments),
            convert_options=pacsv.ConvertOptions(column_types=types, null_values=[""]),
        )
        return table.to_pandas(), metadata
    except (pa.ArrowException, ValueError) as error:  # ValueError: a cell that is not text
        raise FormatError(
            f"{sanitize(file.name)}: the step table is damaged; write the steps again."
        ) from error
