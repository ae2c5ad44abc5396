from __future__ import annotations

import math

import numpy as np
import pytest

from imurun.model.recording import Recording
from imurun.virtual.feed import Feed
from tests.virtual.virtual_board import ACC_STEP, GYR_STEP, counts_of, numbered

SCALES = {"acc_scale_g": 30500e-9 * 16, "gyr_scale_deg_s": 35000e-9 * 2000}


def test_rows_are_the_samples_in_a_loop():
    feed = Feed(numbered(300))
    counts, missing = feed.counts(250, 400, rate_hz=208.0, **SCALES)
    np.testing.assert_array_equal(counts, counts_of(np.arange(250, 650) % 300))
    assert not missing.any()
    assert feed.n_samples(208.0) == math.inf


def test_a_feed_without_loop_has_a_length():
    assert Feed(numbered(300), loop=False).n_samples(208.0) == 300
    assert Feed(numbered(300), loop=False).n_samples(416.0) == 600


def test_a_sensor_that_is_a_little_off_is_not_resampled():
    counts, _ = Feed(numbered(300, rate_hz=206.5)).counts(0, 300, rate_hz=208.0, **SCALES)
    np.testing.assert_array_equal(counts, counts_of(np.arange(300)))


def test_another_rate_is_read_by_linear_interpolation_in_time():
    time_s = np.arange(200) / 100.0
    acc = np.stack([3.0 * time_s, np.full(200, 9.81), -time_s], axis=1)
    feed = Feed(Recording(acc, acc * 0.1, rate_hz=100.0), loop=False)
    counts, _ = feed.counts(0, 400, rate_hz=208.0, **SCALES)
    wanted = 3.0 * np.arange(400) / 208.0
    np.testing.assert_allclose(counts[:, 0] * ACC_STEP, wanted, atol=ACC_STEP / 2 + 1e-9)
    np.testing.assert_allclose(counts[:, 3] * GYR_STEP, 0.1 * wanted, atol=GYR_STEP / 2 + 1e-9)


def test_samples_are_clipped_at_the_range():
    acc = np.tile([0.0, 0.0, 9.81], (30, 1))
    acc[10, 2], acc[11, 0] = 500.0, -500.0
    counts, _ = Feed(Recording(acc, rate_hz=208.0)).counts(0, 30, rate_hz=208.0, **SCALES)
    assert counts[10, 2] == 32767
    assert counts[11, 0] == -32768
    assert not counts[:, 3:].any()  # no gyroscope


@pytest.mark.parametrize(("rate_hz", "gap"), [(208.0, (100, 160)), (416.0, (199, 320))])
def test_gaps_are_missing(rate_hz, gap):
    _, missing = Feed(numbered(300, gap=(100, 160))).counts(0, 600, rate_hz=rate_hz, **SCALES)
    expected = np.arange(600) % (300 * rate_hz / 208.0)
    np.testing.assert_array_equal(missing, (expected >= gap[0]) & (expected < gap[1]))
