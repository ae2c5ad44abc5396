"""`imurun cohort`: analyses many recordings of many runners into one data set, and summarises it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from imurun.cli.options import MountingChoice, MountingOption
from imurun.errors import CohortError
from imurun.methods import METHODS

if TYPE_CHECKING:
    from imurun.cohort.run import Progress
    from imurun.cohort.task import Executor, Settings

RUN = "run"
"""Name of the command `imurun cohort IN...`, which users leave out."""
LINE_EVERY_S = 60.0
"""Interval of progress lines where stderr is no terminal, as in a job of a cluster's queue."""
MIB = 1 << 20


class DefaultGroup(TyperGroup):
    """A group whose command `run` has no name on the command line.

    `imurun cohort summary DIR` calls the command summary; any other first word is an input of run, `run` too.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert `run` unless the first word names another command."""
        is_named = bool(args) and args[0] in self.commands and args[0] != RUN
        return super().parse_args(ctx, args if is_named else [RUN, *args])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Hide `run` in the usage line."""
        name, command, rest = super().resolve_command(ctx, args)
        return "" if name == RUN else name, command, rest


app = typer.Typer(
    cls=DefaultGroup, add_help_option=False, help="Analyse many recordings of many runners into one data set."
)


@app.command(RUN, epilog="Example: imurun cohort study/ --out results")
def run(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IN...",
            help="Recordings, folders of them, quoted patterns, manifests, or fsspec addresses of these. "
            "Write a folder called summary as ./summary.",
        ),
    ] = None,
    *,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of the data set: a new one, or one to continue.")
    ],
    manifest: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE.csv",
            help="Table with a column recording, and runner, session, group, mass_kg, height_m, rate_hz, "
            "profile where they are known; further columns are covariates.",
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Worker processes; default: one per core.")
    ] = None,
    memory: Annotated[
        int | None,
        typer.Option(
            metavar="MB",
            min=512,
            help="Memory limit of a worker; default: an equal share of this machine's memory.",
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Dask scheduler whose workers to use (extra cohort)."),
    ] = None,
    mass: Annotated[
        float | None, typer.Option(metavar="KG", help="Body mass where the manifest gives none.")
    ] = None,
    height: Annotated[
        float | None, typer.Option(metavar="M", help="Body height where the manifest gives none.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(metavar="NAME|FILE.toml", help="For files that are not recognised.")
    ] = None,
    rate: Annotated[float | None, typer.Option(metavar="HZ", help="For files without a time column.")] = None,
    mounting: MountingOption = MountingChoice.AUTO,
    method: Annotated[
        str, typer.Option(metavar="NAME", help=f"imurun, or a published rule: {', '.join(METHODS)}.")
    ] = "imurun",
) -> None:
    """Analyse many recordings of many runners into one data set of Parquet files.

    The same command continues after an interruption, and analyses what was added or changed.
    """
    from imurun.cohort.settings import make_settings

    settings = make_settings(
        mounting=mounting.value, method=method, profile=profile, rate_hz=rate, mass_kg=mass, height_m=height
    )
    is_complete = run_cohort(
        inputs or [], manifest or [], out, settings, workers=workers, memory_mb=memory, scheduler=scheduler
    )
    if not is_complete:
        raise typer.Exit(1)


@app.command(epilog="Example: imurun cohort summary results")
def summary(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of a data set that `imurun cohort` wrote.")
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for the files; default: DIR/summary.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the tables as JSON.")] = False,
) -> None:
    """Summarise a cohort per runner and per group; write a table for mixed-effects models."""
    from rich.console import Console

    from imurun.cli.cohort_tables import print_json, print_summary
    from imurun.cli.screen import progress_bar
    from imurun.cohort.results import read_sessions
    from imurun.cohort.summary_files import write_summary

    results = read_sessions(folder)
    with progress_bar("Summarising") as progress:
        made = write_summary(folder, results, folder / "summary" if out is None else out, progress)
    if as_json:
        print_json(made, results.left_out)
    else:
        print_summary(made, results.left_out, Console(highlight=False))
    if made.notes:  # a file of the cohort could not be read; the rest is shown and written
        raise typer.Exit(1)


def run_cohort(
    inputs: Sequence[str],
    manifests: Sequence[str],
    out: Path,
    settings: Settings,
    *,
    workers: int | None = None,
    memory_mb: int | None = None,
    scheduler: str | None = None,
) -> bool:
    """Analyse what is not done yet, write the tables, print the outcome.

    Returns:
        Whether every recording was analysed.

    Raises:
        CohortError: it cannot start.
    """
    if not inputs and not manifests:
        raise CohortError("Name recordings, folders or a manifest.")
    from imurun.cohort.folder import OutputFolder
    from imurun.cohort.inputs import gather
    from imurun.cohort.ledger import Ledger
    from imurun.cohort.run import CohortRun

    gathered = gather(list(inputs), list(manifests), settings, out=out)
    with OutputFolder(out, settings) as folder:
        ledger = Ledger(folder.ledger)
        try:
            if ledger.n_damaged:
                _print_note(
                    f"{folder.ledger} has damaged lines: {ledger.n_damaged}; "
                    "their recordings are analysed again."
                )
            cohort_run = CohortRun(folder, ledger, gathered)
            executor = _executor(len(cohort_run.plan.tasks), workers, memory_mb, scheduler)
            with _stop_signals() as stop, _progress(cohort_run.progress) as show:
                end = cohort_run.run(executor, stop=stop, on_progress=show)
        finally:
            ledger.close()
    return _print_end(end, out)


def _executor(
    n_tasks: int, workers: int | None, memory_mb: int | None, scheduler: str | None
) -> Callable[[], Executor]:
    """A function that starts the workers: nothing starts if nothing is left to do."""
    if scheduler is not None:

        def cluster() -> Executor:
            from imurun.cohort.cluster import Cluster

            return Cluster(scheduler, _print_note)

        return cluster
    n = max(min(workers or _cores(), n_tasks), 1)

    def processes() -> Executor:
        from imurun.cli.compile_core import COMPILING, needs_compiling, warm_up
        from imurun.cohort.memory import share_bytes
        from imurun.cohort.worker_processes import WorkerProcesses

        if needs_compiling():
            # compiled here, or each worker would compile the same
            _print_note(COMPILING)
            warm_up()
        return WorkerProcesses(n, share_bytes(n) if memory_mb is None else memory_mb * MIB)

    return processes


def _cores() -> int:
    """Number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def _stop_signals() -> Iterator[Callable[[], bool]]:
    """Yields a function: whether Ctrl-C or the end of the terminal asked the run to stop."""
    from imurun.cli.interrupt import on_first_signal

    asked: list[bool] = []
    with on_first_signal(lambda: asked.append(True)):
        yield lambda: bool(asked)


@contextmanager
def _progress(start: Progress) -> Iterator[Callable[[Progress], None]]:
    """Yields a function that shows progress: a bar on a terminal, a line per minute elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _ProgressLines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("Recordings", total=start.total)

        def show(now: Progress) -> None:
            failed = f", [yellow]{now.failed} failed[/yellow]" if now.failed else ""
            bar.update(
                task,
                description=f"{now.recorded_s / 3600:.1f} h recorded{failed}",
                completed=now.done + now.failed,
                total=now.total,
            )

        yield show


class _ProgressLines:
    """Prints progress at most once per `LINE_EVERY_S`."""

    def __init__(self) -> None:
        self._started_s = self._printed_s = time.monotonic()

    def __call__(self, now: Progress) -> None:
        from imurun.terminal_text import clock

        now_s = time.monotonic()
        if now_s - self._printed_s < LINE_EVERY_S:
            return
        self._printed_s = now_s
        n = now.done + now.failed
        left_s = (now_s - self._started_s) * (now.total - n) / n
        _print_note(f"{n} of {now.total} recordings, {now.failed} failed; {clock(left_s)} left.")


def _print_note(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def _print_end(end: Progress, out: Path) -> bool:
    """Print the outcome; returns whether every recording was analysed."""
    from imurun.cohort.tables import FAILURES
    from imurun.files.text import sanitize

    before = f", {end.kept} before" if end.kept else ""
    hours = f" ({end.recorded_s / 3600:.2f} h)" if end.done else ""
    print(f"Recordings: {end.done} done{hours}{before}. Data set: {sanitize(str(out))}")
    if end.in_table:
        table = sanitize(str(out / f"{FAILURES}.csv"))
        _print_note(f"imurun: {end.in_table} of the recordings could not be used; {table} has the reasons.")
    if end.ended_early:
        left = end.total - end.done - end.failed
        why = end.why or "Interrupted."
        _print_note(f"imurun: {why} Done: {end.done + end.failed}, left: {left}; the same command continues.")
    return not end.in_table and not end.ended_early
