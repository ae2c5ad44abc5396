"""Runs the peers benchmark: environments, data, measurements, tables, result file."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_cache_path
from rich.console import Console

from benchmarks.peers.contenders import CONTENDERS, Contender
from benchmarks.peers.environments import ready_environment
from benchmarks.peers.figures import Figure, figures_of
from benchmarks.peers.hours import SEED, write_hours
from benchmarks.peers.table import print_figures
from benchmarks.peers.turns import take_turns
from benchmarks.provenance import code_version, environment
from imurun.cli.screen import progress_bar
from imurun.errors import SettingsError
from imurun.files.atomic import atomic_path

RESULTS = Path(__file__).parent / "results"
FIGURES = "peers.json"
SCHEMA = 1
SOURCES = ("imurun/**/*.py", "benchmarks/peers/**/*.py", "benchmarks/peers/requirements/*.txt")
N_ROUNDS = 5
N_QUICK_ROUNDS = 2


def run_benchmark(
    out: Path | None = None,
    environments: Path | None = None,
    *,
    n_rounds: int | None = None,
    fresh: bool = False,
    quick: bool = False,
) -> Path:
    """Measure all packages in turn, print the tables, and write the figures; returns their file.

    Args:
        out: folder of the results, `RESULTS` unless given.
        environments: folder of the environments; in the user's cache by default.
        n_rounds: number of rounds, 5 by default (2 if quick).
        fresh: create the environments again.
        quick: ten minutes of data instead of an hour, and fewer rounds.

    Raises:
        SettingsError: a folder cannot be used, the number of rounds is invalid, or no package was measured.
    """
    if n_rounds is None:
        n_rounds = N_QUICK_ROUNDS if quick else N_ROUNDS
    if n_rounds < 1:
        raise SettingsError("The number of rounds is 1 or more.")
    results = RESULTS if out is None else out
    kept = default_environments() if environments is None else environments.absolute()
    _make(results, "--out")
    _make(kept, "--environments")
    try:
        with FileLock(kept / "in-use.lock", timeout=0):
            pythons = make_ready(CONTENDERS, kept, fresh=fresh)
            with tempfile.TemporaryDirectory() as work:
                hours = write_hours(Path(work), quick=quick)
                with progress_bar("Measuring") as progress:
                    outcomes = take_turns(CONTENDERS, hours, n_rounds, pythons, progress=progress)
    except Timeout as error:
        raise SettingsError(
            f"{kept} is in use by another run of this benchmark; wait for its end, or choose another "
            "--environments."
        ) from error
    figures = figures_of(outcomes)
    if not any(figure.rounds for figure in figures):
        raise SettingsError(f"No package could be measured. {figures[0].trouble}")
    _write(figures, results / FIGURES, n_rounds, quick=quick)
    console = Console(highlight=False)
    print_figures(figures, console)
    console.print(
        f"Medians of {n_rounds} rounds; ratios of the same round, of wall or CPU time, whichever is worse "
        "for imurun: benchmarks/peers/README.md."
    )
    console.print(f"Figures: {results / FIGURES}", soft_wrap=True, markup=False)
    return results / FIGURES


def default_environments() -> Path:
    """Default folder of the environments."""
    return user_cache_path("imurun") / "peers"


def make_ready(
    contenders: Sequence[Contender], folder: Path, *, fresh: bool = False
) -> dict[str, Path | str]:
    """The interpreter of each environment, or a sentence with the reason why there is none."""
    pythons: dict[str, Path | str] = {}
    names = list(dict.fromkeys(contender.environment for contender in contenders))
    with progress_bar("Making environments") as progress:
        for done, name in enumerate(names):
            progress(done / len(names))
            try:
                pythons[name] = ready_environment(name, folder, fresh=fresh)
            except (SettingsError, OSError) as error:
                reason = str(error).rstrip(".")
                pythons[name] = f"The environment of {name} could not be created: {reason}."
    return pythons


def _make(folder: Path, option: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or error
        raise SettingsError(f"{folder} cannot be written ({reason}); choose another {option}.") from error


def _write(figures: Sequence[Figure], path: Path, n_rounds: int, *, quick: bool) -> None:
    result = {
        "schema": SCHEMA,
        "quick": quick,
        "n_rounds": n_rounds,
        "seed": SEED,
        "code": code_version(SOURCES),
        "environment": environment(),
        "cores": os.cpu_count(),
        "figures": [figure.record() for figure in figures],
    }
    with atomic_path(path) as aside:
        aside.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
