"""Reads a text table of samples block by block and parses only the columns needed."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from imurun.errors import FormatError
from imurun.files.byte_streams import HEAD_BYTES, Progress, line_blocks, read_head, text_encoding
from imurun.files.metadata import from_comments
from imurun.files.text import shown
from imurun.io.table import LoadedColumns
from imurun.io.text_header import MISSING_CELLS, TextHeader, find_header, split_line
from imurun.io.time_column import Ticks, TimeKind, parse_cells, time_kind
from imurun.model.frames import FloatArray
from imurun.model.time_grid import MAX_SAMPLES

if TYPE_CHECKING:
    import pyarrow as pa

MAX_BAD_LINES = 0.01
"""Share of lines with the wrong number of values above which the file is refused."""
_COMMENT_LINE = (re.compile(rb"(?m)^[ \t]*[#%;][^\n]*\n"), re.compile(rb"(?m)^[ \t]*[#%][^\n]*\n"))
_LINE = re.compile(rb"[^\r\n]+")
_LINE_END = re.compile(rb"\r\n|\n|\r")


class TextTable:
    """A text table as `imurun.io.table.Table`.

    Args:
        stream: the unpacked bytes, at the first one.
        source: name for messages.
        done: returns the bytes of the file on disk read so far.
        size: bytes of the file on disk.
        unnamed: returns the column names of a table without header, from its preamble.
        is_header: whether cells are the column names of the file's known format.

    Raises:
        FormatError: not text, empty, no header, or no line below it.
    """

    def __init__(
        self,
        stream: IO[bytes],
        source: str,
        *,
        done: Callable[[], int] | None = None,
        size: int = 0,
        unnamed: Callable[[str], Sequence[str]] | None = None,
        is_header: Callable[[Sequence[str]], bool] | None = None,
    ) -> None:
        self.source = source
        self._stream = stream
        self._done = done
        self._size = size
        self._head = read_head(stream)
        if not self._head.strip(b"\0\r\n\t \xef\xbb\xbf"):
            raise FormatError(
                f"the file {'holds no samples' if self._head else 'is empty'}; record or export again."
            )
        self._encoding = text_encoding(self._head)
        lines = self._head_lines()
        header = find_header(lines, is_header=is_header)
        if header is None and unnamed is not None:
            names = unnamed("\n".join(lines[:50]))
            header = find_header(lines, names) if names else None
        if header is None:
            raise FormatError(
                "no header with acceleration columns was found; name the columns, such as "
                "time_s,acc_x,acc_y,acc_z,gyr_x,gyr_y,gyr_z, or give a profile."
            )
        if not header.rows:
            raise FormatError("there is a header but no samples below it; record or export again.")
        self.header: TextHeader = header
        self.names = header.names
        self.preamble = header.preamble
        self.layout = header.layout
        self.metadata: Mapping[str, str] = from_comments(header.preamble)
        row = header.rows[0]
        self.first_cells = tuple(row[i] if i < len(row) else "" for i in range(len(self.names)))

    def _head_lines(self) -> list[str]:
        text = self._head.decode(self._encoding, "ignore").lstrip("\ufeff")
        lines = re.split(r"\r\n|\n|\r", text)
        if len(self._head) == HEAD_BYTES and len(lines) > 1:
            lines.pop()  # the last line is cut
        while lines and not lines[-1].strip():
            lines.pop()
        return lines

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
            FormatError: text where a number is expected, or too many lines of the wrong length.
        """
        parser = _BlockParser(self.header, columns, time, day_first)
        skip = self.header.first_line
        line = 1
        for block in line_blocks(self._head, self._stream, self._encoding):
            block, skipped = _drop_lines(block, skip)
            skip -= skipped
            line += skipped
            if block:
                line += parser.add(block, line)
            if progress is not None and self._done is not None:
                progress(min(self._done(), self._size), self._size)
        return parser.result()


def _drop_lines(block: bytes, count: int) -> tuple[bytes, int]:
    """The block without its first `count` lines, and how many were dropped."""
    dropped = 0
    end = b"\n" if b"\n" in block else b"\r"
    at = 0
    while dropped < count:
        following = block.find(end, at)
        if following < 0:
            return b"", dropped + (at < len(block))
        at = following + 1
        dropped += 1
    return block[at:], dropped


class _BlockParser:
    """Parses blocks of lines and collects the columns.

    Most blocks parse as they are. Lines with a quote that is not closed are found only when a block fails.
    """

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
        self._n_bad = 0
        self._first_bad = ""
        self._last_is_bad = False

    def add(self, block: bytes, line: int) -> int:
        """Parse one block whose first line has the number `line`; return how many lines it has."""
        n_lines = block.count(b"\n") or block.count(b"\r")
        if not block.isascii():  # an invalid byte in a comment must not stop the parser
            block = block.decode("utf-8", "replace").encode("utf-8")
        clean = _cleaned(block, self._header.delimiter)
        if not clean.strip():
            return n_lines
        unclosed: set[int] = set()
        parsed = self._parse(clean)
        if parsed is None and b'"' in clean:
            unclosed = self._unclosed_lines(block, line)
            whole = _without_lines(block, {number - line for number in unclosed})
            parsed = self._parse(_cleaned(whole, self._header.delimiter))
        if parsed is None:
            raise self._explain(block, line)
        table, n_bad = parsed
        self._last_is_bad = False
        if n_bad or unclosed:
            self._note_bad(block, line, unclosed, n_bad)
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

    def _parse(self, data: bytes) -> tuple[pa.Table, int] | None:
        """The columns of a clean block and the number of skipped lines; None when it cannot be parsed.

        Every line is a row: a block in which a quoted cell spans several lines counts as not parsed.
        """
        import pyarrow as pa
        import pyarrow.csv as pacsv

        n_bad = 0

        def on_bad(_row: object) -> str:
            nonlocal n_bad
            n_bad += 1
            return "skip"

        header = self._header
        delimiter = "\t" if header.delimiter == " " else header.delimiter
        types = {f"c{i}": pa.float64() for i in self._columns}
        if self._time is not None:
            types[f"c{self._time}"] = pa.string()
        if not data.strip():
            return pa.schema(types).empty_table(), 0
        quoted = b'"' in data
        try:
            table = pacsv.read_csv(
                pa.BufferReader(data),
                # with threads, a process that ends while pyarrow starts one aborts
                read_options=pacsv.ReadOptions(
                    column_names=[f"c{i}" for i in range(len(header.names))],
                    block_size=1 << 20,
                    use_threads=False,
                ),
                parse_options=pacsv.ParseOptions(
                    delimiter=delimiter, quote_char='"' if quoted else False, invalid_row_handler=on_bad
                ),
                convert_options=pacsv.ConvertOptions(
                    column_types=types,
                    include_columns=list(types),
                    null_values=list(MISSING_CELLS),
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=True,
                    decimal_point=header.decimal,
                ),
            )
        except pa.ArrowInvalid:
            return None
        if quoted and len(table) + n_bad != sum(1 for _ in _LINE.finditer(data)):
            return None
        return table, n_bad

    def _add_times(self, cells: pa.ChunkedArray, block: bytes, line: int) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        cells = pc.call_function("utf8_trim_whitespace", [cells])
        missing = np.asarray(cells.is_null()) if cells.null_count else np.zeros(len(cells), dtype=bool)
        present = cells.drop_null()
        ticks = np.zeros(len(cells), dtype=np.int64)
        if len(present):
            self._kind = self._kind or time_kind(present[0].as_py())
            try:
                if self._kind is None:
                    raise ValueError("not a time")
                parsed = parse_cells(
                    present, self._kind, decimal=self._header.decimal, day_first=self._day_first
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

    def _lines(self, block: bytes, line: int) -> Iterator[tuple[int, str]]:
        """Lines other than comments, each with its number."""
        signs = _comment_signs(self._header.delimiter)
        for number, content in enumerate(_LINE_END.split(block), start=line):
            if content.strip() and not content.lstrip().startswith(signs):
                yield number, content.decode("utf-8", "replace")

    def _unclosed_lines(self, block: bytes, line: int) -> set[int]:
        """Numbers of the lines with a quote that is not closed."""
        sign = self._header.delimiter
        return {number for number, content in self._lines(block, line) if _leaves_quote_open(content, sign)}

    def _note_bad(self, block: bytes, line: int, unclosed: Collection[int], n_bad: int) -> None:
        """Count lines of the wrong length and find the first one, whose number the parser does not return."""
        self._n_bad += n_bad + len(unclosed)
        faults = (
            fault
            for number, content in self._lines(block, line)
            if (fault := self._fault(number, content, unclosed))
        )
        self._first_bad = self._first_bad or next(faults, "")
        last = block[max(block.rfind(b"\n", 0, -1), block.rfind(b"\r", 0, -1)) + 1 :]
        number = line + len(_LINE_END.findall(block)) - 1
        self._last_is_bad = any(
            self._fault(number, content, unclosed) for _, content in self._lines(last, number)
        )

    def _fault(self, number: int, content: str, unclosed: Collection[int]) -> str:
        """What is wrong with a line; "" when it is right."""
        wanted = len(self._header.names)
        count = len(split_line(content, self._header.delimiter))
        if number in unclosed:
            return f"line {number} opens a quote that it does not close"
        return (
            "" if count == wanted else f"line {number} holds {count} values where the header names {wanted}"
        )

    def _explain(self, block: bytes, line: int) -> FormatError:
        """The error for a block that could not be parsed: the first cell that is not a number."""
        for number, content in self._lines(block, line):
            cells = split_line(content, self._header.delimiter)
            if len(cells) != len(self._header.names):
                continue
            for i in (*self._columns, *(() if self._time is None else (self._time,))):
                cell = cells[i]
                kind = time_kind(cell)
                wanted = "a time" if i == self._time else "a number"
                same = kind == (self._kind or kind) if i == self._time else kind == "number"
                if cell not in MISSING_CELLS and (kind is None or not same):
                    return FormatError(
                        f"line {number}, column {shown(self._header.names[i])}: "
                        f"{_shown(cell)} is not {wanted}; correct or remove the line."
                    )
        return FormatError(f"the lines from {line} on are not a table of numbers; export the file again.")

    def result(self) -> LoadedColumns:
        """The columns of all blocks.

        Raises:
            FormatError: too many lines of the wrong length, or any in a table without time.
        """
        if not self._rows and not self._n_bad:
            raise FormatError("there is a header but no samples below it; record or export again.")
        warnings: list[str] = []
        n_inner = self._n_bad - (self._last_is_bad and self._rows > 0)
        if self._last_is_bad:
            warnings.append("The last line is cut short and was left out.")
        if n_inner:
            if self._time is None or n_inner > MAX_BAD_LINES * self._rows:
                raise FormatError(f"{self._first_bad}; correct the line.")
            left_out = "A line was left out" if n_inner == 1 else f"{n_inner} lines were left out, the first"
            warnings.append(f"{left_out}: {self._first_bad}.")
        loaded = LoadedColumns(np.concatenate(self._values), kind=self._kind or "number", warnings=warnings)
        if self._time is not None:
            loaded.ticks = np.concatenate(self._ticks)
            missing = np.concatenate(self._no_time)
            loaded.no_time = missing if missing.any() else None
        return loaded


def _cleaned(block: bytes, delimiter: str) -> bytes:
    """The block without comments; where blanks are the delimiter, each run of them becomes one tab."""
    if b"\n" not in block:
        block = block.replace(b"\r", b"\n")
    if any(sign in block for sign in _comment_signs(delimiter)):
        block = _COMMENT_LINE[delimiter == ";"].sub(b"", block)
    if delimiter == " ":
        block = re.sub(rb"[ \t]+", b"\t", block)
        block = re.sub(rb"(?m)^\t|\t(?=\r?$)", b"", block)
    return block


def _comment_signs(delimiter: str) -> tuple[bytes, ...]:
    return (b"#", b"%") if delimiter == ";" else (b"#", b"%", b";")


def _leaves_quote_open(line: str, delimiter: str) -> bool:
    """Whether a quoted cell of the line does not end in it."""
    if '"' not in line:
        return False
    if delimiter == " ":
        line, delimiter = "\t".join(line.split()), "\t"
    reader = csv.reader([line, ""], delimiter=delimiter)
    try:
        next(reader)
    except csv.Error:  # a cell longer than the reader allows
        return True
    return reader.line_num > 1


def _without_lines(block: bytes, indices: Collection[int]) -> bytes:
    """The block with these lines (counted from 0) emptied, so that line numbers stay right."""
    lines = _LINE_END.split(block)
    return b"\n".join(b"" if index in indices else content for index, content in enumerate(lines))


def _as_float(column: pa.ChunkedArray) -> FloatArray:
    """A numeric column with NaN where cells are missing."""
    import pyarrow.compute as pc

    if column.null_count:
        column = pc.fill_null(column, float("nan"))
    return column.to_numpy()


def _shown(cell: str) -> str:
    return repr(cell if len(cell) <= 30 else cell[:27] + "...")
