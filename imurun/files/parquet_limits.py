"""Limit on the unpacked size of a Parquet file: constant columns compress a thousandfold and more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imurun.errors import FormatError
from imurun.files.byte_streams import MAX_RATIO, RATIO_FROM_BYTES

if TYPE_CHECKING:
    import pyarrow.parquet as pq

VALUE_BYTES = 8


def refuse_too_much(metadata: pq.FileMetaData, size: int, n_columns: int | None = None) -> None:
    """Raise an error for a file that unpacks to too much, before it is read.

    Args:
        metadata: of the file.
        size: of the file in bytes.
        n_columns: number of columns to read; None for all.

    Raises:
        FormatError: its columns take more than 50 times the size of the file.
    """
    columns = metadata.num_columns if n_columns is None else n_columns
    pages = sum(metadata.row_group(k).total_byte_size for k in range(metadata.num_row_groups))
    unpacked = max(metadata.num_rows * columns * VALUE_BYTES, pages)
    if unpacked > max(RATIO_FROM_BYTES, MAX_RATIO * size):
        raise FormatError(
            f"it unpacks to over {MAX_RATIO} times its size, as no recording does; export it again."
        )
