"""Terminal tables of the peers benchmark."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.peers.contenders import OURS, REFERENCE
from benchmarks.peers.figures import FOUND_SHARE, LEAST_FASTER, MOST_OF_REFERENCE, Figure

COLUMNS = ("wall s", "quartiles", "CPU s", "/ vqf", f"/ {OURS}", "found", "target")


def print_figures(figures: Sequence[Figure], console: Console) -> None:
    """Print a table for each hour with a line for each package; then errors and omissions."""
    for hour in dict.fromkeys(figure.hour for figure in figures):
        title = f"{hour.name}: {hour.duration_s / 60.0:.0f} minutes, {hour.n_steps} steps"
        table = Table(
            box=None,
            padding=(0, 1, 0, 0),
            pad_edge=False,
            header_style="dim",
            title=title,
            title_justify="left",
        )
        table.add_column("", no_wrap=True)
        for name in COLUMNS:
            table.add_column(name, justify="right", no_wrap=True)
        for figure in figures:
            if figure.hour == hour:
                table.add_row(escape(figure.contender.name), *cells(figure))
        console.print(table)
        console.print()
    console.print(
        f"To reach: {OURS} within {MOST_OF_REFERENCE:g} times {REFERENCE}, and {LEAST_FASTER:g} times faster "
        f"than each pipeline that finds {100 * FOUND_SHARE:.0f} % of the steps or more."
    )
    for sentence in dict.fromkeys(figure.trouble for figure in figures if figure.trouble):
        console.print(sentence, style="yellow", markup=False)
    console.print("What each leaves out:")
    for contender in dict.fromkeys(figure.contender for figure in figures):
        console.print(f"  {contender.name}: {contender.leaves_out}", markup=False)


def cells(figure: Figure) -> list[str]:
    """The row of a figure, in the order of `COLUMNS`."""
    if not figure.rounds:
        return ["-", *("" for _ in COLUMNS[2:]), "failed"]
    low, middle, high = figure.quartiles("wall_s")
    return [
        f"{middle:.3g}",
        f"{low:.2g} - {high:.2g}",
        f"{figure.quartiles('cpu_s')[1]:.3g}",
        _times(figure.over_reference),
        _times(figure.over_ours),
        "" if figure.found_share is None else f"{100.0 * figure.found_share:.0f} %",
        verdict(figure),
    ]


def verdict(figure: Figure) -> str:
    """Whether the target is reached, or why that is unknown."""
    if figure.is_reached is not None:
        return "reached" if figure.is_reached else "missed"
    if figure.target and figure.found_share is not None and figure.found_share < FOUND_SHARE:
        return "too little"
    return ""


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.3g}"
