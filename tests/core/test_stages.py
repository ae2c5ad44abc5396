"""From cycles to rows of steps, worked out from all cycles of a recording at once.

The stepper decides cycle by cycle, with a queue, counters and memories. Here the same rules are stated of the
whole list of cycles: where runs begin and end, which cycles walk, which periods are averaged.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import convolve1d

from benchmarks.datasets import LOADERS
from imurun.core.gait import (
    ALIKE,
    ALTERNATION_MEMORY,
    CLEAR_LOOP,
    ENOUGH_COMPONENTS,
    LEAST_ALTERNATION,
    LEAST_PRODUCT,
    LOOP,
    LOOP_VETO,
    RUNNING_PERIOD_S,
    STAY_SHARE,
    STREAK,
    WALKING_PEAK_TO_PEAK_G,
    WALKING_PERIOD_S,
)
from imurun.core.state import MANY_REVERSED
from imurun.core.step import LOST_STEP, RUNNING, WALKING
from imurun.core.step_cycle import STEP_CYCLE
from imurun.core.stepper import LONGEST_WAIT_S
from imurun.engine import find_mounting
from imurun.model.frames import G
from tests.core.core_helpers import TILTED, examples, made_stepper, oriented, simulated
from tests.core.test_gait import plain_amplitudes, plain_components, plain_loop, plain_mechanics
from tests.core.test_step import level_signals
from tests.core.test_step_cycle import tracked


class Cycles:
    """All cycles of a recording, and what is true of each of them and of its neighbours."""

    def __init__(self, level, angles, c):
        """Level signals, shape (3, n): vertical, forward, leftward, g; roll and pitch, rad."""
        self.level, self.angles = level, angles
        self.rate_hz, lag, self.n = c.rate_hz, len(c.slow_taps) // 2, level.shape[1]
        slow = convolve1d(level, c.slow_taps, axis=1, mode="nearest")
        found = tracked(slow[0], rate_hz=c.rate_hz)
        # known with the last sample that the smoothing needs, or when there are no more
        self.known = np.minimum(found[:, 0] + lag, self.n)
        self.begin, self.up, self.peak, self.down, self.end, self.height, self.floor = found[:, 1:8].T
        self.period_s = found[:, 8]
        self.loop = np.zeros(len(found), dtype=STEP_CYCLE)
        for cycle, begin, end in zip(self.loop, self.begin, self.end, strict=True):
            path = slow[:, int(np.ceil(begin)) : int(np.floor(end)) + 1].T
            path, step = path[:-1] - path.mean(axis=0), np.diff(path, axis=0)
            _, x, y = np.cross(path, step).sum(axis=0)
            cycle["loop_forward"], cycle["loop_left"] = x, y
            cycle["power_z"], cycle["power_dz"] = (path[:, 0] ** 2).sum(), (step[:, 0] ** 2).sum()
        self.loop["begin"], self.loop["end"] = self.begin, self.end
        self.loop["peak_g"], self.loop["minimum_g"] = self.height, self.floor
        length = self.end - self.begin
        length_s, peak_to_peak = length / c.rate_hz, self.height - self.floor
        self.runs = plain_amplitudes(self.loop, 1.0, c.rate_hz)
        self.may_run = plain_amplitudes(self.loop, STAY_SHARE, c.rate_hz)
        self.walks = (np.clip(length_s, *WALKING_PERIOD_S) == length_s) & (
            np.clip(peak_to_peak, *WALKING_PEAK_TO_PEAK_G) == peak_to_peak
        )
        # whether a cycle comes right after the one before it, and is about as long
        self.joined = np.append(False, self.begin[1:] == self.end[:-1])
        ratio = np.append(0.0, np.minimum(length[1:], length[:-1]) / np.maximum(length[1:], length[:-1]))
        self.alike = ratio >= ALIKE
        self.follows = self.joined & self.alike
        # whether it was output while the one before still waited
        self.soon = np.append(False, self.known[1:] - 1 <= self.end[:-1] + LONGEST_WAIT_S * c.rate_hz)

    def __len__(self):
        return len(self.end)

    def streak(self, i, heading):
        """Whether a run begins with cycle i; and whether it would if forward were elsewhere.

        Four cycles in a row have the amplitude of running and turn that way; the first of them by itself.
        """
        four, later = slice(i, i + STREAK), slice(i + 1, i + STREAK)
        if not (self.follows[later] & self.soon[later]).all():
            return False, False
        first = self.runs[i] or not heading or self.loop["loop_left"][i] > 0.0
        left, size = plain_loop(self.loop[four])
        full, most = self.runs[four].all(), self.may_run[four].all()
        strength = left if heading else size
        begins = (full and strength > LOOP) or (first and most and strength > CLEAR_LOOP)
        is_reversed = heading and full and left <= LOOP < size
        return bool(begins) and self.mechanics(four, heading), bool(is_reversed) and self.mechanics(
            four, False
        )

    def mechanics(self, four, heading):
        """Whether four cycles alternate and are no walk."""
        return plain_mechanics(self.level, self.angles, self.loop[four], heading, True, self.rate_hz)

    def alternate(self, run, heading):
        """Whether the steps of a run so far come from two feet in turn."""
        components, agreed, weighed = [], 0.0, 0.0
        for before, i in pairwise(run):
            if not self.joined[i] or before != i - 1:
                components = []
                continue
            loop = self.loop[[before, i]]
            axis = np.array([loop["loop_forward"].sum(), loop["loop_left"].sum()])
            axis = (0.0, 1.0) if heading else axis / np.linalg.norm(axis)
            minima = [*loop["begin"], loop["end"][1]]
            components.append(plain_components(self.level, self.angles, minima, axis)[0])
            if len(components) > 2:
                size = np.linalg.norm(components[-1]) * np.linalg.norm(components[-3])
                agreement = np.sum(components[-1] * components[-3]) / max(size, LEAST_PRODUCT)
                agreed = ALTERNATION_MEMORY * agreed + agreement
                weighed = ALTERNATION_MEMORY * weighed + 1.0
        return len(components) <= ENOUGH_COMPONENTS or agreed >= LEAST_ALTERNATION * weighed

    def continues_run(self, i, before, heading):
        """Whether cycle i continues a run whose last step is cycle `before`."""
        left, _ = plain_loop(self.loop[[before, i]])
        distance = self.begin[i] - self.end[before]
        missed = i - before - 1
        near = distance <= missed * RUNNING_PERIOD_S[1] * self.rate_hz + 1.0
        return bool(self.may_run[i] and near and not (heading and left < -LOOP_VETO))


def plain_classification(cycles, heading):
    """The runs as lists of cycles, the walking cycles, and when the heading was dropped, s or NaN.

    A run begins with four cycles in a row, and ends where two do not go on with it. A cycle of no run walks
    when it and a neighbour have the amplitude of walking.
    """
    runs, nothing, n_reversed, turned_s = [], set(), 0, np.nan
    i = free = 0
    while i < len(cycles):
        first, begins = i - STREAK + 1, False
        if first >= free:
            begins, wrong = cycles.streak(first, heading)
            n_reversed += wrong
            if n_reversed == MANY_REVERSED:
                turned_s, heading = cycles.end[i] / cycles.rate_hz, False
                begins, _ = cycles.streak(first, heading)
        if not cycles.runs[i] or begins:
            n_reversed = 0
        i += 1
        if begins:
            run = list(range(first, i))
            while i < len(cycles) and i - run[-1] <= 2:
                continues = cycles.continues_run(i, run[-1], heading) and cycles.alternate(run, heading)
                run += [i] * int(continues)
                i += 1
            runs.append(run)
            # the first that does not go on is nothing; a second in a row may belong to what comes
            i = free = run[-1] + 2
            nothing |= set(range(run[0], free)) - set(run)
    walking = []
    ran = {i for run in runs for i in run}
    for i in sorted(set(range(len(cycles))) - ran - nothing):
        before = walking[-1:] == [i - 1] and cycles.joined[i]
        after = i + 1 < len(cycles) and (cycles.walks & cycles.follows & cycles.soon)[i + 1]
        if cycles.walks[i] and (before or after):
            walking.append(i)
    return runs, walking, turned_s


def plain_periods(cycles, run):
    """Mean of the last two times from rise to rise, for each step; the first borrows that of the second."""
    known = [cycles.period_s[i] for i in run[1:]]
    valid = [RUNNING_PERIOD_S[0] <= period <= RUNNING_PERIOD_S[1] for period in known]
    first = known[0] if valid[0] else (cycles.end[run[1]] - cycles.begin[run[1]]) / cycles.rate_hz
    kept, means = [first, first], [first]
    for period, is_valid in zip(known, valid, strict=True):
        kept += [period] * int(is_valid)
        means.append(np.mean(kept[-2:]))
    return means


def expected_rows(cycles, heading):
    """Gait, begin, end, period (s), decision time (s; NaN where walking), whether it has a step before."""
    runs, walking, turned_s = plain_classification(cycles, heading)
    rows = []
    for run in runs:
        for i, period_s in zip(run, plain_periods(cycles, run), strict=True):
            output = min(cycles.known[max(i, run[STREAK - 1])], cycles.n - 1)
            rows.append(
                (RUNNING, cycles.begin[i], cycles.end[i], period_s, output / cycles.rate_hz, i > run[0])
            )
    for i in walking:
        continues_walk = i - 1 in walking and cycles.joined[i]
        since = cycles.up[i] - cycles.up[i - 1] if continues_walk else cycles.end[i] - cycles.begin[i]
        rows.append((WALKING, cycles.begin[i], cycles.end[i], since / cycles.rate_hz, np.nan, continues_walk))
    return np.array(sorted(rows, key=lambda row: row[1])).reshape(-1, 6), turned_s


def compared(acc, quats, level, angles, rate_hz, heading, mounting):
    """Compare the rows; returns those of the stepper, and how many running cycles got none."""
    machine = made_stepper(rate_hz, mounting, heading=heading)
    steps = np.concatenate([machine.push(acc, quats)[0], machine.break_off(0)])
    expected, turned_s = expected_rows(Cycles(level, angles, machine.coefficients), heading)
    assert machine.slips_s[1] == pytest.approx(turned_s, nan_ok=True)
    cycle = steps["cycle"]
    columns = (steps["gait"], cycle["begin"], cycle["end"], steps["period_s"], steps["decided_s"])
    found = np.column_stack(columns)
    found[found[:, 0] == WALKING, 4] = np.nan
    # no possible contact came out of it: no row
    without = [row[0] == RUNNING and not np.any(np.abs(found[:, 1] - row[1]) < 0.01) for row in expected]
    expected = expected[~np.array(without, dtype=bool)]
    expected, has_before = expected[:, :5], expected[:, 5] > 0.0
    assert found.shape == expected.shape
    step_time_s = np.diff(steps["initial_contact_s"], prepend=np.nan)
    lost = (steps["gait"] == RUNNING) & (step_time_s > LOST_STEP * steps["period_s"])
    step_time_s[lost | ~has_before] = np.nan
    assert np.allclose(steps["step_time_ms"], 1000.0 * step_time_s, equal_nan=True)
    assert np.allclose(found, expected, rtol=0, atol=1e-5, equal_nan=True)
    return found, sum(without)


def drawn(seed, rate_hz=50.0):
    """Vertical bumps of drawn lengths and amplitudes, with the loop turning either way; pauses in between."""
    rng = np.random.default_rng(seed)
    vertical, forward, sideways = [np.ones(10)], [np.zeros(10)], [np.zeros(10)]
    sign = 1.0
    for _ in range(6):
        kind = rng.choice(["run", "walk", "reversed", "odd", "still"], p=[0.35, 0.3, 0.1, 0.15, 0.1])
        usual_s, peak_to_peak = {"run": (0.36, 1.8), "reversed": (0.36, 1.8), "walk": (0.55, 0.3)}.get(
            kind, (0.5, 1.0)
        )
        if kind == "still":
            n = int(rng.uniform(0.5, 3.0) * rate_hz)
            vertical.append(np.full(n, rng.choice([1.0, 0.97])))
            forward.append(np.zeros(n))
            sideways.append(np.zeros(n))
            continue
        sway_g = rng.choice([0.2, 0.0], p=[0.8, 0.2])
        for _ in range(rng.integers(1, 14)):
            sign = -sign
            spread = rng.choice([0.03, 0.3], p=[0.85, 0.15])
            n = int(rate_hz * np.clip(usual_s * (1 + spread * rng.standard_normal()), 0.15, 1.3))
            phase = 2 * np.pi * np.arange(n) / n
            size = peak_to_peak * np.clip(1 + spread * rng.standard_normal(), 0.05, 2.0)
            vertical.append(1.0 - 0.8 * size * np.cos(phase))
            forward.append(rng.choice([-1.0, 0.1]) * (-1.0) ** (kind != "run") * 0.3 * size * np.sin(phase))
            sideways.append(sign * sway_g * np.sin(0.5 * phase + rng.choice([0.0, 0.3])))
    level = np.zeros((3, sum(map(len, vertical))))
    level[0], level[1] = np.concatenate(vertical), np.concatenate(forward)
    level[2] = np.concatenate(sideways)
    return level + 0.01 * rng.standard_normal(level.shape)


@examples(60, slow=2)
@given(seed=st.integers(0, 2**32 - 1), heading=st.booleans())
def test_steps_of_drawn_cycles_match_the_reference(seed, heading):
    level = drawn(seed)
    acc = np.ascontiguousarray(level[[1, 2, 0]].T) * G
    quats = np.tile([1.0, 0.0, 0.0, 0.0], (len(acc), 1))
    compared(acc, quats, acc.T[[2, 0, 1]] / G, np.zeros((2, len(acc))), 50.0, heading, np.eye(3))


@pytest.mark.parametrize("heading", [True, False])
def test_steps_of_a_simulated_session_match_the_reference(heading):
    parts = (("walking", 5.0), ("still", 4.0), ("walking", 5.0), ("running", 8.0), ("walking", 4.0))
    recording = simulated(*parts, rate_hz=50.0, tilted=True).recording
    quats = oriented(recording)
    level, angles = level_signals(recording.acc, quats, TILTED)
    found, without = compared(np.array(recording.acc), quats, level, angles, 50.0, heading, TILTED)
    assert without == 0
    assert np.bincount(found[:, 0].astype(int)).min() > 15


@pytest.mark.parametrize("heading", [True, False])
@pytest.mark.parametrize("backward", [False, True])
def test_steps_of_a_real_run_match_the_reference(shared_data, heading, backward):
    """With the forward axis backward the first cycles are reversed, and it is dropped."""
    (trial,) = LOADERS["treadmill_run_grf"](shared_data / "treadmill_run_grf")
    acc, quats = np.array(trial.recording.acc), oriented(trial.recording)
    mounting = find_mounting(trial.recording).rotation
    mounting = np.diag([-1.0, -1.0, 1.0]) @ mounting if backward else mounting
    level, angles = level_signals(acc, quats, mounting)
    found, without = compared(acc, quats, level, angles, trial.recording.rate_hz, heading, mounting)
    assert len(found) > (15 if heading and backward else 24)
    assert without == 0
