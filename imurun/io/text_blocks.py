"""Blocks of lines of a text table, parsed into numbers; says which line is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from imurun.errors import FormatError
from imurun.frames import FloatArray
from imurun.io.clock import Ticks, TimeKind, parse_cells, time_kind
from imurun.io.table import Loaded
from imurun.io.text_header import COMMENT_SIGNS, MISSING_CELLS, TextHeader, split_line
from imurun.recording import MAX_SAMPLES

if TYPE_CHECKING:
    import pyarrow as pa

MAX_BAD_LINES = 0.01
"""A larger share of lines with the wrong number of values means that the file was misread."""
_COMMENT_LINE = re.compile(rb"(?m)^[ \t]*[#%;][^\n]*\n")


class BlockReader:
    """Parses blocks of lines and keeps the columns."""

    def __init__(
        self, header: TextHeader, columns: Sequence[int], time: int | None, day_first: bool | None
    ) -> None:
        self._header = header
        self._columns = tuple(columns)
        self._time = time
        self._day_first = day_first
        self._kind: TimeKind | None = None
        self._values: list[FloatArray] = []
        self._ticks: list[Ticks] = []
        self._no_time: list[npt.NDArray[np.bool_]] = []
        self._rows = 0
        self._bad: list[tuple[int, int]] = []
        self._n_bad = 0
        self._last_line = 0
        self._last_is_bad = False

    def add(self, block: bytes, line: int) -> int:
        """Parse one block whose first line has the number `line`; return how many lines it has."""
        import pyarrow as pa

        n_lines = block.count(b"\n") or block.count(b"\r")
        if not block.isascii():  # a broken byte in a comment must not stop the parser
            block = block.decode("utf-8", "replace").encode("utf-8")
        tidy = _tidied(block, self._header.delimiter)
        if not tidy.strip():
            return n_lines
        bad = 0

        def on_bad(_row: object) -> str:
            nonlocal bad
            bad += 1
            return "skip"

        try:
            table = self._parse(tidy, on_bad)
        except pa.ArrowInvalid as error:
            raise self._explain(block, line) from error
        self._last_line = line + n_lines - 1
        self._last_is_bad = False
        if bad:
            self._note_bad(block, line)
        self._rows += len(table)
        if self._rows > MAX_SAMPLES:
            raise FormatError(f"there are more than {MAX_SAMPLES:,} samples; split the recording.")
        values = np.empty((len(table), len(self._columns)))
        for k, column in enumerate(self._columns):
            values[:, k] = _as_float(table[f"c{column}"])
        self._values.append(values)
        if self._time is not None:
            self._add_times(table[f"c{self._time}"], block, line)
        return n_lines

    def _parse(self, data: bytes, on_bad: Callable[[object], str]) -> pa.Table:
        import pyarrow as pa
        import pyarrow.csv as pacsv

        header = self._header
        delimiter = "\t" if header.delimiter == " " else header.delimiter
        types = {f"c{i}": pa.float64() for i in self._columns}
        if self._time is not None:
            types[f"c{self._time}"] = pa.string()
        return pacsv.read_csv(
            pa.BufferReader(data),
            read_options=pacsv.ReadOptions(
                column_names=[f"c{i}" for i in range(len(header.names))], block_size=1 << 20
            ),
            parse_options=pacsv.ParseOptions(delimiter=delimiter, invalid_row_handler=on_bad),
            convert_options=pacsv.ConvertOptions(
                column_types=types,
                include_columns=list(types),
                null_values=list(MISSING_CELLS),
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
                decimal_point=header.decimal,
            ),
        )

    def _add_times(self, cells: pa.ChunkedArray, block: bytes, line: int) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        cells = pc.call_function("utf8_trim_whitespace", [cells])
        missing = np.asarray(cells.is_null()) if cells.null_count else np.zeros(len(cells), dtype=bool)
        there = cells.drop_null()
        ticks = np.zeros(len(cells), dtype=np.int64)
        if len(there):
            self._kind = self._kind or time_kind(there[0].as_py())
            try:
                if self._kind is None:
                    raise ValueError("no time")
                parsed = parse_cells(
                    there, self._kind, decimal=self._header.decimal, day_first=self._day_first
                )
            except (pa.ArrowInvalid, ValueError, OverflowError) as error:
                raise self._explain(block, line) from error
            ticks = ticks.astype(parsed.dtype)
            ticks[~missing] = parsed
        if ticks.dtype.kind == "f":
            missing |= ~np.isfinite(ticks)
            ticks[missing] = 0.0
        self._ticks.append(ticks)
        self._no_time.append(missing)

    def _cells_of_lines(self, block: bytes, line: int) -> Iterator[tuple[int, list[str]]]:
        text = block.decode("utf-8", "replace")
        for number, content in enumerate(re.split(r"\r\n|\n|\r", text), start=line):
            if content.strip() and not content.lstrip().startswith((*COMMENT_SIGNS, ";")):
                yield number, split_line(content, self._header.delimiter)

    def _note_bad(self, block: bytes, line: int) -> None:
        """Find the lines of the wrong length, which the parser leaves out without their number."""
        number = line
        count = 0
        for number, cells in self._cells_of_lines(block, line):
            if len(cells) != len(self._header.names):
                self._n_bad += 1
                self._last_is_bad = True
                count = len(cells)
                if not self._bad:
                    self._bad.append((number, count))
            else:
                self._last_is_bad = False
        self._last_line = number

    def _explain(self, block: bytes, line: int) -> FormatError:
        """The sentence for a block that could not be parsed: the first cell that is no number."""
        for number, cells in self._cells_of_lines(block, line):
            if len(cells) != len(self._header.names):
                continue
            for i in (*self._columns, *(() if self._time is None else (self._time,))):
                cell = cells[i]
                kind = time_kind(cell)
                wanted = "a time" if i == self._time else "a number"
                same = kind == (self._kind or kind) if i == self._time else kind == "number"
                if cell not in MISSING_CELLS and (kind is None or not same):
                    return FormatError(
                        f"line {number}, column {self._header.names[i]}: "
                        f"{_shown(cell)} is not {wanted}; correct or remove the line."
                    )
        return FormatError(f"the lines from {line} on are not a table of numbers; export the file again.")

    def result(self) -> Loaded:
        """All blocks together.

        Raises:
            FormatError: lines of the wrong length that cannot be left out.
        """
        if not self._rows and not self._n_bad:
            raise FormatError("there is a header but no samples below it.")
        warnings: list[str] = []
        n_inner = self._n_bad - (self._last_is_bad and self._rows > 0)
        if self._last_is_bad:
            warnings.append("The last line is cut short and was left out.")
        if n_inner:
            number, count = self._bad[0]
            wanted = len(self._header.names)
            if self._time is None or n_inner > MAX_BAD_LINES * self._rows:
                raise FormatError(
                    f"line {number} holds {count} values where the header names {wanted}; correct the line."
                )
            warnings.append(
                f"{n_inner} lines that do not hold {wanted} values were left out, the first is line {number}."
            )
        loaded = Loaded(np.concatenate(self._values), kind=self._kind or "number", warnings=warnings)
        if self._time is not None:
            loaded.ticks = np.concatenate(self._ticks)
            missing = np.concatenate(self._no_time)
            loaded.no_time = missing if missing.any() else None
        return loaded


def _tidied(block: bytes, delimiter: str) -> bytes:
    """Lines without comments and empty cells' blanks; runs of blanks as one tab where they separate."""
    if b"\n" not in block:
        block = block.replace(b"\r", b"\n")
    if any(sign in block for sign in (b"#", b"%", b";")) and delimiter != ";":
        block = _COMMENT_LINE.sub(b"", block)
    elif delimiter == ";" and b"#" in block:
        block = re.sub(rb"(?m)^[ \t]*#[^\n]*\n", b"", block)
    if delimiter == " ":
        block = re.sub(rb"[ \t]+", b"\t", block)
        block = re.sub(rb"(?m)^\t|\t(?=\r?$)", b"", block)
    return block


def _as_float(column: pa.ChunkedArray) -> FloatArray:
    """A numeric column with NaN where cells are missing."""
    import pyarrow.compute as pc

    if column.null_count:
        column = pc.fill_null(column, float("nan"))
    return column.to_numpy()


def _shown(cell: str) -> str:
    return repr(cell if len(cell) <= 30 else cell[:27] + "...")
