"""What every table of samples offers, whatever file it came from."""

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
class Loaded:
    """Columns as they are in the file.

    Attributes:
        values: shape (n, k), the numeric columns asked for; NaN where a cell is missing.
        ticks: shape (n,), the time column, None when none was asked for.
        kind: how the time cells were written.
        no_time: shape (n,), rows whose time is missing (their tick is 0); None when there are none.
        warnings: what was noticed, one sentence each.
    """

    values: FloatArray
    ticks: Ticks | None = None
    kind: TimeKind = "number"
    no_time: npt.NDArray[np.bool_] | None = None
    warnings: list[str] = field(default_factory=list)


class Table(Protocol):
    """Named columns that can be read once.

    Attributes:
        source: name of the file, for messages.
        names: column names as written.
        preamble: text before the header.
        layout: what the columns hold, by their names.
        first_cells: one cell a column from the first row, as text.
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
    ) -> Loaded:
        """Read the numeric `columns` and the `time` column; both are indices into `names`."""
        ...


def refuse_twins(names: Sequence[str], wanted: Sequence[str]) -> None:
    """Refuse a table in which a name in `wanted` stands above several columns.

    Raises:
        FormatError: names the column.
    """
    plain = [name.strip() for name in names]
    for name in wanted:
        if plain.count(name.strip()) > 1:
            raise FormatError(f"there are several columns named {shown(name.strip())}; keep one of them.")
