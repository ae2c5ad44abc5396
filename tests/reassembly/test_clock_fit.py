"""The fit of the device clock against simulated clocks and links whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from imurun.reassembly.clock_fit import ClockFit


def link(
    seconds, seed, *, drift_ppm=40.0, wobble_ppm=3.0, interval_s=0.03, resent=0.1, rate_hz=208, count=19
):
    """Packets of a sensor: true time of the last sample, device clock, arrival.

    A packet waits for the next connection event, and for one more with each retransmission; the host takes
    1.8 ms in the mean, and now and then stalls.
    """
    rng = np.random.default_rng(seed)
    n = int(seconds * rate_hz / count)
    true = 100.0 + (np.arange(n) + 1) * count / rate_hz
    rate = 1 + drift_ppm * 1e-6 + wobble_ppm * 1e-6 * np.sin(2 * np.pi * true / 900)
    device = 7.0 + np.cumsum(np.diff(true, prepend=100.0) * rate)
    phase = rng.uniform(0, interval_s)
    events = np.ceil((true - phase) / interval_s) + rng.geometric(1 - resent, n) - 1
    stall = (rng.random(n) < 0.002) * rng.uniform(0.1, 0.6, n)
    arrival = phase + events * interval_s + 0.0008 + rng.exponential(0.001, n) + stall
    return true, device, np.maximum.accumulate(arrival), rate


@pytest.mark.parametrize("seed", range(12))
def test_sample_times_after_a_minute_and_rate_after_ten(seed):
    true, device, arrival, rate = link(700, seed)
    clock = ClockFit()
    error, rate_error = [], []
    for k in range(len(true)):
        clock.add(device[k], arrival[k])
        error.append(clock.host_s(device[k]) - true[k])
        rate_error.append(clock.rate_ppm - (rate[k] - 1) * 1e6)
    after = true - 100.0
    assert np.abs(np.array(error)[after > 60]).max() < 0.003
    assert np.abs(np.array(rate_error)[after > 600]).max() < 5.0
    assert clock.resets == 0


@pytest.mark.parametrize("drift_ppm", [-400.0, -40.0, 0.0, 100.0, 400.0])
def test_the_clock_fits_any_crystal_error(drift_ppm):
    true, device, arrival, _ = link(120, 3, drift_ppm=drift_ppm, wobble_ppm=0.0)
    clock = ClockFit()
    for pair in zip(device, arrival, strict=True):
        clock.add(*pair)
    assert abs(clock.rate_ppm - drift_ppm) < 12
    assert abs(clock.host_s(device[-1]) - true[-1]) < 0.003


def test_least_squares_is_late_by_over_10_ms():
    """What the hull is for: a straight line through the same arrivals misses by ten times as much."""
    true, device, arrival, _ = link(120, 5)
    line = np.polyfit(device - device[0], arrival, 1)
    assert np.polyval(line, device[-1] - device[0]) - true[-1] > 0.01


def test_memory_is_bounded():
    clock = ClockFit()
    for pair in zip(*link(3600, 1)[1:3], strict=True):
        clock.add(*pair)
    assert len(clock._points) <= 302


def test_the_clock_is_unknown_before_the_first_pair():
    clock = ClockFit()
    assert not clock.known
    assert math.isnan(clock.host_s(1.0))
    assert math.isnan(clock.rate_ppm)
    assert not clock.add(math.nan, 1.0)
    assert not clock.add(1.0, math.inf)
    assert not clock.known
    clock.add(5.0, 105.0)
    assert clock.host_s(6.0) == 106.0


def test_a_reboot_restarts_the_fit():
    clock = ClockFit()
    for k in range(100):
        clock.add(1000 + 0.1 * k, 50 + 0.1 * k)
    assert clock.add(0.1, 75.0)
    assert clock.resets == 1
    assert clock.host_s(0.2) == pytest.approx(75.1)


def test_a_clock_that_is_set_restarts_the_fit():
    clock = ClockFit()
    for k in range(100):
        clock.add(0.1 * k, 50 + 0.1 * k)
    assert clock.add(1e9, 60.0)
    assert not clock.add(1e9 + 0.1, 60.1)
    assert clock.host_s(1e9) == pytest.approx(60.0)


def test_a_clock_that_stopped_is_detected():
    clock = ClockFit()
    for k in range(100):
        clock.add(0.1 * k, 50 + 0.1 * k)
    begun = [clock.add(0.1 * k, 55 + 0.1 * k) for k in range(100, 300)]
    assert sum(begun) == 1
    assert clock.host_s(30.0) == pytest.approx(85.0, abs=0.01)


def test_after_an_hour_without_packets_the_rate_is_kept():
    true, device, arrival, _ = link(120, 2)
    clock = ClockFit()
    for pair in zip(device, arrival, strict=True):
        clock.add(*pair)
    before = clock.rate_ppm
    assert not clock.add(device[-1] + 3600 * (1 + 40e-6), true[-1] + 3600.001)
    assert clock.rate_ppm == before
    assert clock.host_s(device[-1] + 3600 * (1 + 40e-6)) - (true[-1] + 3600) == pytest.approx(0.001)


def test_a_swapped_packet_changes_nothing():
    clock, plain = ClockFit(), ClockFit()
    for k in range(100):
        clock.add(0.1 * k, 50 + 0.1 * k)
        plain.add(0.1 * k, 50 + 0.1 * k)
        assert not clock.add(0.1 * k - 0.5, 50 + 0.1 * k)
    assert clock.host_s(11.0) == plain.host_s(11.0)
    assert clock.resets == 0


def test_stalls_and_lost_connections_do_not_shift_the_fit():
    """Packets held back by a busy host, or missing for half a minute, leave the line where it was."""
    true, device, arrival, _ = link(300, 9)
    keep = (true < 200) | (true > 230)
    arrival = np.where((true > 300) & (true < 305), np.maximum(arrival, 305.0), arrival)
    clock = ClockFit()
    for pair in zip(device[keep], arrival[keep], strict=True):
        clock.add(*pair)
        if pair[0] > 70:
            assert abs(clock.host_s(pair[0]) - true[np.searchsorted(device, pair[0])]) < 0.003
    assert clock.resets == 0
