"""Draws the plots of the page with bokeh."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from bokeh.models import Legend, Span, Whisker
from bokeh.models.sources import ColumnDataSource
from bokeh.plotting import figure

from benchmarks.accuracy.methods import LEFT_OUT
from benchmarks.accuracy.report.quantities import QUANTITIES
from benchmarks.accuracy.report.scores import pick
from benchmarks.accuracy.report.statistics import summarise
from benchmarks.accuracy.results import Results

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#7b3294", "#56b4e9", "#8c510a", "#cc79a7", "#444444")
"""Colours that colour-blind people can distinguish (Okabe and Ito 2008); markers differ too."""
MARKERS = ("circle", "square", "triangle", "diamond", "inverted_triangle", "hex", "star", "plus")
MUTED = "#777777"


def methods_plot(scores: pd.DataFrame, labels: dict[str, str], quantity: str, scope: str) -> Any:
    """RMSE of every method, with its interval over runners."""
    rows = pick(scores, quantity=quantity, scope=scope)
    rows = rows[np.isfinite(rows["rmse"])]
    names = [labels[method] for method in rows["method"]]
    about = QUANTITIES[quantity]
    plot = _figure(
        f"RMSE, {about.unit}",
        "",
        title=f"{about.label}, {'level ground' if scope == 'level' else 'slopes'}",
        y_range=names[::-1],
        height=80 + 24 * len(names),
    )
    ours = ["imurun" in method for method in rows["method"]]
    source = ColumnDataSource(
        {
            "name": names,
            "rmse": rows["rmse"],
            "low": rows["rmse_low"].fillna(rows["rmse"]),
            "high": rows["rmse_high"].fillna(rows["rmse"]),
            "colour": [COLOURS[0] if own else MUTED for own in ours],
        }
    )
    whisker = Whisker(
        base="name", upper="high", lower="low", source=source, dimension="width", line_color="#999"
    )
    whisker.upper_head.size = whisker.lower_head.size = 6  # type: ignore[union-attr]
    plot.add_layout(whisker)
    plot.scatter("rmse", "name", size=9, color="colour", source=source)
    plot.x_range.start = 0  # type: ignore[union-attr]
    return plot


def bland_altman_plot(results: Results) -> Any:
    """Contact time, found minus true against their mean, by dataset, with bias and limits of agreement."""
    rows = _recorded(results.contacts).dropna(subset=["contact_error_ms"])
    plot = _figure("mean of found and true contact time, ms", "found minus true, ms", height=380)
    items = []
    for k, (name, mine) in enumerate(rows.groupby("dataset")):
        middle = mine["true_contact_ms"] + 0.5 * mine["contact_error_ms"]
        level = mine["slope_percent"] == 0
        for fill, some in ((0.7, level), (0.0, ~level)):
            glyph = plot.scatter(
                middle[some],
                mine["contact_error_ms"][some],
                marker=MARKERS[k % len(MARKERS)],
                size=6,
                color=COLOURS[k % len(COLOURS)],
                fill_alpha=fill,
                line_alpha=0.7,
            )
            if fill:
                items.append((str(name), [glyph]))
    summary = summarise(rows["contact_error_ms"], rows["runner"])
    for place, dash in ((summary.bias, "solid"), *((limit, "dashed") for limit in summary.limits)):
        plot.add_layout(Span(location=place, dimension="width", line_dash=dash, line_color="#333"))
    _legend(plot, items)
    return plot


def trial_plot(results: Results, x: str, x_label: str, quantity: str) -> Any:
    """Bias of each trial by speed or slope, by dataset."""
    rows = _recorded(results.contacts)
    rows = rows[rows["slope_percent"] != 0] if x == "slope_percent" else rows[rows["slope_percent"] == 0]
    rows = rows.dropna(subset=[x, quantity])
    about = QUANTITIES[quantity]
    plot = _figure(x_label, f"mean error of a trial, {about.unit}", title=about.label, height=300)
    items = []
    for k, (name, mine) in enumerate(rows.groupby("dataset")):
        means = mine.groupby(["runner", "trial", x])[quantity].mean().reset_index().sort_values(x)
        glyph = plot.scatter(
            means[x],
            means[quantity],
            size=8,
            marker=MARKERS[k % len(MARKERS)],
            color=COLOURS[k % len(COLOURS)],
        )
        items.append((str(name), [glyph]))
    plot.add_layout(Span(location=0, dimension="width", line_color="#333"))
    _legend(plot, items)
    return plot


def family_plot(rows: pd.DataFrame, labels: dict[str, str], figure_name: str, words: str) -> Any:
    """One family of conditions: a curve for each method; dashed lines are as recorded."""
    plot = _figure(f"{rows['family'].iloc[0]}, {rows['unit'].iloc[0]}", words, height=270)
    items = []
    for k, (method, mine) in enumerate(rows.groupby("method", sort=False)):
        mine = mine.sort_values("value")
        colour = COLOURS[k]
        line = plot.line(mine["value"], mine[figure_name], color=colour, line_width=2)
        dots = plot.scatter(mine["value"], mine[figure_name], color=colour, size=7, marker=MARKERS[k])
        plot.line(mine["value"], mine[f"recorded_{figure_name}"], color=colour, line_dash="dashed")
        items.append((labels[str(method)], [line, dots]))
    plot.y_range.start = 0  # type: ignore[union-attr]
    _legend(plot, items)
    return plot


def calibration_plot(table: pd.DataFrame) -> Any:
    """Error by quality, from `benchmarks.accuracy.quality.calibration`."""
    plot = _figure("quality of the contact", "RMSE, ms", height=280)
    table = table[table["steps"] > 0]
    middle = 0.5 * (table["above"] + table["to"])
    items = []
    for k, name in enumerate(("initial_error_ms", "final_error_ms", "contact_error_ms")):
        values = table[f"{name}_rmse"]
        line = plot.line(middle, values, color=COLOURS[k], line_width=2)
        dots = plot.scatter(middle, values, color=COLOURS[k], size=8, marker=MARKERS[k])
        items.append((QUANTITIES[name].label, [line, dots]))
    plot.y_range.start = 0  # type: ignore[union-attr]
    _legend(plot, items)
    return plot


def _recorded(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[(rows["method"] == LEFT_OUT) & (rows["condition"] == "as recorded")]


def _figure(x_label: str, y_label: str, **options: Any) -> Any:
    plot = figure(
        x_axis_label=x_label,
        y_axis_label=y_label,
        sizing_mode="stretch_width",
        toolbar_location=None,
        tools="",
        **options,
    )
    plot.min_border_right = 12
    plot.grid.grid_line_color = "#e5e5e5"
    plot.outline_line_color = None
    return plot


def _legend(plot: Any, items: Sequence[tuple[str, list[Any]]]) -> None:
    legend = Legend(items=list(items), orientation="horizontal", ncols=3, border_line_color=None)
    legend.label_text_font_size = "11px"
    legend.spacing = 8
    legend.padding = legend.margin = 2
    plot.add_layout(legend, "above")
