"""A cohort run: tasks out to the workers, results into the output folder, tables at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from imurun._version import __version__
from imurun.cohort.executor import Crew
from imurun.cohort.folder import OutputFolder, write_whole
from imurun.cohort.inputs import Inputs
from imurun.cohort.ledger import Entry, Ledger
from imurun.cohort.plan import Plan, find_twins, make_plan, task_of
from imurun.cohort.source import Failure, Source
from imurun.cohort.tables import has_steps, write_tables
from imurun.cohort.task import Result, Task
from imurun.errors import CohortError

POLL_S = 0.25
"""How long a wish to stop may wait."""


@dataclass
class Progress:
    """How far a run is.

    Attributes:
        total: recordings to do in this run.
        done, failed: of these.
        kept: recordings that were done before.
        recorded_s: length of the recordings that were done.
        ended_early: whether it was stopped; `why` says by what where it was not the user.
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
        inputs: what the cohort is to hold.

    Attributes:
        plan: what is to be done.
        progress: how far it is.
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
        crew: Callable[[], Crew],
        *,
        stop: Callable[[], bool] = lambda: False,
        on_progress: Callable[[Progress], None] = lambda _: None,
    ) -> Progress:
        """Do what is to be done and write the tables, which are complete also when the run ends early.

        Args:
            crew: makes the workers; not called when nothing is to be done.
            stop: asked again and again whether to end.
            on_progress: called after each recording.

        Raises:
            CohortError: the workers cannot be used; when they were lost later, `Progress.why` says it.
            OSError: the output cannot be written.
        """
        for source in self.plan.kept:
            self._relabel(source)
        workers: Crew | None = None
        try:
            planned = {task.key for task in self.plan.tasks}
            # a twin that counts now, since the first one is gone or was not named
            tasks = [*self.plan.tasks, *(task for task in self._resolve_twins() if task.key not in planned)]
            self.progress.total = len(tasks)
            while tasks and not self.progress.ended_early:
                workers = workers or crew()
                self._work(workers, tasks, stop, on_progress)
                tasks = self._resolve_twins()
                self.progress.total += len(tasks)
        finally:
            if workers is not None:
                workers.close()
            self._resolve_twins()
            self.progress.in_table = write_tables(
                self._folder, self._ledger, self._inputs.failures, set(self._sources)
            )
        return self.progress

    def _work(
        self,
        crew: Crew,
        tasks: Sequence[Task],
        stop: Callable[[], bool],
        on_progress: Callable[[Progress], None],
    ) -> None:
        waiting = iter(tasks)
        under_way = 0
        try:
            while not stop():
                under_way += _fill(crew, waiting, crew.room - under_way)
                if not under_way:
                    return
                results = crew.wait(POLL_S)
                # workers get their next tasks before this process writes
                under_way += _fill(crew, waiting, crew.room - under_way + len(results)) - len(results)
                for result in results:
                    self._take(result)
                if results:
                    on_progress(self.progress)
        except CohortError as error:
            self.progress.why = str(error)
        self.progress.ended_early = True

    def _take(self, result: Result) -> None:
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
        elif entry is not None and _stays(entry, source, result):
            said = f"{result.sentence} What was found before stays."
            self._inputs.failures.append(
                Failure(source.address, said, source.row, source.runner, source.session)
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
        """What was done turned out to be a duplicate."""
        if key in self._counted:
            self._counted.remove(key)
            self.progress.done -= 1
            self.progress.failed += 1
            self.progress.recorded_s -= duration_s

    def _relabel(self, source: Source) -> None:
        """Take over what the manifest says differently and what needs no analysis."""
        entry = self._ledger.entries[source.key]
        labelled = _labelled(entry, source)
        if labelled != entry:
            self._ledger.append(labelled)

    def _resolve_twins(self) -> list[Task]:
        """Let one of each set of twins count; returns the tasks of those that were set aside before."""
        entries = self._ledger.entries
        twins = find_twins(entries.values(), set(self._sources))
        for key in twins.gone:
            self._ledger.append(replace(entries[key], status="gone"))
        for key, first in twins.first.items():
            if (entries[key].status, entries[key].first) != ("duplicate", first):
                self._uncount(key, entries[key].duration_s)
                self._ledger.append(replace(entries[key], status="duplicate", first=first))
        aside = [
            entry
            for entry in entries.values()
            if entry.status == "duplicate" and entry.key not in twins.first
        ]
        return [task_of(self._sources[entry.key]) for entry in aside if entry.key in self._sources]


def _fill(crew: Crew, waiting: Iterator[Task], room: int) -> int:
    """Submit up to `room` tasks; returns how many there were."""
    n = 0
    while n < room:
        task = next(waiting, None)
        if task is None:
            break
        crew.submit(task)
        n += 1
    return n


def _stays(entry: Entry, source: Source, result: Result) -> bool:
    """Whether a recording that was done could only not be looked at again."""
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
    """The entry with what the source says of its recording beside runner and session."""
    return replace(entry, group=source.group, covariates=dict(source.covariates), row=source.row, **changes)
