"""Wall time of commands as whole processes, with warm caches."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.speed.hour import HOUR_S, steady_hour
from benchmarks.speed.measure import Figure, in_turn
from benchmarks.speed.processes import run_imurun, run_nothing, run_program
from imurun.io import write_recording

UNIT = "s on the clock"
PARQUET_TARGET_S, CSV_TARGET_S = 2.5, 4.0
HEAVY = ("numba", "llvmlite", "vqf")
"""Modules that only the analysis needs."""
IMPORT_LINE = "import time:"
"""Start of each line of `python -X importtime` on stderr."""


def measure_process(*, quick: bool) -> list[Figure]:
    """`imurun analyze` of an hour, and commands without analysis; the reference is `python -c pass`."""
    seconds, repeats = (300.0, 2) if quick else (HOUR_S, 7)
    with TemporaryDirectory() as name:
        folder = Path(name)
        parquet, csv = folder / "hour.parquet", folder / "hour.csv"
        recording = steady_hour(seconds)
        for path in (parquet, csv):
            write_recording(recording, path)
        analyses = {
            "analyze, Parquet": (["analyze", parquet], PARQUET_TARGET_S),
            "analyze, CSV": (["analyze", csv], CSV_TARGET_S),
            "analyze, Parquet, steps written": (
                ["analyze", parquet, "--steps", folder / "steps.parquet"],
                None,
            ),
        }
        starts: dict[str, list[object]] = {
            "--version": ["--version"],
            "--help": ["--help"],
            "analyze --help": ["analyze", "--help"],
            "history, empty": ["history", "--store", folder / "history"],
            "runner": ["runner", "--file", folder / "runner.toml"],
        }
        commands = {what: words for what, (words, _) in analyses.items()} | starts
        works = [lambda words=words: run_imurun(*words) for words in commands.values()]
        nothing, *ran = in_turn([run_nothing, *works], repeats)
        figures: list[Figure] = []
        for what, some in zip(commands, ran, strict=True):
            target = analyses[what][1] if what in analyses else None
            least = tuple(one.wall_s for one in nothing)
            figures.append(Figure("process", what, UNIT, tuple(one.wall_s for one in some), least, target))
        for what, some in zip(commands, ran, strict=True):
            figures.append(
                Figure(
                    "process",
                    what,
                    "s of processor time",
                    tuple(one.cpu_s for one in some),
                    tuple(one.cpu_s for one in nothing),
                )
            )
        for what, words in starts.items():
            n_heavy = float(len(heavy_imports(*words)))
            unit = f"modules imported of {', '.join(HEAVY)}"
            figures.append(Figure("process", what, unit, (n_heavy,), (), 0.0))
    return figures


def heavy_imports(*words: object) -> list[str]:
    """Modules of the compiler and of vqf that a command imports."""
    log = run_program(sys.executable, "-X", "importtime", "-m", "imurun", *words).errors
    names = [line.rsplit("|", 1)[1].strip() for line in log.splitlines() if line.startswith(IMPORT_LINE)]
    return [name for name in names if name.split(".")[0] in HEAVY]
