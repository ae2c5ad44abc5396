"""What the stepper is told once (`Coefficients`) and all that it remembers (`STATE`)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imurun.core.contact import TYPICAL, ContactConstants, restart_typical
from imurun.core.jit import entry, kernel
from imurun.core.side import N_CUES, PARITY, restart_parity
from imurun.core.step_cycle import PULSE, TRACKER, restart_tracker
from imurun.core.sway import N_ENDS
from imurun.model.frames import FloatArray


class Coefficients(NamedTuple):
    """Settings and what follows from them; constant while samples pass."""

    rate_hz: float
    slow_taps: FloatArray
    sharp_taps: FloatArray
    unsmoothed_taps: FloatArray
    mounting: FloatArray  # body from sensor, (3, 3)
    heading_known: bool  # False when only the up row of the mounting is right
    has_gyro: bool
    height_m: float
    clip_levels: FloatArray  # m/s2
    clip_exact: bool
    contact: ContactConstants


MANY_AGAINST = 8
"""Pulses in a row that run against the mounting; vigorous walking does not swing like running so long."""

STATE = np.dtype(
    [
        # places in the stream, as absolute sample indices
        ("next", "i8"),  # the sample to come
        ("slow_next", "i8"),  # the smoothed sample to come
        ("oldest", "i8"),  # the first sample since the last gap
        ("base", "i8"),  # the history's first column
        ("tracker", TRACKER),
        ("n_steps", "i8"),  # rows written in this call
        ("n_seconds", "i8"),
        # verdicts
        ("running", "i8"),
        ("misses", "i8"),  # pulses in a row that did not fit the run
        ("waiting", "i8"),  # pulses in the queue
        ("verdict", "i8"),  # of the last pulse that left the queue: its gait, or -1
        ("verdict_end", "f8"),
        ("last_run", PULSE),  # of the last running step
        # the steps before
        ("typical", TYPICAL),  # what the running steps have in common
        ("parity", PARITY),
        ("cues", "f8", (N_CUES,)),  # of the last step, each larger for left
        ("periods", "f8", (2,)),  # the last two running periods, s
        ("last_contact", "f8"),  # s
        ("last_final", "f8"),  # s
        ("last_step_time", "f8"),  # s
        ("last_begin", "f8"),  # the minimum before the step before
        ("ends", "f8", (N_ENDS,)),  # the minima after the last running steps
        ("n_ends", "i8"),
        # the first steps, and the last still second
        ("fresh_pitch", "f8"),  # rad
        ("fresh_roll", "f8"),
        ("n_fresh", "i8"),
        ("standing_pitch", "f8"),  # rad, taken when running begins; NaN when nobody stood
        ("standing", "f8", (3,)),  # mean specific force of the last still second, sensor frame, m/s2
        # slow means that show a sensor that slips
        ("drift_pitch", "f8"),  # rad
        ("drift_roll", "f8"),
        ("loop_forward", "f8"),
        ("loop_left", "f8"),
        ("n_running", "i8"),
        # the second being summed
        ("motion", "f8"),
        ("n_motion", "i8"),
        ("force", "f8", (3,)),
        ("last_sample", "f8", (3,)),
        ("n_clipped", "i8"),
        ("count_from", "i8"),  # samples before were counted by somebody else
        ("slipped_s", "f8"),  # when the sensor was found to have slipped; NaN while it has not
        ("against", "i8"),  # pulses since the last step that would be a run if the sensor sat another way
        ("turned_s", "f8"),  # when the mounting was given up for that; NaN while it holds
    ],
    align=True,
)


def new_state(first_index: int) -> np.ndarray:
    """State of a stepper that has seen nothing; shape (1,)."""
    states = np.zeros(1, dtype=STATE)
    state = states[0]
    state["next"] = first_index
    state["fresh_pitch"] = np.nan
    state["standing_pitch"] = np.nan
    state["slipped_s"] = np.nan
    state["turned_s"] = np.nan
    state["standing"] = np.nan
    begin(states)
    return states


@entry(lambda: (np.zeros(1, dtype=STATE),))
def begin(states):
    """`restart` as Python calls it: kept on disk, where a kernel would be compiled in every process."""
    restart(states[0])


@kernel
def restart(state):
    """Begin an unbroken stretch of samples at the one to come."""
    state["oldest"] = state["next"]
    state["slow_next"] = state["next"]
    state["base"] = state["next"]
    restart_tracker(state["tracker"])
    state["running"] = 0
    state["misses"] = 0
    state["waiting"] = 0
    state["verdict"] = -1
    state["verdict_end"] = np.nan
    restart_parity(state["parity"])
    state["cues"][:] = np.nan
    restart_typical(state["typical"])
    state["periods"][:] = np.nan
    forget_steps(state)
    state["motion"] = 0.0
    state["n_motion"] = 0
    state["force"][:] = 0.0
    state["last_sample"][:] = np.nan


@kernel
def knows_heading(state, c):
    """Whether forward, left and right mean something: told or found, and not given up since."""
    return c.heading_known and np.isnan(state["turned_s"])


@kernel
def note_against(state, time_s):
    """One more pulse that runs against the mounting; when there are many, the mounting is given up."""
    state["against"] += 1
    if state["against"] >= MANY_AGAINST:
        state["turned_s"] = time_s


@kernel
def forget_steps(state):
    """The next step has no step before it."""
    state["last_contact"] = np.nan
    state["last_final"] = np.nan
    state["last_step_time"] = np.nan
    state["last_begin"] = np.nan
    state["n_ends"] = 0
