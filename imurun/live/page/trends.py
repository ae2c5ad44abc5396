"""Chart data of a live run: step values of the last minutes, and the load over the whole run."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from imurun.engine import Step
from imurun.live.state import RunState
from imurun.model.frames import FloatArray

WINDOW_MIN = 5.0
MAX_ROWS = 1280
"""Rows kept: 5 minutes at 240 steps a minute, and as many breaks as fit in the rest."""
BREAK_S = 3.0
"""A line is interrupted where a foot was not seen for longer than this."""

SPANS: dict[str, float] = {
    "cadence_spm": 12.0,
    "contact_time_ms": 40.0,
    "peak_impact_g": 1.5,
    "roll_rom_deg": 4.0,
}
"""Columns with a chart, in the order of a row, and the smallest span of each axis, so that noise does not
fill it."""

Range = tuple[float, float]
Row = tuple[str | float | None, ...]
"""Side, minute of the stream, and a value for each column of `SPANS`: None where not measured, and in all of
them where the line is interrupted."""


class Cursor(NamedTuple):
    """The part of the chart data that a browser has; the default is nothing.

    Attributes:
        n_rows: rows that were ever added.
        n_curves: versions of the load curve.
    """

    n_rows: int = -1
    n_curves: int = -1


class Trends:
    """Chart data of one sensor, bounded in memory; browsers get the increments.

    Attributes:
        rows: the last `MAX_ROWS`, the oldest first.
        window_min: first and last minute on the charts of the steps.
        axes: lowest and highest value on the chart of each column.
        curve: minute of the stream and session load in BW⁴ at it.
        load_axes: ranges of minutes and load on the chart of the load.
    """

    def __init__(self) -> None:
        self.rows: deque[Row] = deque(maxlen=MAX_ROWS)
        self.window_min: Range = (0.0, WINDOW_MIN)
        self.axes: dict[str, Range] = {column: (0.0, span) for column, span in SPANS.items()}
        self.curve: list[list[float]] = []
        self.load_axes: tuple[Range, Range] = (0.0, 1.0), (0.0, 1.0)
        self._limit_bw4: float | None = None
        self._shown: tuple[int, float, float | None] | None = None
        self._last_s: dict[str, float] = {}
        self._n_steps = 0
        self._n_rows = 0
        self._n_curves = 0

    def update(self, state: RunState) -> None:
        """Add the steps and the load since the last call."""
        self._update_steps(state)
        self._update_load(state.load_curve, state.load_limit_bw4)

    def since(self, cursor: Cursor) -> tuple[dict[str, Any] | None, Cursor]:
        """What a browser lacks, JSON-ready, and its cursor afterwards.

        Returns:
            A dict with `rows`, `window_min` and `axes` if there are new rows, and `load` if the load changed;
            None if neither. `rows` has the new ones only, `load` the whole curve: old points of the curve are
            merged as the run gets longer.
        """
        increment: dict[str, Any] = {}
        if cursor.n_rows < self._n_rows:
            n_new = min(self._n_rows - max(cursor.n_rows, 0), len(self.rows))
            increment["rows"] = list(islice(self.rows, len(self.rows) - n_new, None))
            increment["window_min"] = self.window_min
            increment["axes"] = self.axes
        if cursor.n_curves < self._n_curves:
            increment["load"] = {"curve": self.curve, "limit_bw4": self._limit_bw4, "axes": self.load_axes}
        return increment or None, Cursor(self._n_rows, self._n_curves)

    def _update_steps(self, state: RunState) -> None:
        steps = state.trend(self._n_steps)
        if not steps:
            return
        self._n_steps = state.n_trend
        self._add_rows(steps)
        newest_min = max(WINDOW_MIN, steps[-1].final_contact_s / 60.0)
        self.window_min = newest_min - WINDOW_MIN, newest_min
        for column in SPANS:
            self._fit(column)

    def _add_rows(self, steps: Sequence[Step]) -> None:
        for step in steps:
            time_s = step.initial_contact_s
            minute = round(time_s / 60.0, 4)
            if time_s - self._last_s.get(step.side, math.inf) > BREAK_S:
                self.rows.append((step.side, minute, *[None] * len(SPANS)))
                self._n_rows += 1
            self._last_s[step.side] = time_s
            self.rows.append((step.side, minute, *(_rounded(getattr(step, column)) for column in SPANS)))
            self._n_rows += 1

    def _fit(self, column: str) -> None:
        """Fit an axis to the window without a few outliers.

        The axis moves only if values leave it or fill less than half of it: lines are easier to compare on an
        axis that stays.
        """
        place = 2 + list(SPANS).index(column)
        start_min, _ = self.window_min
        values = np.array([row[place] for row in self.rows if float(row[1] or 0.0) >= start_min], dtype=float)
        values = values[np.isfinite(values)]
        if not values.size:
            return
        low, high = np.percentile(values, (1.0, 99.0)).tolist()
        span = max(high - low, SPANS[column])
        middle = 0.5 * (low + high)
        start, end = self.axes[column]
        if low < start or high > end or end - start > 2.0 * span:
            self.axes[column] = middle - 0.7 * span, middle + 0.7 * span

    def _update_load(self, curve: FloatArray, limit_bw4: float | None) -> None:
        shown = len(curve), float(curve[-1, 0]) if len(curve) else 0.0, limit_bw4
        if shown == self._shown:
            return
        self._n_curves += 1
        self._shown, self._limit_bw4 = shown, limit_bw4
        self.curve = [[round(time_s / 60.0, 4), round(load, 3)] for time_s, load in curve.tolist()]
        newest_min, load_bw4 = self.curve[-1] if self.curve else (0.0, 0.0)
        self.load_axes = (
            (0.0, max(1.0, newest_min)),
            (0.0, max(1.0, 1.1 * load_bw4, 1.1 * (limit_bw4 or 0.0))),
        )


def _rounded(value: float) -> float | None:
    """Three decimals, finer than a pixel of any chart."""
    return round(value, 3) if math.isfinite(value) else None
