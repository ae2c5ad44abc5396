"""Runs the accuracy benchmark: plan, units of work, scores, terminal tables, page."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.accuracy.generate import describe, generate
from benchmarks.accuracy.methods import LEFT_OUT
from benchmarks.accuracy.plan import make_plan
from benchmarks.accuracy.report.derived import derive
from benchmarks.accuracy.report.page import write_page
from benchmarks.accuracy.report.scores import score_table
from benchmarks.accuracy.report.targets import verdicts
from benchmarks.accuracy.report.terminal import print_methods, print_verdicts
from benchmarks.accuracy.results import read_results
from imurun.cli.compile_core import COMPILING, needs_compiling
from imurun.cli.screen import progress_bar
from imurun.errors import SettingsError
from imurun.files.atomic import atomic_path

RESULTS = Path(__file__).parent / "results"
PAGE, SCORES = "accuracy.html", "scores.csv"


def run_benchmark(
    out: Path | None = None,
    methods: Sequence[str] | None = None,
    datasets: Sequence[str] | None = None,
    *,
    quick: bool = False,
    processes: int | None = None,
) -> Path:
    """Run the missing units, print targets and methods, and write the page; returns its path.

    Args:
        out: folder of the results, `RESULTS` unless given.
        methods, datasets: names; all by default.
        quick: without the degraded conditions.
        processes: number of worker processes; one for each core by default.

    Raises:
        SettingsError: a name is unknown, or a folder cannot be used.
        FormatError: no dataset can be used.
        MethodError: a worker process died.
    """
    folder = RESULTS if out is None else out
    plan = make_plan(methods, datasets, quick=quick)
    for note in plan.notes:
        print(note, file=sys.stderr)
    if needs_compiling():
        print(COMPILING, file=sys.stderr)
    try:
        with progress_bar("Scoring") as progress:
            done = generate(plan, folder, processes=processes, progress=progress)
        print(f"Scored {done} of {len(plan.units)} units; the others were unchanged.", file=sys.stderr)
        results = read_results(folder, describe(plan))
        if results.trials.empty:
            for note in results.notes:
                if note not in plan.notes:
                    print(note, file=sys.stderr)
        scores = score_table(results)
        with atomic_path(folder / SCORES) as aside:
            scores.to_csv(aside, index=False)
        write_page(results, scores, folder / PAGE)
    except OSError as error:
        reason = error.strerror or error
        raise SettingsError(f"{folder} cannot be written ({reason}); choose another --out.") from error
    console = Console(highlight=False)
    if LEFT_OUT in plan.methods:
        print_verdicts(verdicts(scores, derive(results)), console)
    else:
        console.print("The targets are measured on imurun, left out, which was not scored.")
    print_methods(results, scores, console)
    console.print(f"Page: {folder / PAGE}", soft_wrap=True, markup=False)
    return folder / PAGE
