"""A new state has seen nothing, and a restart leaves only what outlives a gap."""

from __future__ import annotations

import re

import numpy as np
import pytest

from imurun.core.state import (
    MANY_REVERSED,
    STATE,
    begin,
    continue_after,
    count_reversed,
    forget_steps,
    knows_heading,
    new_state,
    restart,
)
from imurun.core.step import STEP
from imurun.core.step_cycle import BELOW, STEP_CYCLE
from tests.core.core_helpers import flat, made_stepper

OUTLIVES = {
    "next", "n_steps", "n_seconds", "fresh_pitch", "fresh_roll", "n_fresh", "standing_pitch", "standing",
    "drift_pitch", "drift_roll", "loop_forward", "loop_left", "n_running", "n_clipped", "count_from",
    "slipped_s", "turned_s", "n_reversed", "measured_until", "since_gap",
}  # fmt: skip


def bytes_of(state, names):
    return dict(flat({name: state[name] for name in names}))


@pytest.mark.parametrize("first_index", [0, 12345])
def test_a_new_state_begins_at_its_first_index(first_index):
    state = new_state(first_index)[0]
    assert [state[name] for name in ("next", "slow_next", "oldest", "base")] == [first_index] * 4
    assert state["tracker"]["phase"] == BELOW
    for name in ("fresh_pitch", "standing_pitch", "slipped_s", "turned_s", "last_contact"):
        assert np.isnan(state[name])
    assert np.isnan(state["standing"]).all()


def kinds(dtype):
    """The kinds of all numbers in a record, in order: i for integers, f for floats."""
    if dtype.names:
        return "".join(kinds(dtype[name]) for name in dtype.names)
    base, shape = dtype.subdtype or (dtype, ())
    assert base.itemsize == 8
    return base.kind * int(np.prod(shape))


@pytest.mark.parametrize(
    ("dtype", "layout"),
    [
        (STATE, "6i1f1i1f2i3f6i33f1i42f1i2f1i8f1i1f1i6f2i1f1i1f3i14f"),
        (STEP, "2f2i94f"),
        (STEP_CYCLE, "32f"),
    ],
    ids=["state", "step", "cycle"],
)
def test_the_layout_of_saved_records_stays(dtype, layout):
    """Where it has to change, `earlier_layouts` gets the layout before."""
    expected = "".join(kind * int(n) for n, kind in re.findall(r"(\d+)([if])", layout))
    assert kinds(dtype) == expected
    assert dtype.itemsize == 8 * len(expected)


def test_restart_forgets_all_but_the_runner():
    states = np.frombuffer(np.random.default_rng(1).bytes(STATE.itemsize), dtype=STATE).copy()
    state, before = states[0], states.copy()[0]
    restart(state)
    assert bytes_of(state, OUTLIVES) == bytes_of(before, OUTLIVES)
    unread = {"ends", "last_running"}  # ends count only up to n_ends, the last run while running
    rest = set(STATE.names) - OUTLIVES - unread
    assert bytes_of(state, rest) == bytes_of(new_state(int(before["next"]))[0], rest)


CARRIED = {
    "running", "last_running", "parity", "cues", "periods", "last_contact", "last_final",
    "last_step_time",
}  # fmt: skip


def stretch_of(n_steps_seen=0):
    """A state in the middle of a run at 100 Hz, the last sample being number 4999."""
    states = np.frombuffer(np.random.default_rng(2).bytes(STATE.itemsize), dtype=STATE).copy()
    states["next"] = states["measured_until"] = 5000
    states["running"] = 1
    states["since_gap"] = n_steps_seen
    return states


@pytest.mark.parametrize("parts", [(50,), (0, 7, 43), (1,) * 50])
def test_a_short_gap_keeps_the_run(parts):
    states = stretch_of(12)
    before = states.copy()[0]
    for n_missing in parts:
        continue_after(states[0], n_missing, 100.0)
    state = states[0]
    assert bytes_of(state, CARRIED) == bytes_of(before, CARRIED)
    kept = OUTLIVES - {"next", "since_gap"}
    assert bytes_of(state, kept) == bytes_of(before, kept)
    assert state["since_gap"] == 0
    assert [state[name] for name in ("next", "slow_next", "oldest", "base")] == [5050] * 4
    assert state["classified_until"] == 5050 + 54  # a first whole step begins by then
    assert np.isnan(state["last_begin"])  # no stride over the gap
    assert state["n_ends"] == 0
    assert state["tracker"]["phase"] == BELOW


@pytest.mark.parametrize("parts", [(51,), (0, 7, 44), (1,) * 51])
def test_a_long_gap_is_a_restart(parts):
    states, other = stretch_of(), stretch_of()
    for n_missing in parts:
        continue_after(states[0], n_missing, 100.0)
    other["next"] = 5051
    restart(other[0])
    assert states[0]["since_gap"] == 0
    rest = set(STATE.names) - {"since_gap"}
    assert bytes_of(states[0], rest) == bytes_of(other[0], rest)


def test_forgetting_steps_keeps_the_rhythm():
    state = new_state(0)[0]
    for name in ("last_contact", "last_final", "last_step_time", "last_begin", "n_ends"):
        state[name] = 3
    state["periods"] = 0.35
    forget_steps(state)
    names = ("last_contact", "last_final", "last_step_time", "last_begin", "n_ends")
    assert bytes_of(state, names) == bytes_of(new_state(0)[0], names)
    assert state["periods"].tolist() == [0.35, 0.35]


def test_begin_writes_the_same_state_as_restart():
    states = np.frombuffer(np.random.default_rng(2).bytes(3 * STATE.itemsize), dtype=STATE).copy()
    expected = states.copy()
    restart(expected[0])
    begin(states)
    assert states.tobytes() == expected.tobytes()  # and the others are left alone


@pytest.mark.parametrize("given", [True, False])
def test_the_heading_is_known_until_many_cycles_are_reversed(given):
    c = made_stepper(50.0, heading=given).coefficients
    state, turned_s, known = new_state(0)[0], [], []
    for n in range(MANY_REVERSED + 1):
        turned_s.append(float(state["turned_s"]))
        known.append(bool(knows_heading(state, c)))
        count_reversed(state, 10.0 + n)
    assert np.isnan(turned_s[:MANY_REVERSED]).all()
    assert turned_s[MANY_REVERSED] == 10.0 + MANY_REVERSED - 1
    assert known == [given] * MANY_REVERSED + [False]
    state["n_reversed"] = 0  # cycles that fit again do not bring it back
    assert not knows_heading(state, c)
