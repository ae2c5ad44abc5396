"""Results are not lost: duplicates that change roles, one bad entry among good ones, unreadable files."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest

import imurun
from imurun.cohort import scan
from imurun.cohort.inputs import gather
from imurun.cohort.settings import make_settings
from imurun.cohort.tables import covariate_columns
from imurun.io import write_recording
from imurun.sim.presets import steady_run
from tests.cohort.cohort_helpers import Inline, run


class Changed(Inline):
    """An executor that changes results."""

    def __init__(self, change):
        super().__init__()
        self._change = change

    def wait(self, timeout_s):
        return [self._change(result) for result in super().wait(timeout_s)]


def runners(out):
    if not (out / "sessions").exists() or not any((out / "sessions").iterdir()):
        return []
    return sorted(pd.read_parquet(out / "sessions")["runner"].astype(str))


@pytest.fixture
def data(tmp_path):
    for runner, seed in (("alice", 1), ("bob", 1), ("carl", 2)):
        (tmp_path / "in" / runner).mkdir(parents=True)
        write_recording(steady_run(20.0, seed=seed).recording, tmp_path / "in" / runner / "r.parquet")
    return tmp_path / "in"


def test_a_duplicate_counts_when_the_first_is_gone(data, tmp_path):
    out = tmp_path / "out"
    run([data], out)
    assert runners(out) == ["alice", "carl"]
    shutil.rmtree(data / "alice")
    progress, _ = run([data], out)
    assert (progress.done, progress.total) == (1, 1)
    assert runners(out) == ["bob", "carl"]
    assert len(pd.read_parquet(out / "steps")["key"].unique()) == 2


def test_a_duplicate_counts_when_it_alone_is_named(data, tmp_path):
    out = tmp_path / "out"
    run([data], out)
    run([data / "bob" / "r.parquet"], out)
    assert runners(out) == ["bob", "carl"]
    run([data], out)
    assert runners(out) == ["alice", "carl"]


def test_a_bad_entry_does_not_affect_the_others(data, tmp_path):
    (data / "bob" / "gone.parquet").symlink_to(tmp_path / "nowhere.parquet")
    long = data / ("ы" * 39)
    long.mkdir()
    shutil.copy(data / "carl" / "r.parquet", long / "r.parquet")
    inputs = gather([str(data)], [], make_settings(), out=tmp_path / "out")
    assert [source.runner for source in inputs.sources] == ["alice", "bob", "carl"]
    assert sorted(os.path.basename(failure.address) for failure in inputs.failures) == [
        "gone.parquet",
        "r.parquet",
    ]


def test_linked_folders_are_searched_once(data, tmp_path):
    (data / "dora").symlink_to(data / "carl")
    (data / "alice" / "up").symlink_to(data)
    inputs = gather([str(data)], [], make_settings(), out=tmp_path / "out")
    assert len(inputs.sources) == 3


def test_an_export_is_one_recording_and_hides_no_other(data):
    export = data / "alice" / "export"
    export.mkdir()
    for name in ("Accelerometer.csv", "Gyroscope.csv", "Location.csv"):
        (export / name).write_text("x\n")
    found = [address for address, _, _ in scan.find(str(data / "**"))]
    assert str(export) in found
    assert not any("csv" in address for address in found)
    beside = data / "carl" / "run1_Accelerometer.csv"
    beside.write_text("x\n")
    found = [address for address, _, _ in scan.find(str(data))]
    assert {str(beside), str(data / "carl" / "r.parquet")} <= set(found)


def test_an_earlier_result_is_kept_if_the_recording_cannot_be_read_again(data, tmp_path):
    out = tmp_path / "out"
    run([data], out)
    os.utime(data / "carl" / "r.parquet", ns=(1, 1))
    executor = Changed(lambda result: replace(result, status="failed", content="", sentence="it died."))
    progress, _ = run([data], out, executor=executor)
    assert (progress.failed, progress.in_table) == (1, 2)
    assert runners(out) == ["alice", "carl"]
    assert "The earlier result is kept." in (out / "failures.csv").read_text()
    assert run([data], out)[0].failed == 0


def test_covariates_get_unique_column_names():
    entries = [SimpleNamespace(covariates={"warnings": "a", "covariate_warnings": "b", "partition": "c"})]
    summary = imurun.analyze(steady_run(10.0).recording).summary
    columns = [column for column, _ in covariate_columns(entries, summary).values()]
    assert len(set(columns)) == 3
    assert not {"warnings", "partition"} & set(columns)
