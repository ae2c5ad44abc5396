"""Commands that keep a run in a journal: `live`, and `recover`, which makes the session of one."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd

import imurun
from imurun.cli.live import SIMULATED_HZ
from imurun.errors import FormatError
from imurun.model.recording import Recording
from imurun.sim.presets import eventful_run
from tests.kills.command import Command
from tests.kills.findings import Finding, look_into_store, look_through
from tests.kills.probes import Told, read_told
from tests.kills.warm import PROBED, Warm

SPEED = 150
STEM, OTHER = "run", "other"
EMPTY = "holds no sample"
THERE = "is there already"


class Recorded(Command):
    """A command that keeps a journal PLACE/run.journal and makes the session of it at its end.

    Attributes:
        most_gone: how much of what had come to the process a kill may take.
    """

    most_gone = 1

    def words(self, place: Path, stem: str = STEM) -> list[str]:
        """The command with its session under a name."""
        raise NotImplementedError

    def truth(self, recording: Recording) -> Recording:
        """The recording of a journal with the samples that the source had, as many as in the journal."""
        raise NotImplementedError

    def came(self, journal: Path | None, n: int, notes: Path) -> list[tuple[Told, int]]:
        """What had come to the process, and how much of it is in the journal; then so for what was sent."""
        raise NotImplementedError

    def remember(self, place: Path) -> None:
        """It ended by itself, so a journal and a recording are there."""
        assert (place / f"{STEM}.parquet").exists()
        finding = Finding()
        self._look_at_session(place, imurun.read(place / f"{STEM}.journal"), finding)
        assert not finding.faults, finding.faults

    def look(self, place: Path, notes: Path, killed_s: float, finding: Finding) -> None:
        """The journal holds what came; `recover` makes the session of it."""
        look_through(place, finding)
        if (place / "history").exists():
            look_into_store(place / "history", finding)
        journal = place / f"{STEM}.journal"
        recording = None
        if journal.exists():
            try:
                recording = imurun.read(journal)
            except FormatError as error:
                if EMPTY not in str(error):
                    finding.unreadable.append(f"{journal.name}: {error}")
        n = 0 if recording is None else len(recording)
        came = self.came(journal if journal.exists() and not finding.unreadable else None, n, notes)
        lost_s = [max(killed_s - told.first_after(n, killed_s), 0.0) for told, n in came]
        finding.lost_s = max(lost_s, default=0.0)
        # what a busy machine had not brought to the process is no fault of the process; how long ago it came
        # is counted, and decides nothing, since a busy machine lets the process wait
        for told, n_kept in came[:1]:
            n_gone = told.n_after(n_kept)
            finding.expect(n_gone <= self.most_gone, f"{n_gone} of what came are gone")
        if recording is not None:
            self._recover(place, notes, recording, finding)
        else:  # nothing had come; where the journal is there, another name is asked for
            words = self.words(place, OTHER) if journal.exists() else None
            code, err = self.again(place, notes, words)
            finding.completed = code == 0
            finding.expect(code == 0, f"the second run says {err[-300:]}")

    def _recover(self, place: Path, notes: Path, recording: Recording, finding: Finding) -> None:
        files = [place / f"{STEM}{ending}" for ending in (".parquet", "-steps.parquet")]
        whole = all(file.exists() for file in files)
        words = ["recover", str(place / f"{STEM}.journal")]
        code, err = self.again(place, notes, words)
        finding.completed = code == (1 if whole else 0) and all(file.exists() for file in files)
        finding.expect(finding.completed, f"recover says {err[-300:]}")
        if finding.completed:
            self._look_at_session(place, recording, finding)
            before = [file.read_bytes() for file in files]
            code, err = self.again(place, notes, words)
            finding.expect(code == 1 and THERE in err, f"recover, once more, says {err[-300:]}")
            code, err = self.again(place, notes)
            finding.expect(code == 1 and THERE in err, f"the second run says {err[-300:]}")
            finding.expect(before == [file.read_bytes() for file in files], "a session was made once more")

    def _look_at_session(
        self,
        place: Path,
        recording: Recording,
        finding: Finding,
    ) -> None:
        """Samples and steps are those of the source's samples, as many as were kept."""
        truth = self.truth(recording)
        for name in (f"{STEM}.journal", f"{STEM}.parquet"):
            found = imurun.read(place / name)
            finding.expect(same_samples(found, truth), f"{name} has other samples than came")
        table = place / f"{STEM}-steps.parquet"
        if table.exists():
            found_steps, true_steps = pd.read_parquet(table), imurun.analyze(truth).steps
            finding.expect(found_steps.equals(true_steps), "other steps than of these samples")


def same_samples(a: Recording, b: Recording) -> bool:
    """Whether they are the same to the last bit, at the same rate."""
    return a.rate_hz == b.rate_hz and all(
        (x is None) == (y is None) and (x is None or y is None or x.tobytes() == y.tobytes())
        for x, y in ((a.acc, b.acc), (a.gyr, b.gyr))
    )


class Live(Recorded):
    """`imurun live --simulate --save`, to the end of the simulated run."""

    name = "live"
    probe = "blocks"

    def __init__(self, folder: Path, warm: Warm) -> None:
        super().__init__(folder, warm)
        self._source = eventful_run(rate_hz=SIMULATED_HZ).recording

    def words(self, place: Path, stem: str = STEM) -> list[str]:
        """Fast, since its seven minutes would take as long."""
        words = ["live", "--simulate", "--speed", str(SPEED), "--no-page", "--save"]
        return [*words, "--out", str(place / stem)]

    def truth(self, recording: Recording) -> Recording:
        """The beginning of the simulated run."""
        n = len(recording)
        source = self._source
        return replace(source, acc=source.acc[:n], gyr=None if source.gyr is None else source.gyr[:n])

    def came(self, journal: Path | None, n: int, notes: Path) -> list[tuple[Told, int]]:
        """Samples that the source gave out."""
        return [(read_told(notes / PROBED), n)]


class Recover(Live):
    """`imurun recover` of a live run that was killed after all of it."""

    name = "recover"
    probe = ""

    def __init__(self, folder: Path, warm: Warm) -> None:
        super().__init__(folder, warm)
        run = folder / "live"
        run.mkdir()
        code, said = self.again(run, folder / "live-notes", super().words(run))
        assert code == 0, said
        self._journal = run / f"{STEM}.journal"

    def prepare(self, place: Path) -> None:
        """Only the journal is there."""
        shutil.copyfile(self._journal, place / f"{STEM}.journal")

    def words(self, place: Path, stem: str = STEM) -> list[str]:
        """Of the journal in the place."""
        return ["recover", str(place / f"{stem}.journal")]

    def came(self, journal: Path | None, n: int, notes: Path) -> list[tuple[Told, int]]:
        """Nothing comes any more."""
        return []
