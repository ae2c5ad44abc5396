"""The growth entry: files have the intended length, and the fit of the line is correct."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks.speed import growth
from benchmarks.speed.processes import Ran
from imurun.io import read, write_recording
from imurun.sim.presets import steady_run


def test_long_files_repeat_the_simulated_run(tmp_path, monkeypatch):
    monkeypatch.setattr(growth, "GROUP", 1000)
    once = steady_run(7.0, rate_hz=growth.RATE_HZ).recording
    write_recording(once, tmp_path / "once.parquet")
    growth.write_repeated(pq.read_table(tmp_path / "once.parquet"), tmp_path / "long.parquet", 4500)
    long = read(tmp_path / "long.parquet")
    rows = np.arange(4500) % len(once)
    assert np.array_equal(long.acc, once.acc[rows])
    assert long.gyr is not None
    assert np.array_equal(long.gyr, once.gyr[rows])
    assert long.rate_hz == growth.RATE_HZ
    assert long.acc_range_g == once.acc_range_g
    kept = pq.ParquetFile(tmp_path / "long.parquet")
    assert kept.metadata.num_row_groups == 5
    assert np.allclose(np.diff(kept.read()["time_s"].to_numpy()), 1 / growth.RATE_HZ)


def test_the_excess_over_the_line_is_in_percent():
    lengths = (0.1, 1.0, 6.0, 24.0)
    straight = np.array([2.0 + 3.0 * hours for hours in lengths])
    assert growth.beyond_line_percent(lengths, straight) == pytest.approx(0.0, abs=1e-9)
    straight[-1] *= 1.25
    assert growth.beyond_line_percent(lengths, straight) == pytest.approx(25.0)


def test_the_cost_of_an_hour_does_not_include_the_start(monkeypatch):
    taken = {"1-min": 2.05, "5-min": 2.25, "10-min": 2.5, "30-min": 3.5}

    def fake(word, path):
        assert word == "analyze"
        return Ran(9.0, taken[path.stem], 300.0 + taken[path.stem], "", "")

    monkeypatch.setattr(growth, "run_imurun", fake)
    monkeypatch.setattr(growth, "SEGMENT_S", 20.0)
    figures = growth.measure_growth(quick=True)
    costs = [figure for figure in figures if figure.unit.endswith("a recorded hour")]
    assert [figure.name for figure in costs] == ["5 min", "10 min", "30 min"]
    assert all(figure.median == pytest.approx(3.0) for figure in costs)
    beyond = next(figure for figure in figures if figure.target == growth.TIME_TARGET_PERCENT)
    assert beyond.median == pytest.approx(0.0, abs=1e-6)
    memory = [figure for figure in figures if figure.unit == "MB at most"]
    assert [figure.target for figure in memory] == [None, None, None, 700.0]
    assert memory[-1].median == 303.5
