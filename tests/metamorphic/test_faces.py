"""One run gives the same steps as a file, as a live run, from its journal, and in a cohort."""

from __future__ import annotations

import asyncio
import math

import numba
import pandas as pd
import pytest

import imurun
from imurun.cohort.folder import OutputFolder
from imurun.cohort.inputs import gather
from imurun.cohort.ledger import Ledger
from imurun.cohort.run import CohortRun
from imurun.cohort.task import Settings
from imurun.cohort.worker import run_task
from imurun.engine import RunAnalyzer
from imurun.io import write_recording
from imurun.live.pipeline import replay_pipeline
from imurun.live.recorder import finish_session
from imurun.live.runner_profile import RunnerProfile
from imurun.model.columns import STEP_COLUMNS
from imurun.model.runner import Runner

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too slow without the compiler")

RUNNER = Runner(height_m=1.8)
COLUMNS = [column.name for column in STEP_COLUMNS]


@pytest.fixture
def run(runs):
    """The last of the dataset's runs: the fastest where there are speeds."""
    return runs[-1]


@pytest.fixture
def expected(run):
    return imurun.analyze(run.recording, RUNNER).steps


def frame_of(steps):
    return pd.DataFrame(steps, columns=COLUMNS)


def assert_same(steps, expected):
    assert len(expected) >= 8
    pd.testing.assert_frame_equal(steps.reset_index(drop=True), expected, check_exact=True)


def test_pushing_a_few_samples_at_a_time_gives_the_same_steps(run, expected):
    recording = run.recording
    analyzer = RunAnalyzer(
        recording.rate_hz,
        runner=RUNNER,
        has_gyro=recording.gyr is not None,
        acc_range_g=recording.acc_range_g,
    )
    steps = []
    for first in range(0, len(recording), 7):
        gyr = None if recording.gyr is None else recording.gyr[first : first + 7]
        steps += analyzer.push(recording.acc[first : first + 7], gyr)
    assert_same(frame_of(steps + analyzer.finish()), expected)


def test_a_live_run_and_its_journal_give_the_same_steps(run, expected, tmp_path):
    async def scenario():
        pipeline = replay_pipeline(run.recording, math.inf, RunnerProfile(RUNNER), tmp_path / "run")
        updates = pipeline.broadcast.subscribe(10**6)
        await pipeline.run()
        return pipeline, [step async for update in updates for step in update.steps]

    pipeline, steps = asyncio.run(scenario())
    assert_same(frame_of(steps), expected)
    kept = finish_session(pipeline.journal, RUNNER)
    assert_same(kept.session.steps, expected)
    assert_same(imurun.analyze(imurun.read(kept.recording), RUNNER).steps, expected)


class SameProcess:
    """An executor of a cohort that runs tasks in this process."""

    room = 1

    def __init__(self):
        self._tasks = []

    def submit(self, task):
        self._tasks.append(task)

    def wait(self, _timeout_s):
        return [run_task(self._tasks.pop())]

    def close(self):
        pass


def test_a_cohort_of_one_gives_the_same_steps(run, expected, tmp_path):
    file = tmp_path / "runner" / "run.parquet"
    file.parent.mkdir()
    write_recording(run.recording, file)
    settings = Settings(height_m=RUNNER.height_m)
    inputs = gather([str(file)], [], settings, out=tmp_path / "out")
    with OutputFolder(tmp_path / "out", settings) as folder:
        ledger = Ledger(folder.ledger)
        try:
            progress = CohortRun(folder, ledger, inputs).run(SameProcess)
        finally:
            ledger.close()
    assert (progress.done, progress.failed) == (1, 0)
    assert_same(pd.read_parquet(tmp_path / "out" / "steps")[COLUMNS], expected)
