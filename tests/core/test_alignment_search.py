"""Held samples against a plain array, and the search for the mounting however the samples come."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from imurun.core.alignment_search import LONGEST_HOLD_S, LOOK_BACK_S, AlignmentSearch, HeldSamples
from imurun.core.stepper import StepperSettings
from tests.core.core_helpers import SLOW, TILTED, examples, flat, oriented, simulated

RATE = 50.0
SECONDS = 9.0 if SLOW else 16.0


class HeldMachine(RuleBasedStateMachine):
    """Whatever is appended, skipped and dropped, the rest is what a plain array would hold."""

    @initialize(first=st.integers(0, 1000), gyro=st.booleans())
    def begin(self, first, gyro):
        self.held, self.start, self.gyro = HeldSamples(first), first, gyro
        self.plain = np.zeros((0, 10))
        self.counter = 0

    @rule(n=st.integers(0, 7))
    def append(self, n):
        rows = self.counter + np.arange(10.0 * n).reshape(n, 10)
        self.counter += 10 * n
        block = rows.copy()
        self.held.append(block[:, :3], block[:, 3:6] if self.gyro else None, block[:, 6:])
        block[:] = -1.0  # they were copied
        self.plain = np.vstack([self.plain, rows])

    @rule(n=st.integers(0, 5))
    def skip(self, n):
        self.held.skip(n)
        self.plain = np.vstack([self.plain, np.full((n, 10), np.nan)])

    @rule(share=st.floats(-0.5, 1.0))
    def drop(self, share):
        index = self.start + int(share * len(self.plain))
        self.held.drop_before(index)
        n = max(index - self.start, 0)
        self.plain, self.start = self.plain[n:], self.start + n

    @rule()
    def resume(self):
        fresh = HeldSamples(0)
        fresh.state = self.held.state
        self.held = fresh

    @rule(first=st.integers(-3, 30), n=st.integers(0, 12))
    def window(self, first, n):
        found = self.held.window(self.start + first, self.start + first + n)
        inside = first >= 0 and first + n <= len(self.plain)
        rows = self.plain[first : first + n] if inside else np.full((1, 10), np.nan)
        assert (found is None) == bool(np.isnan(rows).any())
        if found is not None:
            assert np.array_equal(found[0], rows[:, :3])

    @invariant()
    def the_same(self):
        if not hasattr(self, "held"):
            return
        assert (self.held.start, self.held.stop) == (self.start, self.start + len(self.plain))
        acc, _, quats = self.held.arrays()
        assert np.array_equal(acc, self.plain[:, :3], equal_nan=True)
        assert np.array_equal(quats, self.plain[:, 6:], equal_nan=True)


TestHeldSamples = HeldMachine.TestCase
TestHeldSamples.settings = examples(60)


@pytest.fixture(scope="module")
def samples():
    parts = (("walking", 4.0), ("running", SECONDS))
    recording = simulated(*parts, rate_hz=RATE, tilted=True).recording
    return np.array(recording.acc), np.array(recording.gyr), oriented(recording)


def search(acc, gyro=True, whole_file=False):
    return AlignmentSearch(
        StepperSettings(RATE, has_gyro=gyro),
        first_up=acc[:75].mean(axis=0),
        first_index=0,
        whole_file=whole_file,
    )


def pushed(machine, samples, edges=(), gyro=True):
    """All that comes out until the mounting is found: steps, seconds, samples taken, the mounting."""
    acc, gyr, quats = samples
    steps, seconds, total = [], [], 0
    edges = [0, *edges, len(acc)]
    for a, b in pairwise(edges):
        taken, output, these, mounting = machine.push(acc[a:b], gyr[a:b] if gyro else None, quats[a:b])
        steps.append(output)
        seconds.append(these)
        total += taken
        if mounting is not None:
            return np.concatenate(steps), np.concatenate(seconds), total, mounting
        assert taken == b - a
    return np.concatenate(steps), np.concatenate(seconds), total, None


@pytest.mark.parametrize("gyro", [True, False])
@examples(12, slow=1)
@given(data=st.data())
def test_found_at_the_same_sample_for_any_split(samples, gyro, data):
    whole, split = search(samples[0], gyro), search(samples[0], gyro)
    edges = sorted(data.draw(st.lists(st.integers(0, len(samples[0])), max_size=20)))
    a, b = pushed(whole, samples, gyro=gyro), pushed(split, samples, edges, gyro)
    assert a[0].tobytes() == b[0].tobytes()
    assert a[1].tobytes() == b[1].tobytes()
    assert a[2] == b[2]
    assert list(flat(whole.state)) == list(flat(split.state))
    if not SLOW:
        assert a[3].source == "found"
        assert a[3].rotation.tobytes() == b[3].rotation.tobytes()
        assert a[3].decided_s == a[2] / RATE


@pytest.mark.skipif(SLOW, reason="too slow without the compiler")
@pytest.mark.parametrize("gyro", [True, False])
def test_the_mounting_found_is_the_true_one(samples, gyro):
    rotation = pushed(search(samples[0], gyro), samples, gyro=gyro)[3].rotation
    turned = rotation @ TILTED.T  # what is left is the runner's lean
    assert np.degrees(np.arccos(turned[1, 1])) < 10.0
    assert np.degrees(np.arctan2(turned[2, 0], turned[2, 2])) == pytest.approx(-8.0, abs=3.0)


@pytest.mark.parametrize("cut_s", [0.5, 5.0, 8.3] if SLOW else [0.5, 5.0, 8.3, 12.0])
def test_state_can_be_restored(samples, cut_s):
    cut = int(cut_s * RATE)
    first = search(samples[0])
    before = pushed(first, [part[:cut] for part in samples])
    saved = first.state
    expected = pushed(first, [part[cut:] for part in samples])
    second = search(samples[0])
    second.state = saved
    found = pushed(second, [part[cut:] for part in samples])
    assert before[2] == cut
    for a, b in zip(expected[:2], found[:2], strict=True):
        assert a.tobytes() == b.tobytes()
    assert list(flat(first.state)) == list(flat(second.state))


@pytest.mark.parametrize("at_s", [2.0, 7.2])
@pytest.mark.parametrize("parts", [(30,), (10, 20), (1, 1, 28)])
def test_a_gap_may_come_in_parts(samples, at_s, parts):
    at = int(at_s * RATE)
    whole, split = search(samples[0]), search(samples[0])
    for machine in (whole, split):
        pushed(machine, [part[:at] for part in samples])
    expected = whole.skip(sum(parts))
    found = [split.skip(part) for part in parts]
    assert expected[0] == sum(answer[0] for answer in found) == sum(parts)
    assert expected[1].tobytes() == np.concatenate([answer[1] for answer in found]).tobytes()
    assert list(flat(whole.state)) == list(flat(split.state))


def test_a_short_run_is_reported_as_no_run_after_a_long_gap(samples):
    machine = search(samples[0])
    pushed(machine, [part[: int(7.5 * RATE)] for part in samples])  # three seconds of running
    taken, steps, mounting = machine.skip(int((LONGEST_HOLD_S + 10.0) * RATE))
    assert (taken, mounting) == (int((LONGEST_HOLD_S + 10.0) * RATE), None)
    assert (steps["gait"] == 0).any()
    assert (steps["side"] == 0).all()
    assert len(machine.finish()[0]) == 0


def test_walking_is_reported_at_once_and_few_samples_are_held(samples):
    walk = [part[: int(4.0 * RATE)] for part in samples]
    machine, steps = search(samples[0]), 0
    for _ in range(5):
        steps += len(pushed(machine, walk)[0])
    assert steps > 15
    assert machine.held.stop - machine.held.start <= (LOOK_BACK_S + 1.0) * RATE


@pytest.mark.parametrize("whole_file", [False, True])
def test_a_short_file_is_aligned_from_few_strides(samples, whole_file):
    machine = search(samples[0], whole_file=whole_file)
    assert pushed(machine, [part[: int(8.5 * RATE)] for part in samples])[3] is None
    _, mounting = machine.finish()
    assert mounting.source == ("whole" if whole_file else "found")
    assert mounting.rotation[1] @ TILTED[1] > 0.9


def test_without_running_there_is_no_alignment(samples):
    machine = search(samples[0])
    pushed(machine, [part[: int(4.0 * RATE)] for part in samples])
    assert machine.finish()[1] is None
    assert machine.level.source == "level"
    up = samples[0][:75].mean(axis=0)
    assert np.allclose(machine.level.rotation @ up, [0.0, 0.0, np.linalg.norm(up)])
