"""Simulates hours of a live run over a bad connection, in virtual time, and prints the result.

python -m tests.soak --hours 12
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import fields
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.soak.day import Ran, Sample, run
from tests.soak.judge import Verdict, faults_of, judge


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--hours", type=float, default=12.0)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as place:
        os.environ["XDG_CACHE_HOME"] = str(
            Path(place, "cache")
        )  # a cache of its own: the locks of other runs are elsewhere
        begun = time.time(), time.process_time()
        with Progress(console=Console(stderr=True)) as progress:
            bar = progress.add_task("simulated hours", total=arguments.hours)

            def report(sample: Sample) -> None:
                text = f"simulated hours ({sample.resident_mb:.0f} MB, {sample.n_steps:,} steps)"
                progress.update(bar, completed=sample.time_s / 3600, description=text)

            ran = run(arguments.hours, Path(place), seed=arguments.seed, report=report)
            progress.update(bar, completed=arguments.hours)
        took = time.time() - begun[0], time.process_time() - begun[1]
        verdict = judge(ran)
        faults = faults_of(verdict, ran)
        _show(ran, verdict, took, arguments.hours)
    for fault in faults:
        print(fault)
    return 1 if faults else 0


def _show(ran: Ran, verdict: Verdict, took: tuple[float, float], hours: float) -> None:
    console = Console()
    sizes = Table("simulated h", "resident MB", "document kB", "tasks", "steps", title="Memory")
    for sample in ran.samples:
        if round(sample.time_s / 600) % 6 == 0 or hours < 2:
            cells = (f"{sample.resident_mb:.1f}", f"{sample.document_kb:.0f}", str(sample.n_tasks))
            sizes.add_row(f"{sample.time_s / 3600:.2f}", *cells, f"{sample.n_steps:,}")
    console.print(sizes)
    table = Table("what", "value", title="Result")
    for name, n in ran.faults.items():
        if n:
            table.add_row(f"faults: {name}", f"{n:,}")
    table.add_row("samples", f"{ran.n_samples:,}")
    for field in fields(verdict):
        value = getattr(verdict, field.name)
        table.add_row(field.name, f"{value:.4g}" if isinstance(value, float) else str(value))
    table.add_row("wall and processor s", f"{took[0]:.0f}, {took[1]:.0f}")
    table.add_row("times real time, by processor", f"{3600 * hours / took[1]:.0f}")
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
