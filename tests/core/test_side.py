"""Left and right: the evidence of a step, and how it adds up along a run."""

from __future__ import annotations

import numpy as np
import pytest
from core_helpers import examples, record
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.signal import lfilter

from imurun.core.history import LEFTWARD, N_CHANNELS, ROLL, VERTICAL
from imurun.core.side import (
    LARGEST_CONTRAST,
    LATERAL_WEIGHT,
    LATERAL_WINDOW,
    LEAST,
    LEAST_LATERAL,
    LEAST_ROLL,
    LONGEST_PAUSE,
    MEMORY,
    PARITY,
    ROLL_WEIGHT,
    ROLL_WINDOW,
    SCALE_MEMORY,
    SUREST,
    UNSURE_MEMORY,
    add_step,
    restart_parity,
    side_code,
    side_score,
)

PERIOD = 35.0


def fresh():
    parity = record(PARITY)
    restart_parity(parity)
    return parity


def walk_through(scores, contacts, has_gyro=True):
    """Log-odds and flips after each step."""
    parity, told = fresh(), []
    for score, contact in zip(scores, contacts, strict=True):
        add_step(parity, score, contact, PERIOD, has_gyro)
        told.append((float(parity["log_odds"]), float(parity["flip"])))
    return np.array(told).T


@examples(60)
@given(
    seed=st.integers(0, 2**32 - 1),
    contact=st.floats(0.0, 40.0),
    period=st.floats(5.0, 55.0),
    newest=st.integers(45, 99),
    size=st.sampled_from([0.0, 1.0, 1e150]),
)
def test_scores(seed, contact, period, newest, size):
    history = size * np.random.default_rng(seed).standard_normal((N_CHANNELS, 100))
    for window, has_gyro in ((ROLL_WINDOW, True), (LATERAL_WINDOW, False)):
        first, stop = (int(np.round(contact + share * period)) for share in window)
        stop = max(min(stop, newest), first + 1)
        if has_gyro:
            expected = -100.0 * np.diff(history[ROLL, first : stop + 1]).mean()
        else:
            load = np.clip(history[VERTICAL, first:stop], 0.0, 3.0)
            expected = np.mean(history[LEFTWARD, first:stop] * (1.0 + load))
        found = side_score(history, contact, period, newest, has_gyro, 100.0)
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-10 * size)


def test_both_scores_are_larger_for_left():
    history = np.zeros((N_CHANNELS, 50))
    history[ROLL] = np.linspace(0.1, -0.1, 50)  # the left side comes down again, the right one up
    history[LEFTWARD] = 0.1
    assert side_score(history, 2.0, PERIOD, 49, True, 100.0) > 0.0
    assert side_score(history, 2.0, PERIOD, 49, False, 100.0) > 0.0


@examples(80)
@given(
    scores=st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=14),
    has_gyro=st.booleans(),
)
def test_evidence_of_even_steps_adds_up(scores, has_gyro):
    """In a frame that changes sign every step the log-odds are a plain leaky sum."""
    n = len(scores)
    turn = (-1.0) ** np.arange(n)
    contrast = np.diff(scores, prepend=scores[0])
    assume(np.abs(contrast[1:]).min(initial=1.0) > 1e-6)
    least = LEAST_ROLL if has_gyro else LEAST_LATERAL
    size = np.ones(n)
    if n > 1:
        square = contrast[1:] ** 2
        zi = [SCALE_MEMORY * square[0]]
        size[1:] = np.sqrt(lfilter([1.0 - SCALE_MEMORY], [1.0, -SCALE_MEMORY], square, zi=zi)[0])
    weight = ROLL_WEIGHT if has_gyro else LATERAL_WEIGHT
    gain = weight * np.clip(contrast / np.maximum(size, least), -LARGEST_CONTRAST, LARGEST_CONTRAST)
    expected = turn * lfilter([1.0], [1.0, -MEMORY], turn * gain)
    assume(np.abs(expected).max() < SUREST)
    log_odds, flips = walk_through(scores, PERIOD * np.arange(n), has_gyro)
    assert np.allclose(log_odds, expected, atol=1e-9)
    assert flips.tolist() == [0.0] + [-1.0] * (n - 1)


@pytest.mark.parametrize("tilt", [0.0, 5.0])
@pytest.mark.parametrize("size", [0.2, 1.0, 1e100])
def test_clear_steps_are_sure_whatever_the_tilt(tilt, size):
    scores = size * (tilt + np.tile([1.0, -1.0], 10))
    log_odds, _ = walk_through(scores, PERIOD * np.arange(20))
    assert side_code(log_odds[0]) == 0
    assert [side_code(value) for value in log_odds[2:]] == [1, 2] * 9
    assert abs(log_odds[-1]) == SUREST


def test_contrasts_too_small_for_a_pelvis_decide_nothing():
    """A gyroscope that is dead or only noise must not be sure of sides."""
    log_odds, _ = walk_through(1e-4 * np.tile([1.0, -1.0], 10), PERIOD * np.arange(20))
    assert [side_code(value) for value in log_odds] == [0] * 20


def test_one_wrong_step_changes_nothing():
    scores = np.tile([1.0, -1.0], 10)
    scores[12] = -1.0
    log_odds, _ = walk_through(scores, PERIOD * np.arange(20))
    assert [side_code(value) for value in log_odds[4:]] == [1, 2] * 8


@pytest.mark.parametrize("missed", [1, 2, 3])
def test_missed_steps_are_counted(missed):
    steps = np.delete(np.arange(24), slice(12, 12 + missed))
    scores = np.where(steps % 2 == 0, 1.0, -1.0)
    log_odds, flips = walk_through(scores, PERIOD * steps)
    assert [side_code(value) for value in log_odds[4:]] == [1 + step % 2 for step in steps[4:]]
    assert flips[12] == (-1.0) ** (missed + 1)
    kept = MEMORY if missed == 1 else UNSURE_MEMORY
    if missed % 2 == 1:  # the same foot again: no contrast to add
        assert abs(log_odds[12]) == pytest.approx(kept * SUREST)


def test_a_long_pause_starts_anew():
    steps = np.array([*range(10), 9 + LONGEST_PAUSE + 0.1])
    log_odds, flips = walk_through(np.tile([1.0, -1.0], 6)[:11], PERIOD * steps)
    assert (log_odds[-1], flips[-1]) == (0.0, 0.0)


@pytest.mark.parametrize("has_gyro", [True, False])
def test_no_evidence_no_side(has_gyro):
    log_odds, _ = walk_through(np.zeros(20), PERIOD * np.arange(20), has_gyro)
    assert (log_odds == 0.0).all()


def test_codes():
    assert [side_code(x) for x in (0.0, 0.99 * LEAST, -0.99 * LEAST, LEAST, -LEAST)] == [0, 0, 0, 1, 2]
