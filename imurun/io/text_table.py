"""A text table of samples, read block by block with only the columns that are needed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import IO

from imurun.errors import FormatError
from imurun.io.metadata import from_comments
from imurun.io.streams import HEAD_BYTES, Progress, line_blocks, read_head, text_encoding
from imurun.io.table import Loaded
from imurun.io.text_blocks import BlockReader
from imurun.io.text_header import TextHeader, find_header


class TextTable:
    """See `imurun.io.table.Table`.

    Args:
        stream: the unpacked bytes, at the first one.
        source: name for messages.
        done: how many bytes of the file on disk were used so far.
        size: bytes of the file on disk.
        unnamed: a function of the preamble that gives the column names of a table without any.
        named: tells whether cells are the column names that a profile asks for.

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
        named: Callable[[Sequence[str]], bool] | None = None,
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
        header = find_header(lines, named=named)
        if header is None and unnamed is not None:
            names = unnamed("\n".join(lines[:50]))
            header = find_header(lines, names) if names else None
        if header is None:
            raise FormatError(
                "no header with acceleration columns was found; name them, such as "
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
    ) -> Loaded:
        """Read the columns; see `Table.load`.

        Raises:
            FormatError: text where a number is expected, or too many lines of the wrong length.
        """
        reader = BlockReader(self.header, columns, time, day_first)
        skip = self.header.first_line
        line = 1
        for block in line_blocks(self._head, self._stream, self._encoding):
            block, skipped = _drop_lines(block, skip)
            skip -= skipped
            line += skipped
            if block:
                line += reader.add(block, line)
            if progress is not None and self._done is not None:
                progress(min(self._done(), self._size), self._size)
        return reader.result()


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
