"""Classification of step cycles as running or walking, against plain numpy on whole arrays."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import convolve1d

from imurun.core.filters import gaussian_taps
from imurun.core.gait import (
    ALIKE,
    ALTERNATION,
    ALTERNATION_MEMORY,
    CLEAR_EVIDENCE,
    CLEAR_FLIGHT_G,
    CLEAR_LOOP,
    ENOUGH_COMPONENTS,
    FORCE_CENTRE,
    LEAST_ALTERNATION,
    LEAST_COHERENCE,
    LEAST_FORCE_G,
    LEAST_PRODUCT,
    LEAST_ROLL,
    LOOP,
    LOOP_VETO,
    MIN_HEIGHT_G,
    MIN_PEAK_TO_PEAK_G,
    NO_FORCE_G,
    QUEUE,
    RUNNING_PERIOD_S,
    STAY_SHARE,
    STREAK,
    WALKING_PEAK_TO_PEAK_G,
    WALKING_PERIOD_S,
    add_alternation,
    alike,
    alternates,
    follows,
    has_running_amplitude,
    has_running_amplitudes,
    has_running_mechanics,
    has_walking_amplitude,
    is_reversed_streak,
    is_running_streak,
    loop_strength,
    low_pass_gain,
    may_begin_run,
    measure_loop,
    restart_alternation,
    stays_running,
)
from imurun.core.ring_buffer import (
    FORWARD,
    LEFTWARD,
    N_CHANNELS,
    PITCH,
    ROLL,
    SLOW_FORWARD,
    SLOW_LEFTWARD,
    SLOW_VERTICAL,
    VERTICAL,
)
from imurun.core.step_cycle import CUTOFF_HZ, STEP_CYCLE
from imurun.core.stride_component import measure_halves
from tests.core.core_helpers import examples, record, smooth_noise
from tests.core.made_signals import half_sines
from tests.core.test_stride_component import measured_cycles, plain_component

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


def plain_gain(length_s):
    """Share of a sine of this period that a Gaussian of -3 dB at the cutoff passes."""
    return 2.0 ** (-0.5 / (length_s * CUTOFF_HZ) ** 2)


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
    length_s=st.floats(0.1, 1.3) | st.sampled_from([*RUNNING_PERIOD_S, *WALKING_PERIOD_S]),
    height=st.floats(0.9, 4.0),
    floor=st.floats(-0.5, 1.0),
    share=st.sampled_from([STAY_SHARE, 1.0]),
)
def test_amplitude_limits_of_running_and_walking(length_s, height, floor, share):
    cycle = cycle_of(length_s, height, floor, begin=0.0)
    length_s = cycle["end"] / RATE
    peak_to_peak = height - floor
    runs = (
        RUNNING_PERIOD_S[0] <= length_s <= RUNNING_PERIOD_S[1]
        and peak_to_peak >= share * plain_gain(length_s) * MIN_PEAK_TO_PEAK_G - 1e-12
        and height - 1.0 >= share * plain_gain(length_s) * MIN_HEIGHT_G - 1e-12
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
def test_steps_of_low_amplitude_with_a_clear_loop_may_be_grounded_running(heading):
    """Where forward is unknown, `has_running_mechanics` decides whether it is not a walk."""
    gain = plain_gain(0.36)
    for loop, runs in (
        (1.5 * CLEAR_LOOP, True),
        (0.8 * CLEAR_LOOP, False),
        (-1.5 * CLEAR_LOOP, not heading),
    ):
        flat = cycle_of(height=1.0 + 0.8 * gain * MIN_HEIGHT_G, floor=0.6, loop=loop)
        assert flat["peak_g"] - flat["minimum_g"] < gain * MIN_PEAK_TO_PEAK_G
        assert is_running_streak(streak_of(*[flat] * STREAK), STREAK, heading, RATE) == runs
        assert may_begin_run(flat, heading, RATE) == (loop > 0.0 or not heading)
    flatter = cycle_of(height=1.0 + 0.6 * gain * MIN_HEIGHT_G, floor=0.4)
    assert not is_running_streak(streak_of(*[flatter] * STREAK), STREAK, heading, RATE)
    assert not may_begin_run(flatter, heading, RATE)
    assert may_begin_run(cycle_of(loop=-1.0), heading, RATE)


def test_one_flat_step_among_others_needs_the_clear_loop():
    flat = cycle_of(height=1.25, floor=0.6)
    assert has_running_amplitude(flat, RATE, STAY_SHARE)
    for loop, runs in ((0.2, True), (0.8 * CLEAR_LOOP, False)):
        queue = streak_of(*[cycle_of(loop=loop)] * (STREAK - 1), flat)
        queue["loop_left"] = loop
        assert is_running_streak(queue, STREAK, True, RATE) == runs


@pytest.mark.parametrize("period_s", [0.19, 0.22, 0.25, 0.38, 0.5])
@pytest.mark.parametrize("duty", [0.5, 0.6])
def test_the_limits_follow_the_low_pass(period_s, duty):
    """Sine arches of running without flight, low-passed, at any cadence: 0.6 is the least amplitude."""
    n = 400
    phase = 2 * np.pi * np.arange(4 * n) / n
    taps = gaussian_taps(n / period_s, CUTOFF_HZ)
    slow = convolve1d(half_sines(phase, duty), taps, mode="wrap")
    assert low_pass_gain(period_s) == pytest.approx(
        np.sum(taps * np.cos(2 * np.pi * (np.arange(len(taps)) - len(taps) // 2) / n)), rel=0.002
    )
    cycle = cycle_of(period_s, slow.max(), slow.min())
    assert has_running_amplitude(cycle, RATE, STAY_SHARE)
    assert has_running_amplitude(cycle, RATE, 1.0) == (duty == 0.5)


@pytest.mark.parametrize("heading", [True, False])
def test_a_run_continues(heading):
    before, cycle = cycle_of(begin=64.0), cycle_of(begin=100.0)
    assert stays_running(cycle, before, 100.0, 0, heading, RATE)
    assert not stays_running(cycle, before, 98.0, 0, heading, RATE)  # a gap
    assert stays_running(cycle, before, 60.0, 1, heading, RATE)  # one cycle was missed
    assert not stays_running(cycle, before, 40.0, 1, heading, RATE)
    assert stays_running(cycle_of(height=1.25, floor=0.6, begin=100.0), before, 100.0, 0, heading, RATE)
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


def plain_amplitudes(cycles, share, rate_hz=RATE):
    """Which cycles have the amplitude of running, of whole columns."""
    length_s, peak_to_peak = (
        (cycles["end"] - cycles["begin"]) / rate_hz,
        cycles["peak_g"] - cycles["minimum_g"],
    )
    return (
        (np.clip(length_s, *RUNNING_PERIOD_S) == length_s)
        & (peak_to_peak >= share * plain_gain(length_s) * MIN_PEAK_TO_PEAK_G)
        & (cycles["peak_g"] - 1.0 >= share * plain_gain(length_s) * MIN_HEIGHT_G)
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


# ----------------------------------------------------------------------- two feet in turn, and mid-stance


def plain_components(level, angles, minima, axis):
    """Stride components of roll and mediolateral force from cycle to cycle, in units of the least ones.

    Args:
        level: vertical, forward, leftward force; angles: roll, pitch; shapes (3, n), (2, n).
        axis: unit vector to the body's left, forward and left part.
    """
    forward, left = axis
    roll = left * angles[0] - forward * angles[1]
    force = forward * level[1] + left * level[2]
    return np.array(
        [
            [plain_component(roll, *part) / LEAST_ROLL, plain_component(force, *part) / LEAST_FORCE_G]
            for part in zip(minima[:-2], minima[1:-1], minima[2:], strict=True)
        ]
    )


def plain_mechanics(level, angles, cycles, heading, has_gyro, rate_hz):
    """`has_running_mechanics` of four cycles, by complex numbers; roll must be 0 without a gyroscope."""
    minima = np.append(cycles["begin"], cycles["end"][-1])
    loop = np.array([cycles["loop_forward"].sum(), cycles["loop_left"].sum()])
    axis = (0.0, 1.0) if heading else loop / np.linalg.norm(loop)
    components = plain_components(level, angles, minima, axis)
    if not has_gyro:
        components[:, 0] = 0.0
        if np.abs(components).max() * LEAST_FORCE_G < NO_FORCE_G:
            return bool(plain_loop(cycles)[0 if heading else 1] > CLEAR_LOOP)
    agreed = np.sum(components[0] * components[2])
    weighed = np.linalg.norm(components[0]) * np.linalg.norm(components[2])
    if agreed < 1.0 or agreed < LEAST_COHERENCE * weighed:
        return False
    gain = plain_gain((cycles["end"] - cycles["begin"]) / rate_hz)
    if heading or np.mean((cycles["peak_g"] - cycles["minimum_g"]) / gain) >= CLEAR_FLIGHT_G:
        return True
    roll, force = (components[0] - components[1] + components[2]) @ [1.0, 1.0j] / 3.0
    is_low = not plain_amplitudes(cycles, 1.0, rate_hz).all()
    if not has_gyro and is_low:
        return False
    lag = 0.0
    if has_gyro:
        waves = np.zeros(2, dtype=complex)
        for begin, end in pairwise(minima):
            columns = np.arange(int(np.ceil(begin)), int(np.ceil(end)))
            turn = np.exp(-2j * np.pi * (columns - begin) / (end - begin))
            pitch = axis[0] * angles[0, columns] + axis[1] * angles[1, columns]
            along = axis[1] * level[1, columns] - axis[0] * level[2, columns]
            waves += np.array([pitch @ turn, along @ turn])
        lag = -np.imag(waves[0] * np.conj(waves[1])) / max(np.prod(np.abs(waves)), 1e-12)
    if abs(roll) >= 1.0:
        evidence = np.sin(2.0 * np.angle(roll)) + lag
    else:
        evidence = np.cos(2.0 * (np.angle(force) - FORCE_CENTRE))
    return bool(evidence > (CLEAR_EVIDENCE if is_low else 0.0))


def drawn_four(seed):
    """Four cycles of a vertical wave, with forces and angles of drawn size and phase, in a buffer."""
    rng = np.random.default_rng(seed)
    period = rng.uniform(20.0, 50.0)
    minima = 10.0 + period * np.arange(STREAK + 1)
    columns = np.arange(int(minima[-1]) + 20)
    step = 2 * np.pi * (columns - minima[0]) / period - np.pi

    def wave(share, sizes):
        return rng.choice(sizes) * np.cos(share * step + rng.uniform(0, 2 * np.pi))

    level, angles = np.zeros((3, len(columns))), np.zeros((2, len(columns)))
    size = rng.choice([0.35, 0.6, 1.0])
    level[0] = 1.0 + size * np.cos(step)
    level[1] = wave(1.0, [0.1, 0.3]) + wave(0.5, [0.0, 0.05])
    level[2] = wave(0.5, [0.0, 0.05, 0.2]) + wave(1.0, [0.0, 0.1])
    angles[0] = wave(0.5, [0.0, 0.005, 0.05])
    angles[1] = wave(1.0, [0.01, 0.05])
    level[1:] += 0.005 * rng.standard_normal((2, len(columns)))
    queue = np.zeros(QUEUE, dtype=STEP_CYCLE)
    queue["begin"][:STREAK], queue["end"][:STREAK] = minima[:-1], minima[1:]
    queue["peak_g"], queue["minimum_g"] = level[0].max(), level[0].min()
    buffer = np.zeros((N_CHANNELS, len(columns)))
    buffer[[VERTICAL, FORWARD, LEFTWARD]] = level
    buffer[[ROLL, PITCH]] = angles
    buffer[[SLOW_VERTICAL, SLOW_FORWARD, SLOW_LEFTWARD]] = level
    for cycle in queue[:STREAK]:
        measure_loop(buffer, 0, cycle)
        measure_halves(buffer, 0, cycle)
    return buffer, queue


@examples(150)
@given(seed=st.integers(0, 2**32 - 1), heading=st.booleans(), gyro=st.booleans())
def test_mechanics_of_four_cycles(seed, heading, gyro):
    buffer, queue = drawn_four(seed)
    level, angles = buffer[[VERTICAL, FORWARD, LEFTWARD]], buffer[[ROLL, PITCH]]
    expected = plain_mechanics(level, angles, queue[:STREAK], heading, gyro, RATE)
    assert has_running_mechanics(buffer, 0, queue, STREAK, heading, gyro, RATE) == expected


def test_the_drawn_mechanics_hold_all_kinds():
    for heading in (True, False):
        found = []
        for seed in range(60):
            buffer, queue = drawn_four(seed)
            found.append(has_running_mechanics(buffer, 0, queue, STREAK, heading, True, RATE))
        assert 5 < sum(found) < 55


def test_a_force_that_was_not_measured_is_replaced_by_a_clear_loop():
    """Two axes, no gyroscope: there is nothing to alternate."""
    buffer, queue = drawn_four(1)
    buffer[[LEFTWARD, ROLL]] = 0.0
    for cycle in queue[:STREAK]:
        measure_halves(buffer, 0, cycle)
    for loop in (0.8 * CLEAR_LOOP, 1.2 * CLEAR_LOOP):
        queue["loop_left"], queue["loop_forward"] = loop, 0.0
        queue["power_z"], queue["power_dz"] = 1.0, 1.0
        expected = loop > CLEAR_LOOP
        assert has_running_mechanics(buffer, 0, queue, STREAK, True, False, RATE) == expected
        assert not has_running_mechanics(buffer, 0, queue, STREAK, True, True, RATE)


@examples(60)
@given(seed=st.integers(0, 2**32 - 1), signal=st.sampled_from([0.0, 0.3, 2.0]), gyro=st.booleans())
def test_alternation_of_a_run(seed, signal, gyro):
    """A leaky mean of the agreement of components two steps apart; a run of feet in turn goes on."""
    rng = np.random.default_rng(seed)
    n, period = 12, 30.0
    columns = np.arange(int(n * period) + 40)
    half = np.pi * columns / period
    level, angles = np.zeros((3, len(columns))), np.zeros((2, len(columns)))
    level[2] = LEAST_FORCE_G * (signal * np.cos(half) + rng.standard_normal(len(columns)))
    angles[0] = LEAST_ROLL * (signal * np.sin(half) + rng.standard_normal(len(columns)))
    buffer = np.zeros((N_CHANNELS, len(columns)))
    buffer[[VERTICAL, FORWARD, LEFTWARD]], buffer[[ROLL, PITCH]] = level, angles
    minima = 5.0 + period * np.arange(n + 1)
    alternation = record(ALTERNATION)
    restart_alternation(alternation)
    components = plain_components(level, angles, minima, (0.0, 1.0))
    if not gyro:
        components[:, 0] = 0.0
    agreed = weighed = 0.0
    for i in range(n - 1):
        before, cycle = measured_cycles(buffer, minima[i : i + 3])
        add_alternation(alternation, before, cycle, True, gyro)
        if i >= 2:
            size = np.linalg.norm(components[i]) * np.linalg.norm(components[i - 2])
            agreement = np.sum(components[i] * components[i - 2]) / max(size, LEAST_PRODUCT)
            agreed = ALTERNATION_MEMORY * agreed + agreement
            weighed = ALTERNATION_MEMORY * weighed + 1.0
        assert alternates(alternation) == (i < ENOUGH_COMPONENTS or agreed >= LEAST_ALTERNATION * weighed)
    assert alternation["agreed"] == pytest.approx(agreed, abs=1e-9)
    assert alternation["weighed"] == pytest.approx(weighed, abs=1e-9)
    if signal == 2.0:
        assert alternates(alternation)
