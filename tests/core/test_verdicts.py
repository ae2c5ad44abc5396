"""Which pulses become steps, against the rules applied to all pulses of a recording at once."""

from __future__ import annotations

import numpy as np
import pytest
from core_helpers import SLOW, oriented, record, simulated
from scipy.ndimage import convolve1d
from test_step import level_signals

from imurun.core.gait import (
    ALIKE,
    CLEAR_LOOP,
    LOOP,
    LOOP_VETO,
    RUNNING_PERIOD_S,
    STAY_SHARE,
    STREAK,
    measure_loop,
    swings_like_running,
    swings_like_walking,
)
from imurun.core.history import N_CHANNELS, SLOW_FORWARD, SLOW_LEFTWARD, SLOW_VERTICAL
from imurun.core.pulse import PULSE, TRACKER, restart_tracker, track
from imurun.core.step import RUNNING, WALKING
from imurun.core.stepper import LONGEST_WAIT_S, Stepper

RATE = 100.0
DROPPED, NOTHING = -2, -1
GOINGS = {
    "walk and run": (("walking", 9.0), ("running", 8.0), ("walking", 6.0), ("running", 5.0)),
    "stands between": (("still", 4.0), ("running", 7.0), ("still", 5.0), ("walking", 7.0), ("still", 3.0)),
    "walks": (("walking", 14.0), ("still", 3.0), ("walking", 5.0)),
}


def pulses_of(recording, heading, taps, lag):
    """All pulses, with the loops they draw, and the sample at which each is known."""
    raw, _ = level_signals(recording.acc, oriented(recording), np.eye(3))
    slow = convolve1d(raw, taps, axis=1, mode="nearest")
    history = np.zeros((N_CHANNELS, slow.shape[1]))
    history[[SLOW_VERTICAL, SLOW_FORWARD, SLOW_LEFTWARD]] = slow
    tracker, found, known = record(TRACKER), [], []
    restart_tracker(tracker)
    for k in range(slow.shape[1]):
        pulse = record(PULSE)
        if track(history[SLOW_VERTICAL], 0, k, RATE, tracker, pulse):
            measure_loop(history, 0, pulse)
            found.append(pulse)
            known.append(k + lag)
    return found, np.array(known)


class Rules:
    """The rules of `imurun.core.gait` and `imurun.core.stepper`, as they are told in words."""

    def __init__(self, pulses, known, heading):
        self.heading = heading
        self.begin, self.end = (np.array([p[name] for p in pulses]) for name in ("begin", "end"))
        self.loops = np.array(
            [[p["loop_forward"], p["loop_left"], p["power_z"], p["power_dz"]] for p in pulses]
        ).reshape(-1, 4)
        self.swings = np.array([swings_like_running(p, RATE, 1.0) for p in pulses], dtype=bool)
        self.nearly = np.array([swings_like_running(p, RATE, STAY_SHARE) for p in pulses], dtype=bool)
        self.walks = np.array([swings_like_walking(p, RATE) for p in pulses], dtype=bool)
        self.strong = self.swings | (heading & (self.loops[:, 1] > 0.0) & self.nearly)
        length = self.end - self.begin
        ratio = np.minimum(length[1:], length[:-1]) / np.maximum(length[1:], length[:-1])
        self.next_follows = np.append((self.begin[1:] == self.end[:-1]) & (ratio >= ALIKE), False)
        wait = LONGEST_WAIT_S * RATE
        self.next_is_late = np.append(known[1:] > self.end[:-1] + wait, True)
        self.labels = np.full(len(pulses), NOTHING)

    def area(self, first, stop, signed):
        forward, left, z, dz = self.loops[first:stop].sum(axis=0)
        return (left if signed else np.hypot(left, forward)) / np.sqrt(z * dz + 1e-12)

    def begins_run(self, first):
        """Whether a run begins with this pulse."""
        four = slice(first, first + STREAK)
        if first + STREAK > len(self.labels) or not self.next_follows[first : first + STREAK - 1].all():
            return False
        if self.next_is_late[first : first + STREAK - 1].any() or not self.strong[first]:
            return False
        if self.swings[four].all():
            return self.area(first, first + STREAK, self.heading) > LOOP
        return bool(
            self.heading and self.nearly[four].all() and self.area(first, first + STREAK, True) > CLEAR_LOOP
        )

    def goes_on(self, k, last, misses):
        """Whether pulse k goes on with the run whose last step was pulse `last`."""
        _, left, z, dz = self.loops[[k, last]].sum(axis=0)
        if not self.nearly[k] or (self.heading and left < -LOOP_VETO * np.sqrt(z * dz + 1e-12)):
            return False
        return self.begin[k] - self.end[last] <= misses * RUNNING_PERIOD_S[1] * RATE + 1.0

    def find_runs(self):
        """Label the steps of all runs; one pulse that does not fit is left out, the second ends the run."""
        k = 0
        while k < len(self.labels):
            if not self.begins_run(k):
                k += 1
                continue
            self.labels[k : k + STREAK] = RUNNING
            last, k, misses = k + STREAK - 1, k + STREAK, 0
            while k < len(self.labels):
                if self.goes_on(k, last, misses):
                    self.labels[k], last, misses = RUNNING, k, 0
                elif misses == 0:
                    self.labels[k], misses = DROPPED, 1
                else:
                    break
                k += 1

    def find_walks(self):
        """Label walking steps: two that follow each other, or one after another.

        A pulse waits for the next one to be known, unless the last that was decided was walking and none of
        the last three could begin a run.
        """
        before, first = NOTHING, 0
        while first < len(self.labels):
            if self.labels[first] in (RUNNING, DROPPED):
                before = RUNNING if self.labels[first] == RUNNING else before
                first += 1
                continue
            stop = first + 1
            while stop < len(self.labels) and self.labels[stop] == NOTHING:
                stop += 1
            run_follows = stop < len(self.labels)
            waiting = 0
            for k in range(first, stop):
                decided = k - 1 - waiting
                verdict = self.labels[decided] if decided >= first else before
                strong = [
                    w for w in (3, 2, 1) if k - w + 1 >= first and w <= waiting + 1 and self.strong[k - w + 1]
                ]
                waiting = strong[0] if strong else int(verdict != WALKING)
                if run_follows and k >= stop - 1:
                    waiting = 0
                for p in range(decided + 1, k + 1 - waiting):
                    self.decide(p, p < k or (run_follows and p == stop - 1), first)
                if self.next_is_late[k] and waiting:
                    for p in range(k + 1 - waiting, k + 1):
                        self.decide(p, p < k, first)
                    waiting = 0
            first = stop

    def decide(self, p, sees_next, first):
        earlier = p > 0 and self.labels[p - 1] == WALKING and self.end[p - 1] == self.begin[p]
        later = sees_next and self.next_follows[p] and self.walks[p + 1]
        self.labels[p] = WALKING if self.walks[p] and (earlier or later) else NOTHING


@pytest.mark.parametrize("going", GOINGS)
@pytest.mark.parametrize("heading", [True, False])
@pytest.mark.parametrize("seed", [1] if SLOW else [1, 2, 3, 4])
def test_steps_are_those_of_the_rules_on_all_pulses(going, heading, seed):
    recording = simulated(*GOINGS[going], seed=seed).recording
    stepper = Stepper(RATE, np.eye(3), heading_known=heading, has_gyro=True)
    steps = [stepper.push(recording.acc, oriented(recording))[0], stepper.break_off(0)]
    steps = np.concatenate(steps)
    assert np.isnan(stepper.slips_s[1])
    taps = stepper.coefficients.slow_taps
    pulses, known = pulses_of(recording, heading, taps, len(taps) // 2)
    rules = Rules(pulses, known, heading)
    rules.find_runs()
    rules.find_walks()
    wanted = rules.labels >= 0
    assert len(steps) == wanted.sum() > 10
    assert steps["gait"].tolist() == rules.labels[wanted].tolist()
    np.testing.assert_allclose(steps["pulse_begin"], rules.begin[wanted], atol=1e-6)
