"""Classification of step cycles as running or walking, against plain numpy on whole arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imurun.core.filters import gaussian_taps
from imurun.core.gait import (
    ALIKE,
    CLEAR_LOOP,
    LOOP,
    LOOP_VETO,
    MIN_PEAK_G,
    MIN_PEAK_TO_PEAK_G,
    PEAK_TO_PEAK_PERIOD_S,
    QUEUE,
    RUNNING_PERIOD_S,
    STAY_SHARE,
    STREAK,
    WALKING_PEAK_TO_PEAK_G,
    WALKING_PERIOD_S,
    alike,
    follows,
    has_running_amplitude,
    has_running_amplitudes,
    has_walking_amplitude,
    is_reversed_streak,
    is_running_streak,
    loop_strength,
    may_begin_run,
    measure_loop,
    stays_running,
)
from imurun.core.ring_buffer import N_CHANNELS, SLOW_FORWARD, SLOW_LEFTWARD, SLOW_VERTICAL
from imurun.core.step_cycle import CUTOFF_HZ, STEP_CYCLE
from tests.core.core_helpers import examples, record, smooth_noise

RATE = 100.0
SLOW = [SLOW_FORWARD, SLOW_LEFTWARD, SLOW_VERTICAL]


def cycle_of(length_s=0.36, height=2.0, floor=0.3, begin=100.0, loop=0.2):
    end = begin + length_s * RATE
    return record(
        STEP_CYCLE,
        begin=begin,
        end=end,
        peak_g=height,
        minimum_g=floor,
        loop_left=loop,
        power_z=1.0,
        power_dz=1.0,
    )


def streak_of(*cycles):
    """Cycles in a row in a queue, each beginning where the one before ended."""
    queue = np.zeros(QUEUE, dtype=STEP_CYCLE)
    begin = 100.0
    for i, cycle in enumerate(cycles):
        queue[i] = cycle
        length = cycle["end"] - cycle["begin"]
        queue[i]["begin"], queue[i]["end"] = begin, begin + length
        begin = queue[i]["end"]
    return queue


@examples(60)
@given(
    seed=st.integers(0, 2**32 - 1),
    begin=st.integers(0, 400).map(lambda n: n / 10),
    length=st.integers(40, 500).map(lambda n: n / 10),
    size=st.sampled_from([0.0, 1e-300, 1.0, 1e100]),
    base=st.sampled_from([0, 12345]),
)
def test_loop_is_measured_on_the_path_of_the_cycle(seed, begin, length, size, base):
    rng = np.random.default_rng(seed)
    buffer = np.zeros((N_CHANNELS, 100))
    buffer[SLOW] = size * np.array([smooth_noise(rng, 100, 5.0) for _ in SLOW])
    cycle = record(STEP_CYCLE, begin=base + begin, end=base + begin + length)
    begin, end = cycle["begin"] - base, cycle["end"] - base
    measure_loop(buffer, base, cycle)
    path = buffer[SLOW][:, int(np.ceil(begin)) : int(np.floor(end)) + 1].T
    path = path - path.mean(axis=0)
    step = np.diff(path, axis=0)
    area = np.cross(path[:-1], step).sum(axis=0)
    expected = [area[0], area[1], np.sum(path[:-1, 2] ** 2), np.sum(step[:, 2] ** 2)]
    found = [cycle[name] for name in ("loop_forward", "loop_left", "power_z", "power_dz")]
    assert np.allclose(found, expected, rtol=1e-9, atol=1e-10 * size**2)


def test_braking_while_the_force_rises_runs_round_to_the_left():
    """A quarter period of lead: backward first, forward later; its area vector is a step's running sense."""
    phase = 2 * np.pi * np.arange(41) / 40
    buffer = np.zeros((N_CHANNELS, 41))
    buffer[SLOW_VERTICAL] = 1.0 - np.cos(phase)
    buffer[SLOW_FORWARD] = -0.3 * np.sin(phase)
    cycles = np.zeros(1, dtype=STEP_CYCLE)
    cycles[0]["end"] = 40.0
    measure_loop(buffer, 0, cycles[0])
    assert loop_strength(cycles, 0, 1, True) == pytest.approx(2 * 0.3, rel=0.05)
    assert loop_strength(cycles, 0, 1, False) == pytest.approx(2 * 0.3, rel=0.05)
    buffer[SLOW_FORWARD] *= -1.0
    measure_loop(buffer, 0, cycles[0])
    assert loop_strength(cycles, 0, 1, True) == pytest.approx(-2 * 0.3, rel=0.05)


@examples(60)
@given(seed=st.integers(0, 2**32 - 1), heading=st.booleans(), size=st.sampled_from([0.0, 1.0, 1e6]))
def test_loop_strength_of_several_cycles_matches_the_formula(seed, heading, size):
    rng = np.random.default_rng(seed)
    cycles = np.zeros(QUEUE, dtype=STEP_CYCLE)
    for name in ("loop_forward", "loop_left"):
        cycles[name] = size * rng.standard_normal(QUEUE)
    for name in ("power_z", "power_dz"):
        cycles[name] = size * rng.random(QUEUE)
    part = cycles[2:6]
    left, forward = part["loop_left"].sum(), part["loop_forward"].sum()
    area = left if heading else np.hypot(left, forward)
    expected = area / np.sqrt(part["power_z"].sum() * part["power_dz"].sum() + 1e-12)
    assert loop_strength(cycles, 2, 6, heading) == pytest.approx(expected, rel=1e-12)


@examples(200)
@given(
    length_s=st.floats(0.1, 1.3)
    | st.sampled_from([*RUNNING_PERIOD_S, *PEAK_TO_PEAK_PERIOD_S, *WALKING_PERIOD_S]),
    height=st.floats(0.9, 4.0),
    floor=st.floats(-0.5, 1.0),
    share=st.sampled_from([0.75, 1.0]),
)
def test_amplitude_limits_of_running_and_walking(length_s, height, floor, share):
    cycle = cycle_of(length_s, height, floor, begin=0.0)
    length_s = cycle["end"] / RATE
    peak_to_peak = height - floor
    runs = (
        RUNNING_PERIOD_S[0] <= length_s <= RUNNING_PERIOD_S[1]
        and peak_to_peak >= share * np.interp(length_s, PEAK_TO_PEAK_PERIOD_S, MIN_PEAK_TO_PEAK_G) - 1e-12
        and height - 1.0 >= share * (MIN_PEAK_G - 1.0) - 1e-12
    )
    walks = (
        np.clip(length_s, *WALKING_PERIOD_S) == length_s
        and np.clip(peak_to_peak, *WALKING_PEAK_TO_PEAK_G) == peak_to_peak
    )
    assert has_running_amplitude(cycle, RATE, share) == runs
    assert has_walking_amplitude(cycle, RATE) == walks


@pytest.mark.parametrize("name", ["begin", "end", "peak_g"])
def test_nan_is_no_step(name):
    cycle = cycle_of()
    cycle[name] = np.nan
    assert not has_running_amplitude(cycle, RATE, 1.0)
    assert not has_walking_amplitude(cycle, RATE)


def test_follows_is_the_next_cycle_of_similar_length():
    first = cycle_of(0.40, begin=100.0)
    assert follows(first, cycle_of(0.40, begin=first["end"]))
    assert follows(first, cycle_of(0.29, begin=first["end"]))
    assert follows(first, cycle_of(0.56, begin=first["end"]))
    assert not follows(first, cycle_of(0.27, begin=first["end"]))
    assert not follows(first, cycle_of(0.58, begin=first["end"]))
    assert not follows(first, cycle_of(0.40, begin=first["end"] + 1.0))


def test_four_similar_cycles_are_a_run():
    heading = True
    queue = streak_of(*[cycle_of()] * STREAK)
    assert is_running_streak(queue, STREAK, heading, RATE)
    assert not is_running_streak(queue, STREAK - 1, heading, RATE)
    longer = streak_of(cycle_of(height=1.1), *[cycle_of()] * STREAK)
    assert is_running_streak(longer, STREAK + 1, heading, RATE)


@pytest.mark.parametrize("place", range(STREAK))
@pytest.mark.parametrize("odd", [{"height": 1.2}, {"length_s": 0.6}, {"length_s": 0.23, "height": 3.0}])
def test_one_odd_cycle_spoils_the_streak(place, odd):
    cycles = [cycle_of()] * STREAK
    cycles[place] = cycle_of(**odd)
    assert not is_running_streak(streak_of(*cycles), STREAK, True, RATE)


@pytest.mark.parametrize("heading", [True, False])
def test_a_streak_needs_the_loop_of_running(heading):
    for loop, runs in ((1.5 * LOOP, True), (0.5 * LOOP, False), (-1.5 * LOOP, not heading)):
        assert is_running_streak(streak_of(*[cycle_of(loop=loop)] * STREAK), STREAK, heading, RATE) == runs


@pytest.mark.parametrize("heading", [True, False])
def test_steps_of_low_amplitude_with_a_clear_loop_are_grounded_running(heading):
    """Only where forward is known: walking can have the same amplitude, but the opposite loop."""
    for loop, runs in ((1.5 * CLEAR_LOOP, heading), (0.8 * CLEAR_LOOP, False), (-1.5 * CLEAR_LOOP, False)):
        flat = cycle_of(height=1.0 + 0.8 * (MIN_PEAK_G - 1.0), floor=0.6, loop=loop)
        assert flat["peak_g"] - flat["minimum_g"] < MIN_PEAK_TO_PEAK_G[0]
        assert is_running_streak(streak_of(*[flat] * STREAK), STREAK, heading, RATE) == runs
        assert may_begin_run(flat, heading, RATE) == (heading and loop > 0.0)
    flatter = cycle_of(height=1.0 + 0.6 * (MIN_PEAK_G - 1.0), floor=0.4)
    assert not is_running_streak(streak_of(*[flatter] * STREAK), STREAK, heading, RATE)
    assert not may_begin_run(flatter, heading, RATE)
    assert may_begin_run(cycle_of(loop=-1.0), heading, RATE)


def test_one_flat_step_among_others_needs_the_clear_loop():
    flat = cycle_of(height=1.3, floor=0.6)
    assert has_running_amplitude(flat, RATE, STAY_SHARE)
    for loop, runs in ((0.2, True), (0.8 * CLEAR_LOOP, False)):
        queue = streak_of(*[cycle_of(loop=loop)] * (STREAK - 1), flat)
        queue["loop_left"] = loop
        assert is_running_streak(queue, STREAK, True, RATE) == runs


@pytest.mark.parametrize("period_s", [0.19, 0.22, 0.25, 0.38])
def test_quick_steps_need_flight(period_s):
    """Amplitude at the step frequency, low-passed, of a force that is a sine arch of the whole step."""
    n = 4000
    time_s = np.arange(n) * period_s / 100
    arch = np.pi / 2 * np.abs(np.sin(np.pi * time_s / period_s))
    wave = 2 * np.mean((arch - 1) * np.exp(-2j * np.pi * time_s / period_s))
    taps = gaussian_taps(100 / period_s, CUTOFF_HZ)
    place = np.arange(len(taps)) - len(taps) // 2
    gain = np.sum(taps * np.cos(2 * np.pi * place / 100))
    peak_to_peak = 2 * np.abs(wave) * gain
    assert gain == pytest.approx(0.5 ** (0.5 / (period_s * CUTOFF_HZ) ** 2), rel=0.002)
    assert (peak_to_peak < MIN_PEAK_TO_PEAK_G[0]) == (period_s <= 0.22)
    assert has_running_amplitude(cycle_of(period_s, 1.95, 0.3), RATE, 1.0)  # a sprinter


@pytest.mark.parametrize("heading", [True, False])
def test_a_run_continues(heading):
    before, cycle = cycle_of(begin=64.0), cycle_of(begin=100.0)
    assert stays_running(cycle, before, 100.0, 0, heading, RATE)
    assert not stays_running(cycle, before, 98.0, 0, heading, RATE)  # a gap
    assert stays_running(cycle, before, 60.0, 1, heading, RATE)  # one cycle was missed
    assert not stays_running(cycle, before, 40.0, 1, heading, RATE)
    assert stays_running(cycle_of(height=1.3, floor=0.6, begin=100.0), before, 100.0, 0, heading, RATE)
    assert not stays_running(cycle_of(height=1.2, floor=0.6, begin=100.0), before, 100.0, 0, heading, RATE)


def test_a_stride_with_the_loop_of_walking_ends_the_run():
    """Over two steps: one of them may turn the wrong way when the other makes up for it."""
    wrong = cycle_of(loop=-1.2 * LOOP_VETO)
    for heading in (True, False):
        assert stays_running(wrong, wrong, wrong["begin"], 0, heading, RATE) == (not heading)
        assert stays_running(wrong, cycle_of(), wrong["begin"], 0, heading, RATE)
        almost = cycle_of(loop=-0.8 * LOOP_VETO)
        assert stays_running(almost, almost, almost["begin"], 0, heading, RATE)


# ------------------------------------------------------------------------------- rules of several cycles


def drawn_queue(seed):
    """Cycles of random length, height and sense of the loop, most of them like running; some after a gap."""
    rng = np.random.default_rng(seed)
    queue = streak_of(
        *[
            cycle_of(
                rng.choice([0.3, 0.34, 0.45, 0.6], p=[0.45, 0.45, 0.05, 0.05]),
                rng.choice([2.0, 1.3], p=[0.9, 0.1]),
                loop=rng.choice([0.2, 0.02, -0.2]),
            )
            for _ in range(QUEUE)
        ]
    )
    for i in np.flatnonzero(rng.random(QUEUE) < 0.05):
        queue["begin"][i:] += 3.0
        queue["end"][i:] += 3.0
    queue["loop_forward"] = rng.choice([0.0, 0.2]) * rng.standard_normal(QUEUE)
    return queue


def plain_amplitudes(cycles, share):
    """Which cycles have the amplitude of running, of whole columns."""
    length_s, peak_to_peak = (cycles["end"] - cycles["begin"]) / RATE, cycles["peak_g"] - cycles["minimum_g"]
    return (
        (np.clip(length_s, *RUNNING_PERIOD_S) == length_s)
        & (peak_to_peak >= share * np.interp(length_s, PEAK_TO_PEAK_PERIOD_S, MIN_PEAK_TO_PEAK_G))
        & (cycles["peak_g"] - 1.0 >= share * (MIN_PEAK_G - 1.0))
    )


def plain_follows(cycles):
    """Which cycles follow the one before them, of whole columns; one fewer than there are cycles."""
    length = cycles["end"] - cycles["begin"]
    ratio = length[1:] / length[:-1]
    return (cycles["begin"][1:] == cycles["end"][:-1]) & (np.maximum(ratio, 1 / ratio) <= 1 / ALIKE)


def plain_loop(cycles):
    """Leftward loop area, and its size whatever the direction, over the largest there could be."""
    largest = np.sqrt(cycles["power_z"].sum() * cycles["power_dz"].sum())
    area = np.array([cycles["loop_left"].sum(), cycles["loop_forward"].sum()])
    return area[0] / largest, np.linalg.norm(area) / largest


@examples(150)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, QUEUE), share=st.sampled_from([STAY_SHARE, 1.0]))
def test_the_last_four_cycles_decide_running_and_reversed(seed, n, share):
    queue = drawn_queue(seed)
    four = queue[max(n - STREAK, 0) : n]
    on = len(four) == STREAK and plain_follows(four).all()
    running = bool(on and plain_amplitudes(four, share).all())
    assert has_running_amplitudes(queue, n, RATE, share) == running
    left, size = plain_loop(four) if len(four) else (0.0, 0.0)
    is_reversed = bool(on and plain_amplitudes(four, 1.0).all() and left <= LOOP < size)
    assert is_reversed_streak(queue, n, RATE) == is_reversed


@pytest.mark.parametrize("left", [-2.0, -0.5, 0.5, 0.9, 1.1, 3.0])
@pytest.mark.parametrize("forward", [0.0, -0.1, 1.2])
def test_a_reversed_streak_has_a_loop_in_another_direction(left, forward):
    """Large enough, but not to the left; in units of the least."""
    queue = streak_of(*[cycle_of(loop=left * LOOP)] * STREAK)
    queue["loop_forward"] = forward * LOOP
    expected = np.hypot(left, forward) > 1.0 and left <= 1.0
    assert is_reversed_streak(queue, STREAK, RATE) == expected


def test_drawn_queues_include_every_class():
    queues = [drawn_queue(seed)[:STREAK] for seed in range(200)]
    running = [plain_follows(queue).all() and plain_amplitudes(queue, 1.0).all() for queue in queues]
    is_reversed = [loop[0] <= LOOP < loop[1] for loop in map(plain_loop, queues)]
    kinds = np.bincount(2 * np.array(running) + np.array(is_reversed), minlength=4)
    assert (kinds > 10).all()


@examples(60)
@given(a=st.floats(1.0, 100.0), b=st.floats(1.0, 100.0))
def test_cycles_are_alike_above_a_ratio_of_lengths(a, b):
    one, other = record(STEP_CYCLE, begin=7.0, end=7.0 + a), record(STEP_CYCLE, begin=-3.0, end=-3.0 + b)
    shorter, longer = sorted((float(one["end"] - 7.0), float(other["end"] + 3.0)))
    if abs(shorter / longer - ALIKE) > 1e-9:
        assert alike(one, other) == alike(other, one) == (shorter / longer > ALIKE)
