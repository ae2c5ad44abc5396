"""Figures in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.speed.measure import Figure


def print_figures(figures: Sequence[Figure], console: Console) -> None:
    """A table for each entry, a line for each figure."""
    for entry in dict.fromkeys(figure.entry for figure in figures):
        rows = [figure for figure in figures if figure.entry == entry]
        title = f"{entry}: {rows[0].unit}"
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
                f"{row.ratio:.1f}",
                "" if row.target is None else f"<= {row.target:g}",
                verdict(row),
            )
        console.print(table)
        console.print()


def verdict(figure: Figure) -> str:
    """Whether the target is reached, or how far off it is."""
    if figure.target is None:
        return ""
    return "reached" if figure.is_reached else f"{figure.median / figure.target:.1f} times it"
