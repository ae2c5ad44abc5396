"""Several processes on one history, one cohort, one name: each recording is kept once, none is lost."""

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
"""Processes."""
START = datetime(2026, 5, 1, 7, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def crew():
    """Processes in which a command begins at once."""
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


class Called:
    """A command under way in one of the processes."""

    def __init__(self, warm, notes, folder, words):
        notes.mkdir()
        self._notes = notes
        environment = {"IMURUN_STORE": str(folder / "store"), "XDG_CONFIG_HOME": str(folder)}
        self._run = warm.start(Order(list(map(str, words)), str(notes), str(notes), environment, str(folder)))

    def end(self):
        """Its exit code and what it said."""
        code = self._run.end()
        return code, (self._notes / OUT).read_text() + (self._notes / ERR).read_text()


def at_once(crew, folder, commands):
    """The same number of commands as processes; what came of each."""
    begun = [
        Called(warm, folder / f"notes-{time.monotonic_ns()}", folder, words)
        for warm, words in zip(crew, commands, strict=True)
    ]
    return [called.end() for called in begun]


def sound(folder):
    with closing(sqlite3.connect(folder / "store" / "catalogue.sqlite")) as catalogue:
        assert catalogue.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with Store(folder / "store") as store:
        sessions = store.sessions()
        for session_id in sessions["session_id"]:
            assert len(store.steps(session_id)) == store.summary(session_id)["running_steps"]
    return sessions


@pytest.mark.parametrize("same", [True, False])
def test_saved_by_all_at_once(crew, runs, tmp_path, same):
    """The history is made by whoever is first."""
    files = [runs / f"run-{0 if same else k}.parquet" for k in range(N)]
    ends = at_once(crew, tmp_path, [["analyze", file, "--save"] for file in files])
    assert [code for code, _ in ends] == [0] * N, ends
    assert len(sound(tmp_path)) == (1 if same else N)
    kept_already = ["Already saved" in said for _, said in ends]
    assert kept_already.count(False) == (1 if same else N)


def test_import_tag_and_list_at_once(crew, runs, tmp_path):
    assert at_once(crew, tmp_path, [["analyze", runs / "run-0.parquet", "--save"]] + [["runner"]] * (N - 1))
    tag = ["history", "tag", "last", "--notes", "first"]
    ends = at_once(crew, tmp_path, [["history", "import", runs], tag, ["history"]])
    assert [code for code, _ in ends] == [0] * N, ends
    sessions = sound(tmp_path)
    assert len(sessions) == N
    assert sessions["notes"].tolist().count("first") == 1


def test_a_writer_that_stands_still_is_waited_for_and_then_told(runs, tmp_path):
    """Stopped in its transaction, as a computer that fell asleep: readers go on, writers say it."""
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
    assert sound(tmp_path)["notes"].tolist() == ["x"]


def test_one_cohort_by_all_at_once(crew, runs, tmp_path):
    """One does it, the others say so; the same command afterwards finds all done."""
    cohort = ["cohort", runs, "--out", "results", "--workers", "1"]
    ends = at_once(crew, tmp_path, [cohort] * N)
    assert sorted(code for code, _ in ends)[0] == 0, ends
    for code, said in ends:
        assert code == 0 or "Another run writes to results" in said, said
    [(code, said)] = at_once(crew[:1], tmp_path, [cohort])
    assert code == 0, said
    kept = [len(pq.read_table(file)) for file in (tmp_path / "results" / "steps").rglob("*.parquet")]
    alone = [len(imurun.analyze(imurun.read(file)).steps) for file in runs.glob("*.parquet")]
    assert sorted(kept) == sorted(alone)


def test_live_runs_of_one_name_at_once(crew, tmp_path):
    """One name is one run: the others are refused before anything of the first is touched."""
    live = ["live", "--simulate", "--speed", "inf", "--no-page", "--no-save", "--out", "run"]
    ends = at_once(crew, tmp_path, [live] * N)
    assert sorted(code for code, _ in ends) == [0] + [1] * (N - 1), ends
    for code, said in ends:
        assert code == 0 or "is there already" in said, said
        assert "Traceback" not in said
    kept = imurun.read(tmp_path / "run.parquet")
    found = imurun.io.read_steps(tmp_path / "run-steps.parquet")[0]
    assert found.equals(imurun.analyze(kept).steps)
