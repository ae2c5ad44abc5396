"""Results of kills: unreadable files, lost samples, sessions missing from the history."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from imurun.errors import ImurunError
from imurun.history import Store

LAST_S = 1.0
"""Most of a recording that a kill may lose."""


@dataclass
class Finding:
    """Result of one kill.

    Attributes:
        lost_s: age, at the kill, of the oldest received sample that is not in the journal.
        unreadable: files that do not open, with the error.
        completed: whether the command, or `recover`, ran to its end afterwards.
        faults: everything else that is wrong.
        leftovers: number of temporary files.
    """

    lost_s: float = 0.0
    unreadable: list[str] = field(default_factory=list)
    completed: bool = True
    faults: list[str] = field(default_factory=list)
    leftovers: int = 0

    def expect(self, holds: bool, sentence: str) -> None:
        """Add the sentence to the faults unless `holds`."""
        if not holds:
            self.faults.append(sentence)


@dataclass
class Tally:
    """Totals over all kills of a command.

    Attributes:
        name: name of the command.
        keeps_journal: whether it records.
        life_s: duration of an undisturbed run.
        events: number of file changes in that run.
        kills: number of kills; `too_late` is the number that came after the end.
        lost_s, leftovers: largest value of any kill; see `Finding`.
        completed: number of kills after which the command, or `recover`, ran to its end.
        unreadable, faults: as in `Finding`, each with the time of its kill.
    """

    name: str
    keeps_journal: bool = False
    life_s: float = 0.0
    events: int = 0
    kills: int = 0
    too_late: int = 0
    lost_s: float = 0.0
    completed: int = 0
    leftovers: int = 0
    unreadable: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def add(self, aim: str, finding: Finding) -> None:
        """Add the result of one more kill."""
        self.kills += 1
        self.lost_s = max(self.lost_s, finding.lost_s)
        self.completed += finding.completed
        self.leftovers = max(self.leftovers, finding.leftovers)
        self.unreadable += [f"{aim}: {what}" for what in finding.unreadable]
        self.faults += [f"{aim}: {what}" for what in finding.faults]

    @property
    def is_sound(self) -> bool:
        """Whether nothing was wrong, and at most `LAST_S` lost."""
        is_whole = not self.unreadable and not self.faults and self.completed == self.kills
        return is_whole and self.lost_s <= LAST_S


def look_through(folder: Path, finding: Finding) -> None:
    """Open every file with a final name."""
    for file in sorted(folder.rglob("*")):
        if not file.is_file():
            continue
        if file.name.startswith("."):
            finding.leftovers += file.name.endswith(".part")
        elif file.suffix == ".parquet":
            try:
                pq.read_table(file, partitioning=None).validate(full=True)
            except (pa.ArrowException, OSError, ValueError) as error:
                finding.unreadable.append(f"{file.name}: {error}")
        elif file.suffix == ".sqlite":
            connection = sqlite3.connect(file)
            try:
                result = connection.execute("PRAGMA integrity_check").fetchall()
                if result != [("ok",)]:
                    finding.unreadable.append(f"{file.name}: {result}")
            except sqlite3.DatabaseError as error:
                finding.unreadable.append(f"{file.name}: {error}")
            finally:
                connection.close()


@dataclass(frozen=True)
class StoreContent:
    """Content of a store: its list of sessions, and the step table of each."""

    sessions: pd.DataFrame
    steps: dict[str, pd.DataFrame]

    @classmethod
    def of(cls, folder: Path) -> StoreContent:
        """Read it.

        Raises:
            StoreError: something in it cannot be read.
        """
        with Store(folder) as store:
            return cls(store.sessions(), {name: store.steps(name) for name in store.ids()})


def look_into_store(folder: Path, finding: Finding, whole: StoreContent | None = None) -> StoreContent | None:
    """Read every listed session; each must equal that of the undisturbed run `whole`, if given."""
    try:
        content = StoreContent.of(folder)
    except ImurunError as error:
        finding.unreadable.append(f"store: {error}")
        return None
    for name, steps in content.steps.items():
        if whole is None:
            finding.expect(len(steps) > 0, f"{name} has no steps")
        elif name not in whole.steps:
            finding.faults.append(f"{name} is no session of the run")
        else:
            finding.expect(steps.equals(whole.steps[name]), f"{name} has other steps")
    return content


def same_store(folder: Path, whole: StoreContent, finding: Finding) -> None:
    """Check that the store equals that of the undisturbed run."""
    content = look_into_store(folder, finding, whole)
    finding.expect(
        content is not None and content.sessions.equals(whole.sessions), "the store is not the same"
    )
