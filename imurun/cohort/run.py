"""Runs a cohort: submits tasks to workers, stores their results, and writes the tables at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from imurun._version import __version__
from imurun.cohort.folder import OutputFolder, write_whole
from imurun.cohort.inputs import Inputs
from imurun.cohort.ledger import Entry, Ledger
from imurun.cohort.plan import Plan, find_duplicates, make_plan, task_of
from imurun.cohort.source import Failure, Source
from imurun.cohort.tables import has_steps, write_tables
from imurun.cohort.task import Executor, Result, Task
from imurun.errors import CohortError

POLL_S = 0.25
"""Interval at which `stop` is checked."""


@dataclass
class Progress:
    """Progress of a run.

    Attributes:
        total: recordings to analyse in this run.
        done, failed: of these.
        kept: recordings with a valid result from before.
        recorded_s: total duration of the recordings that are done.
        ended_early: whether the run was stopped; `why` has the reason if it was not the user.
        in_table: rows of the failures table, at the end.
    """

    total: int = 0
    done: int = 0
    failed: int = 0
    kept: int = 0
    recorded_s: float = 0.0
    ended_early: bool = False
    why: str = ""
    in_table: int = 0


class CohortRun:
    """One run on an output folder.

    Args:
        folder: output folder.
        ledger: of that folder.
        inputs: recordings of the cohort.

    Attributes:
        plan: work of this run.
        progress: of this run.
    """

    def __init__(self, folder: OutputFolder, ledger: Ledger, inputs: Inputs) -> None:
        self._folder = folder
        self._ledger = ledger
        self._inputs = inputs
        self._sources = {source.key: source for source in inputs.sources}
        self._counted: set[str] = set()
        self.plan: Plan = make_plan(
            inputs.sources, ledger.entries, has_steps(folder, ledger.entries.values())
        )
        kept = sum(ledger.entries[source.key].is_done for source in self.plan.kept)
        self.progress = Progress(len(self.plan.tasks), kept=kept)

    def run(
        self,
        make_executor: Callable[[], Executor],
        *,
        stop: Callable[[], bool] = lambda: False,
        on_progress: Callable[[Progress], None] = lambda _: None,
    ) -> Progress:
        """Run all tasks and write the tables, which are complete also if the run ends early.

        Args:
            make_executor: starts the workers; not called if there is no task.
            stop: polled; True ends the run.
            on_progress: called after each recording.

        Raises:
            CohortError: the workers cannot be started; if they are lost later, `Progress.why` has the reason.
            OSError: the output cannot be written.
        """
        for source in self.plan.kept:
            self._relabel(source)
        executor: Executor | None = None
        try:
            planned = {task.key for task in self.plan.tasks}
            # a former duplicate counts if the first recording is gone or not named
            promoted = [task for task in self._resolve_duplicates() if task.key not in planned]
            tasks = [*self.plan.tasks, *promoted]
            self.progress.total = len(tasks)
            while tasks and not self.progress.ended_early:
                executor = executor or make_executor()
                self._work(executor, tasks, stop, on_progress)
                tasks = self._resolve_duplicates()
                self.progress.total += len(tasks)
        finally:
            if executor is not None:
                executor.close()
            self._resolve_duplicates()
            self.progress.in_table = write_tables(
                self._folder, self._ledger, self._inputs.failures, set(self._sources)
            )
        return self.progress

    def _work(
        self,
        executor: Executor,
        tasks: Sequence[Task],
        stop: Callable[[], bool],
        on_progress: Callable[[Progress], None],
    ) -> None:
        waiting = iter(tasks)
        in_progress = 0
        try:
            while not stop():
                in_progress += _submit_up_to(executor, waiting, executor.room - in_progress)
                if not in_progress:
                    return
                results = executor.wait(POLL_S)
                # submit the next tasks before storing results, so that workers do not idle
                in_progress -= len(results)
                in_progress += _submit_up_to(executor, waiting, executor.room - in_progress)
                for result in results:
                    self._store(result)
                if results:
                    on_progress(self.progress)
        except CohortError as error:
            self.progress.why = str(error)
        self.progress.ended_early = True

    def _store(self, result: Result) -> None:
        """Write the steps of a result and its line in the ledger."""
        if result.version != __version__:
            raise CohortError(
                f"A worker has imurun {result.version} and this is {__version__}; install the same there."
            )
        source = self._sources[result.key]
        entry = self._ledger.entries.get(source.key)
        if result.status == "same" and entry is not None:
            self._ledger.append(_labelled(entry, source, stamp=source.stamp))
            self._count(source.key, entry.duration_s)
        elif result.status == "done":
            duration_s = float(result.summary["duration_s"])
            write_whole(self._folder.steps_file(source.runner, source.key), result.steps)
            self._ledger.append(_entry(source, result, duration_s), result.summary)
            self._count(source.key, duration_s)
        elif entry is not None and _keeps_earlier(entry, source, result):
            sentence = f"{result.sentence} The earlier result is kept."
            self._inputs.failures.append(
                Failure(source.address, sentence, source.row, source.runner, source.session)
            )
            self.progress.failed += 1
        else:
            self._ledger.append(_entry(source, result, 0.0), {})
            self.progress.failed += 1

    def _count(self, key: str, duration_s: float) -> None:
        self._counted.add(key)
        self.progress.done += 1
        self.progress.recorded_s += duration_s

    def _uncount(self, key: str, duration_s: float) -> None:
        """Count a recording of this run as failed after all: it is a duplicate."""
        if key in self._counted:
            self._counted.remove(key)
            self.progress.done -= 1
            self.progress.failed += 1
            self.progress.recorded_s -= duration_s

    def _relabel(self, source: Source) -> None:
        """Take over changed labels of the manifest that need no new analysis."""
        entry = self._ledger.entries[source.key]
        labelled = _labelled(entry, source)
        if labelled != entry:
            self._ledger.append(labelled)

    def _resolve_duplicates(self) -> list[Task]:
        """Mark duplicates in the ledger; returns the tasks of former duplicates that count after all."""
        entries = self._ledger.entries
        found = find_duplicates(entries.values(), set(self._sources))
        for key in found.gone:
            self._ledger.append(replace(entries[key], status="gone"))
        for key, first in found.first.items():
            if (entries[key].status, entries[key].first) != ("duplicate", first):
                self._uncount(key, entries[key].duration_s)
                self._ledger.append(replace(entries[key], status="duplicate", first=first))
        former = [
            entry
            for entry in entries.values()
            if entry.status == "duplicate" and entry.key not in found.first
        ]
        return [task_of(self._sources[entry.key]) for entry in former if entry.key in self._sources]


def _submit_up_to(executor: Executor, waiting: Iterator[Task], room: int) -> int:
    """Submit up to `room` tasks; returns their number."""
    n = 0
    while n < room:
        task = next(waiting, None)
        if task is None:
            break
        executor.submit(task)
        n += 1
    return n


def _keeps_earlier(entry: Entry, source: Source, result: Result) -> bool:
    """Whether a done recording could not be read again, so that its earlier result is still valid."""
    is_same = (entry.runner, entry.session, entry.settings) == (
        source.runner,
        source.session,
        source.settings.as_text(),
    )
    return entry.is_done and is_same and not result.content


def _entry(source: Source, result: Result, duration_s: float) -> Entry:
    return Entry(
        source.key,
        source.address,
        source.stamp,
        result.content,
        result.fingerprint,
        source.runner,
        source.session,
        source.group,
        source.settings.as_text(),
        "done" if result.status == "done" else "failed",
        dict(source.covariates),
        source.row,
        result.sentence,
        duration_s=duration_s,
    )


def _labelled(entry: Entry, source: Source, **changes: object) -> Entry:
    """The entry with group, covariates and row of the source."""
    return replace(entry, group=source.group, covariates=dict(source.covariates), row=source.row, **changes)
