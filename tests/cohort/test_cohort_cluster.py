"""A Dask cluster as executor, and a run whose cluster goes away."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pandas as pd
import pytest

from imurun.cohort import cluster
from imurun.cohort.cluster import Cluster
from imurun.errors import CohortError, MissingExtraError
from tests.cohort.cohort_helpers import copied, run, sessions, steps

distributed = pytest.importorskip("distributed", reason="needs Dask: pip install -e '.[dev]'")
pytestmark = [
    pytest.mark.usefixtures("compiled"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def local_cluster():
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None, protocol="tcp"
    ) as made:
        yield made


@pytest.fixture
def data(made_runs, tmp_path):
    return copied(made_runs, tmp_path / "data")


def test_a_cluster_gives_the_same_tables_as_one_process(data, tmp_path, local_cluster):
    run([data], tmp_path / "here")
    progress, _ = run([data], tmp_path / "there", executor=Cluster(local_cluster.scheduler_address))
    assert (progress.done, progress.failed, progress.ended_early) == (4, 0, False)
    for table in (steps, sessions):
        pd.testing.assert_frame_equal(table(tmp_path / "there"), table(tmp_path / "here"), check_exact=True)


def test_a_run_whose_scheduler_is_lost_can_be_resumed(data, tmp_path, local_cluster):
    class Lost(Cluster):
        n_seen = 0

        room = 1

        def wait(self, timeout_s):
            if self.n_seen == 2:
                local_cluster.close()
            results = super().wait(timeout_s)
            self.n_seen += len(results)
            return results

    progress, _ = run([data], tmp_path / "out", executor=Lost(local_cluster.scheduler_address))
    assert progress.ended_early
    assert progress.why.endswith("is gone.")
    assert progress.done == 2
    assert len(sessions(tmp_path / "out")) == 2
    rest, executor = run([data], tmp_path / "out")
    assert (rest.done, rest.kept, len(executor.asked)) == (2, 2, 2)
    assert len(sessions(tmp_path / "out")) == 4


def test_a_recording_whose_workers_die_repeatedly_is_a_failure(data, local_cluster, monkeypatch):
    from imurun.cohort.names import key_of
    from imurun.cohort.task import Settings, Task

    executor = Cluster(local_cluster.scheduler_address)
    try:
        monkeypatch.setattr(cluster, "run_task", _dies)
        executor.submit(Task(key_of("x"), "x", "x", Settings()))
        results = []
        while not results:
            results = executor.wait(5.0)
    finally:
        executor.close()
    assert results[0].status == "failed"
    assert "died, probably for lack of memory" in results[0].sentence


def _dies(task):
    from distributed.scheduler import KilledWorker

    raise KilledWorker(task.key, SimpleNamespace(address="tcp://x"), 3)


def test_a_worker_of_another_version_is_refused(local_cluster, monkeypatch):
    monkeypatch.setattr(cluster, "__version__", "99")
    with pytest.raises(CohortError, match=r"has imurun .* and this is 99"):
        Cluster(local_cluster.scheduler_address)


def test_a_scheduler_that_does_not_answer_is_an_error(monkeypatch):
    monkeypatch.setattr(cluster, "WAIT_S", 0.5)
    with pytest.raises(CohortError, match="does not answer"):
        Cluster("tcp://127.0.0.1:1")
    with pytest.raises(CohortError, match="does not answer"):
        Cluster("nonsense://x")


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(
        MissingExtraError, match=r"^--scheduler needs the extra 'cohort': .* -e '\.\[cohort\]'\.$"
    ):
        Cluster("tcp://127.0.0.1:1")
