"""The plots of the last minutes, and of the load over the whole run."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from bokeh.models import ColumnDataSource, Range1d
from bokeh.plotting import figure

from imurun.engine import Step
from imurun.live.state import RunState
from imurun.model.frames import FloatArray
from imurun.plot_style import LOAD_COLOR, SIDES, plain_figure

WINDOW_MIN = 5.0
SIDE_STEPS = 640
"""Kept of each foot: 5 minutes at 240 steps a minute, and as many breaks as fit in the rest."""
BREAK_S = 3.0
"""A line is broken where a foot was not seen for longer."""

SPANS: dict[str, float] = {
    "cadence_spm": 12.0,
    "contact_time_ms": 40.0,
    "peak_impact_g": 1.5,
    "roll_rom_deg": 4.0,
}
"""Columns with a plot, and the least that its axis spans, lest noise fill it."""
LOAD = "load"
PLOTS = (*SPANS, LOAD)


class Trends:
    """Bounded sources, and the plots that draw them.

    Attributes:
        plots: by name, those of `PLOTS`.
        sources: by foot; minutes of the stream and one column a plot.
    """

    def __init__(self) -> None:
        columns = ("minute", *SPANS)
        self.sources = {side: ColumnDataSource({column: [] for column in columns}) for side in SIDES}
        self._load = ColumnDataSource({"minute": [], LOAD: []})
        self._window = Range1d(start=0.0, end=WINDOW_MIN)
        self._axes = {column: Range1d(start=0.0, end=span) for column, span in SPANS.items()}
        self._start_min = 0.0
        self._limits = {column: (0.0, span) for column, span in SPANS.items()}
        self._load_axes = Range1d(start=0.0, end=1.0), Range1d(start=0.0, end=1.0)
        self._last_s = dict.fromkeys(SIDES, math.nan)
        self._n_seen = 0
        self._n_load = 0
        self.plots = {column: self._side_plot(column) for column in SPANS} | {LOAD: self._load_plot()}

    def update(self, state: RunState) -> None:
        """Add what happened since the last call."""
        self._update_steps(state)
        self._update_load(state.load_curve, state.load_limit_bw4)

    def _update_steps(self, state: RunState) -> None:
        steps = state.trend(self._n_seen)
        if not steps:
            return
        self._n_seen = state.n_trend
        for side, source in self.sources.items():
            rows = self._rows(side, [step for step in steps if step.side == side])
            if rows:
                names = ("minute", *SPANS)
                source.stream(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)), SIDE_STEPS)
        newest = max(WINDOW_MIN, steps[-1].final_contact_s / 60.0)
        self._start_min = newest - WINDOW_MIN
        _set(self._window, self._start_min, newest)
        for column, axis in self._axes.items():
            self._fit(column, axis)

    def _rows(self, side: str, steps: Sequence[Step]) -> list[tuple[float, ...]]:
        rows: list[tuple[float, ...]] = []
        for step in steps:
            time_s = step.initial_contact_s
            if time_s - self._last_s[side] > BREAK_S:
                rows.append((time_s / 60.0, *[math.nan] * len(SPANS)))
            self._last_s[side] = time_s
            rows.append((time_s / 60.0, *(float(getattr(step, column)) for column in SPANS)))
        return rows

    def _fit(self, column: str, axis: Range1d) -> None:
        """The axis spans what is seen but for a few outliers; it moves only when it must, to be calm."""
        minutes = np.concatenate([np.asarray(source.data["minute"]) for source in self.sources.values()])
        values = np.concatenate([np.asarray(source.data[column]) for source in self.sources.values()])
        values = values[np.isfinite(values) & (minutes >= self._start_min)]
        if not values.size:
            return
        low, high = np.percentile(values, (1.0, 99.0))
        span = max(high - low, SPANS[column])
        middle = 0.5 * (low + high)
        start, end = self._limits[column]
        if low < start or high > end or end - start > 2.0 * span:
            self._limits[column] = middle - 0.7 * span, middle + 0.7 * span
            _set(axis, *self._limits[column])

    def _update_load(self, curve: FloatArray, limit_bw4: float | None) -> None:
        if not len(curve) or len(curve) == self._n_load:
            return
        self._n_load = len(curve)
        self._load.data = {"minute": (curve[:, 0] / 60.0).tolist(), LOAD: curve[:, 1].tolist()}
        x_axis, y_axis = self._load_axes
        _set(x_axis, 0.0, max(1.0, curve[-1, 0] / 60.0))
        _set(y_axis, 0.0, max(1.0, 1.1 * curve[-1, 1], 1.1 * limit_bw4 if limit_bw4 else 0.0))

    def _side_plot(self, column: str) -> figure:
        plot = plain_figure(column, x_range=self._window, y_range=self._axes[column])
        for side, source in self.sources.items():
            plot.line("minute", column, source=source, color=SIDES[side], line_width=2)
        return plot

    def _load_plot(self) -> figure:
        x_range, y_range = self._load_axes
        plot = plain_figure(LOAD, x_range=x_range, y_range=y_range)
        plot.varea("minute", 0, LOAD, source=self._load, color=LOAD_COLOR, alpha=0.25)
        plot.line("minute", LOAD, source=self._load, color=LOAD_COLOR, line_width=3)
        return plot


def _set(axis: Range1d, start: float, end: float) -> None:
    axis.update(start=float(start), end=float(end))
