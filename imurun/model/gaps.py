"""Missing rows of samples that come block by block: bridged, or kept as gaps, as a Recording does it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

import numpy as np

from imurun.model.frames import FloatArray
from imurun.model.recording import missing_rows, straight_line, stretches


class Stretch(NamedTuple):
    """Consecutive rows of one kind.

    Attributes:
        rows: shape (n, k); NaN in a gap.
        kind: measured, bridged or gap. A gap may come in several stretches.
    """

    rows: FloatArray
    kind: Literal["measured", "bridged", "gap"]


class Holes(NamedTuple):
    """What is missing.

    Attributes:
        n: rows in all.
        n_bridged: how many were bridged.
        gaps: the others that are missing, as half-open index intervals.
    """

    n: int
    n_bridged: int
    gaps: tuple[tuple[int, int], ...]

    @property
    def is_all(self) -> bool:
        """Whether there is no row but gaps."""
        return self.n == sum(stop - first for first, stop in self.gaps)


def mend(blocks: Iterable[FloatArray], longest: int) -> Iterator[Stretch]:
    """The rows of all blocks in order, with holes of up to `longest` rows on straight lines.

    A row in which any value is not finite is missing as a whole. A hole at the start or end is a gap. How the
    rows were divided into blocks makes no difference but to where stretches are divided.

    Args:
        blocks: shape (n, 3) or (n, 6) each: specific force, m/s2, and angular rate, rad/s.
        longest: rows that are bridged, see `imurun.model.recording.longest_bridge`.
    """
    n_hole = 0
    before: FloatArray | None = None  # the row that a bridge begins from; None where there can be none
    for block in blocks:
        missing = missing_rows(*acc_and_gyr(block))
        if not n_hole and len(block) and not missing.any():
            yield Stretch(block, "measured")
            before = block[-1]
            continue
        for rows, hole in stretches(missing):
            if hole:
                n_hole += rows.stop - rows.start
                if before is None or n_hole > longest:
                    yield Stretch(np.full((n_hole, block.shape[1]), np.nan), "gap")
                    n_hole, before = 0, None
                continue
            values = block[rows]
            if n_hole:
                assert before is not None
                yield Stretch(straight_line(before, values[0], n_hole), "bridged")
                n_hole = 0
            yield Stretch(values, "measured")
            before = values[-1]
    if n_hole:
        assert before is not None
        yield Stretch(np.full((n_hole, len(before)), np.nan), "gap")


def acc_and_gyr(values: FloatArray) -> tuple[FloatArray, FloatArray | None]:
    """Columns 0 to 2, and 3 to 5 where they are there."""
    return values[:, :3], values[:, 3:] if values.shape[1] > 3 else None


def find_holes(mended: Iterable[Stretch]) -> Holes:
    """What is missing in all that `mend` gave."""
    n = n_bridged = 0
    gaps: list[tuple[int, int]] = []
    for rows, kind in mended:
        stop = n + len(rows)
        if kind == "bridged":
            n_bridged += len(rows)
        elif kind == "gap" and gaps and gaps[-1][1] == n:
            gaps[-1] = (gaps[-1][0], stop)
        elif kind == "gap":
            gaps.append((n, stop))
        n = stop
    return Holes(n, n_bridged, tuple(gaps))
