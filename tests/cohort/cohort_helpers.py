"""Recordings, an executor in this process, and readers of a cohort's output folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd

from imurun.cohort.folder import OutputFolder
from imurun.cohort.inputs import gather
from imurun.cohort.ledger import Ledger
from imurun.cohort.run import CohortRun
from imurun.cohort.task import Settings
from imurun.cohort.worker import run_task
from imurun.io import write_recording
from imurun.sim.presets import steady_run


def write_run(path: Path, seed: int = 1, duration_s: float = 20.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_recording(steady_run(duration_s, 2.5 + 0.2 * (seed % 5), seed=seed).recording, path)
    return path


def copied(made: Path, to: Path) -> Path:
    return Path(shutil.copytree(made, to))


class Inline:
    """An executor in this process that runs the last task first."""

    def __init__(self, room: int = 3) -> None:
        self.room = room
        self.asked: list[str] = []
        self._tasks = []

    def submit(self, task):
        self._tasks.append(task)
        self.asked.append(task.address)

    def wait(self, timeout_s):
        return [run_task(self._tasks.pop())] if self._tasks else []

    def close(self):
        self._tasks.clear()


def run(words, out: Path, settings=None, manifests=(), executor=None, stop=lambda: False):
    """Run a cohort; returns its progress and the executor."""
    settings = settings or Settings()
    executor = executor or Inline()
    inputs = gather([str(word) for word in words], [str(name) for name in manifests], settings, out=out)
    with OutputFolder(out, settings) as folder:
        ledger = Ledger(folder.ledger)
        try:
            progress = CohortRun(folder, ledger, inputs).run(lambda: executor, stop=stop)
        finally:
            ledger.close()
    return progress, executor


def sessions(out: Path) -> pd.DataFrame:
    return pd.read_parquet(out / "sessions").sort_values("recording", ignore_index=True)


def steps(out: Path) -> pd.DataFrame:
    order = ["runner", "session", "initial_contact_s"]
    return pd.read_parquet(out / "steps").astype({"runner": "str"}).sort_values(order, ignore_index=True)


def failures(out: Path) -> pd.DataFrame:
    return pd.read_parquet(out / "failures.parquet")


def lines(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "ledger.jsonl").read_bytes().splitlines()]
