"""Terminal tables of the accuracy benchmark: targets and methods."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.accuracy.report.quantities import F1, QUANTITIES
from benchmarks.accuracy.report.scores import pick
from benchmarks.accuracy.report.targets import Verdict
from benchmarks.accuracy.report.words import (
    NOTHING,
    decimals_of,
    limit_words,
    number,
    unit_of,
    verdict_words,
    with_unit,
)
from benchmarks.accuracy.results import Results

SHOWN = (F1, "initial_error_ms", "final_error_ms", "contact_error_ms", "peak_error_bw", "side_right")
"""Quantities that fit into 80 columns; the page has all."""


def print_verdicts(verdicts: Sequence[Verdict], console: Console) -> None:
    """The targets, one line each."""
    table = Table(
        box=None, pad_edge=False, header_style="dim", title="Targets, on runners left out of the fit"
    )
    for name in ("figure", "measured", "harmonised", "target", "verdict"):
        table.add_column(name, justify="right" if name in ("measured", "harmonised") else "left")
    for verdict in verdicts:
        target = verdict.target
        cells = (
            target.label,
            with_unit(verdict.value, target.quantity),
            number(verdict.harmonised, decimals_of(target.quantity)).replace(NOTHING, ""),
            limit_words(verdict),
            verdict_words(verdict),
        )
        table.add_row(*map(escape, cells))
    console.print(table)


def print_methods(results: Results, scores: pd.DataFrame, console: Console) -> None:
    """Every method over all its runners: RMSE, F1, percent."""
    for scope, title in (("level", "level ground"), ("slopes", "slopes")):
        rows = pick(scores, scope=scope)
        if not len(rows):
            continue
        values = rows.pivot_table(index="method", columns="quantity", values="value", aggfunc="first")
        table = Table(
            box=None,
            pad_edge=False,
            header_style="dim",
            title=f"Methods, every runner the same weight, {title}",
        )
        table.add_column("method", no_wrap=True)
        names = [name for name in SHOWN if name in values and values[name].notna().any()]
        for name in names:
            table.add_column(_heading(name), justify="right")
        for method, about in results.run["methods"].items():
            if method in values.index:
                cells = [number(values[name].get(method, np.nan), decimals_of(name)) for name in names]
                table.add_row(escape(about["label"]), *(cell.replace(NOTHING, "") for cell in cells))
        console.print(table)


def _heading(name: str) -> str:
    if name in QUANTITIES:
        return f"{QUANTITIES[name].label}\n{unit_of(name)}"
    return "F1\n50 ms"
