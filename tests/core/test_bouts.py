"""Bouts divide a recording: contiguous, no overlaps, gaps to the exact second."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imurun.core.bouts import Bout, find_bouts
from imurun.core.seconds import SECOND, STILL_G
from imurun.core.step import BLANK, RUNNING, WALKING
from imurun.model.columns import BOUT_KINDS
from imurun.model.gaps import LONGEST_CARRIED_S
from tests.core.core_helpers import examples

RATE = 50.0


def steps_at(times, gait, period_s):
    steps = np.repeat(BLANK, len(times))
    steps["initial_contact_s"], steps["gait"], steps["period_s"] = times, gait, period_s
    return steps


def run_from(start_s, n, period_s=0.36):
    return steps_at(start_s + period_s * np.arange(n), RUNNING, period_s)


def walk_from(start_s, n, period_s=0.55):
    return steps_at(start_s + period_s * np.arange(n), WALKING, period_s)


def seconds_of(motion_g, first_s=0.0):
    seconds = np.zeros(len(motion_g), dtype=SECOND)
    seconds["first"] = round(first_s * RATE) + round(RATE) * np.arange(len(motion_g))
    seconds["motion_g"] = motion_g
    return seconds


NONE = steps_at([], RUNNING, 0.36)


@st.composite
def recordings(draw):
    """Steps, seconds and gaps of a recording of up to two minutes; gaps neither touch nor overlap."""
    duration = draw(st.integers(0, 1200)) / 10
    tenths = st.integers(0, round(10 * duration))
    edges = sorted(draw(st.sets(tenths, max_size=8)))
    gaps = [(a / 10, b / 10) for a, b in zip(edges[::2], edges[1::2], strict=False)]
    stretches = draw(st.lists(st.tuples(tenths, st.integers(1, 60), st.sampled_from([0, 1])), max_size=5))
    parts = [(walk_from if gait else run_from)(start / 10, n) for start, n, gait in stretches]
    steps = np.concatenate([NONE, *parts])
    steps = steps[np.argsort(steps["initial_contact_s"], kind="stable")]
    steps = steps[steps["initial_contact_s"] + steps["period_s"] <= duration]
    in_gap = [any(a <= t < b for a, b in gaps) for t in steps["initial_contact_s"]]
    motion = draw(st.lists(st.sampled_from([0.01, 0.2]), max_size=int(duration)))
    return steps[~np.array(in_gap, dtype=bool)], seconds_of(motion), gaps, duration


@examples(300, slow=150)
@given(recordings())
@example((NONE, seconds_of([]), [], 0.0))
@example((NONE, seconds_of([]), [(0.0, 5.0)], 5.0))
@example((run_from(0.0, 27), seconds_of([0.5] * 10), [(3.0, 3.1), (9.9, 10.0)], 10.0))
def test_bouts_are_a_partition(recording):
    steps, _, gaps, duration = recording
    bouts = find_bouts(*recording, RATE)
    assert {bout.kind for bout in bouts} <= set(BOUT_KINDS)
    assert all(bout.start_s < bout.end_s for bout in bouts)
    edges = [0.0, *(bout.end_s for bout in bouts)]
    assert [bout.start_s for bout in bouts] == edges[:-1]
    assert edges[-1] == duration
    assert all(a.kind != b.kind for a, b in pairwise(bouts))
    told = [tuple(bout[:2]) for bout in bouts if bout.kind == "gap"]
    inside = [gap for gap in gaps if gap not in told]
    assert sorted(told + inside) == gaps
    for first, stop in inside:
        assert round((stop - first) * RATE) <= LONGEST_CARRIED_S * RATE
        (around,) = [bout for bout in bouts if bout.start_s < stop and bout.end_s > first]
        assert around.kind in ("running", "walking")
    if not len(steps):
        assert {bout.kind for bout in bouts} <= {"still", "other", "gap"}


def test_no_bout_ends_after_the_recording():
    bouts = find_bouts(run_from(0.5, 10), seconds_of([0.5] * 4), [], 4.0, RATE)
    assert bouts[-1].end_s == 4.0


def kinds(*recording):
    return [bout.kind for bout in find_bouts(*recording, RATE)]


def test_a_session_is_divided_into_still_walking_and_running():
    steps = np.concatenate([walk_from(10.0, 20), run_from(21.2, 50), walk_from(39.4, 10)])
    motion = np.where((np.arange(60) >= 10) & (np.arange(60) < 44), 0.5, 0.01)
    bouts = find_bouts(steps, seconds_of(motion), [], 60.0, RATE)
    assert [bout.kind for bout in bouts] == ["still", "walking", "running", "walking", "still"]
    assert bouts[1].start_s == 10.0
    assert bouts[2] == Bout(21.2, 39.4, "running")  # the short pause belongs to the bout before
    assert bouts[3].end_s == 45.0  # 0.1 s after the last step


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (run_from(2.0, 3), ["other"]),
        (run_from(2.0, 4), ["other", "running", "other"]),
        (walk_from(2.0, 1), ["other"]),
        (walk_from(2.0, 2), ["other", "walking", "other"]),
        (run_from(0.0, 200)[[*range(50), *range(53, 100)]], ["running", "other"]),
        (run_from(0.0, 200)[[*range(50), *range(54, 100)]], ["running", "other", "running", "other"]),
    ],
)
def test_four_running_or_two_walking_steps_make_a_bout(steps, expected):
    recording = (steps, seconds_of([0.5] * 60), [], 60.0)
    assert kinds(*recording) == expected


def test_a_gap_cuts_a_run_and_keeps_its_borders():
    bouts = find_bouts(run_from(0.0, 100), seconds_of([0.5] * 36), [(10.02, 10.56)], 36.0, RATE)
    assert [bout.kind for bout in bouts] == ["running", "gap", "running"]
    assert tuple(bouts[1][:2]) == (10.02, 10.56)


@pytest.mark.parametrize("steps", [run_from(0.0, 100), walk_from(0.0, 65)])
@pytest.mark.parametrize("length_s", [0.06, 0.16, 0.5])
def test_a_short_gap_does_not_cut_a_run(steps, length_s):
    lost = (steps["initial_contact_s"] > 9.9) & (steps["initial_contact_s"] < 10.1 + length_s)
    bouts = find_bouts(steps[~lost], seconds_of([0.5] * 36), [(10.02, 10.02 + length_s)], 36.0, RATE)
    assert len(bouts) == 1 + (bouts[-1].kind == "other")
    assert bouts[0].start_s == 0.0
    assert bouts[0].end_s > 35.0


def test_a_short_gap_between_bouts_is_told():
    """Where a walk becomes a run in it, at an end of a run, and in standing."""
    steps = np.concatenate([walk_from(0.0, 18), run_from(10.2, 28)])
    for gap in ((9.95, 10.15), (20.1, 20.4), (25.0, 25.2), (0.0, 0.2)):
        bouts = find_bouts(steps, seconds_of([0.5] * 20 + [0.01] * 10), [gap], 30.0, RATE)
        assert [tuple(bout[:2]) for bout in bouts if bout.kind == "gap"] == [gap], gap


@pytest.mark.parametrize("odd_second", range(10))
def test_one_moving_second_does_not_divide_standing(odd_second):
    motion = np.full(10, 0.01)
    motion[odd_second] = 0.3
    assert kinds(NONE, seconds_of(motion), [], 10.0) == ["still"]
    assert kinds(NONE, seconds_of(0.31 - motion), [], 10.0) == ["other"]


@examples(100)
@given(motion=st.lists(st.sampled_from([0.0, 0.99 * STILL_G, STILL_G, 1.0]), min_size=1, max_size=30))
def test_a_second_is_still_by_majority_of_those_around(motion):
    bouts = find_bouts(NONE, seconds_of(motion), [], float(len(motion)), RATE)
    for k in range(len(motion)):
        around = np.array(motion[max(k - 2, 0) : k + 3]) < STILL_G
        (kind,) = [bout.kind for bout in bouts if bout.start_s <= k + 0.5 < bout.end_s]
        assert kind == ("still" if around.mean() > 0.5 else "other")


def test_without_full_seconds_it_is_other():
    assert kinds(NONE, seconds_of([]), [], 0.8) == ["other"]
    assert kinds(NONE, seconds_of([]), [], 0.0) == []
