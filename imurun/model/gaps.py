"""Missing samples: which rows are missing, and the bridging of short gaps by straight lines.

A row is missing when one of its values is not finite, or larger than any sensor measures. Consecutive missing
rows are a pending range until it is decided whether they are *bridged*, when at most `longest_bridge` rows
lie between two measured ones, or a *gap*. At the start or end of a recording they are a gap.

`GapFiller` decides this row by row, for whole arrays (`fill_in_place`), for blocks of a file (`fill_blocks`)
and for a live stream (`imurun.engine`), so that all of them give the same samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from imurun.model.frames import FloatArray

BRIDGED_SAMPLES, BRIDGED_S = 3, 0.05
"""Pending ranges up to the longer of these are bridged by straight lines; longer ones are gaps.

50 ms is a lost radio packet or two, and short for the signals that time contacts, which are low-passed at
4.5 Hz or less.
"""
LONGEST_CARRIED_S = 0.5
"""Over gaps up to this long a run continues: orientation, sides and periods are carried, and it is one bout.

At most two steps are lost in it, so that the next ones are counted right. Nothing is filled into the steps.
"""
LARGEST_ACC_M_S2, LARGEST_GYR_RAD_S = 2e5, 1e6
"""Beyond these a value is damage: 20,000 g, where sensors end at 400 g, or at 20 g where g are written as mg.

A wrong unit must lead to a warning about the unit, not to an empty recording. A single value far beyond would
disturb the orientation for the rest of the run.
"""


class Stretch(NamedTuple):
    """Consecutive rows of one kind.

    Attributes:
        acc, gyr: shape (n, 3), m/s2 and rad/s; NaN in a gap. `gyr` is None without a gyroscope.
        kind: measured, bridged or gap. A gap may come in several stretches.
    """

    acc: FloatArray
    gyr: FloatArray | None
    kind: Literal["measured", "bridged", "gap"]


class GapFiller:
    """Divides a stream into measured, bridged and missing stretches.

        MEASURED  -- a missing row -->                       PENDING
        PENDING   -- a measured row -->                      MEASURED  the range is bridged
        PENDING   -- more than `longest` missing rows -->    GAP       the range is a gap
        GAP       -- a measured row -->                      MEASURED

    A stream starts in GAP: there is no row before from which to bridge. GAP is `last_row` None, PENDING is
    `n_pending` above 0. The division into blocks makes no difference except to where stretches are divided.

    Args:
        longest: rows that are bridged, see `longest_bridge`.

    Attributes:
        n_pending: length of the pending range.
        last_row: the last measured row, shape (3,) or (6,) with angular rates; None in a gap.
    """

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self.n_pending = 0
        self.last_row: FloatArray | None = None

    def push(self, acc: FloatArray, gyr: FloatArray | None) -> list[Stretch]:
        """Take the next rows, shape (n, 3) each; returns the stretches that are decided."""
        missing = missing_rows(acc, gyr)
        if not self.n_pending and not missing.any():
            if not len(acc):
                return []
            self.last_row = _joined_row(acc, gyr, -1)
            return [Stretch(acc, gyr, "measured")]
        decided: list[Stretch] = []
        for rows, is_missing in stretches(missing):
            if is_missing:
                self.n_pending += rows.stop - rows.start
                if self.last_row is None or self.n_pending > self.longest:
                    decided.append(self._gap(has_gyro=gyr is not None))
                continue
            some_acc, some_gyr = acc[rows], None if gyr is None else gyr[rows]
            if self.n_pending:
                decided.append(self._bridge(_joined_row(some_acc, some_gyr, 0)))
            self.last_row = _joined_row(some_acc, some_gyr, -1)
            decided.append(Stretch(some_acc, some_gyr, "measured"))
        return decided

    def finish(self) -> list[Stretch]:
        """End the stream; returns a pending range as a gap."""
        if not self.n_pending:
            return []
        assert self.last_row is not None
        return [self._gap(has_gyro=len(self.last_row) > 3)]

    def _bridge(self, after: FloatArray) -> Stretch:
        assert self.last_row is not None
        filled = straight_line(self.last_row, after, self.n_pending)
        self.n_pending = 0
        return Stretch(filled[:, :3].copy(), filled[:, 3:].copy() if len(after) > 3 else None, "bridged")

    def _gap(self, *, has_gyro: bool) -> Stretch:
        rows = np.broadcast_to(np.nan, (self.n_pending, 3))  # needs no memory
        self.n_pending, self.last_row = 0, None
        return Stretch(rows, rows if has_gyro else None, "gap")


class Gaps(NamedTuple):
    """Missing samples of a recording.

    Attributes:
        n: rows in all.
        n_bridged: how many were bridged.
        gaps: the other missing rows, as half-open index intervals.
    """

    n: int
    n_bridged: int
    gaps: tuple[tuple[int, int], ...]

    @property
    def is_all(self) -> bool:
        """Whether all rows are in gaps."""
        return self.n == sum(stop - first for first, stop in self.gaps)


def fill_blocks(blocks: Iterable[FloatArray], longest: int) -> Iterator[Stretch]:
    """The rows of all blocks in order, with short gaps bridged.

    Args:
        blocks: shape (n, 3) or (n, 6) each: specific force, m/s2, and angular rate, rad/s.
        longest: rows that are bridged, see `longest_bridge`.
    """
    filler = GapFiller(longest)
    for block in blocks:
        yield from filler.push(*acc_and_gyr(block))
    yield from filler.finish()


def fill_in_place(acc: FloatArray, gyr: FloatArray | None, longest: int) -> int:
    """Bridge short gaps of a whole recording, and set all values of other missing rows to NaN.

    Returns:
        How many rows were bridged.
    """
    filler = GapFiller(longest)
    row = n_bridged = 0
    for stretch in filler.push(acc, gyr) + filler.finish():
        rows = slice(row, row + len(stretch.acc))
        row = rows.stop
        if stretch.kind == "measured":
            continue
        acc[rows] = stretch.acc
        if gyr is not None and stretch.gyr is not None:
            gyr[rows] = stretch.gyr
        n_bridged += len(stretch.acc) * (stretch.kind == "bridged")
    return n_bridged


def find_gaps(filled: Iterable[Stretch]) -> Gaps:
    """Missing samples of all stretches of a recording."""
    n = n_bridged = 0
    gaps: list[tuple[int, int]] = []
    for acc, _, kind in filled:
        stop = n + len(acc)
        if kind == "bridged":
            n_bridged += len(acc)
        elif kind == "gap" and gaps and gaps[-1][1] == n:
            gaps[-1] = (gaps[-1][0], stop)
        elif kind == "gap":
            gaps.append((n, stop))
        n = stop
    return Gaps(n, n_bridged, tuple(gaps))


def longest_bridge(rate_hz: float) -> int:
    """How many missing samples in a row are bridged."""
    return max(BRIDGED_SAMPLES, int(BRIDGED_S * rate_hz + 1e-9))


def straight_line(before: FloatArray, after: FloatArray, n: int) -> FloatArray:
    """The n rows between two, on straight lines; shape (n, k) for rows of shape (k,)."""
    share = np.arange(1, n + 1)[:, None] / (n + 1)
    return before + share * (after - before)


def missing_rows(acc: FloatArray, gyr: FloatArray | None) -> npt.NDArray[np.bool_]:
    """Rows, shape (n,), in which any value is not finite, or larger than any sensor measures."""
    sound_acc = np.abs(acc) <= LARGEST_ACC_M_S2  # false for NaN
    sound_gyr = None if gyr is None else np.abs(gyr) <= LARGEST_GYR_RAD_S
    if sound_acc.all() and (sound_gyr is None or sound_gyr.all()):
        return np.zeros(len(acc), dtype=np.bool_)  # the usual case, in a tenth of the time
    missing = np.asarray(~sound_acc.all(axis=1), dtype=np.bool_)
    if sound_gyr is not None:
        missing |= ~sound_gyr.all(axis=1)
    return missing


def count_damaged(acc: FloatArray, gyr: FloatArray | None, missing: npt.NDArray[np.bool_]) -> int:
    """How many of the missing rows have finite numbers only, some of them larger than any sensor measures."""
    finite = np.isfinite(acc[missing]).all(axis=1)
    if gyr is not None:
        finite &= np.isfinite(gyr[missing]).all(axis=1)
    return int(finite.sum())


def damage_notes(n: int) -> list[str]:
    """The warning about `n` damaged rows, if there are any."""
    if not n:
        return []
    return [f"{n} samples were larger than any sensor measures and count as missing: damage or a wrong unit."]


def runs(mask: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Stretches where `mask` (shape (n,)) is true, as half-open index intervals."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def stretches(missing: npt.NDArray[np.bool_]) -> Iterator[tuple[slice, bool]]:
    """Present and missing rows in turn, as slices, each with whether it is missing."""
    position = 0
    for first, stop in runs(missing):
        if first > position:
            yield slice(position, first), False
        yield slice(first, stop), True
        position = stop
    if position < len(missing):
        yield slice(position, len(missing)), False


def acc_and_gyr(values: FloatArray) -> tuple[FloatArray, FloatArray | None]:
    """Columns 0 to 2, and 3 to 5 where there are six."""
    return values[:, :3], values[:, 3:] if values.shape[1] > 3 else None


def _joined_row(acc: FloatArray, gyr: FloatArray | None, k: int) -> FloatArray:
    """A copy of row k of both, shape (3,) or (6,)."""
    return acc[k].copy() if gyr is None else np.concatenate([acc[k], gyr[k]])
