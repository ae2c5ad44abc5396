"""A new state has seen nothing, and a restart leaves only what outlives a gap."""

from __future__ import annotations

import numpy as np
import pytest
from core_helpers import flat

from imurun.core.memory import (
    MANY_AGAINST,
    STATE,
    forget_steps,
    knows_heading,
    new_state,
    note_against,
    restart,
)
from imurun.core.pulse import BELOW
from imurun.core.stepper import Stepper

OUTLIVES = {
    "next", "n_steps", "n_seconds", "fresh_pitch", "fresh_roll", "n_fresh", "standing_pitch", "standing",
    "drift_pitch", "drift_roll", "loop_forward", "loop_left", "n_running", "n_clipped", "count_from",
    "slipped_s", "turned_s", "against",
}  # fmt: skip


def bytes_of(state, names):
    return dict(flat({name: state[name] for name in names}))


@pytest.mark.parametrize("first_index", [0, 12345])
def test_new(first_index):
    state = new_state(first_index)[0]
    assert [state[name] for name in ("next", "slow_next", "oldest", "base")] == [first_index] * 4
    assert state["tracker"]["phase"] == BELOW
    for name in ("fresh_pitch", "standing_pitch", "slipped_s", "turned_s", "last_contact"):
        assert np.isnan(state[name])
    assert np.isnan(state["standing"]).all()


def test_restart_forgets_all_but_the_runner():
    states = np.frombuffer(np.random.default_rng(1).bytes(STATE.itemsize), dtype=STATE).copy()
    state, before = states[0], states.copy()[0]
    restart(state)
    assert bytes_of(state, OUTLIVES) == bytes_of(before, OUTLIVES)
    unread = {"ends", "last_run"}  # ends count only up to n_ends, the last run while running
    rest = set(STATE.names) - OUTLIVES - unread
    assert bytes_of(state, rest) == bytes_of(new_state(int(before["next"]))[0], rest)


def test_forgetting_steps_keeps_the_rhythm():
    state = new_state(0)[0]
    for name in ("last_contact", "last_final", "last_step_time", "last_begin", "n_ends"):
        state[name] = 3
    state["periods"] = 0.35
    forget_steps(state)
    names = ("last_contact", "last_final", "last_step_time", "last_begin", "n_ends")
    assert bytes_of(state, names) == bytes_of(new_state(0)[0], names)
    assert state["periods"].tolist() == [0.35, 0.35]


@pytest.mark.parametrize("told", [True, False])
def test_a_mounting_is_given_up_for_the_last_of_many_pulses_against_it(told):
    state = new_state(0)[0]
    c = Stepper(100.0, np.eye(3), heading_known=told, has_gyro=True).coefficients
    for k in range(MANY_AGAINST - 1):
        note_against(state, float(k))
        assert knows_heading(state, c) == told
    note_against(state, 12.5)
    assert state["turned_s"] == 12.5
    assert not knows_heading(state, c)
