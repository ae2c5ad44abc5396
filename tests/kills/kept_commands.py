"""Commands that keep what they find in a store or a folder: `analyze --save`, `history import`, `cohort`."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from imurun.io import write_recording
from imurun.sim.presets import steady_run
from tests.kills.command import Command
from tests.kills.findings import Finding, Kept, look_into_store, look_through, same_store
from tests.kills.warm import ERR, Warm

BEGAN = datetime(2026, 5, 1, 7, 30, tzinfo=UTC)
RUN_S = 15.0
N_IMPORTED, N_COHORT = 4, 3
SAID = re.compile(r"^Saved as (\S+) of ", re.MULTILINE)


def write_runs(folder: Path, n: int) -> list[Path]:
    """Short simulated runs on days of their own."""
    files = []
    for k in range(n):
        run = steady_run(RUN_S, 2.6 + 0.2 * k, seed=k + 1).recording
        file = folder / f"runner{k % 2}" / f"run{k}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_recording(replace(run, start=BEGAN + timedelta(days=k)), file)
        files.append(file)
    return files


class Saving(Command):
    """A command that keeps sessions in the store of its place."""

    def remember(self, place: Path) -> None:
        """Keep the store and the other files."""
        self.kept = Kept.of(place / "history")
        self.files = _others(place)
        assert len(self.kept.steps) == self.n

    n = 1

    def look(self, place: Path, notes: Path, killed_s: float, finding: Finding) -> None:
        """What was said to be kept is listed; a second run gives what an undisturbed one gives."""
        look_through(place, finding)
        kept = look_into_store(place / "history", finding, self.kept)
        said = set(SAID.findall((notes / ERR).read_text()))
        finding.expect(kept is not None and said <= set(kept.steps), "a session that was kept is gone")
        code, err = self.again(place, notes)
        finding.completed = code == 0
        finding.expect(code == 0, f"the second run says {err[-300:]}")
        same_store(place / "history", self.kept, finding)
        finding.expect(_others(place) == self.files, "other files than those of an undisturbed run")


class AnalyzeSave(Saving):
    """`imurun analyze FILE --save --steps OUT`."""

    name = "analyze"

    def __init__(self, folder: Path, warm: Warm) -> None:
        super().__init__(folder, warm)
        (self.file,) = write_runs(folder / "data", 1)

    def words(self, place: Path) -> list[str]:
        """With the step table beside the store."""
        return ["analyze", str(self.file), "--save", "--steps", str(place / "steps.parquet")]


class HistoryImport(Saving):
    """`imurun history import FOLDER`."""

    name = "import"
    n = N_IMPORTED

    def __init__(self, folder: Path, warm: Warm) -> None:
        super().__init__(folder, warm)
        write_runs(folder / "data", N_IMPORTED)

    def words(self, place: Path) -> list[str]:
        """All of the folder."""
        return ["history", "import", str(self.folder / "data")]


class Cohort(Command):
    """`imurun cohort FOLDER --out OUT`, with one worker."""

    name = "cohort"

    def __init__(self, folder: Path, warm: Warm) -> None:
        super().__init__(folder, warm)
        write_runs(folder / "data", N_COHORT)

    def words(self, place: Path) -> list[str]:
        """All of the folder."""
        return ["cohort", str(self.folder / "data"), "--out", str(place / "out"), "--workers", "1"]

    def remember(self, place: Path) -> None:
        """Keep the tables."""
        self.files = _others(place)
        assert sum("steps" in name for name in self.files) == N_COHORT

    def look(self, place: Path, notes: Path, killed_s: float, finding: Finding) -> None:
        """What was done before the kill is not done again, and the tables come out the same."""
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
    """Its whole lines."""
    file = place / "out" / "ledger.jsonl"
    return [json.loads(line) for line in file.read_bytes().split(b"\n")[:-1]] if file.exists() else []


def _others(place: Path) -> dict[str, bytes]:
    """Files under final names by path, without the store and the ledger, which are looked at on their own."""
    return {
        str(file.relative_to(place)): file.read_bytes()
        for file in place.rglob("*")
        if file.is_file() and not file.name.startswith(".") and file.suffix in (".parquet", ".csv", ".json")
        if file.relative_to(place).parts[0] != "history"
    }
