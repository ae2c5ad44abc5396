"""Table: the interface of a table of samples, whichever kind of file it is read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from imurun.errors import FormatError
from imurun.files.byte_streams import Progress
from imurun.files.text import shown
from imurun.io.column_names import Layout
from imurun.io.time_column import Ticks, TimeKind
from imurun.model.frames import FloatArray


@dataclass
class LoadedColumns:
    """Columns with the numbers of the file.

    Attributes:
        values: shape (n, k), the numeric columns asked for; NaN where a cell is missing.
        ticks: shape (n,), the time column, None when none was asked for.
        kind: how the time cells were written.
        no_time: shape (n,), rows whose time is missing (their tick is 0); None when there are none.
        warnings: one sentence for each problem found.
    """

    values: FloatArray
    ticks: Ticks | None = None
    kind: TimeKind = "number"
    no_time: npt.NDArray[np.bool_] | None = None
    warnings: list[str] = field(default_factory=list)


class Table(Protocol):
    """Named columns that can be loaded once.

    Attributes:
        source: name of the file, for messages.
        names: column names as written.
        preamble: text before the header.
        layout: roles of the columns, from their names.
        first_cells: the first row as text, one cell a column.
        metadata: what imurun itself wrote into the file; empty for other files.
    """

    source: str
    names: tuple[str, ...]
    preamble: str
    layout: Layout
    first_cells: tuple[str, ...]
    metadata: Mapping[str, str]

    def load(
        self,
        columns: Sequence[int],
        time: int | None,
        *,
        day_first: bool | None = None,
        progress: Progress | None = None,
    ) -> LoadedColumns:
        """Read the numeric `columns` and the `time` column; both are indices into `names`."""
        ...


def refuse_duplicates(names: Sequence[str], wanted: Sequence[str]) -> None:
    """Raise an error when several columns have one of the names in `wanted`.

    Raises:
        FormatError: names the column.
    """
    plain = [name.strip() for name in names]
    for name in wanted:
        if plain.count(name.strip()) > 1:
            raise FormatError(f"there are several columns named {shown(name.strip())}; keep one of them.")
