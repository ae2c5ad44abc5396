"""What is still to be done, and which recordings are the same one."""

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
    """What a run has to do.

    Attributes:
        tasks: in the order of the sources.
        kept: sources whose recording was done before, is as it was, and is left so.
    """

    tasks: list[Task]
    kept: list[Source]


def make_plan(sources: Iterable[Source], entries: Mapping[str, Entry], has_steps: Collection[str]) -> Plan:
    """Compare the sources with what was done.

    What was done counts when it was done with the same settings, for the same runner and session. A file
    whose size and time of change are as they were is trusted; otherwise its content decides, when a worker
    has read it. What failed is tried again.

    Args:
        sources: of this run.
        entries: of the ledger, by key.
        has_steps: keys of the recordings whose step table is there.
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
    """The task of a source; `known`: content that need not be done again."""
    return Task(source.key, source.address, source.session, source.settings, known)


def _names_same(entry: Entry, source: Source) -> bool:
    return (entry.runner, entry.session) == (source.runner, source.session)


@dataclass
class Twins:
    """Recordings of the same samples.

    Attributes:
        first: key of the one that counts, by key of each other one.
        gone: keys whose file is there no more: it was moved to one of the others.
    """

    first: dict[str, str]
    gone: list[str]


def find_twins(entries: Iterable[Entry], in_run: Collection[str]) -> Twins:
    """Which recordings hold the same samples.

    The one that counts is the first by address of those that this run names, else of all: so it does not
    matter which was done first.

    Args:
        entries: of the ledger.
        in_run: keys of the recordings that this run names.
    """
    groups: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.status in ("done", "duplicate"):
            groups[entry.fingerprint].append(entry)
    twins = Twins({}, [])
    for group in groups.values():
        if len(group) == 1:
            continue
        gone = [entry for entry in group if entry.key not in in_run and is_gone(entry.address)]
        here = [entry for entry in group if entry not in gone] or gone
        first = min(here, key=lambda entry: (entry.key not in in_run, entry.address))
        twins.first |= {entry.key: first.key for entry in here if entry is not first}
        twins.gone += [entry.key for entry in group if entry not in here]
    return twins


def is_gone(address: str) -> bool:
    """Whether a file of this machine is there no more; what is elsewhere is taken to be there."""
    return not is_remote(address) and not Path(address).exists()
