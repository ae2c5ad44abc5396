"""Plans a cohort run: which recordings to analyse, and which are duplicates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from imurun.cohort.addresses import is_remote
from imurun.cohort.ledger import Entry
from imurun.cohort.source import Source
from imurun.cohort.task import Task


@dataclass
class Plan:
    """Work of a run.

    Attributes:
        tasks: in the order of the sources.
        kept: sources whose earlier result is still valid.
    """

    tasks: list[Task]
    kept: list[Source]


def make_plan(sources: Iterable[Source], entries: Mapping[str, Entry], has_steps: Collection[str]) -> Plan:
    """Compare the sources with the ledger.

    An earlier result is valid if settings, runner and session are the same. A file with the same size and
    time of change is taken as unchanged; otherwise a worker compares its content. Failures are tried again.

    Args:
        sources: of this run.
        entries: of the ledger, by key.
        has_steps: keys of the recordings with a step table.
    """
    plan = Plan([], [])
    for source in sources:
        entry = entries.get(source.key)
        is_same = (
            entry is not None and entry.settings == source.settings.as_text() and _names_same(entry, source)
        )
        if entry is None or not is_same or entry.status == "failed":
            plan.tasks.append(task_of(source))
        elif entry.is_done and entry.key not in has_steps:
            plan.tasks.append(task_of(source))
        elif source.stamp.is_known and source.stamp == entry.stamp:
            plan.kept.append(source)
        else:
            plan.tasks.append(task_of(source, known=entry.content if entry.is_done else ""))
    return plan


def task_of(source: Source, known: str = "") -> Task:
    """The task of a source; content with the hash `known` is not analysed again."""
    return Task(source.key, source.address, source.session, source.settings, known)


def _names_same(entry: Entry, source: Source) -> bool:
    return (entry.runner, entry.session) == (source.runner, source.session)


@dataclass
class Duplicates:
    """Recordings with the same samples.

    Attributes:
        first: key of the recording that counts, by key of each of its duplicates.
        gone: keys of duplicates whose file does not exist: it was moved.
    """

    first: dict[str, str]
    gone: list[str]


def find_duplicates(entries: Iterable[Entry], in_run: Collection[str]) -> Duplicates:
    """Find recordings with the same samples.

    The first by address of those that this run names, otherwise of all, counts; the result therefore does not
    depend on the order of analysis.

    Args:
        entries: of the ledger.
        in_run: keys of the recordings that this run names.
    """
    groups: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.status in ("done", "duplicate"):
            groups[entry.fingerprint].append(entry)
    found = Duplicates({}, [])
    for group in groups.values():
        if len(group) == 1:
            continue
        gone = [entry for entry in group if entry.key not in in_run and is_gone(entry.address)]
        here = [entry for entry in group if entry not in gone] or gone
        first = min(here, key=lambda entry: (entry.key not in in_run, entry.address))
        found.first |= {entry.key: first.key for entry in here if entry is not first}
        found.gone += [entry.key for entry in group if entry not in here]
    return found


def is_gone(address: str) -> bool:
    """Whether a local file does not exist; remote files are assumed to exist."""
    return not is_remote(address) and not Path(address).exists()
