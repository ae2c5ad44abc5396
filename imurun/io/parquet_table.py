"""Reads a Parquet table of samples and loads only the columns needed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING

import numpy as np

from imurun.errors import FormatError
from imurun.files.byte_streams import Progress, check_parquet_size
from imurun.files.metadata import from_schema
from imurun.files.text import shown
from imurun.io.column_names import find_layout
from imurun.io.table import LoadedColumns
from imurun.io.time_column import Ticks, TimeKind, parse_cells, time_kind
from imurun.model.frames import FloatArray
from imurun.model.time_grid import MAX_SAMPLES

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_DAMAGED = "the Parquet data are damaged or cut short; export the file again."
_BATCH = 1 << 14
"""Rows decoded at once; few enough to stay in the processor's cache."""
_BUFFER_BYTES = 1 << 18
"""Read-ahead of each column; without it pyarrow holds whole column chunks in memory."""
LONGEST_TIME = 100
"""Characters of a time cell; a date has about 30."""


class ParquetTable:
    """A Parquet table as `imurun.io.table.Table`. Units are read from the metadata of fields, key `unit`.

    Args:
        stream: a seekable file.
        source: name for messages.
        size: bytes of the file.

    Raises:
        FormatError: damaged, empty, or with more samples than a recording may have.
    """

    def __init__(self, stream: IO[bytes], source: str, *, size: int) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.source = source
        self._size = size
        self._stream = stream
        try:
            self._file = pq.ParquetFile(stream, buffer_size=_BUFFER_BYTES)
            schema = self._file.schema_arrow
        except (pa.ArrowException, OSError, ValueError) as error:
            raise FormatError(_DAMAGED) from error
        self._n = self._file.metadata.num_rows
        if self._n == 0:
            raise FormatError("the table holds no samples; record or export again.")
        if self._n > MAX_SAMPLES:
            raise FormatError(f"there are more than {MAX_SAMPLES:,} samples; split the recording.")
        self.names = tuple(str(name) for name in schema.names)
        self._types = [_value_type(field.type) for field in schema]
        self.preamble = ""
        self.first_cells = tuple("date" if pa.types.is_timestamp(kind) else "" for kind in self._types)
        self.metadata: Mapping[str, str] = from_schema(schema.metadata)
        layout_names = [
            "timestamp" if pa.types.is_timestamp(kind) else name
            for name, kind in zip(self.names, self._types, strict=True)
        ]
        self.layout = find_layout(layout_names, [_unit_text(field) for field in schema])

    def load(
        self,
        columns: Sequence[int],
        time: int | None,
        *,
        day_first: bool | None = None,
        progress: Progress | None = None,
    ) -> LoadedColumns:
        """Read the columns; see `Table.load`.

        Raises:
            FormatError: a column that is not numeric, or damaged data.
        """
        self._refuse_non_numeric(columns)
        values = np.empty((self._n, len(columns)))
        times: list[pa.Array] = []
        row = 0
        with _damage_as_format_error():
            for batch in self._batches(columns, time, progress):
                self._fill(values[row : row + len(batch)], batch, columns)
                if time is not None:
                    cells = batch.column(self.names[time])
                    _refuse_long_texts(cells, self.names[time])
                    times.append(cells.cast(self._types[time]))
                row += len(batch)
        loaded = LoadedColumns(values[:row])
        if time is not None:
            import pyarrow as pa

            _fill_times(loaded, pa.chunked_array(times), self.names[time], day_first)
        return loaded

    def blocks(self, columns: Sequence[int], progress: Progress | None = None) -> Iterator[FloatArray]:
        """The numeric columns in blocks of some thousand rows; may be called several times.

        Yields:
            Shape (n, k), NaN where a cell is missing.

        Raises:
            FormatError: a column that is not numeric, or damaged data.
        """
        self._refuse_non_numeric(columns)
        with _damage_as_format_error():
            for batch in self._batches(columns, None, progress):
                values = np.empty((len(batch), len(columns)))
                self._fill(values, batch, columns)
                yield values

    def __len__(self) -> int:
        return self._n

    def _refuse_non_numeric(self, columns: Sequence[int]) -> None:
        import pyarrow as pa

        for i in columns:
            kind = self._types[i]
            if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
                raise FormatError(f"the column {shown(self.names[i])} holds {kind}, not numbers; convert it.")

    def _batches(
        self, columns: Sequence[int], time: int | None, progress: Progress | None
    ) -> Iterator[pa.RecordBatch]:
        """All rows, one row group at a time: pyarrow keeps what it read until its iterator ends."""
        names = [self.names[i] for i in (*columns, *([] if time is None else [time]))]
        check_parquet_size(self._file.metadata, self._size, len(names))
        file = self._file if time is None else self._with_short_times(time)
        row = 0
        for group in range(file.num_row_groups):
            for batch in file.iter_batches(_BATCH, row_groups=[group], columns=names):
                yield batch
                row += len(batch)
                if progress is not None:
                    progress(self._size * row // self._n, self._size)

    def _with_short_times(self, time: int) -> pq.ParquetFile:
        """The file with a time column of text left dictionary-encoded, which saves memory."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not pa.types.is_string(self._types[time]):
            return self._file
        return pq.ParquetFile(self._stream, read_dictionary=[self.names[time]], buffer_size=_BUFFER_BYTES)

    def _fill(self, values: FloatArray, batch: pa.RecordBatch, columns: Sequence[int]) -> None:
        import pyarrow as pa

        for k, i in enumerate(columns):
            cells = batch.column(self.names[i]).cast(pa.float64(), safe=False)
            values[:, k] = cells.to_numpy(zero_copy_only=False)


@contextlib.contextmanager
def _damage_as_format_error() -> Iterator[None]:
    """Turn Arrow's errors about the data into FormatError."""
    import pyarrow as pa

    try:
        yield
    except FormatError:
        raise
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise FormatError(_DAMAGED) from error


def _refuse_long_texts(cells: pa.Array, name: str) -> None:
    """Raise an error for a dictionary of long texts, which decoding would copy into each row."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(cells, pa.DictionaryArray) and pa.types.is_string(cells.type.value_type):
        longest = pc.call_function("max", [pc.call_function("binary_length", [cells.dictionary])]).as_py()
        if (longest or 0) > LONGEST_TIME:
            raise FormatError(f"the column {shown(name)} holds text that is not a time; correct it.")


def _value_type(kind: pa.DataType) -> pa.DataType:
    """The type of a column's values, dictionary-encoded or not."""
    import pyarrow as pa

    return kind.value_type if isinstance(kind, pa.DictionaryType) else kind


def _unit_text(field: pa.Field) -> str:
    import pyarrow as pa

    if pa.types.is_duration(field.type):
        return str(field.type.unit)
    metadata = field.metadata or {}
    text = next((metadata[key] for key in (b"unit", b"units") if key in metadata), b"")
    return text.decode("utf-8", "replace")


def _fill_times(loaded: LoadedColumns, cells: pa.ChunkedArray, name: str, day_first: bool | None) -> None:
    """Put the time column into `loaded` as numbers."""
    import pyarrow as pa

    missing = np.asarray(cells.is_null(nan_is_null=True))
    present = cells.filter(pa.array(~missing))
    if not len(present):
        raise FormatError(f"the column {shown(name)} holds no time; correct it.")
    try:
        parsed, kind = _parse_times(present, name, day_first)
    except FormatError:
        raise
    except (pa.ArrowInvalid, ValueError, OverflowError) as error:
        raise FormatError(
            f"the column {shown(name)} holds {_unreadable_times(cells.type)}; correct it."
        ) from error
    ticks = np.zeros(len(cells), dtype=parsed.dtype)
    ticks[~missing] = parsed
    if ticks.dtype.kind == "f":
        missing |= ~np.isfinite(ticks)
        ticks[missing] = 0.0
    loaded.ticks, loaded.kind = ticks, kind
    loaded.no_time = missing if missing.any() else None


def _parse_times(cells: pa.ChunkedArray, name: str, day_first: bool | None) -> tuple[Ticks, TimeKind]:
    """Numbers of cells without nulls, and their kind; ValueError when a cell is not a time."""
    import pyarrow as pa

    types = pa.types
    if types.is_timestamp(cells.type):
        return cells.cast(pa.timestamp("ns", cells.type.tz)).cast(pa.int64()).to_numpy(), "date"
    if types.is_duration(cells.type) or types.is_integer(cells.type):
        return cells.cast(pa.int64()).to_numpy(), "number"
    if types.is_floating(cells.type):
        return cells.cast(pa.float64()).to_numpy(), "number"
    if types.is_decimal(cells.type):
        try:
            return cells.cast(pa.int64()).to_numpy(), "number"
        except pa.ArrowInvalid:  # not all are whole numbers
            return cells.cast(pa.float64()).to_numpy(), "number"
    if types.is_string(cells.type) or types.is_large_string(cells.type):
        kind = time_kind(cells[0].as_py())
        if kind is None:
            raise ValueError("not a time")
        return parse_cells(cells, kind, day_first=day_first), kind
    raise FormatError(f"the column {shown(name)} holds {cells.type}, not times; convert it.")


def _unreadable_times(kind: pa.DataType) -> str:
    """Words for what a time column of this type holds when it cannot be parsed."""
    import pyarrow as pa

    if pa.types.is_timestamp(kind):
        return "dates before 1678 or after 2261"
    if pa.types.is_integer(kind):
        return "numbers of 2**63 and more, which are not times"
    return "text that is not a time"
