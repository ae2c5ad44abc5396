"""Terminal tables of the speed benchmark."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.speed.measure import Figure


def print_figures(figures: Sequence[Figure], console: Console) -> None:
    """Print a table for each entry and unit, with a line for each figure."""
    for entry, unit in dict.fromkeys((figure.entry, figure.unit) for figure in figures):
        rows = [figure for figure in figures if (figure.entry, figure.unit) == (entry, unit)]
        title = f"{entry}: {unit}"
        table = Table(box=None, pad_edge=False, header_style="dim", title=title, title_justify="left")
        table.add_column("", no_wrap=True)
        for name in ("median", "quartiles", "ratio", "target", "verdict"):
            table.add_column(name, justify="right", no_wrap=True)
        for row in rows:
            low, high = row.quartiles
            table.add_row(
                escape(row.name),
                f"{row.median:.3g}",
                f"{low:.3g} - {high:.3g}",
                "" if row.ratio is None else f"{row.ratio:.1f}",
                "" if row.target is None else f"{'>=' if row.at_least else '<='} {row.target:g}",
                verdict(row),
            )
        console.print(table)
        console.print()


def verdict(figure: Figure) -> str:
    """Whether the target is reached, or the distance to it."""
    if figure.target is None:
        return ""
    if figure.is_reached:
        return "reached"
    return f"{figure.median / figure.target:.1f} times it" if figure.target else "missed"
