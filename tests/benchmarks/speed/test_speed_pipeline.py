"""The pipeline entry pushes all samples, and its stages are those of the analyzer."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.speed import pipeline
from benchmarks.speed.hour import eventful_hour, steady_hour
from imurun.sim.presets import eventful_run


def test_an_eventful_hour_repeats_its_seven_minutes_with_their_gaps():
    hour, once = eventful_hour(500.0), eventful_run(rate_hz=100.0).recording
    assert len(hour) == 50_000
    assert hour.gyr is not None
    n = len(once)
    assert np.array_equal(hour.acc[:n], once.acc, equal_nan=True)
    assert np.array_equal(hour.acc[n:], once.acc[: len(hour) - n], equal_nan=True)
    assert hour.gaps[: len(once.gaps)] == once.gaps
    assert len(hour.gaps) > len(once.gaps)


def test_blocks_are_pushed_to_the_end_or_to_the_given_sample():
    recording = steady_hour(70.0)
    assert pipeline.push_all(recording).state["index"] == 7000
    half = pipeline.push_all(recording, stop=4321)
    assert half.state["index"] == 4321
    assert half.mounting is not None
    assert half.mounting.source == "found"
    assert pipeline.push_all(recording, half.mounting).mounting is half.mounting


def test_every_stage_has_vqf_alone_as_reference(monkeypatch):
    monkeypatch.setattr(pipeline, "steady_hour", lambda seconds: steady_hour(60.0))
    monkeypatch.setattr(pipeline, "eventful_hour", lambda seconds: eventful_hour(120.0))
    figures = {figure.name: figure for figure in pipeline.measure_pipeline(quick=True)}
    for kind in ("steady", "eventful"):
        alone = figures[f"{kind}: VQF alone"].values
        stages = [figure for name, figure in figures.items() if name.startswith(kind) and figure.reference]
        assert len(stages) == 6
        assert all(stage.reference == alone for stage in stages)
    whole = figures["eventful: arrays to steps"]
    assert len(whole.values) == 3
    assert {"read Parquet", "read CSV", "write steps as Parquet", "write steps as CSV"} <= set(figures)


def test_the_main_figure_is_a_ratio_within_a_repeat(monkeypatch):
    monkeypatch.setattr(pipeline, "_taken", lambda works, repeats: dict.fromkeys(works, (4.0, 8.0)) | ALONE)
    figures = pipeline._stages("steady", steady_hour(30.0), 2)
    assert figures[0].unit == "times VQF alone"
    assert figures[0].values == pytest.approx((4.0, 2.0))
    assert figures[0].target == 2.0
    assert figures[0].is_reached is False


ALONE = {"VQF alone": (1.0, 4.0)}
