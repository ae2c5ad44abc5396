"""The summary of a cohort, per runner and per group, as tables in the terminal or as JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from imurun.cohort.summary import ALL
from imurun.cohort.summary_files import Summary
from imurun.files.text import sanitize
from imurun.model.columns import COLUMNS, printed_unit

MEASURES = (
    "cadence_spm",
    "contact_time_ms",
    "peak_vgrf_bw",
    "lumbar_compression_bw",
    "lumbar_dose_bw4",
    "lean_deg",
    "roll_rom_deg",
)
"""Measures on the screen, in order; label, unit and decimals come from `COLUMNS`."""
WIDTH_WITH_SPREAD = 115
"""Narrower terminals show the medians without their spread."""
HEADING_LINES = 3
MOST_RUNNERS = 40
MOST_GROUPS = 8
MOST_NOTES = 10
"""Limits of the screen; the files have all."""
FOOT = (
    "[dim]Descriptive: no tests, no p-values. Measured and compared, not diagnosed; "
    "lumbar values are an index.[/dim]"
)


def print_summary(summary: Summary, left_out: int, console: Console) -> None:
    """Print the first runners and groups, and where the complete tables are.

    Args:
        summary: the tables.
        left_out: number of recordings without a session.
        console: where to print; narrow ones get medians without their spread.
    """
    runners = summary.runners
    n_sessions, n_steps = int(np.sum(runners["sessions"])), int(np.sum(runners["running_steps"]))
    console.print(
        f"{_counted(len(runners), 'runner')}, {_counted(n_sessions, 'session')}, "
        f"{np.sum(runners['running_h']):,.1f} h of running, {n_steps:,} steps"
        + (f"; {_counted(left_out, 'recording')} left out, see failures.parquet" if left_out else "")
    )
    grouped = list(dict.fromkeys(summary.groups["group"])) != [ALL]
    console.print()
    wide = console.width >= WIDTH_WITH_SPREAD
    console.print(_runner_grid(runners.head(MOST_RUNNERS), grouped=grouped, spread=wide))
    if len(runners) > MOST_RUNNERS:
        console.print(f"... and {len(runners) - MOST_RUNNERS} more in runners.csv")
    console.print()
    console.print(_group_grid(summary.groups))
    n_groups = len(set(summary.groups["group"]))
    if n_groups > MOST_GROUPS:
        console.print(f"... and {n_groups - MOST_GROUPS} more in groups.csv")
    for note in summary.notes[:MOST_NOTES]:
        console.print(f"[yellow]Note:[/yellow] {escape(sanitize(note))}")
    if len(summary.notes) > MOST_NOTES:
        console.print(f"... and {len(summary.notes) - MOST_NOTES} more files that cannot be read")
    console.print(f"\n{summary.tidy_rows:,} rows for mixed-effects models. Written:")
    for file in summary.files:
        console.print(sanitize(f"  {file}"), markup=False, soft_wrap=True)
    console.print(FOOT)


def _runner_grid(runners: pd.DataFrame, *, grouped: bool, spread: bool) -> Table:
    grid = _grid("Runners: n sessions, median of them" + (" ± SD between them" if spread else ""))
    grid.add_column("runner", overflow="fold", min_width=6)
    if grouped:
        grid.add_column("group", overflow="fold", min_width=5)
    for name in ("n", "hours"):
        grid.add_column(name, justify="right", no_wrap=True)
    for name in MEASURES:
        # a word per line keeps the columns narrow enough for 80 characters
        lines = f"{COLUMNS[name].label} {printed_unit(name)}".replace("/", " /").split()
        heading = [""] * (HEADING_LINES - len(lines)) + lines
        grid.add_column("\n".join(heading), justify="right", no_wrap=True)
    for row in runners.to_dict("records"):
        words = [row["runner"], row["group"]] if grouped else [row["runner"]]
        grid.add_row(
            *(escape(sanitize(str(word))) for word in words),
            f"{row['sessions']}",
            f"{row['running_h']:.1f}",
            *(
                _with_spread(
                    row[f"median_{name}"], row[f"sd_{name}"] if spread else math.nan, COLUMNS[name].decimals
                )
                for name in MEASURES
            ),
        )
    return grid


def _grid(title: str) -> Table:
    return Table(
        box=None, pad_edge=False, header_style="dim", title=title, title_justify="left", title_style="bold"
    )


def _group_grid(groups: pd.DataFrame) -> Table:
    grid = _grid("Groups: every runner counts once")
    grid.add_column("group", overflow="fold")
    grid.add_column("measure", no_wrap=True)
    for name in ("mean ± SD\nof runners", "SD between\nrunners", "SD within\nrunners", "ICC(1)"):
        grid.add_column(name, justify="right", no_wrap=True)
    grid.add_column("unit")
    group: Any
    for group, rows in list(groups.groupby("group", sort=False))[:MOST_GROUPS]:
        first = rows.iloc[0]
        count = f"{_counted(first['runners'], 'runner')}, {_counted(first['sessions'], 'session')}"
        heads = iter((f"[bold]{escape(sanitize(str(group)))}[/bold]", count))
        found = {row["measure"]: row for row in rows.to_dict("records")}
        for name in MEASURES:
            row, decimals = found[name], COLUMNS[name].decimals
            grid.add_row(
                next(heads, ""),
                COLUMNS[name].label,
                _with_spread(row["mean"], row["sd"], decimals),
                _number(row["between_runner_sd"], decimals + 1),
                _number(row["within_runner_sd"], decimals + 1),
                _number(row["icc1"], 2),
                printed_unit(name),
            )
    return grid


def print_json(summary: Summary, left_out: int) -> None:
    """Print all tables as one JSON object; NaN becomes null."""
    content = {
        "runners": _records(summary.runners),
        "groups": _records(summary.groups),
        "tidy_rows": summary.tidy_rows,
        "left_out": left_out,
        "notes": summary.notes,
        "files": [str(file) for file in summary.files],
    }
    print(json.dumps(content, allow_nan=False))


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in row.items()
        }
        for row in table.to_dict("records")
    ]


def _with_spread(value: float, spread: float, decimals: int) -> str:
    text = _number(value, decimals)
    return text if math.isnan(spread) else f"{text} ± {_number(spread, decimals)}"


def _number(value: float, decimals: int) -> str:
    return "" if math.isnan(value) else f"{value:,.{decimals}f}"


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
