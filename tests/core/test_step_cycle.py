"""The tracker against cycles found on the whole signal at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.integrate import trapezoid

from imurun.core.step_cycle import (
    BELOW,
    COMPLETE,
    FLAT_G,
    LONGEST_S,
    MARGIN_G,
    NOTHING,
    RISE_SHARE,
    RISEN,
    STEP_CYCLE,
    TRACKER,
    abandon,
    complete_cycle,
    falling,
    first_below,
    follow,
    restart_tracker,
    rising,
    track,
    vertex,
    vertex_index,
    vertex_shift,
    vertex_value,
)
from tests.core.core_helpers import examples, record, smooth_noise

RATE = 1000.0  # so that no cycle of these signals is too long
MEASURED = ("begin", "up_crossing", "peak", "down_crossing", "end", "peak_g", "minimum_g", "period_s")


def tracked(slow, base=0, rate_hz=RATE):
    """Completed cycles and the samples at which they were known."""
    tracker, cycle = record(TRACKER), record(STEP_CYCLE)
    restart_tracker(tracker)
    found = []
    for k in range(base, base + len(slow)):
        if track(slow, base, k, rate_hz, tracker, cycle):
            found.append((k, *(float(cycle[name]) for name in MEASURED)))
    return np.array(found).reshape(-1, 1 + len(MEASURED))


def plain_vertex(slow, k):
    """Top of the parabola through three samples, as position and value."""
    if k == 0 or k == len(slow) - 1:
        return k, slow[k]
    a, b, c = np.polyfit([-1.0, 0.0, 1.0], slow[k - 1 : k + 2], 2)
    shift = -0.5 * b / a if a else 0.0
    return k + np.clip(shift, -1.0, 1.0), np.polyval([a, b, c], shift)


def first_where(mask, start, otherwise=None):
    hits = np.flatnonzero(mask[start:])
    return start + hits[0] if len(hits) else otherwise


def crossing(slow, k, level):
    """Between k - 1 and k."""
    return k - 1 + (level - slow[k - 1]) / (slow[k] - slow[k - 1])


def lowest_of(slow, first, stop):
    """Index of the minimum; of samples as flat as `FLAT_G`, the last."""
    low = first
    for k in range(first, stop):
        low = k if slow[k] < slow[low] + FLAT_G else low
    return low


def plain_cycles(slow, rate_hz=RATE):
    """Excursions above 1 g, each between the lowest samples of the excursions below it."""
    above, below = slow > 1.0 + MARGIN_G, slow < 1.0 - MARGIN_G
    cycles, last_up = [], np.nan
    # where the signal fell below 1 g, and the minimum and the peak before that
    fall, begin, high = 0, None, None
    while True:
        lowest = np.minimum.accumulate(slow[fall:])
        height = slow[high] if high is not None else -np.inf
        rise = np.maximum(RISE_SHARE * (height - lowest), MARGIN_G)
        known = first_where((slow[fall:] > lowest + rise) | above[fall:], 0)
        if known is None:
            break
        known += fall
        low = lowest_of(slow, fall, known + 1)
        if high is not None:
            cycles.append((known, *measure(slow, begin, high, low, last_up, rate_hz)))
            last_up = cycles[-1][2]
        climbs = slow[fall:] >= np.concatenate([[np.inf], lowest[:-1]])
        up = first_where(above & np.concatenate([np.zeros(fall, dtype=bool), climbs]), known + 1)
        if up is None:
            break
        begin = lowest_of(slow, fall, up)
        fall = first_where(below, up)
        if fall is None:
            break
        high = up + int(np.argmax(slow[up:fall]))
    return np.array(cycles).reshape(-1, 1 + len(MEASURED))


def measure(slow, begin, high, low, last_up, rate_hz):
    start = plain_vertex(slow, begin)[0]
    end, _ = plain_vertex(slow, low)
    peak, height = plain_vertex(slow, high)
    floor = min(slow[begin], slow[low])
    places = [start, *range(int(np.ceil(start)), int(np.floor(end)) + 1), end]
    mean = trapezoid(np.interp(places, np.arange(len(slow)), slow), places) / (end - start)
    if max(slow[begin], slow[low]) >= mean:  # no crossings within the cycle
        return start, np.nan, peak, np.nan, end, height, floor, np.nan
    # the vertex of a minimum may lie behind the crossing
    up = max(crossing(slow, 1 + np.flatnonzero(slow[:high] < mean)[-1], mean), start)
    leaves = first_where(slow < mean, high)
    down = min(crossing(slow, leaves, mean), end)
    return start, up, peak, down, end, height, floor, (up - last_up) / rate_hz


@examples(80)
@example(seed=999999, size=0.1, sigma=12.31640625, base=0)  # two samples of a minimum within FLAT_G
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.sampled_from([0.02, 0.1, 0.5, 1.5, 1e3]),
    sigma=st.floats(4.0, 15.0),
    base=st.sampled_from([0, 7, 10**9]),
)
def test_tracked_cycles_match_those_of_the_whole_signal(seed, size, sigma, base):
    slow = 1.0 + smooth_noise(np.random.default_rng(seed), 600, sigma, size)
    expected = plain_cycles(slow)
    expected[:, :6] += base
    found = tracked(slow, base)
    assert found.shape == expected.shape
    known = ~np.isnan(expected)
    assert np.allclose(found[known], expected[known], rtol=1e-7, atol=1e-6 if base < 10 else 1e-5)


@examples(60)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.sampled_from([0.02, 0.1, 0.5, 1.5]),
    sigma=st.floats(4.0, 15.0),
    base=st.sampled_from([0, 10**9]),
)
def test_each_cycle_is_completed_after_one_rise(seed, size, sigma, base):
    """One value after the other, no array: complete where the reference is, and one rise before each."""
    slow = 1.0 + smooth_noise(np.random.default_rng(seed), 600, sigma, size)
    tracker = record(TRACKER)
    restart_tracker(tracker)
    events, rises = [], []
    for k, value in enumerate(slow):
        events.append(follow(value, base + k, RATE, tracker))
        if events[-1] == RISEN:
            rises.append((int(tracker["low"]) - base, int(tracker["up_crossing"]) - base))
            assert tracker["begin_g"] == slow[rises[-1][0]]
    events = np.array(events)
    assert np.flatnonzero(events == COMPLETE).tolist() == plain_cycles(slow)[:, 0].tolist()
    output = events[events != NOTHING]
    assert (output[::2] == RISEN).all()
    assert (output[1::2] == COMPLETE).all()
    assert [up for _, up in rises] == np.flatnonzero(events == RISEN).tolist()
    assert all(slow[up] > 1.0 + MARGIN_G and slow[up] > slow[low] for low, up in rises)


def test_the_reference_finds_many_cycles():
    slow = 1.0 + smooth_noise(np.random.default_rng(1), 4000, 8.0, 0.5)
    found = plain_cycles(slow)
    assert len(found) > 30
    assert np.isfinite(found).all(axis=1).mean() > 0.5


@pytest.mark.parametrize("amplitude", [0.1, 0.4, 0.9])
def test_cycles_of_a_sine_have_its_extrema_and_period(amplitude):
    """Period 40 samples, minima at 10, 50, 90, ..."""
    slow = 1.0 - amplitude * np.sin(2 * np.pi * np.arange(400) / 40)
    found = tracked(slow)
    cycles = {name: found[1:-1, i + 1] for i, name in enumerate(MEASURED)}
    minima = 40.0 * np.arange(1, len(found) - 1)
    assert len(minima) >= 6
    assert np.allclose(cycles["begin"], minima + 10, atol=1e-6)
    assert np.allclose(cycles["peak"], minima + 30, atol=1e-6)
    assert np.allclose(cycles["end"], minima + 50, atol=1e-6)
    assert np.allclose(cycles["peak_g"], 1.0 + amplitude, atol=1e-4)
    assert np.allclose(cycles["minimum_g"], 1.0 - amplitude)
    assert np.allclose(cycles["up_crossing"], minima + 20, atol=0.2)
    assert np.allclose(cycles["period_s"], 40.0 / RATE, atol=3e-4)


def test_cycles_are_known_soon_and_in_order():
    slow = 1.0 + smooth_noise(np.random.default_rng(2), 4000, 8.0, 0.6)
    found = tracked(slow)
    known, begin, peak, end = found[:, [0, 1, 3, 5]].T
    for before, after in ((begin, peak), (peak, end), (end, known)):
        assert (before < after).all()
    assert (end[:-1] <= begin[1:] + 1e-9).all()


@pytest.mark.parametrize("seed", [63, 257])
def test_crossings_lie_within_the_cycle(seed):
    slow = 1.0 + smooth_noise(np.random.default_rng(seed), 2000, 8.0, 0.5)
    begin, up, peak, down, end = tracked(slow)[:, 1:6].T
    for before, after in ((begin, up), (up, peak), (peak, down), (down, end)):
        assert (before <= after).all()


@pytest.mark.parametrize("rest", [0.5, 0.99, 1.0, 1.02, 1.5])
def test_no_cycle_lasts_longer_than_a_step(rest):
    """Steps, a long rest at any level, steps: no cycle reaches into the rest further than it may."""
    rate = 100.0
    walk = 1.0 - 0.3 * np.sin(2 * np.pi * np.arange(400) / 55)
    slow = np.concatenate([walk, np.full(3000, rest), walk])
    found = tracked(slow, rate_hz=rate)
    begin, up, peak, down, end = found[:, 1:6].T
    for before, after in ((begin, up), (up, peak), (peak, down), (down, end)):
        assert (after - before <= LONGEST_S * rate + 1).all()
    assert (found[:, 0] < 400).sum() >= 5
    assert (begin > 3400 - LONGEST_S * rate - 1).sum() >= 5


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0, 1.029, 1.031, 2.0, -1.0, 1e300, 5e-324])
def test_constants_have_no_cycle(value):
    assert len(tracked(np.full(300, value))) == 0


@pytest.mark.parametrize("n", [0, 1, 2])
def test_two_samples_or_fewer_have_no_cycle(n):
    assert len(tracked(np.full(n, 1.5))) == 0


def test_one_rise_is_no_cycle_before_it_has_fallen_and_risen_again():
    rise = np.concatenate([np.linspace(0.5, 1.5, 30), np.linspace(1.5, 0.5, 30)])
    assert len(tracked(rise)) == 0
    assert len(tracked(np.concatenate([rise, np.linspace(0.5, 0.9, 10)]))) == 1


@pytest.mark.parametrize("values", [[3.0, 1.0, 2.0], [0.0, 0.0, 0.0], [1.0, 0.0, 1.0], [2.0, 1.0, 1.5]])
def test_the_vertex_lies_on_the_parabola_through_three_samples(values):
    signal = np.array(values)
    expected = plain_vertex(signal, 1)
    assert (vertex(signal, 1), vertex_value(signal, 1)) == pytest.approx(expected)
    for k in (0, 2):
        assert (vertex(signal, k), vertex_value(signal, k)) == (k, signal[k])


# -------------------------------------------------------------------------------------- the single kernels


@examples(60)
@given(
    values=st.lists(st.floats(-10.0, 10.0), min_size=3, max_size=3),
    base=st.sampled_from([0, -5, 10**9]),
    k=st.integers(0, 4),
)
def test_the_extremum_of_a_parabola(values, base, k):
    """At most one sample away; where the signal ends, or is straight, the sample itself."""
    signal = np.array([0.3, *values, -0.2])
    before, value, after = signal[k - 1 : k + 2] if 0 < k < 4 else (1.0, 1.0, 1.0)
    bend, slope = before - 2.0 * value + after, 0.5 * (after - before)
    exact = -slope / bend if bend else 0.0
    assert vertex_shift(before, value, after) == pytest.approx(np.clip(exact, -1.0, 1.0), rel=1e-9, abs=1e-12)
    shift = np.clip(exact, -1.0, 1.0) if 0 < k < 4 else 0.0
    assert vertex_index(signal, base, base + k) - base == pytest.approx(k + shift, abs=1e-6)
    if 0 < k < 4 and abs(bend) > 1e-3:
        assert vertex_index(signal, 0, k) == pytest.approx(plain_vertex(signal, k)[0], abs=1e-6)


@examples(30)
@given(seed=st.integers(0, 2**32 - 1), ahead=st.integers(0, 500), k=st.integers(10**6 + 1, 10**6 + 38))
def test_a_vertex_is_the_same_to_the_bit_where_the_buffer_has_moved(seed, ahead, k):
    rng = np.random.default_rng(seed)
    signal, base = rng.standard_normal(40), 10**6
    longer = np.concatenate([rng.standard_normal(ahead), signal])
    assert vertex_index(longer, base - ahead, k) == vertex_index(signal, base, k)


@examples(80)
@given(seed=st.integers(0, 2**32 - 1), level=st.floats(-1.0, 1.0))
def test_crossings_lie_on_straight_lines_between_samples(seed, level):
    """Every place where straight lines between the samples meet the level, and which of them is asked for."""
    signal = smooth_noise(np.random.default_rng(seed), 80, 3.0)
    high = int(np.argmax(signal[20:60])) + 20
    if signal[high] <= level:
        return
    ups = [k - 1 for k in range(1, high + 1) if signal[k - 1] < level <= signal[k]]
    downs = [k for k in range(high, 80) if signal[k] < level]
    assert first_below(signal, high, 79, level) == (downs[0] if downs else 79)
    assert first_below(signal, high, min(high + 2, 79), level) == min([*downs, high + 2, 79])
    line = lambda k: np.poly1d(np.polyfit([k, k + 1], signal[k : k + 2] - level, 1)).roots[0]  # noqa: E731
    if ups:
        assert rising(signal, high, 0, level) == pytest.approx(line(ups[-1]), abs=1e-7)
    if downs:
        assert falling(signal, downs[0], level) == pytest.approx(line(downs[0] - 1), abs=1e-7)


@examples(30)
@given(seed=st.integers(0, 2**32 - 1), base=st.sampled_from([0, 10**6]))
def test_a_completed_cycle_matches_its_reference_measures(seed, base):
    """Between the two lowest samples beside the highest of a bump, and nothing else is written."""
    rng = np.random.default_rng(seed)
    slow = 1.0 - np.cos(2 * np.pi * np.arange(80) / 40) + smooth_noise(rng, 80, 4.0, 0.1)
    begin = int(np.argmin(slow[1:12])) + 1
    high, low = int(np.argmax(slow[10:30])) + 10, int(np.argmin(slow[30:50])) + 30
    place, last_up = plain_vertex(slow, begin)[0], -7.5
    tracker = record(
        TRACKER, low=base + low, low_g=slow[low], high=base + high, begin=base + place, begin_g=slow[begin],
        last_up_crossing=base + last_up,
    )  # fmt: skip
    cycle = record(STEP_CYCLE, loop_left=4.0, power_z=-1.0)
    complete_cycle(slow, base, RATE, tracker, cycle)
    expected = np.array(measure(slow, begin, high, low, last_up, RATE))
    found = np.array([cycle[name] - (base if i < 5 else 0) for i, name in enumerate(MEASURED)])
    assert np.allclose(found, expected, rtol=1e-7, atol=1e-6)
    assert tracker["last_up_crossing"] == cycle["up_crossing"]
    assert (cycle["loop_left"], cycle["power_z"]) == (4.0, -1.0)


@examples(40)
@given(seed=st.integers(0, 2**32 - 1), height=st.floats(0.0, 30.0), sigma=st.floats(4.0, 15.0))
def test_an_abandoned_cycle_leaves_no_trace(seed, height, sigma):
    """What was given up does not say how far the signal must rise next."""
    slow = 0.98 + smooth_noise(np.random.default_rng(seed), 300, sigma, 0.05)
    fresh = record(TRACKER)
    later = record(TRACKER, high=2, high_g=height, up_crossing=1, down_crossing=3, phase=BELOW)
    restart_tracker(fresh)
    follow(min(slow[0], 0.99), 5, RATE, fresh)
    abandon(later, 5, min(slow[0], 0.99))
    for k, value in enumerate(slow[1:], start=6):
        assert follow(value, k, RATE, later) == follow(value, k, RATE, fresh)
        assert later["phase"] == fresh["phase"]
