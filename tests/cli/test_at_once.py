"""Several processes use one history, cohort or file name at once: each recording is saved once, none lost."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta

import numba
import pyarrow.parquet as pq
import pytest

import imurun
from imurun.history import Store
from imurun.sim import Segment, simulate
from tests.kills.warm import ERR, OUT, Order, Warm

pytestmark = [
    pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too slow without the compiler"),
    pytest.mark.skipif(os.name != "posix", reason="needs fork"),
]
N = 3
"""Number of processes."""
START = datetime(2026, 5, 1, 7, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def processes():
    """Processes in which a command starts without import delay."""
    with ExitStack() as stack:
        yield [stack.enter_context(Warm()) for _ in range(N)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with a recording for each process."""
    folder = tmp_path_factory.mktemp("runs")
    for k in range(N):
        recording = simulate([Segment("running", 30.0, speed_m_s=3.0)], seed=k).recording
        imurun.io.write_recording(
            recording.with_start(START + timedelta(days=k)), folder / f"run-{k}.parquet"
        )
    return folder


class Running:
    """A running command in one of the processes."""

    def __init__(self, warm, notes, folder, words):
        notes.mkdir()
        self._notes = notes
        environment = {"IMURUN_STORE": str(folder / "store"), "XDG_CONFIG_HOME": str(folder)}
        self._run = warm.start(Order(list(map(str, words)), str(notes), str(notes), environment, str(folder)))

    def end(self):
        """Wait for it; returns its exit code and its output."""
        code = self._run.end()
        return code, (self._notes / OUT).read_text() + (self._notes / ERR).read_text()


def at_once(processes, folder, commands):
    """Run one command per process at the same time; returns exit code and output of each."""
    running = [
        Running(warm, folder / f"notes-{time.monotonic_ns()}", folder, words)
        for warm, words in zip(processes, commands, strict=True)
    ]
    return [command.end() for command in running]


def checked_sessions(folder):
    """Sessions of the store, after checks of its database and step tables."""
    with closing(sqlite3.connect(folder / "store" / "catalogue.sqlite")) as catalogue:
        assert catalogue.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with Store(folder / "store") as store:
        sessions = store.sessions()
        for session_id in sessions["session_id"]:
            assert len(store.steps(session_id)) == store.summary(session_id)["running_steps"]
    return sessions


@pytest.mark.parametrize("same", [True, False])
def test_analyze_save_at_once_saves_each_recording_once(processes, runs, tmp_path, same):
    """The first process creates the history."""
    files = [runs / f"run-{0 if same else k}.parquet" for k in range(N)]
    ends = at_once(processes, tmp_path, [["analyze", file, "--save"] for file in files])
    assert [code for code, _ in ends] == [0] * N, ends
    assert len(checked_sessions(tmp_path)) == (1 if same else N)
    already_saved = ["Already saved" in output for _, output in ends]
    assert already_saved.count(False) == (1 if same else N)


def test_import_tag_and_list_at_once_lose_no_session(processes, runs, tmp_path):
    assert at_once(
        processes, tmp_path, [["analyze", runs / "run-0.parquet", "--save"]] + [["runner"]] * (N - 1)
    )
    tag = ["history", "tag", "last", "--notes", "first"]
    ends = at_once(processes, tmp_path, [["history", "import", runs], tag, ["history"]])
    assert [code for code, _ in ends] == [0] * N, ends
    sessions = checked_sessions(tmp_path)
    assert len(sessions) == N
    assert sessions["notes"].tolist().count("first") == 1


def test_a_stalled_writer_blocks_writers_with_an_error_and_no_readers(runs, tmp_path):
    """The process is stopped inside a transaction, as on a computer that goes to sleep."""
    with Store(tmp_path / "store") as store:
        store.add(imurun.analyze(imurun.read(runs / "run-0.parquet")), runner="Kim", fingerprint="f" * 64)
    child = os.fork()
    if not child:
        other = sqlite3.connect(tmp_path / "store" / "catalogue.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        (tmp_path / "ready").touch()
        signal.pause()
    try:
        while not (tmp_path / "ready").exists():
            time.sleep(0.01)
        os.kill(child, signal.SIGSTOP)
        with Store(tmp_path / "store", wait_s=0.2) as store:
            [only] = store.sessions()["session_id"]
            with pytest.raises(imurun.errors.StoreError, match="in use by another process; try again later"):
                store.tag(only, {"notes": "x"})
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    with Store(tmp_path / "store") as store:
        store.tag(only, {"notes": "x"})
    assert checked_sessions(tmp_path)["notes"].tolist() == ["x"]


def test_one_cohort_folder_has_one_writer_at_a_time(processes, runs, tmp_path):
    """The other processes end with a sentence; a later run finds nothing to do."""
    cohort = ["cohort", runs, "--out", "results", "--workers", "1"]
    ends = at_once(processes, tmp_path, [cohort] * N)
    assert sorted(code for code, _ in ends)[0] == 0, ends
    for code, output in ends:
        assert code == 0 or "Another run writes to results" in output, output
    [(code, output)] = at_once(processes[:1], tmp_path, [cohort])
    assert code == 0, output
    n_steps = [len(pq.read_table(file)) for file in (tmp_path / "results" / "steps").rglob("*.parquet")]
    alone = [len(imurun.analyze(imurun.read(file)).steps) for file in runs.glob("*.parquet")]
    assert sorted(n_steps) == sorted(alone)


def test_one_session_name_has_one_live_run_at_a_time(processes, tmp_path):
    """The other runs are refused before they touch a file of the first."""
    live = ["live", "--simulate", "--speed", "inf", "--no-page", "--no-save", "--out", "run"]
    ends = at_once(processes, tmp_path, [live] * N)
    assert sorted(code for code, _ in ends) == [0] + [1] * (N - 1), ends
    for code, output in ends:
        assert code == 0 or "is there already" in output, output
        assert "Traceback" not in output
    recorded = imurun.read(tmp_path / "run.parquet")
    found = imurun.export.read_steps(tmp_path / "run-steps.parquet")[0]
    assert found.equals(imurun.analyze(recorded).steps)
