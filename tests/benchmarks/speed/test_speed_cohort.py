"""The cohort entry: different recordings, and the same folder for one worker and for two."""

from __future__ import annotations

from benchmarks.speed import cohort
from benchmarks.speed.processes import Ran
from imurun.history import fingerprint
from imurun.io import read


def test_all_recordings_differ(tmp_path):
    cohort.write_cohort(tmp_path / "in", 9, 5.0)
    paths = sorted((tmp_path / "in").iterdir())
    assert len(paths) == 9
    assert len({fingerprint(read(path)) for path in paths}) == 9


def test_two_workers_are_compared_with_one(monkeypatch):
    called = []

    def fake(*words):
        called.append(words)
        return Ran(wall_s=30.0 / words[-1], cpu_s=25.0, peak_mb=1.0, output="", errors="")

    monkeypatch.setattr(cohort, "run_imurun", fake)
    figures = cohort.measure_cohort(quick=True)
    assert [words[0] for words in called] == ["cohort"] * 2
    assert [words[-1] for words in called] == [1, 2]
    assert called[0][1] == called[1][1]
    assert called[0][3] != called[1][3]
    assert figures[0].values == (2.0,)
    assert (figures[0].target, figures[0].at_least, figures[0].is_reached) == (1.8, True, True)
