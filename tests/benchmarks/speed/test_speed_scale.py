"""The scale entry: units for the extrapolation to large cohorts."""

from __future__ import annotations

import sys

import pytest

from benchmarks.speed import scale
from imurun.cohort.folder import LEDGER
from imurun.cohort.ledger import Ledger

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links files as POSIX does")


def test_copies_of_a_cohort_are_finished_recordings(tmp_path, capsys):
    scale.write_cohort(tmp_path / "recordings", 2, 30.0)
    own_s, workers_s = scale._spend(tmp_path / "recordings", tmp_path / "out")
    assert own_s > 0.0
    assert workers_s > 0.0
    scale._copy_often(tmp_path / "out", tmp_path / "often", 7)
    assert capsys.readouterr().out == ""
    ran = scale._again("run", tmp_path / "often")
    assert "7 before" in ran.output
    assert "0 done" in ran.output
    ledger = Ledger(tmp_path / "often" / "out" / LEDGER)
    assert {entry.status for entry in ledger.entries.values()} == {"done"}
    ledger.close()
    assert "7 sessions" in scale._again("summary", tmp_path / "often").output


def test_costs_do_not_include_the_start():
    spent = [((1.0, 5.0), (1.4, 9.0)), ((1.0, 5.0), (1.4, 9.0))]  # own and workers' s of two and of six
    figures = {figure.name: figure.median for figure in scale._costs(spent, 2, 6, 1800.0)}
    assert figures == pytest.approx(
        {"a worker, for an hour": 2.0, "a worker, to start": 3.0, "the command, for a recording": 100.0}
    )


def test_sizes_are_per_hour_or_per_recording(tmp_path):
    out = tmp_path / "out"
    for name, size in (
        ("steps/runner=a/1.parquet", 3000),
        ("sessions/runner=a/s.parquet", 400),
        (LEDGER, 800),
    ):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(bytes(size))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.parquet").write_bytes(bytes(9000))
    found = {figure.name: figure.median for figure in scale._sizes(tmp_path / "in", out, 2, 1800.0)}
    assert list(found.values()) == [9.0, 3.0, 0.4, 0.2]
