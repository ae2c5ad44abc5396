"""The streams entry: every stream gets all samples in turn, and shares are of a core."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.speed import streams


def test_blocks_of_all_streams_come_in_turn():
    parts = [(np.full((2080, 3), k), np.full((2080, 3), -k)) for k in range(3)]
    seen = []
    pushes = [lambda acc, gyr, k=k: seen.append((k, acc, gyr)) for k in range(3)]
    taken = streams._in_blocks(pushes, parts)
    assert [k for k, _, _ in seen] == [0, 1, 2] * 208
    for k in range(3):
        assert np.array_equal(np.vstack([acc for j, acc, _ in seen if j == k]), parts[k][0])
        assert np.array_equal(np.vstack([gyr for j, _, gyr in seen if j == k]), parts[k][1])
    assert 0 < taken.share <= taken.busiest


def test_shares_are_relative_to_stream_time(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(streams.time, "process_time", lambda: now[0])

    def push(acc, gyr):
        now[0] += 0.1 if 1040 <= acc[0, 0] < 1040 + 208 else 0.01

    index = np.tile(np.arange(2080.0)[:, None], 3)
    taken = streams._in_blocks([push], [(index, index)])
    n_slow = 21
    assert taken.share == pytest.approx((n_slow * 0.1 + (208 - n_slow) * 0.01) / 10.0)
    assert taken.busiest == pytest.approx(0.1 * 208 / 10)


def test_every_stream_finds_its_mounting():
    figures = streams.measure_streams(quick=True)
    assert figures[0].at_least
    assert figures[0].target == 500
    assert figures[1].values[0] == pytest.approx(100.0 * 20 / figures[0].values[0])
    assert figures[2].values[0] >= figures[1].values[0]
