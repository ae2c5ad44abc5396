"""A progress bar and the summary of a session, for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from imurun.model.columns import COLUMNS, printed_unit
from imurun.session import Session
from imurun.summary import median_of, running_column
from imurun.terminal_text import SPARK_WIDTH, clock, sparkline

OTHER_COLUMNS = 67
"""Width of the table without its sparklines, characters."""

MEASURES = (
    "cadence_spm",
    "contact_time_ms",
    "flight_time_ms",
    "vertical_oscillation_mm",
    "peak_impact_g",
    "loading_rate_g_s",
    "braking_g",
    "peak_vgrf_bw",
    "lumbar_compression_bw",
    "lean_deg",
    "roll_rom_deg",
    "pitch_rom_deg",
    "yaw_rom_deg",
    "ml_sway_ratio",
    "step_regularity",
)
"""Rows of the table, in order; label, unit and decimals come from `COLUMNS`."""


@contextmanager
def progress_bar(task_name: str) -> Iterator[Callable[[float], None]]:
    """A progress bar on stderr; nothing where stderr is no terminal.

    Yields a function that takes the share done, 0 to 1.
    """
    console = Console(stderr=True)
    if not console.is_terminal:  # rich before 15 ends even a disabled bar with an empty line
        yield lambda _: None
        return
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=console, transient=True
    ) as bar:
        task = bar.add_task(task_name, total=1.0)
        yield lambda share: bar.update(task, completed=share)


def print_session(session: Session) -> None:
    """Print the summary of a session; values that could not be computed are left out."""
    console = Console(highlight=False)
    summary = session.summary
    title = session.source.replace("\\", "/").rsplit("/", 1)[-1] or "recording"
    console.print()
    console.print(f"[bold]{_safe(title)}[/bold]  {_headline(summary)}")
    console.print(_time_line(session))
    if summary["method"] != "imurun":
        console.print(
            f"Steps by the published rule {_safe(summary['method'])}; "
            "values that it does not give are left out."
        )
    if summary["known_speed"] is not None:
        console.print(f"Speed known: {_safe(summary['known_speed'])}.")
    if summary["calibration"] is not None:
        console.print(f"Contact times calibrated: {_safe(summary['calibration'])}.")
    if summary["running_steps"]:
        console.print(_table(session, max(8, min(SPARK_WIDTH, console.width - OTHER_COLUMNS))))
        _print_load(console, summary)
    elif summary["running_s"]:
        console.print("No step was found in the running.")
    elif summary["walking_cadence_spm"] is not None:
        console.print(f"No running; walking at {summary['walking_cadence_spm']:.0f} steps/min.")
    else:
        console.print("No running and no walking was found.")
    for warning in session.warnings:
        console.print(f"[yellow]Note:[/yellow] {_safe(warning)}")
    console.print("[dim]Measured and compared, not diagnosed; lumbar values are an index.[/dim]")


def _headline(summary: dict[str, Any]) -> str:
    kind = "six axes" if summary["gyroscope"] else "no gyroscope"
    return f"{clock(summary['duration_s'])}, {summary['rate_hz']:.4g} Hz, {kind}"


def _time_line(session: Session) -> str:
    summary = session.summary
    walking_steps = "" if summary["walking_steps"] is None else f" ({summary['walking_steps']} steps)"
    parts = [
        f"running {clock(summary['running_s'])} ({summary['running_steps']} steps)",
        f"walking {clock(summary['walking_s'])}{walking_steps}",
        f"still {clock(summary['still_s'])}",
        f"other {clock(summary['other_s'])}",
    ]
    if summary["gap_s"]:
        parts.append(f"gaps {summary['gap_s']:.1f} s")
    phases = [
        f"{phase['kind']} {clock(phase['start_s'])}-{clock(phase['end_s'])}"
        for phase in session.phases.to_dict("records")
    ]
    return " · ".join(parts) + ("" if not phases else "\n" + " · ".join(phases))


def _table(session: Session, width: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("running")
    table.add_column("median", justify="right")
    table.add_column("unit")
    table.add_column("left", justify="right")
    table.add_column("right", justify="right")
    table.add_column("first → last", justify="right")
    table.add_column("over the run")
    for name in MEASURES:
        if session.summary[name] is None:
            continue
        label, unit, decimals = COLUMNS[name].label, printed_unit(name), COLUMNS[name].decimals
        sides = [median_of(running_column(session.steps, name, side)) for side in ("left", "right")]
        first, last = session.summary.get(f"fresh_{name}"), session.summary.get(f"tired_{name}")
        drift = "" if first is None or last is None else f"{first:.{decimals}f} → {last:.{decimals}f}"
        table.add_row(
            label,
            with_error(session.summary, name),
            unit,
            *("" if side is None else f"{side:.{decimals}f}" for side in sides),
            drift,
            sparkline(running_column(session.steps, name), width),
        )
    return table


def with_error(summary: dict[str, Any], name: str) -> str:
    """A median with the half width of its 90 % interval, where it has one: "268 ± 23"."""
    decimals = COLUMNS[name].decimals
    stem, unit = name.rsplit("_", 1)
    error = summary.get(f"{stem}_error_{unit}")
    return f"{summary[name]:.{decimals}f}" + ("" if error is None else f" ± {error:.{decimals}f}")


def _print_load(console: Console, summary: dict[str, Any]) -> None:
    parts = []
    if summary["lumbar_dose_bw4"] is not None:
        parts.append(f"Session load {summary['lumbar_dose_bw4']:,.0f} BW⁴ (lumbar compression⁴, summed)")
    if summary["peak_vgrf_n"] is not None:
        parts.append(f"peak force {summary['peak_vgrf_n']:,.0f} N")
    if summary["lumbar_compression_n"] is not None:
        parts.append(f"lumbar compression {summary['lumbar_compression_n']:,.0f} N")
    if parts:
        console.print("; ".join(parts) + ".")


def _safe(text: str) -> str:
    """Text from a file, without control characters (they could move the cursor) and with markup escaped."""
    return "".join(char for char in text if char.isprintable()).replace("[", r"\[")
