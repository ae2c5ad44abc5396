"""Kill tests of the commands with a history or data set: `analyze --save`, `history import`, `cohort`."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from imurun.io import write_recording
from imurun.sim.presets import steady_run
from tests.kills.command import Command
from tests.kills.findings import Finding, StoreContent, look_into_store, look_through, same_store
from tests.kills.warm import ERR, Warm

BEGAN = datetime(2026, 5, 1, 7, 30, tzinfo=UTC)
RUN_S = 15.0
N_IMPORTED, N_COHORT = 4, 3
SAVED = re.compile(r"^Saved as (\S+) of ", re.MULTILINE)


def write_runs(folder: Path, n: int) -> list[Path]:
    """Write short simulated runs, each on another day."""
    files = []
    for k in range(n):
        run = steady_run(RUN_S, 2.6 + 0.2 * k, seed=k + 1).recording
        file = folder / f"runner{k % 2}" / f"run{k}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_recording(replace(run, start=BEGAN + timedelta(days=k)), file)
        files.append(file)
    return files


class Saving(Command):
    """A command that saves sessions in the store in its folder."""

    def remember(self, place: Path) -> None:
        """Remember the store and the other files."""
        self.content = StoreContent.of(place / "history")
        self.files = _others(place)
        assert len(self.content.steps) == self.n

    n = 1

    def look(self, place: Path, notes: Path, killed_s: float, finding: Finding) -> None:
        """Sessions reported as saved are listed; a second run ends as an undisturbed one."""
        look_through(place, finding)
        content = look_into_store(place / "history", finding, self.content)
        reported = set(SAVED.findall((notes / ERR).read_text()))
        finding.expect(content is not None and reported <= set(content.steps), "a saved session is gone")
        code, err = self.again(place, notes)
        finding.completed = code == 0
        finding.expect(code == 0, f"the second run says {err[-300:]}")
        same_store(place / "history", self.content, finding)
        finding.expect(_others(place) == self.files, "other files than those of an undisturbed run")


class AnalyzeSave(Saving):
    """`imurun analyze FILE --save --steps OUT`."""

    name = "analyze"

    def __init__(self, folder: Path, warm: Warm) -> None:
        super().__init__(folder, warm)
        (self.file,) = write_runs(folder / "data", 1)

    def words(self, place: Path) -> list[str]:
        """Arguments; the step table goes beside the store."""
        return ["analyze", str(self.file), "--save", "--steps", str(place / "steps.parquet")]


class HistoryImport(Saving):
    """`imurun history import FOLDER`."""

    name = "import"
    n = N_IMPORTED

    def __init__(self, folder: Path, warm: Warm) -> None:
        super().__init__(folder, warm)
        write_runs(folder / "data", N_IMPORTED)

    def words(self, place: Path) -> list[str]:
        """Arguments for the whole folder."""
        return ["history", "import", str(self.folder / "data")]


class Cohort(Command):
    """`imurun cohort FOLDER --out OUT`, with one worker."""

    name = "cohort"

    def __init__(self, folder: Path, warm: Warm) -> None:
        super().__init__(folder, warm)
        write_runs(folder / "data", N_COHORT)

    def words(self, place: Path) -> list[str]:
        """Arguments for the whole folder."""
        return ["cohort", str(self.folder / "data"), "--out", str(place / "out"), "--workers", "1"]

    def remember(self, place: Path) -> None:
        """Remember the tables."""
        self.files = _others(place)
        assert sum("steps" in name for name in self.files) == N_COHORT

    def look(self, place: Path, notes: Path, killed_s: float, finding: Finding) -> None:
        """Recordings done before the kill are not analysed again, and the tables are the same."""
        look_through(place, finding)
        before = _ledger(place)
        code, err = self.again(place, notes)
        finding.completed = code == 0
        finding.expect(code == 0, f"the second run says {err[-300:]}")
        keys = [line["key"] for line in _ledger(place)]
        finding.expect(
            keys[: len(before)] == [line["key"] for line in before], "lines of the ledger are gone"
        )
        finding.expect(len(keys) == len(set(keys)) == N_COHORT, f"done more than once, or not at all: {keys}")
        finding.expect(_others(place) == self.files, "other tables than those of an undisturbed run")


def _ledger(place: Path) -> list[dict]:
    """Entries of the complete lines of the ledger."""
    file = place / "out" / "ledger.jsonl"
    return [json.loads(line) for line in file.read_bytes().split(b"\n")[:-1]] if file.exists() else []


def _others(place: Path) -> dict[str, bytes]:
    """Content of files with final names by path, without store and ledger, which are checked apart."""
    return {
        str(file.relative_to(place)): file.read_bytes()
        for file in place.rglob("*")
        if file.is_file() and not file.name.startswith(".") and file.suffix in (".parquet", ".csv", ".json")
        if file.relative_to(place).parts[0] != "history"
    }
