"""The push entry: which calls are timed."""

from __future__ import annotations

import time

import pytest

from benchmarks.speed import push
from benchmarks.speed.runs import blocks_of
from imurun.sim.presets import steady_run


def test_every_push_is_timed():
    blocks = blocks_of(steady_run(2.0, rate_hz=100.0).recording, 10)
    seen = []

    def slow(acc, gyr):
        seen.append((acc, gyr))
        time.sleep(0.002)

    latencies = push.latencies_us(slow, blocks)
    assert len(latencies) == len(seen) == len(blocks)
    assert latencies.min() >= 2000.0
    assert all(acc is block.acc and gyr is block.gyr for (acc, gyr), block in zip(seen, blocks, strict=True))


def test_the_mounting_is_known_before_timing():
    recording = steady_run(push.SETTLED_S, rate_hz=push.RATE_HZ).recording
    blocks = blocks_of(recording, 10)
    running = push._running(recording, blocks)
    assert running.__self__.mounting.source == "found"
    with pytest.raises(AssertionError):
        push._running(recording, blocks[:10])


def test_figures_have_median_and_99th_percentile(monkeypatch):
    monkeypatch.setattr(push, "MEASURED_S", {10: 300.0})
    figures = push.measure_push(quick=True)
    median, late = (figure for figure in figures if figure.unit == push.ON_THE_CLOCK)
    assert [figure.target for figure in figures if figure.unit != push.ON_THE_CLOCK] == [None, None]
    assert (median.name, median.target) == ("10 a block: median", 30.0)
    assert (late.name, late.target) == ("10 a block: 99 of 100", 200.0)
    assert all(low <= high for low, high in zip(median.values, late.values, strict=True))
