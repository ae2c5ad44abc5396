"""What is found after a kill: files that do not open, sessions that are not listed, samples that are gone."""

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
"""Of a recording, what may be lost."""


@dataclass
class Finding:
    """After one kill.

    Attributes:
        lost_s: how long before the kill the oldest sample came that is not in the journal.
        unreadable: files that do not open, and why.
        completed: whether the command, or `recover`, could be run to its end afterwards.
        faults: all else that is not as it must be.
        leftovers: files without a final name.
    """

    lost_s: float = 0.0
    unreadable: list[str] = field(default_factory=list)
    completed: bool = True
    faults: list[str] = field(default_factory=list)
    leftovers: int = 0

    def expect(self, holds: bool, sentence: str) -> None:
        """Note a fault where something does not hold."""
        if not holds:
            self.faults.append(sentence)


@dataclass
class Tally:
    """Over all kills of a command.

    Attributes:
        name: of the command.
        keeps_journal: whether it records.
        life_s: of an undisturbed run.
        events: changes of files in that.
        kills: how many there were; `too_late` came after the end.
        lost_s, leftovers: the most of any kill; see `Finding`.
        completed: after how many kills the command, or `recover`, ran to its end.
        unreadable, faults: with the aim of the kill.
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
        """Count what was found after one more kill."""
        self.kills += 1
        self.lost_s = max(self.lost_s, finding.lost_s)
        self.completed += finding.completed
        self.leftovers = max(self.leftovers, finding.leftovers)
        self.unreadable += [f"{aim}: {what}" for what in finding.unreadable]
        self.faults += [f"{aim}: {what}" for what in finding.faults]

    @property
    def is_sound(self) -> bool:
        """Whether nothing was wrong, and no more lost than may be."""
        is_whole = not self.unreadable and not self.faults and self.completed == self.kills
        return is_whole and self.lost_s <= LAST_S


def look_through(folder: Path, finding: Finding) -> None:
    """Open every file under a final name."""
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
                said = connection.execute("PRAGMA integrity_check").fetchall()
                if said != [("ok",)]:
                    finding.unreadable.append(f"{file.name}: {said}")
            except sqlite3.DatabaseError as error:
                finding.unreadable.append(f"{file.name}: {error}")
            finally:
                connection.close()


@dataclass(frozen=True)
class Kept:
    """All that a store holds: its list, and the step table of each session."""

    sessions: pd.DataFrame
    steps: dict[str, pd.DataFrame]

    @classmethod
    def of(cls, folder: Path) -> Kept:
        """Read it.

        Raises:
            StoreError: something in it cannot be read.
        """
        with Store(folder) as store:
            return cls(store.sessions(), {name: store.steps(name) for name in store.ids()})


def look_into_store(folder: Path, finding: Finding, whole: Kept | None = None) -> Kept | None:
    """Every session that is listed can be had, and is one of the undisturbed run, if that is given."""
    try:
        kept = Kept.of(folder)
    except ImurunError as error:
        finding.unreadable.append(f"store: {error}")
        return None
    for name, steps in kept.steps.items():
        if whole is None:
            finding.expect(len(steps) > 0, f"{name} has no steps")
        elif name not in whole.steps:
            finding.faults.append(f"{name} is no session of the run")
        else:
            finding.expect(steps.equals(whole.steps[name]), f"{name} has other steps")
    return kept


def same_store(folder: Path, whole: Kept, finding: Finding) -> None:
    """The store is as the undisturbed run left it."""
    kept = look_into_store(folder, finding, whole)
    finding.expect(kept is not None and kept.sessions.equals(whole.sessions), "the store is not the same")
