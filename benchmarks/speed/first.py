"""Time of the first analysis after a fresh install, before any kernel is compiled."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.speed.hour import steady_hour
from benchmarks.speed.measure import Figure, in_turn
from benchmarks.speed.processes import Ran, run_imurun
from imurun.io import write_recording

UNIT = "s on the clock"
TARGET_S = 20.0
RECORDING_S = 60.0
COMPILING = "compiling"
"""Part of the line that explains the wait."""


def measure_first(*, quick: bool) -> list[Figure]:
    """`imurun analyze` of a minute with an empty kernel cache; the reference is the same command right after.

    Both cases are measured: pip compiles all modules to bytecode, other installers leave that to the first
    import.
    """
    repeats = 1 if quick else 3
    with TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "run.parquet"
        write_recording(steady_hour(RECORDING_S), path)
        kinds = ["bytecode there"] if quick else ["bytecode there", "no bytecode yet"]
        works = [lambda kind=kind: _twice(path, bytecode=kind == kinds[0]) for kind in kinds]
        ran = in_turn(works, repeats, warm=False)
    figures: list[Figure] = []
    for kind, some in zip(kinds, ran, strict=True):
        first, again = (tuple(pair[k].wall_s for pair in some) for k in (0, 1))
        figures.append(Figure("first", f"first analyze, {kind}", UNIT, first, again, TARGET_S))
    for kind, some in zip(kinds, ran, strict=True):
        first, again = (tuple(pair[k].cpu_s for pair in some) for k in (0, 1))
        figures.append(Figure("first", f"first analyze, {kind}", "s of processor time", first, again))
    messages = [float(COMPILING in pair[0].errors.lower()) for some in ran for pair in some]
    unit = "1 if it prints why it waits"
    figures.append(Figure("first", "first analyze", unit, tuple(messages), (), 1.0, at_least=True))
    return figures


def _twice(path: Path, *, bytecode: bool) -> tuple[Ran, Ran]:
    """The first run with empty caches, and a second one with the caches of the first."""
    with TemporaryDirectory() as name:
        environment = {"NUMBA_CACHE_DIR": str(Path(name) / "kernels")}
        if not bytecode:
            environment["PYTHONPYCACHEPREFIX"] = str(Path(name) / "bytecode")
        first = run_imurun("analyze", path, environment=environment)
        return first, run_imurun("analyze", path, environment=environment)
