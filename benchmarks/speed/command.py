"""The whole benchmark: measure, print, keep the figures."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from benchmarks.provenance import code_version, environment
from benchmarks.speed.history import measure_history
from benchmarks.speed.live import measure_live
from benchmarks.speed.measure import Figure
from benchmarks.speed.memory import measure_memory
from benchmarks.speed.sensors import measure_sensors
from benchmarks.speed.table import print_figures
from benchmarks.speed.team import measure_team
from benchmarks.speed.wire import measure_wire
from imurun.commands.screen import patience
from imurun.errors import SettingsError
from imurun.io.atomic import atomic_path

RESULTS = Path(__file__).parent / "results"
FIGURES = "speed.json"
SCHEMA = 1
SOURCES = ("imurun/**/*.py", "benchmarks/speed/*.py")
ENTRIES: dict[str, Callable[..., list[Figure]]] = {
    "wire": measure_wire,
    "sensors": measure_sensors,
    "live": measure_live,
    "team": measure_team,
    "memory": measure_memory,
    "history": measure_history,
}


def run_benchmark(out: Path | None = None, *, quick: bool = False) -> Path:
    """Run every entry, print it, and write the figures; returns their file.

    Args:
        out: folder of the results, `RESULTS` unless given.
        quick: less data and fewer repeats, for a first look.

    Raises:
        SettingsError: a folder that cannot be used.
    """
    folder = RESULTS if out is None else out
    figures: list[Figure] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with patience("Measuring") as progress:
            for done, measure in enumerate(ENTRIES.values()):
                progress(done / len(ENTRIES))
                figures += measure(quick=quick)
        _write(figures, folder / FIGURES, quick=quick)
    except OSError as error:
        reason = error.strerror or error
        raise SettingsError(f"{folder} cannot be written ({reason}); choose another --out.") from error
    console = Console(highlight=False)
    print_figures(figures, console)
    console.print(
        "Processor time; the ratio is to the entry's reference, in the same run: benchmarks/speed/README.md."
    )
    console.print(f"Figures: {folder / FIGURES}", soft_wrap=True, markup=False)
    return folder / FIGURES


def _write(figures: list[Figure], path: Path, *, quick: bool) -> None:
    result = {
        "schema": SCHEMA,
        "quick": quick,
        "code": code_version(SOURCES),
        "environment": environment(),
        "cores": os.cpu_count(),
        "figures": [figure.record() for figure in figures],
    }
    with atomic_path(path) as aside:
        aside.write_text(json.dumps(result, indent=1, default=float) + "\n", encoding="utf-8")
