"""Draws the plots of the report with bokeh; long series are thinned to a median and a band."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from bokeh.models import DatetimeTicker, DatetimeTickFormatter, Range1d
from bokeh.plotting import figure

from imurun.model.frames import FloatArray
from imurun.plot_style import INK, LOAD_COLOR, plain_figure
from imurun.report.words import KINDS

MOST_PARTS = 240
"""Most time bins: as many as a line of 10 cm can show."""
SHORTEST_PART_S = 10.0
"""Least length of a bin: about 28 steps, since fewer would show noise."""
LOW, HIGH = 0.1, 0.9
"""Quantiles of the band, which holds eight in ten steps."""


class Thin(NamedTuple):
    """A series in time bins, each array of shape (bins,); NaN where a bin has no values.

    Attributes:
        time_s: the middle of each bin.
        low, median, high: quantiles `LOW`, 0.5 and `HIGH` of the values in it.
    """

    time_s: FloatArray
    low: FloatArray
    median: FloatArray
    high: FloatArray


def part_edges(duration_s: float) -> FloatArray:
    """Edges of equal time bins from 0 to the duration, s; at most `MOST_PARTS` bins."""
    n = int(np.clip(duration_s // SHORTEST_PART_S, 1, MOST_PARTS))
    return np.linspace(0.0, max(duration_s, 1e-9), n + 1)


def thin(time_s: FloatArray, values: FloatArray, edges_s: FloatArray) -> Thin:
    """Median and band of the known values in each bin.

    Args:
        time_s, values: shape (n,); values that are not finite are left out.
        edges_s: rising, shape (bins + 1,); times outside belong to the nearest bin.
    """
    n_parts = len(edges_s) - 1
    known = np.isfinite(time_s) & np.isfinite(values)
    part = np.clip(np.searchsorted(edges_s, time_s[known], side="right") - 1, 0, n_parts - 1)
    groups = pd.Series(values[known]).groupby(part)
    low, median, high = (
        groups.quantile(share).reindex(range(n_parts)).to_numpy(np.float64) for share in (LOW, 0.5, HIGH)
    )
    return Thin(0.5 * (edges_s[:-1] + edges_s[1:]), low, median, high)


def adding_up(time_s: FloatArray, values: FloatArray, edges_s: FloatArray) -> FloatArray:
    """Sum of the known values up to each edge, shape of `edges_s`; the last is the sum of all."""
    known = np.isfinite(time_s) & np.isfinite(values)
    order = np.argsort(time_s[known], kind="stable")
    sums = np.concatenate([[0.0], np.cumsum(values[known][order])])
    counts = np.searchsorted(time_s[known][order], edges_s, side="right")
    counts[-1] = len(sums) - 1
    return sums[counts]


def unbroken(thinned: Thin) -> list[slice]:
    """Runs of neighbouring bins that have values."""
    known = np.concatenate([[False], np.isfinite(thinned.median), [False]])
    turns = np.flatnonzero(known[1:] != known[:-1])
    return [slice(int(begin), int(end)) for begin, end in zip(turns[::2], turns[1::2], strict=True)]


LINE_HEIGHT_PX = 150
BAND_HEIGHT_PX = 64
QUALITY_TOP = 1.08
"""Top of the quality axis, so that a line at 1 is visible."""
THIS_COLOR = "#c9302c"
"""This session among others, pain, and missing data."""
BAND_ALPHA = 0.18
INSIDE = 2.0, 98.0
"""An axis holds all medians and these percentiles of the bands, so that one outlier does not flatten it."""


class Line(NamedTuple):
    """A thinned series and its colour."""

    thinned: Thin
    color: str


def time_plot(name: str, lines: Sequence[Line], duration_s: float, span: float) -> figure:
    """Medians over the time of the recording, each with the band of eight in ten steps.

    Args:
        lines: each with at least one value.
        span: least span of the y axis, so that noise does not fill it.
    """
    plot = plain_figure(name, height=LINE_HEIGHT_PX, x_range=_minutes(duration_s))
    bands = np.concatenate([edge for line in lines for edge in (line.thinned.low, line.thinned.high)])
    medians = np.concatenate([line.thinned.median for line in lines])
    inside = [*np.nanpercentile(bands, INSIDE), np.nanmin(medians), np.nanmax(medians)]
    low, high = min(inside), max(inside)
    half = 0.55 * max(high - low, span)
    plot.y_range = axis(0.5 * (low + high) - half, 0.5 * (low + high) + half)
    for line in lines:
        _band(plot, line)
    for line in lines:
        minutes = line.thinned.time_s / 60.0
        plot.line(minutes, line.thinned.median, color=line.color, line_width=2)
        alone = [part.start for part in unbroken(line.thinned) if part.stop - part.start == 1]
        plot.scatter(minutes[alone], line.thinned.median[alone], color=line.color, size=4)
    return plot


def load_plot(
    name: str, edges_s: FloatArray, load: FloatArray, pain: Sequence[tuple[float, float]]
) -> figure:
    """The cumulative load, and the pain markers: (time s, load at that time)."""
    minutes = edges_s / 60.0
    plot = plain_figure(name, height=LINE_HEIGHT_PX + 30, x_range=_minutes(edges_s[-1]), min_border_left=64)
    plot.y_range = axis(0.0, max(1.0, 1.08 * float(load[-1])))
    plot.varea(minutes, 0.0, load, color=LOAD_COLOR, alpha=0.25)
    plot.line(minutes, load, color=LOAD_COLOR, line_width=3)
    if pain:
        plot.scatter(
            [time_s / 60.0 for time_s, _ in pain], [then for _, then in pain], color=THIS_COLOR, size=9
        )
    return plot


def histogram(
    name: str, edges: FloatArray, counts: dict[str, FloatArray], colors: dict[str, str], unit: str
) -> figure:
    """Number of steps by value, one set of bars for each side."""
    plot = plain_figure(name, height=LINE_HEIGHT_PX + 30)
    most = max(float(values.max()) for values in counts.values())
    plot.x_range = axis(edges[0], edges[-1])
    plot.y_range = axis(0.0, 1.08 * max(most, 1.0))
    plot.xaxis.axis_label = unit
    plot.xaxis.axis_label_text_color = INK
    plot.xaxis.axis_label_text_font_style = "normal"
    for side, values in counts.items():
        plot.quad(
            left=edges[:-1], right=edges[1:], bottom=0.0, top=values, color=colors[side], alpha=0.35,
            line_color=colors[side],
        )  # fmt: skip
    return plot


def timeline(name: str, stretches: Sequence[tuple[float, float, str]], duration_s: float) -> figure:
    """The bouts as coloured stretches: begin s, end s and kind."""
    plot = plain_figure(name, height=BAND_HEIGHT_PX, x_range=_minutes(duration_s))
    plot.y_range = axis(0.0, 1.0)
    plot.yaxis.visible = False
    plot.ygrid.visible = False
    times = np.array([(begin, end) for begin, end, _ in stretches]).reshape(-1, 2) / 60.0
    plot.quad(
        left=times[:, 0],
        right=times[:, 1],
        bottom=0.0,
        top=1.0,
        color=[KINDS[kind][0] for *_, kind in stretches],
        line_color=None,
    )
    return plot


def quality_plot(name: str, line: Line, gaps_s: FloatArray, duration_s: float) -> figure:
    """Quality over time, and the gaps (n, 2) as red stretches, each at least a hairline wide."""
    plot = time_plot(name, [line], duration_s, 1.0)
    plot.y_range = axis(0.0, QUALITY_TOP)
    if len(gaps_s):
        hair = duration_s / 600.0
        middle = gaps_s.mean(axis=1)
        half = 0.5 * np.maximum(gaps_s[:, 1] - gaps_s[:, 0], hair)
        plot.quad(
            left=(middle - half) / 60.0, right=(middle + half) / 60.0, bottom=0.0, top=QUALITY_TOP,
            color=THIS_COLOR, alpha=0.6, line_color=None,
        )  # fmt: skip
    return plot


def days_plot(
    name: str,
    days_ms: FloatArray,
    values: FloatArray,
    own: tuple[float, float] | None,
    level: float | None,
    x_range: Range1d,
) -> figure:
    """A stem for each session by ms since 1970 UTC, this one highlighted; a dashed line at `level`."""
    plot = plain_figure(
        name, height=LINE_HEIGHT_PX, x_axis_type="datetime", x_range=x_range, min_border_left=64
    )
    # few and short, since the labels must not run into each other on a phone
    plot.xaxis.ticker = DatetimeTicker(desired_num_ticks=3)
    plot.xaxis.formatter = DatetimeTickFormatter(days="%d %b", months="%b %y", years="%Y")
    heights = [*values[np.isfinite(values)], *([] if own is None else [own[1]]), level or 0.0]
    plot.y_range = axis(0.0, 1.1 * max(float(max(heights)), 1.0))
    plot.segment(days_ms, 0.0, days_ms, values, color=LOAD_COLOR, line_width=2)
    plot.scatter(days_ms, values, color=LOAD_COLOR, size=5)
    if level is not None:
        plot.hspan([level], line_color=INK, line_dash="dashed")
    if own is not None:
        plot.segment([own[0]], 0.0, [own[0]], [own[1]], color=THIS_COLOR, line_width=3)
        plot.scatter([own[0]], [own[1]], color=THIS_COLOR, size=9)
    return plot


def axis(start: float, end: float) -> Range1d:
    """A fixed axis range."""
    return Range1d(start=float(start), end=float(end))


def _minutes(duration_s: float) -> Range1d:
    return axis(0.0, max(float(duration_s) / 60.0, 1e-3))


def _band(plot: figure, line: Line) -> None:
    """The band as one polygon for each unbroken stretch, so that gaps stay visible."""
    stretches = [part for part in unbroken(line.thinned) if part.stop - part.start > 1]
    minutes = line.thinned.time_s / 60.0
    low, high = line.thinned.low, line.thinned.high
    across: Any = [np.concatenate([minutes[part], minutes[part][::-1]]) for part in stretches]
    around: Any = [np.concatenate([low[part], high[part][::-1]]) for part in stretches]
    plot.patches(
        across,
        around,
        color=line.color,
        alpha=BAND_ALPHA,
        line_color=None,
    )
