"""Runs the speed benchmark: measures, prints tables, writes the figures."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath

from rich.console import Console

from benchmarks.provenance import code_version, environment
from benchmarks.speed.cohort import measure_cohort
from benchmarks.speed.first import measure_first
from benchmarks.speed.growth import measure_growth
from benchmarks.speed.history import measure_history
from benchmarks.speed.live import measure_live
from benchmarks.speed.measure import Figure
from benchmarks.speed.memory import measure_memory
from benchmarks.speed.pipeline import measure_pipeline
from benchmarks.speed.process import measure_process
from benchmarks.speed.push import measure_push
from benchmarks.speed.scale import measure_scale
from benchmarks.speed.sensors import measure_sensors
from benchmarks.speed.streams import measure_streams
from benchmarks.speed.table import print_figures
from benchmarks.speed.team import measure_team
from benchmarks.speed.wire import measure_wire
from imurun.cli.screen import progress_bar
from imurun.errors import ImurunError, SettingsError
from imurun.files.atomic import atomic_path

RESULTS = Path(__file__).parent / "results"
FIGURES = PurePath("speed.json")
SCHEMA = 1
SOURCES = ("imurun/**/*.py", "benchmarks/speed/*.py")
ENTRIES: dict[str, Callable[..., list[Figure]]] = {
    "wire": measure_wire,
    "sensors": measure_sensors,
    "live": measure_live,
    "team": measure_team,
    "memory": measure_memory,
    "history": measure_history,
    "pipeline": measure_pipeline,
    "process": measure_process,
    "first": measure_first,
    "push": measure_push,
    "growth": measure_growth,
    "streams": measure_streams,
    "cohort": measure_cohort,
    "scale": measure_scale,
}


def run_benchmark(out: Path | None = None, only: Sequence[str] | None = None, *, quick: bool = False) -> Path:
    """Run the entries, print them, and write the figures; returns their file.

    If an entry fails, the others are still measured.

    Args:
        out: folder of the results, `RESULTS` unless given.
        only: entries to run, all by default; their figures are written to a separate file.
        quick: less data and fewer repeats.

    Raises:
        SettingsError: an entry is unknown, or a folder cannot be used.
        ImurunError: entries failed; the figures of the others are written.
    """
    unknown = sorted(set(only or ()) - set(ENTRIES))
    if unknown:
        raise SettingsError(f"No entry is called {', '.join(unknown)}; choose from {', '.join(ENTRIES)}.")
    names = [name for name in ENTRIES if not only or name in only]
    folder = RESULTS if out is None else out
    path = folder / (f"{'-'.join([FIGURES.stem, *names])}{FIGURES.suffix}" if only else FIGURES)
    figures: list[Figure] = []
    failures: dict[str, str] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with progress_bar("Measuring") as progress:
            for done, name in enumerate(names):
                progress(done / len(names))
                try:
                    figures += ENTRIES[name](quick=quick)
                except Exception:  # after any error the other entries are still measured
                    failures[name] = traceback.format_exc()
        _write(figures, failures, path, quick=quick)
    except OSError as error:
        reason = error.strerror or error
        raise SettingsError(f"{folder} cannot be written ({reason}); choose another --out.") from error
    console = Console(highlight=False)
    print_figures(figures, console)
    console.print(
        "Processor time unless stated otherwise; the ratio is to the entry's reference, in the same run: "
        "benchmarks/speed/README.md."
    )
    console.print(f"Figures: {path}", soft_wrap=True, markup=False)
    if failures:
        reasons = "; ".join(f"{name} ({text.splitlines()[-1]})" for name, text in failures.items())
        raise ImurunError(f"Not measured: {reasons}.")
    return path


def _write(figures: list[Figure], failures: dict[str, str], path: Path, *, quick: bool) -> None:
    result = {
        "schema": SCHEMA,
        "quick": quick,
        "code": code_version(SOURCES),
        "environment": environment(),
        "cores": os.cpu_count(),
        "figures": [figure.record() for figure in figures],
        "failures": failures,
    }
    with atomic_path(path) as aside:
        aside.write_text(json.dumps(result, indent=1, default=float) + "\n", encoding="utf-8")
