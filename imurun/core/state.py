"""What step detection keeps from one sample to the next (`STATE`), and its settings (`Coefficients`).

The binary layout of STATE and of the records in it is a stored format: saved states of `RunAnalyzer` contain
it. When it changes, the layout before goes to `imurun.core.earlier_layouts`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imurun.core.contact import ContactConstants
from imurun.core.gait import ALTERNATION, RUNNING_PERIOD_S, restart_alternation
from imurun.core.jit import entry, kernel
from imurun.core.side import N_CUES, PARITY, restart_parity
from imurun.core.step_cycle import STEP_CYCLE, TRACKER, restart_tracker
from imurun.core.sway import N_ENDS
from imurun.model.frames import FloatArray
from imurun.model.gaps import LONGEST_CARRIED_S


class Coefficients(NamedTuple):
    """Settings and derived constants; unchanged while samples pass."""

    rate_hz: float
    slow_taps: FloatArray
    sharp_taps: FloatArray
    mounting: FloatArray  # body from sensor, (3, 3)
    heading_known: bool  # False when only the up row of the mounting is right
    has_gyro: bool
    height_m: float
    clip_levels: FloatArray  # m/s2
    clip_exact: bool
    contact: ContactConstants
    speed_starts_s: FloatArray  # a piecewise constant speed; empty if unknown
    speeds_m_s: FloatArray
    # of contact time, see `imurun.model.calibration.tables`
    offset_by_speed: FloatArray
    offset_by_cadence: FloatArray


NO_GAP = 1 << 40
"""In place of a number of steps since a gap."""
MANY_REVERSED = 8
"""Reversed cycles in a row after which the alignment is dropped; vigorous walking has fewer in a row."""

STATE = np.dtype(
    [
        # places in the stream, as absolute sample indices
        ("next", "i8"),  # the next sample
        ("slow_next", "i8"),  # the next low-passed sample
        ("oldest", "i8"),  # the first sample since the last gap
        ("base", "i8"),  # the first column of the buffer
        ("tracker", TRACKER),
        ("n_steps", "i8"),  # rows written in this call
        ("n_seconds", "i8"),
        # classification of step cycles
        ("running", "i8"),
        ("n_rejected", "i8"),  # cycles in a row that do not continue the run
        ("waiting", "i8"),  # cycles in the queue, awaiting classification
        ("classification", "i8"),  # gait of the last cycle that left the queue, or -1
        ("classified_until", "f8"),  # its end
        ("last_running", STEP_CYCLE),  # of the last running step
        # the steps before
        ("n_contacts", "i8"),  # running steps in the mean, up to MEAN_STEPS
        ("mean_contact_ms", "f8"),
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
        ("standing_pitch", "f8"),  # rad, set when running begins; NaN without standing before
        ("standing", "f8", (3,)),  # mean specific force of the last still second, sensor frame, m/s2
        # slow means to detect a sensor that slips
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
        ("count_from", "i8"),  # samples before were counted by the alignment search
        ("slipped_s", "f8"),  # when a slipped sensor was detected; NaN without one
        ("n_reversed", "i8"),  # cycles in a row that are running with another alignment
        ("turned_s", "f8"),  # when the alignment was dropped for that; NaN while it is valid
        ("measured_until", "i8"),  # one after the last sample before the gap that `next` is in or after
        ("since_gap", "i8"),  # running steps since the last gap; NO_GAP without one
        ("alternation", ALTERNATION),  # of the run
    ],
    align=True,
)


def new_state(first_index: int) -> np.ndarray:
    """State of a stepper before the first sample; shape (1,)."""
    states = np.zeros(1, dtype=STATE)
    state = states[0]
    state["next"] = first_index
    state["fresh_pitch"] = np.nan
    state["standing_pitch"] = np.nan
    state["slipped_s"] = np.nan
    state["turned_s"] = np.nan
    state["standing"] = np.nan
    begin(states)
    state["measured_until"] = first_index
    state["since_gap"] = NO_GAP
    return states


@entry(lambda: (np.zeros(1, dtype=STATE),))
def begin(states):
    """`restart` as an entry for Python, kept on disk; a kernel would be compiled in every process."""
    restart(states[0])


@kernel
def continue_after(state, n_missing, rate_hz):
    """Begin a contiguous stretch after a gap, of which `n_missing` more samples are known.

    Over a gap of at most `LONGEST_CARRIED_S` in all, a run continues: sides, periods and the last contact
    stay.
    """
    state["next"] += n_missing
    state["since_gap"] = 0
    if state["next"] - state["measured_until"] > LONGEST_CARRIED_S * rate_hz:
        restart(state)
        return
    begin_stretch(state)
    # the first whole cycle begins at most a step after the gap
    longest_step = RUNNING_PERIOD_S[1] * rate_hz
    state["classified_until"] = state["next"] + longest_step if state["running"] else np.nan


@kernel
def restart(state):
    """Begin a contiguous stretch of samples at the next one, with nothing known of the steps before."""
    begin_stretch(state)
    state["running"] = 0
    state["classified_until"] = np.nan
    state["n_contacts"] = 0
    state["mean_contact_ms"] = 0.0
    restart_parity(state["parity"])
    restart_alternation(state["alternation"])
    state["cues"][:] = np.nan
    state["periods"][:] = np.nan
    forget_steps(state)


@kernel
def begin_stretch(state):
    """Begin a contiguous stretch of samples at the next one."""
    state["oldest"] = state["next"]
    state["slow_next"] = state["next"]
    state["base"] = state["next"]
    restart_tracker(state["tracker"])
    state["n_rejected"] = 0
    state["waiting"] = 0
    state["classification"] = -1
    state["last_begin"] = np.nan
    state["n_ends"] = 0
    state["motion"] = 0.0
    state["n_motion"] = 0
    state["force"][:] = 0.0
    state["last_sample"][:] = np.nan


@kernel
def knows_heading(state, c):
    """Whether the forward axis is known, from a given or found alignment that is still valid."""
    return c.heading_known and np.isnan(state["turned_s"])


@kernel
def count_reversed(state, time_s):
    """Count one more reversed cycle; from `MANY_REVERSED` on, the alignment is dropped."""
    state["n_reversed"] += 1
    if state["n_reversed"] >= MANY_REVERSED:
        state["turned_s"] = time_s


@kernel
def forget_steps(state):
    """Remove the step before, so that the next step has no step time and no stride."""
    state["last_contact"] = np.nan
    state["last_final"] = np.nan
    state["last_step_time"] = np.nan
    state["last_begin"] = np.nan
    state["n_ends"] = 0
