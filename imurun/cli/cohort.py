"""`imurun cohort`: many recordings of many runners into one data set."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from imurun.cli.interrupt import SIGNALS
from imurun.cohort.executor import Crew
from imurun.cohort.failure_table import NAME
from imurun.cohort.folder import OutputFolder
from imurun.cohort.inputs import gather
from imurun.cohort.ledger import Ledger
from imurun.cohort.memory import share_bytes
from imurun.cohort.run import CohortRun, Progress
from imurun.cohort.task import Settings
from imurun.cohort.worker_processes import Lanes
from imurun.errors import CohortError
from imurun.files.text import printable
from imurun.terminal_text import clock

LINE_EVERY_S = 60.0
"""Where stderr is no terminal, such as in a job of a cluster's queue."""
MIB = 1 << 20


def run_cohort(
    words: list[str],
    manifests: list[str],
    out: Path,
    settings: Settings,
    *,
    workers: int | None = None,
    memory_mb: int | None = None,
    scheduler: str | None = None,
) -> bool:
    """Do what is not done yet, write the tables and say what came out; returns whether all went well.

    Raises:
        CohortError: it cannot begin.
    """
    if not words and not manifests:
        raise CohortError("Name recordings, folders or a manifest.")
    inputs = gather(words, manifests, settings, out=out)
    with OutputFolder(out, settings) as folder:
        ledger = Ledger(folder.ledger)
        try:
            if ledger.n_damaged:
                _say(f"Lines of {folder.ledger} that are damaged: {ledger.n_damaged}; it is done anew.")
            run = CohortRun(folder, ledger, inputs)
            crew = _crew_maker(len(run.plan.tasks), workers, memory_mb, scheduler)
            with _stop_signals() as stop, _shown(run.progress) as show:
                end = run.run(crew, stop=stop, on_progress=show)
        finally:
            ledger.close()
    return _say_end(end, out)


def _crew_maker(
    n_tasks: int, workers: int | None, memory_mb: int | None, scheduler: str | None
) -> Callable[[], Crew]:
    if scheduler is not None:

        def cluster() -> Crew:
            from imurun.cohort.cluster import Cluster

            return Cluster(scheduler, _say)

        return cluster
    n = max(min(workers or _cores(), n_tasks), 1)

    def lanes() -> Crew:
        from imurun.cli.compile_core import WAIT, needs_compiling, warm_up

        if needs_compiling():
            _say(WAIT)
            warm_up()
        return Lanes(n, share_bytes(n) if memory_mb is None else memory_mb * MIB)

    return lanes


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def _stop_signals() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C or the end of the terminal asked to end; a second time ends at once."""
    asked = [False]
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def handle(_number: int, _frame: FrameType | None) -> None:
        asked[0] = True
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in SIGNALS:
        signal.signal(number, handle)
    try:
        yield lambda: asked[0]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _shown(progress: Progress) -> Iterator[Callable[[Progress], None]]:
    """A bar on a terminal, a line a minute elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines()
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
        task = bar.add_task("Recordings", total=progress.total)

        def show(now: Progress) -> None:
            failed = f", [yellow]{now.failed} failed[/yellow]" if now.failed else ""
            bar.update(
                task,
                description=f"{now.recorded_s / 3600:.1f} h recorded{failed}",
                completed=now.done + now.failed,
                total=now.total,
            )

        yield show


class _Lines:
    def __init__(self) -> None:
        self._begun_s = self._said_s = time.monotonic()

    def __call__(self, now: Progress) -> None:
        here_s = time.monotonic()
        if here_s - self._said_s < LINE_EVERY_S:
            return
        self._said_s = here_s
        n = now.done + now.failed
        left_s = (here_s - self._begun_s) * (now.total - n) / n
        _say(f"{n} of {now.total} recordings, {now.failed} failed; {clock(left_s)} left.")


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def _say_end(end: Progress, out: Path) -> bool:
    before = f", {end.kept} before" if end.kept else ""
    hours = f" ({end.recorded_s / 3600:.2f} h)" if end.done else ""
    print(f"Recordings: {end.done} done{hours}{before}. Data set: {printable(str(out))}")
    if end.in_table:
        table = printable(str(out / f"{NAME}.csv"))
        _say(f"imurun: {end.in_table} of the recordings could not be used; {table} says why.")
    if end.ended_early:
        left = end.total - end.done - end.failed
        why = end.why or "Interrupted."
        _say(f"imurun: {why} Done: {end.done + end.failed}, left: {left}; the same command goes on.")
    return not end.in_table and not end.ended_early
