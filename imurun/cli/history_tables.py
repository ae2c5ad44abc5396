"""The history as tables in the terminal: a list, one session, two side by side, weekly trends."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from imurun.cli.save_session import LEVEL_STYLES, print_flags
from imurun.files.text import sanitize
from imurun.history import Flag
from imurun.history.past import DOSE, column, worst_pain_column
from imurun.model.columns import COLUMNS, printed_unit
from imurun.terminal_text import bars, clock

FOOT = "[dim]Measured and compared, not diagnosed; lumbar values are an index. Load in BW⁴.[/dim]"
TREND_WEEKS = 26
MEASURED = (
    "running_h",
    "distance_km",
    "lumbar_dose_bw4",
    "lumbar_dose_bw1",
    "lumbar_dose_bw10",
    "hard_percent",
    "cadence_spm",
    "contact_time_ms",
    "flight_time_ms",
    "peak_impact_g",
    "peak_vgrf_bw",
    "lumbar_compression_bw",
    "roll_rom_deg",
    "ml_sway_ratio",
    "contact_time_asymmetry_percent",
    "pain",
)
MEASURES: tuple[tuple[str, str, str, int], ...] = tuple(
    (COLUMNS[name].label, name, printed_unit(name), COLUMNS[name].decimals) for name in MEASURED
)
"""Label, column, unit and decimals of the rows, in order."""
CONTEXT = ("week_load_bw4", "acute_chronic_ratio", "monotony", "strain_bw4")
"""Numbers of the weeks before a session, shown beside it."""


def print_list(table: pd.DataFrame, shown: pd.DataFrame, flags: list[list[Flag]], console: Console) -> None:
    """Print the last sessions as a table, and the weeks of all sessions as small bars.

    Args:
        table: all sessions of the runner, in order of start.
        shown: the sessions to list.
        flags: the flags of each of these.
        console: where to print.
    """
    grid = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0))
    for name in ("date", "running", "km", "load", "", "impact", "pain", "shoes", "flag", "session"):
        right = name in ("running", "km", "load", "impact", "pain")
        least = None if name == "shoes" else len(name)
        grid.add_column(name, justify="right" if right else "left", no_wrap=True, min_width=least)
    loads = column(shown, DOSE)
    top = np.nanmax(loads) if np.isfinite(loads).any() else 1.0
    pain = worst_pain_column(shown)
    for k, row in enumerate(shown.to_dict("records")):
        worst = next((flag for flag in flags[k] if flag.level != "note"), None)
        mark = "" if worst is None else f"[{LEVEL_STYLES[worst.level]}]{worst.level}[/]"
        grid.add_row(
            f"{_local(row['start']):%Y-%m-%d}",
            clock(row["running_s"]),
            _number(row["distance_km"], 1),
            _number(loads[k], 0),
            bars([0.0, loads[k], top])[1:2],
            _number(row.get("peak_impact_g"), 2),
            _number(pain[k], 0),
            _text(row["shoes"]),
            mark,
            row["session_id"],
        )
    console.print(grid)
    weeks = by_week(table)
    console.print(
        f"\n{_counted(len(table), 'session')}; the last {_counted(len(weeks), 'week')}, oldest first:"
    )
    for label, name, unit, decimals in MEASURES:
        values = column(weeks, name)
        if name in LISTED and np.isfinite(values).any():
            span = f"{_number(np.nanmin(values), decimals)} to {_number(np.nanmax(values), decimals)} {unit}"
            console.print(f"  {label:12} {bars(values)}  {span}")
    console.print(FOOT)


def print_one(
    row: pd.Series, flags: list[Flag], load_context: dict[str, Any], steps_note: str, console: Console
) -> None:
    """Print one session: flags first, then numbers, tags and load context."""
    console.print(
        f"[bold]{row['session_id']}[/bold]  {escape(sanitize(str(row['runner'])))}, "
        f"{_local(row['start']):%Y-%m-%d %H:%M}, {escape(sanitize(str(row['source'])))}"
    )
    print_flags(flags, console)
    if not flags:
        console.print("Nothing unusual was found.")
    grid = Table(box=None, pad_edge=False, show_header=False)
    grid.add_column()
    grid.add_column(justify="right")
    grid.add_column()
    for label, value, unit, decimals in _measures(row):
        if not math.isnan(value):
            grid.add_row(label, _number(value, decimals), unit)
    for name in ("shoes", "surface", "pain_before", "pain_during", "pain_after", "pain_morning", "notes"):
        if not _is_unknown(row[name]):
            text = _number(row[name], 0) if name.startswith("pain") else _text(row[name])
            grid.add_row(name.replace("_", " "), text, "of 10" if name.startswith("pain") else "")
    console.print(grid)
    parts: list[str] = []
    for name in CONTEXT:
        if load_context[name] is not None:
            value = _number(load_context[name], COLUMNS[name].decimals)
            parts.append(f"{COLUMNS[name].label.lower()}: {value} {printed_unit(name)}".rstrip())
    if parts:
        console.print(f"[dim]Context, never the reason of a flag: {'; '.join(parts)}.[/dim]")
    if steps_note:
        console.print(f"[yellow]Note:[/yellow] {escape(steps_note)}")
    console.print(FOOT)


def print_two(first: pd.Series, second: pd.Series, console: Console) -> None:
    """Print two sessions side by side, with the change from the first to the second."""
    grid = Table(box=None, pad_edge=False, header_style="dim")
    grid.add_column("")
    for row in (first, second):
        grid.add_column(str(row["session_id"]), justify="right")
    grid.add_column("unit")
    grid.add_column("change", justify="right")
    grid.add_row("start", *(f"{_local(row['start']):%Y-%m-%d %H:%M}" for row in (first, second)))
    pairs = zip(_measures(first), _measures(second), strict=True)
    for (label, one, unit, decimals), (_, other, _, _) in pairs:
        if math.isnan(one) and math.isnan(other):
            continue
        change = ""
        if unit in ("%", "of 10"):
            change = f"{other - one:+.{decimals}f}"
        elif one:
            change = f"{100 * (other / one - 1):+.0f} %"
        grid.add_row(
            label,
            _number(one, decimals),
            _number(other, decimals),
            unit,
            "" if math.isnan(one) or math.isnan(other) else change,
        )
    for name in ("shoes", "surface"):
        if not (_is_unknown(first[name]) and _is_unknown(second[name])):
            grid.add_row(name, _text(first[name]), _text(second[name]))
    console.print(grid)
    console.print(FOOT)


def print_trend(table: pd.DataFrame, console: Console) -> None:
    """Print weeks as small bars, the last four weeks against the four before, and load and impact by shoe."""
    weeks = by_week(table)
    grid = Table(box=None, pad_edge=False, header_style="dim")
    grid.add_column("")
    grid.add_column(f"last {_counted(len(weeks), 'week')}")
    grid.add_column("4 weeks before", justify="right")
    grid.add_column("last 4 weeks", justify="right")
    grid.add_column("unit")
    for label, name, unit, decimals in MEASURES:
        values = column(weeks, name)
        if np.isfinite(values).any():
            grid.add_row(
                label,
                bars(values),
                _number(_mean(values[-8:-4]), decimals),
                _number(_mean(values[-4:]), decimals),
                f"{unit}{' a week' if name in SUMS else ''}",
            )
    console.print(grid)
    known = table.loc[[not _is_unknown(value) for value in table["shoes"]]]
    if len(known):
        shoes = Table(box=None, pad_edge=False, header_style="dim")
        for name in ("shoes", "sessions", "km", "running, h", "load an hour", "impact, g", "pain"):
            shoes.add_column(name, justify="left" if name == "shoes" else "right")
        rows: Any
        for name, rows in known.groupby("shoes", sort=True):
            hours = float(np.nansum(rows["running_s"])) / 3600.0
            pain = worst_pain_column(rows)
            shoes.add_row(
                _text(name),
                str(len(rows)),
                _number(float(np.nansum(rows["distance_km"])) or math.nan, 0),
                _number(hours, 1),
                _number(float(np.nansum(column(rows, DOSE))) / hours if hours else math.nan, 0),
                _number(_median(column(rows, "peak_impact_g")), 2),
                _number(_mean(pain), 1),
            )
        console.print()
        console.print(shoes)
    console.print(FOOT)


LISTED = ("running_h", "lumbar_dose_bw4", "peak_impact_g", "pain")
"""Measures whose weekly values are shown below the list."""
SUMS = ("running_h", "distance_km", "lumbar_dose_bw4", "lumbar_dose_bw1", "lumbar_dose_bw10")
"""Measures that add up over a week; of the others the median of the sessions is shown."""


def by_week(table: pd.DataFrame) -> pd.DataFrame:
    """One row per week, up to the week of the newest session; at most `TREND_WEEKS` rows.

    Values are sums for `SUMS`, the worst of the week for pain, else medians of the sessions. A week without a
    session has 0 for sums and NaN for the rest; its distance is NaN, since distance may be unknown.
    """
    if not len(table):
        return pd.DataFrame()
    wanted = _derived(table)
    ago = (table["start"].iloc[-1].floor("D") - table["start"].dt.floor("D")) // pd.Timedelta(days=7)
    recent = ago < TREND_WEEKS
    wanted, ago = wanted.loc[recent], ago[recent]
    weeks = pd.DataFrame(index=range(int(ago.max()), -1, -1))
    for _, name, _, _ in MEASURES:
        if name in wanted:
            values: Any = pd.Series(column(wanted, name), index=wanted.index)
            grouped = values.groupby(ago)
            if name in SUMS:
                weeks[name] = grouped.sum(min_count=1).reindex(weeks.index)
                if values.notna().any() and name != "distance_km":
                    weeks[name] = weeks[name].fillna(0.0)
            else:
                weeks[name] = (grouped.max() if name == "pain" else grouped.median()).reindex(weeks.index)
    return weeks


def _measures(row: pd.Series) -> list[tuple[str, float, str, int]]:
    table = _derived(pd.DataFrame([row]))
    found = []
    for label, name, unit, decimals in MEASURES:
        value = float(column(table, name)[0])
        if name == "running_h":
            value, unit, decimals = 60.0 * value, "min", 1
        found.append((label, value, unit, decimals))
    return found


def _derived(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(
        pain=worst_pain_column(table),
        hard_percent=100.0 * column(table, "intensity_share"),
        running_h=column(table, "running_s") / 3600.0,
    )


def _local(start: Any) -> datetime:
    """A UTC time stamp in the zone of this machine."""
    return start.to_pydatetime().astimezone()


def _is_unknown(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _text(value: Any) -> str:
    return "" if _is_unknown(value) else escape(sanitize(str(value)))


def _number(value: Any, decimals: int) -> str:
    return "" if _is_unknown(value) else f"{value:,.{decimals}f}"


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _mean(values: Any) -> float:
    known = values[np.isfinite(values)]
    return float(np.mean(known)) if len(known) else math.nan


def _median(values: Any) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else math.nan
