"""Left and right: the cues of a step, and how their evidence adds up along a run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import convolve1d

from imurun.core.ring_buffer import MEDIOLATERAL, N_CHANNELS, ROLL, YAW
from imurun.core.side import (
    CLEAR,
    COHERENT,
    ENOUGH_COMPONENTS,
    FALL_WINDOW,
    FORCE_FALL,
    LARGEST_CONTRAST,
    LEAST,
    LEAST_COMPONENT,
    LEAST_CONTRAST,
    LOADED_SIDE,
    LOADED_WINDOW,
    LONGEST_PAUSE,
    MEMORY,
    N_COMPONENTS,
    N_CUES,
    OTHER_PHASES,
    OUT_OF_PHASE,
    PARITY,
    PHASE_CENTRE,
    PHASE_CONCENTRATION,
    ROLL_COMPONENT,
    ROLL_FALL,
    SCALE_MEMORY,
    STEADY,
    SUREST,
    UNSURE_MEMORY,
    WEIGHTS,
    YAW_COMPONENT,
    add_components,
    add_step,
    is_steady,
    log_odds_of_components,
    log_odds_of_left,
    restart_parity,
    score_step,
    side_code,
    weigh_contrasts,
    window_columns,
)
from tests.core.core_helpers import examples, made_stepper, record
from tests.core.test_stride_component import measured_cycles, plain_component

PERIOD = 35.0
SIZES = np.array([1.0, 0.2, 0.2])
"""What the cues of a clear step measure: rad/s, g, g."""


def coefficients(has_gyro=True):
    return made_stepper(100.0, settings={"has_gyro": has_gyro}).coefficients


def fresh():
    parity = record(PARITY)
    restart_parity(parity)
    return parity


def alternating(n):
    return np.tile([1.0, -1.0], n // 2 + 1)[:n]


def cues_of(scores):
    """Cues of steps, shape (n, N_CUES), all saying the same."""
    return np.asarray(scores)[:, None] * SIZES


def walk_through(cues, contacts=None):
    """Log-odds, flips and the sides that would be output after each step."""
    parity, output = fresh(), []
    contacts = PERIOD * np.arange(len(cues)) if contacts is None else contacts
    for cue, contact in zip(np.asarray(cues), contacts, strict=True):
        add_step(parity, cue, contact, PERIOD)
        log_odds = float(parity["log_odds"])
        output.append((log_odds, float(parity["flip"]), side_code(log_odds if is_steady(parity) else 0.0)))
    log_odds, flips, sides = np.array(output).T
    return log_odds, flips, [int(side) for side in sides]


# ------------------------------------------------------------------------------------------ the cues


@examples(60)
@given(
    seed=st.integers(0, 2**32 - 1),
    peak=st.floats(0.0, 40.0),
    period=st.floats(5.0, 55.0),
    oldest=st.integers(0, 40),
    newest=st.integers(45, 99),
    size=st.sampled_from([0.0, 1.0, 1e150]),
    has_gyro=st.booleans(),
)
def test_cues_match_the_reference_from_stored_samples_only(
    seed, peak, period, oldest, newest, size, has_gyro
):
    """Of samples that there are only; the others are no numbers."""
    buffer = np.full((N_CHANNELS, 100), np.nan)
    n, peak = newest + 1 - oldest, max(peak, oldest)
    buffer[:, oldest : newest + 1] = size * np.random.default_rng(seed).standard_normal((N_CHANNELS, n))
    c = coefficients(has_gyro)
    slow = np.full(100, np.nan)
    slow[oldest : newest + 1] = convolve1d(
        buffer[MEDIOLATERAL, oldest : newest + 1], c.slow_taps, mode="nearest"
    )
    columns = []
    for window in (FALL_WINDOW, LOADED_WINDOW):
        first, stop = (int(np.round(peak + share * period)) for share in window)
        first = np.clip(first, oldest, newest - 1)
        columns.append((first, np.clip(stop, first + 1, newest)))
    (first, stop), loaded = columns
    roll_rate = np.diff(buffer[ROLL, first : stop + 1]).mean() * 100.0 if has_gyro else np.nan
    expected = [-roll_rate, slow[first] - slow[stop], slow[slice(*loaded)].mean()]
    assert np.isfinite(expected[1:]).all()
    found = np.zeros(N_CUES)
    score_step(found, buffer, peak, period, oldest, newest, c)
    assert np.allclose(found, expected, rtol=1e-9, atol=1e-10 * size, equal_nan=True)


def test_a_pelvis_that_comes_down_on_the_left_is_a_left_stance():
    """Roll from left up to left down under one body weight; the force that a tilted axis then feels."""
    buffer = np.zeros((N_CHANNELS, 60))
    buffer[ROLL] = np.interp(np.arange(60), [10, 30], [0.1, -0.1])
    buffer[MEDIOLATERAL] = np.sin(buffer[ROLL])
    cues = np.zeros(N_CUES)
    score_step(cues, buffer, 12.0, PERIOD, 0, 59, coefficients())
    assert (cues > 0.0).all()
    buffer *= -1.0
    score_step(cues, buffer, 12.0, PERIOD, 0, 59, coefficients())
    assert (cues < 0.0).all()


@examples(80)
@given(
    window=st.sampled_from([FALL_WINDOW, LOADED_WINDOW, (-0.5, 0.9)]),
    peak=st.floats(-5.0, 45.0),
    period=st.floats(0.5, 60.0),
    oldest=st.integers(0, 20),
    n=st.integers(2, 20),
)
def test_a_window_has_the_nearest_stored_columns(window, peak, period, oldest, n):
    """The stored columns nearest to its ends; the next one for the second where both are the same."""
    stored = range(oldest, oldest + n)
    ends = [peak + share * period for share in window]
    first, stop = window_columns(window, peak, period, oldest, stored[-1])
    assert stored[0] <= first < stop <= stored[-1]
    for end, column, others in ((ends[0], first, stored[:-1]), (ends[1], stop, stored[first - oldest + 1 :])):
        assert abs(end - column) <= min(abs(end - other) for other in others)


# -------------------------------------------------------------------------------------- how they add up


def plain_evidence(cues):
    """Evidence of each step of an unbroken run: contrasts over their recent size, clipped and weighted."""
    evidence = np.zeros(len(cues))
    for i in range(N_CUES):
        contrast = np.diff(cues[:, i])
        if np.isnan(contrast).any():
            continue
        size = np.abs(contrast)
        for k in range(1, len(contrast)):
            size[k] = np.sqrt(SCALE_MEMORY * size[k - 1] ** 2 + (1 - SCALE_MEMORY) * contrast[k] ** 2)
        relative = contrast / np.maximum(size, LEAST_CONTRAST[i])
        evidence[1:] += WEIGHTS[i] * np.clip(relative, -LARGEST_CONTRAST, LARGEST_CONTRAST)
    return evidence


@examples(60)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 12), gyro=st.booleans())
def test_weighed_contrasts_match_the_reference(seed, n, gyro):
    cues = 2.0 * SIZES * np.random.default_rng(seed).standard_normal((n, N_CUES))
    if not gyro:
        cues[:, ROLL_FALL] = np.nan
    parity, found = fresh(), []
    for cue in cues:
        found.append(weigh_contrasts(parity, cue))
        parity["score"] = cue
    assert found == pytest.approx(plain_evidence(cues).tolist(), abs=1e-9)
    assert np.isnan(parity["scale"][ROLL_FALL]) == (n == 1 or not gyro)


@examples(80)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 14), signal=st.floats(0.0, 2.0), gyro=st.booleans())
def test_log_odds_are_a_leaky_sum_of_the_evidence(seed, n, signal, gyro):
    """In a frame that changes sign every step: a leaky sum, and the agreement of steps two apart."""
    turn = alternating(n)
    cues = SIZES * (np.random.default_rng(seed).standard_normal((n, N_CUES)) + signal * turn[:, None])
    if not gyro:
        cues[:, ROLL_FALL] = np.nan
    own = turn * plain_evidence(cues)
    expected = 0.0
    for k in range(n):
        expected = np.clip(MEMORY * expected + own[k], -SUREST, SUREST)
    product = own[2:] * own[:-2]
    fade = MEMORY ** np.arange(len(product))[::-1]
    parity = fresh()
    for k in range(n):
        add_step(parity, cues[k], k * PERIOD, PERIOD)
    assert turn[-1] * parity["log_odds"] == pytest.approx(expected, abs=1e-9)
    assert parity["agreed"] == pytest.approx(np.sum(fade * product), abs=1e-9)
    assert parity["weighed"] == pytest.approx(np.sum(fade * np.abs(product)), abs=1e-9)
    assert is_steady(parity) == (parity["agreed"] >= STEADY * parity["weighed"])


@pytest.mark.parametrize("tilt", [0.0, 5.0])
@pytest.mark.parametrize("size", [0.2, 1.0, 1e100])
def test_clear_steps_are_sure_whatever_the_tilt(tilt, size):
    log_odds, _, sides = walk_through(cues_of(size * (tilt + alternating(20))))
    assert sides == [0] + [2, 1] * 9 + [2]
    assert abs(log_odds[-1]) == SUREST


@pytest.mark.parametrize("lost", range(N_CUES))
@pytest.mark.parametrize("how", ["missing", "still", "reversed", "noise"])
def test_losing_any_one_cue_does_not_lose_the_side(lost, how):
    cues = cues_of(alternating(60))
    noise = np.random.default_rng(lost).standard_normal(60)
    cues[:, lost] = {"missing": np.nan, "still": 0.0, "reversed": -cues[:, lost], "noise": noise}[how]
    _, _, sides = walk_through(cues)
    assert sides[4:] == [1, 2] * 28


def test_contrasts_below_the_noise_limit_decide_nothing():
    """A sensor that is dead or only noise must not be sure of sides."""
    _, _, sides = walk_through(cues_of(1e-3 * alternating(20)))
    assert sides == [0] * 20


def test_noise_of_any_size_is_unknown():
    """The evidence of noise is as large as any, but keeps to no parity."""
    rng = np.random.default_rng(8)
    named = []
    for _ in range(20):
        _, _, sides = walk_through(3.0 * SIZES * rng.standard_normal((200, N_CUES)))
        named += [side != 0 for side in sides[40:]]
    assert np.mean(named) < 0.08


def test_steady_sides_are_found_despite_scatter():
    """Contrasts of 2 with a scatter of 1, as in the weakest real trial without a gyroscope."""
    rng = np.random.default_rng(8)
    right = []
    for _ in range(20):
        scores = alternating(200) + rng.standard_normal(200) / np.sqrt(2)
        cues = cues_of(scores)
        cues[:, ROLL_FALL] = np.nan
        _, _, sides = walk_through(cues)
        right += [side == code for side, code in zip(sides[10:], [1, 2] * 95, strict=True)]
    assert np.mean(right) > 0.98


def test_one_wrong_step_changes_nothing():
    scores = alternating(20)
    scores[12] = -1.0
    _, _, sides = walk_through(cues_of(scores))
    assert sides[4:] == [1, 2] * 8


@pytest.mark.parametrize("gyro", [True, False])
def test_a_wrong_parity_is_corrected(gyro):
    """A hop that nobody noticed: the sides come right again, and stay."""
    scores = np.concatenate([alternating(40), -alternating(60)])
    cues = cues_of(scores)
    if not gyro:
        cues[:, ROLL_FALL] = np.nan
    _, _, sides = walk_through(cues)
    assert sides[4:40] == [1, 2] * 18
    assert sides[52:] == [2, 1] * 24


@pytest.mark.parametrize("missed", [1, 2, 3])
def test_missed_steps_are_counted(missed):
    steps = np.delete(np.arange(24), slice(12, 12 + missed))
    log_odds, flips, sides = walk_through(cues_of(np.where(steps % 2 == 0, 1.0, -1.0)), PERIOD * steps)
    assert sides[4:] == [1 + step % 2 for step in steps[4:]]
    assert flips[12] == (-1.0) ** (missed + 1)
    kept = MEMORY if missed == 1 else UNSURE_MEMORY
    if missed % 2 == 1:  # the same foot again: no contrast to add
        assert abs(log_odds[12]) == pytest.approx(kept * SUREST)


def test_a_long_pause_resets_the_parity():
    steps = np.array([*range(10), 9 + LONGEST_PAUSE + 0.1])
    log_odds, flips, _ = walk_through(cues_of(alternating(11)), PERIOD * steps)
    assert (log_odds[-1], flips[-1]) == (0.0, 0.0)


def test_no_evidence_no_side():
    log_odds, _, _ = walk_through(np.zeros((20, N_CUES)))
    assert (log_odds == 0.0).all()


def test_no_cue_outweighs_the_other_two():
    assert 2 * max(WEIGHTS) < sum(WEIGHTS)
    assert (FORCE_FALL, LOADED_SIDE) == (1, 2)


def test_side_codes_change_at_the_least_evidence():
    assert [side_code(x) for x in (0.0, 0.99 * LEAST, -0.99 * LEAST, LEAST, -LEAST)] == [0, 0, 0, 1, 2]


# ----------------------------------------------------------------------------- the runner's own phases


def plain_component_odds(components, sizes, n):
    """Log-odds from the mean components by their phases, and whether roll is out of phase."""
    mean = components[:, 0] + 1j * components[:, 1]
    clear = (np.abs(mean) >= n * LEAST_COMPONENT) & (np.abs(mean) >= min(COHERENT + 1.0 / n, 0.9) * sizes)
    away = np.angle(mean) - PHASE_CENTRE
    away = np.abs(np.angle(np.exp(1j * away)))
    out_of_phase = bool(clear[ROLL_COMPONENT] and OUT_OF_PHASE < away[ROLL_COMPONENT] < np.pi - OUT_OF_PHASE)
    near = np.exp(PHASE_CONCENTRATION * (np.cos(away) - 1)) + OTHER_PHASES
    far = np.exp(PHASE_CONCENTRATION * (np.cos(np.pi - away) - 1)) + OTHER_PHASES
    used = clear & ((np.arange(N_COMPONENTS) == YAW_COMPONENT) | (not out_of_phase))
    return float(np.sum(np.log(near / far)[used])), out_of_phase


@examples(60)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 14),
    scatter=st.sampled_from([0.0, 0.5, 3.0]),
    gyro=st.booleans(),
)
def test_components_of_a_run(seed, n, scatter, gyro):
    """Leaky sums of vectors seen from the last step; their phases give the side."""
    rng = np.random.default_rng(seed)
    lead = PHASE_CENTRE + rng.uniform(-1.5, 1.5, N_COMPONENTS)
    columns = np.arange(int(PERIOD * (n + 2)))
    phase = np.pi * columns / PERIOD
    signals = np.array([0.1, 0.2, 0.1])[:, None] * np.cos(phase + lead[:, None])
    signals += 0.1 * scatter * rng.standard_normal(signals.shape)
    buffer = np.zeros((N_CHANNELS, len(columns)))
    buffer[[ROLL, MEDIOLATERAL, YAW]] = signals
    parity, c = fresh(), coefficients(gyro)
    components, sizes, count = np.zeros((N_COMPONENTS, 2)), np.zeros(N_COMPONENTS), 0.0
    measured = np.array([gyro, True, gyro])
    for k in range(n):
        minima = PERIOD * np.arange(k - 1, k + 2)
        add_step(parity, np.full(N_CUES, np.nan), k * PERIOD, PERIOD)
        if k:
            add_components(parity, *measured_cycles(buffer, minima), c)
            each = np.array([plain_component(signal, *minima) for signal in signals]) * measured[:, None]
            components = -MEMORY * components + each
            sizes = MEMORY * sizes + np.linalg.norm(each, axis=1)
            count = MEMORY * count + 1.0
    assert np.allclose(parity["components"], components, atol=1e-9)
    assert np.allclose(parity["sizes"], sizes, atol=1e-9)
    assert parity["n_components"] == pytest.approx(count)
    log_odds, out_of_phase = 0.0, False
    if count >= ENOUGH_COMPONENTS - 0.5:
        log_odds, out_of_phase = plain_component_odds(components, sizes, count)
    found = log_odds_of_components(parity)
    assert found[0] == pytest.approx(log_odds, abs=1e-6)
    assert found[1] == out_of_phase
    decides = abs(log_odds) >= CLEAR or out_of_phase
    assert log_odds_of_left(parity) == pytest.approx(log_odds if decides else 0.0, abs=1e-6)


def test_components_of_unlike_or_separate_steps_are_not_added():
    buffer = np.ones((N_CHANNELS, 200))
    parity, c = fresh(), coefficients()
    for k in range(3):
        add_step(parity, np.full(N_CUES, np.nan), k * PERIOD, PERIOD)
    for minima in ((0.0, 20.0, 60.0), (0.0, 40.0, 60.0)):
        add_components(parity, *measured_cycles(buffer, minima), c)
        assert parity["n_components"] == 0.0
    before, cycle = measured_cycles(buffer, (0.0, 30.0, 60.0))
    before["end"] = 29.0
    add_components(parity, before, cycle, c)
    assert parity["n_components"] == 0.0
    add_components(parity, *measured_cycles(buffer, (0.0, 30.0, 60.0)), c)
    assert parity["n_components"] == 1.0


def test_clear_contrasts_decide_where_the_components_do_not():
    parity = fresh()
    for k, cue in enumerate(cues_of(alternating(10))):
        add_step(parity, cue, k * PERIOD, PERIOD)
    assert log_odds_of_left(parity) == parity["log_odds"] < -LEAST
