"""Worker processes that are killed or need too much memory; no recording is counted twice."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import imurun.io
from imurun.cohort.memory import machine_bytes, resident_bytes, share_bytes
from imurun.cohort.names import key_of
from imurun.cohort.worker_processes import WorkerProcesses
from imurun.model.recording import Recording
from tests.cohort.cohort_helpers import copied, failures, lines, run, sessions, steps

pytestmark = [
    pytest.mark.usefixtures("compiled"),
    pytest.mark.skipif(sys.platform == "win32", reason="kills by signals"),
]


class Killing(WorkerProcesses):
    """Kills the process that has a task, so often; it stands still until then, and cannot be done before."""

    def __init__(self, victim, times, n=2):
        super().__init__(n, None)
        self.victim, self.times = victim, times
        self._killed = set()
        for lane in self._workers:
            lane._begin = partial(self._begin, lane, lane._begin)

    def _begin(self, lane, begin, task):
        if task.key == self.victim and self.times:
            os.kill(lane.pid(), signal.SIGSTOP)
        begin(task)

    def wait(self, timeout_s):
        pid = self.pids.get(self.victim)
        if pid not in {None, *self._killed} and self.times:  # its end may be noticed later
            self.times -= 1
            self._killed.add(pid)
            os.kill(pid, signal.SIGKILL)
        return super().wait(timeout_s)


@pytest.fixture
def data(made_runs, tmp_path):
    return copied(made_runs, tmp_path / "data")


def test_any_number_of_workers_gives_the_same_tables(data, tmp_path):
    run([data], tmp_path / "none")
    for n in (1, 2):
        out = tmp_path / str(n)
        progress, _ = run([data], out, executor=WorkerProcesses(n, share_bytes(n)))
        assert (progress.done, progress.failed) == (4, 0)
        for table in (steps, sessions):
            pd.testing.assert_frame_equal(table(out), table(tmp_path / "none"), check_exact=True)


def test_the_task_of_a_killed_worker_is_tried_again(data, tmp_path):
    victim = key_of(str(data / "alice" / "run1.parquet"))
    executor = Killing(victim, times=1)
    progress, _ = run([data], tmp_path / "out", executor=executor)
    assert executor.times == 0
    assert (progress.done, progress.failed, progress.in_table) == (4, 0, 0)
    keys = [line["key"] for line in lines(tmp_path / "out")]
    assert len(keys) == len(set(keys)) == 4


def test_a_recording_that_kills_its_worker_twice_is_a_failure(data, tmp_path):
    victim = key_of(str(data / "alice" / "run1.parquet"))
    executor = Killing(victim, times=2, n=1)
    progress, _ = run([data], tmp_path / "out", executor=executor)
    assert executor.times == 0
    assert (progress.done, progress.failed) == (3, 1)
    (row,) = failures(tmp_path / "out").to_dict("records")
    assert row["session"] == "run1"
    assert "killed, twice, probably for lack of memory" in row["sentence"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no other system limits memory so")
def test_a_huge_recording_is_a_failure_and_the_rest_is_done(data, tmp_path):
    n = 3_000_000
    still = np.zeros((n, 3))
    own = data / "alice" / "long.parquet"
    imurun.io.write_recording(Recording(still, still, rate_hz=200.0), own)
    others = pq.read_table(own).replace_schema_metadata(None)  # so it must be held in memory
    pq.write_table(others, data / "alice" / "huge.parquet")
    del others
    progress, _ = run([data], tmp_path / "out", executor=WorkerProcesses(1, 512 << 20))
    assert (progress.done, progress.failed) == (5, 1)
    (row,) = failures(tmp_path / "out").to_dict("records")
    assert row["session"] == "huge"
    assert "memory" in row["sentence"]


def test_workers_share_the_memory_of_the_machine():
    total = machine_bytes()
    assert total is not None
    assert share_bytes(2) == int(0.8 * total / 2)
    assert resident_bytes() > 10 << 20
