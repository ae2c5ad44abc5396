"""Byte streams of plain or compressed files, with limits on the unpacked size, and blocks of text lines."""

from __future__ import annotations

import codecs
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING

from imurun.errors import FormatError

if TYPE_CHECKING:
    import pyarrow.parquet as pq

Progress = Callable[[int, int], None]
"""Called with the bytes done and the total bytes."""

HEAD_BYTES = 65_536
BLOCK_BYTES = 8 << 20
PIECE_BYTES = 1 << 20
MAX_BYTES = 8 << 30
MAX_IN_MEMORY = 1 << 30
MAX_RATIO = 50
"""Unpacked over packed size. A table of a sensor at rest compresses 20-fold, one of a run 4-fold."""
RATIO_FROM_BYTES = 8 << 20
MAX_LINE_BYTES = 1 << 20
_TOO_MUCH = f"it unpacks to over {MAX_RATIO} times its size, as no recording does; export it again."

GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"
ZIP = b"PK\x03\x04"
EMPTY_ZIP = b"PK\x05\x06"
_VALUE_BYTES = 8
_UTF_32 = re.compile(rb"\xff\xfe\0\0|\0\0\xfe\xff|(?:[^\0]\0\0\0){4}|(?:\0\0\0[^\0]){4}")
"""A byte order mark or four Latin characters, little or big endian."""
_BOMS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_OTHER_FILES = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"\x89HDF", "an HDF5 file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word document"),
    (b"MATLAB 5.0", "a MATLAB file"),
    (b"ARROW1", "an Arrow file"),
    (b"\x7fELF", "a program"),
)


class LimitedReader(io.RawIOBase):
    """An unpacked stream that raises FormatError when it exceeds the limits.

    Args:
        stream: gives the unpacked bytes.
        packed_done: returns the packed bytes read so far; None when nothing is packed.
    """

    def __init__(self, stream: IO[bytes], packed_done: Callable[[], int] | None = None) -> None:
        super().__init__()
        self._stream = stream
        self._packed_done = packed_done
        self._done = 0

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Read into `buffer` once and return the number of bytes."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes, by default all; FormatError at a limit or for damaged compression."""
        if size < 0:
            return b"".join(iter(lambda: self.read(PIECE_BYTES), b""))
        try:
            data = self._stream.read(size)
        except (EOFError, OSError, lzma.LZMAError, zlib.error, zipfile.BadZipFile) as error:
            raise FormatError(
                "the compressed data are damaged or cut short; export the file again."
            ) from error
        self._done += len(data)
        if self._done > MAX_BYTES:
            raise FormatError(f"it unpacks to more than {MAX_BYTES >> 30} GiB; split the recording.")
        if self._packed_done is not None and self._done > RATIO_FROM_BYTES:
            packed = max(1, self._packed_done())
            if self._done > MAX_RATIO * packed:
                raise FormatError(_TOO_MUCH)
        return data


def unpack(stream: IO[bytes]) -> IO[bytes]:
    """The stream, unpacked if it is gzip, at its first byte."""
    start = stream.read(2)
    stream.seek(0)
    if start != GZIP:
        return LimitedReader(stream)  # type: ignore[return-value]
    return LimitedReader(gzip.GzipFile(fileobj=stream), stream.tell)  # type: ignore[arg-type, return-value]


def check_parquet_size(metadata: pq.FileMetaData, size: int, n_columns: int | None = None) -> None:
    """Check the unpacked size of a Parquet file before it is read; constant columns compress a thousandfold.

    Args:
        metadata: of the file.
        size: of the file in bytes.
        n_columns: number of columns to read; None for all.

    Raises:
        FormatError: the columns take more than 50 times the size of the file.
    """
    columns = metadata.num_columns if n_columns is None else n_columns
    pages = sum(metadata.row_group(k).total_byte_size for k in range(metadata.num_row_groups))
    unpacked = max(metadata.num_rows * columns * _VALUE_BYTES, pages)
    if unpacked > max(RATIO_FROM_BYTES, MAX_RATIO * size):
        raise FormatError(_TOO_MUCH)


def read_head(stream: IO[bytes], size: int = HEAD_BYTES) -> bytes:
    """The first `size` bytes, or all of a shorter stream."""
    parts: list[bytes] = []
    while size > 0:
        part = stream.read(size)
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def text_encoding(head: bytes) -> str:
    """The encoding of a text file that begins with `head`.

    Raises:
        FormatError: the bytes are not text, or text in UTF-32.
    """
    for magic, name in _OTHER_FILES:
        if head.startswith(magic):
            raise FormatError(f"this is {name}; give a text table (CSV, TSV) or a Parquet file.")
    if _UTF_32.match(head):
        raise FormatError("this is UTF-32 text, an encoding that is not supported; save it as UTF-8.")
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    for bom, encoding in _BOMS.items():
        if head.startswith(bom):
            return encoding
    if b"\0" in head or len(re.findall(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]", head)) > 0.001 * len(head):
        raise FormatError("this is not text; give a text table (CSV, TSV) or a Parquet file.")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def line_blocks(head: bytes, stream: IO[bytes], encoding: str, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Blocks of whole lines as UTF-8 bytes; the last one ends in a newline if it is not empty.

    Raises:
        FormatError: a line longer than 1 MiB, or bytes that are not in the encoding.
    """
    decoder = None if encoding.startswith("utf-8") else codecs.getincrementaldecoder(encoding)("replace")
    if encoding == "utf-8-sig":
        head = head[len(codecs.BOM_UTF8) :]
    elif encoding.startswith("utf-16"):
        head = head[2:]
    rest = b""
    data = head
    while True:
        if decoder is not None:
            data = decoder.decode(data, not data).encode("utf-8")
        block = rest + data
        end = max(block.rfind(b"\n"), block.rfind(b"\r", 0, len(block) - 1)) + 1
        if len(block) - end > MAX_LINE_BYTES:
            raise FormatError(
                "a line is longer than 1 MiB, so this is not a table of samples; export it again."
            )
        if end:
            yield block[:end]
        rest = block[end:]
        data = read_head(stream, size)
        if not data:
            break
    if decoder is not None:
        rest += decoder.decode(b"", True).encode("utf-8")
    if rest.strip(b"\r\n"):
        yield rest.rstrip(b"\r\n") + b"\n"
