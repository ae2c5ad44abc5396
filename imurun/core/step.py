"""One step: the record, and how each of its columns is filled from the history."""

from __future__ import annotations

import numpy as np

from imurun.core.contact import CONTACT_LIMITS_S, TYPICAL, final_contact, initial_contact, peak_force
from imurun.core.filters import sum_of_products
from imurun.core.impact import highest, sharpened, write_impact
from imurun.core.jit import kernel
from imurun.core.lumbar import write_lumbar
from imurun.core.oscillation import vertical_impulse, vertical_oscillation_mm
from imurun.core.quality import DOUBTS, write_quality
from imurun.core.ring_buffer import FORWARD, PITCH, RESULTANT, ROLL, SCRATCH, VERTICAL, YAW
from imurun.core.side import add_step, score_step
from imurun.core.state import forget_steps, knows_heading
from imurun.core.sway import N_ENDS, mean_of, range_of, regularity, sideways_ratio, write_centred
from imurun.model.columns import STEP_COLUMNS

RUNNING, WALKING = 0, 1  # indices into columns.GAITS
CODES = ("side", "gait")

STEP = np.dtype(
    [(column.name, "i8" if column.name in CODES else "f8") for column in STEP_COLUMNS]
    # the pulse it was measured on, absolute samples and g, for those that fit formulas or find the mounting
    + [(f"pulse_{name}", "f8") for name in ("begin", "up", "peak", "down", "end", "height", "floor")]
    + [(f"typical_{name}", "f8") for name in TYPICAL.names or () if name != "n"]
    + [("period_s", "f8"), ("ringing_db", "f8")]
    + [(f"doubt_{name}", "f8") for name in DOUBTS]
)
"""One step inside the core: the columns of the table, sides and gaits as codes, its pulse and its doubts."""


FRESH_STEPS = 30
"""Lean is measured against the mean of so many first running steps when nobody stood still before."""
MAX_STANDING_TILT = np.deg2rad(35.0)
"""A still sensor tilted more than this against running was not on a standing runner."""
LOST_STEP = 1.6
"""A step time above this many periods means that a step was missed in between."""
SLIP_MEMORY = 0.97
"""A step: about 30 steps."""
SLIP_TILT = np.deg2rad(15.0)
SLIP_TURN = np.deg2rad(45.0)
ASKEW = np.deg2rad(25.0)
"""So far off, the loop's own forward is the better one for contacts; runners' loops lie within 12 deg."""
ENOUGH_STEPS = 8
"""A body frame that has tilted or turned by more since the first steps is not the runner's doing."""


BLANK = np.zeros(1, dtype=STEP)
"""A step of which nothing is measured; rows are blank before they are written."""
for _name in STEP.names or ():
    BLANK[_name] = 0 if _name in CODES else np.nan


@kernel
def write_pulse(row, pulse, gait):
    """What the step will be measured on."""
    row["gait"] = gait
    row["pulse_begin"] = pulse["begin"]
    row["pulse_up"] = pulse["up"]
    row["pulse_peak"] = pulse["peak"]
    row["pulse_down"] = pulse["down"]
    row["pulse_end"] = pulse["end"]
    row["pulse_height"] = pulse["height"]
    row["pulse_floor"] = pulse["floor"]


@kernel
def write_typical(row, typical):
    """What places the step's contact."""
    row["typical_period"] = typical["period"]
    row["typical_up"] = typical["up"]
    row["typical_down"] = typical["down"]
    row["typical_end"] = typical["end"]
    row["typical_push_begin"] = typical["push_begin"]
    row["typical_height"] = typical["height"]
    row["typical_push_height"] = typical["push_height"]
    row["typical_push_swing"] = typical["push_swing"]
    row["typical_brake"] = typical["brake"]
    row["typical_drive"] = typical["drive"]
    row["typical_forward_rms"] = typical["forward_rms"]


@kernel
def write_walking(state, history, pulse, c, row):
    """A walking step: what can be said of it without a model of its contact."""
    write_pulse(row, pulse, WALKING)
    # the vertical rises through its mean in double support, just after the heel has landed
    contact_s = pulse["up"] / c.rate_hz
    length_s = (pulse["end"] - pulse["begin"]) / c.rate_hz
    write_rhythm(state, row, contact_s)
    period_s = length_s if np.isnan(row["step_time_ms"]) else row["step_time_ms"] / 1000.0
    write_common(state, history, pulse, c, period_s, row)


@kernel
def write_running(state, history, pulse, c, row):
    """A running step; False when no possible contact comes out of the pulse."""
    period_s = 0.5 * (state["periods"][0] + state["periods"][1])
    period = period_s * c.rate_hz
    typical = state["typical"]
    contact = initial_contact(pulse, typical, c.rate_hz, c.contact)
    final = final_contact(pulse, typical, c.rate_hz, c.contact)
    contact_time_s = (final - contact) / c.rate_hz
    if not CONTACT_LIMITS_S[0] <= contact_time_s <= CONTACT_LIMITS_S[1]:
        return False
    # steps before that damaged samples shaped may place it anywhere
    if not state["oldest"] <= contact <= pulse["peak"]:
        return False
    write_pulse(row, pulse, RUNNING)
    write_typical(row, typical)
    contact_s, final_s = contact / c.rate_hz, final / c.rate_hz
    if contact_s - state["last_contact"] > LOST_STEP * period_s:
        forget_steps(state)
    row["final_contact_s"] = final_s
    row["contact_time_ms"] = 1000.0 * contact_time_s
    row["flight_time_ms"] = 1000.0 * (contact_s - state["last_final"])
    row["duty_factor"] = 0.5 * contact_time_s / period_s
    write_rhythm(state, row, contact_s)
    state["last_final"] = final_s
    write_common(state, history, pulse, c, period_s, row)

    base = state["base"]
    newest = state["next"] - 1 - base
    oldest = max(state["oldest"], base) - base
    first, last = int(np.ceil(pulse["begin"])) - base, int(np.floor(pulse["end"])) - base
    middle = 0.5 * (contact + final) - base
    heading_known = knows_heading(state, c)
    write_quality(row, history, pulse, base, period_s, c)
    write_impact(row, history, contact - base, middle, oldest, newest, heading_known, c)
    peak_bw = peak_force(pulse, typical, c.contact)
    row["peak_vgrf_bw"] = peak_bw
    if heading_known:
        write_posture(state, history, row, first, last, c.has_gyro)
        lean_change = mean_of(history[PITCH], first, last) - state["fresh_pitch"]
        land, leave = max(int(contact) - base, oldest), min(int(final) - base, state["slow_next"] - 1 - base)
        write_lumbar(row, history, land, leave, peak_bw / pulse["height"], lean_change, c.height_m)
        score_step(state["cues"], history, pulse["peak"] - base, period, oldest, newest, c)
        add_step(state["parity"], state["cues"], contact, period)
        write_regularity(state, history, row, pulse, base)
        watch_mounting(state, history, pulse, contact_s, first, last)
    state["last_begin"] = pulse["begin"]
    state["n_running"] += 1
    return True


@kernel
def write_rhythm(state, row, contact_s):
    """Foot strike, and step time and cadence where there is a step before."""
    row["initial_contact_s"] = contact_s
    step_time_s = contact_s - state["last_contact"]
    if step_time_s > 0.0:
        before = state["last_step_time"]
        row["step_time_ms"] = 1000.0 * step_time_s
        row["cadence_spm"] = 60.0 / (step_time_s if np.isnan(before) else 0.5 * (step_time_s + before))
        state["last_step_time"] = step_time_s
    state["last_contact"] = contact_s


@kernel
def write_common(state, history, pulse, c, period_s, row):
    """The columns that need neither heading nor contact: what the pulse itself shows."""
    base = state["base"]
    oldest, newest = max(state["oldest"], base) - base, state["next"] - 1 - base
    begin, end = pulse["begin"] - base, pulse["end"] - base
    first, last = int(np.ceil(begin)), int(np.floor(end))
    vertical = history[VERTICAL]
    row["vertical_oscillation_mm"] = vertical_oscillation_mm(vertical, first, last, c.rate_hz)
    row["vertical_impulse_bw_s"] = vertical_impulse(vertical, begin, end, c.rate_hz)
    write_peaks(row, history, first, last, oldest, newest, c.sharp_taps)
    row["period_s"] = period_s
    row["decided_s"] = (state["next"] - 1) / c.rate_hz


@kernel
def write_peaks(row, history, first, last, oldest, newest, taps):
    """Largest vertical and resultant specific force of the whole step."""
    row["peak_vertical_g"] = highest(sharpened(history, VERTICAL, first, last, oldest, newest, taps))
    row["peak_resultant_g"] = highest(sharpened(history, RESULTANT, first, last, oldest, newest, taps))


@kernel
def write_posture(state, history, row, first, last, has_gyro):
    """Lean, ranges of the angles and sway ratio over the stride that this step ends."""
    base = state["base"]
    whole = state["last_begin"] >= base  # false for NaN
    stride = int(np.ceil(state["last_begin"])) - base if whole else first
    pitch = mean_of(history[PITCH], stride, last)
    n = state["n_fresh"]
    if n < FRESH_STEPS:
        state["fresh_pitch"] = (
            pitch if n == 0 else state["fresh_pitch"] + (pitch - state["fresh_pitch"]) / (n + 1)
        )
        state["n_fresh"] = n + 1
    standing = state["standing_pitch"]
    row["lean_deg"] = np.rad2deg(pitch - (state["fresh_pitch"] if np.isnan(standing) else standing))
    if whole:
        row["ml_sway_ratio"] = sideways_ratio(history, stride, last)
        if has_gyro:
            row["roll_rom_deg"] = np.rad2deg(range_of(history[ROLL], stride, last, False))
            row["pitch_rom_deg"] = np.rad2deg(range_of(history[PITCH], stride, last, False))
            row["yaw_rom_deg"] = np.rad2deg(range_of(history[YAW], stride, last, True))


@kernel
def remember_standing(state, mounting):
    """Running begins: how the runner stood before becomes the zero of lean, if somebody stood upright."""
    force = state["standing"]
    forward = mounting[0, 0] * force[0] + mounting[0, 1] * force[1] + mounting[0, 2] * force[2]
    left = mounting[1, 0] * force[0] + mounting[1, 1] * force[1] + mounting[1, 2] * force[2]
    up = mounting[2, 0] * force[0] + mounting[2, 1] * force[1] + mounting[2, 2] * force[2]
    across = np.sqrt(forward * forward + left * left)
    if state["n_running"] == 0 and np.arctan2(across, up) < MAX_STANDING_TILT:  # false for NaN
        state["standing_pitch"] = -np.arctan2(forward, np.sqrt(left * left + up * up))


@kernel
def write_regularity(state, history, row, pulse, base):
    """Step and stride regularity over the last four strides, once there are so many."""
    ends = state["ends"]
    n = state["n_ends"]
    if n == N_ENDS:
        for j in range(N_ENDS - 1):
            ends[j] = ends[j + 1]
        n -= 1
    ends[n] = pulse["end"]
    state["n_ends"] = n + 1
    if n + 1 == N_ENDS and ends[0] >= base:
        first, last = int(np.rint(ends[0])) - base, int(np.rint(ends[N_ENDS - 1])) - base
        step = (ends[N_ENDS - 1] - ends[0]) / (N_ENDS - 1)
        centred = history[SCRATCH, first:last]
        write_centred(history[FORWARD, first:last], centred)
        power = sum_of_products(centred, centred)
        row["step_regularity"] = regularity(centred, power, int(np.rint(step)))
        row["stride_regularity"] = regularity(centred, power, int(np.rint(2.0 * step)))


@kernel
def is_askew(state):
    """Whether the mean loop of the steps says that forward is elsewhere than the mounting has it."""
    turn = np.arctan2(state["loop_forward"], state["loop_left"])
    return state["n_running"] >= ENOUGH_STEPS and abs(turn) > ASKEW


@kernel
def watch_mounting(state, history, pulse, contact_s, first, last):
    """Slow means of what shows a sensor that has slipped: the tilt of the body frame, and the loop."""
    n = state["n_running"]
    keep = min(SLIP_MEMORY, n / (n + 1.0))
    gain = 1.0 - keep
    state["drift_pitch"] = keep * state["drift_pitch"] + gain * mean_of(history[PITCH], first, last)
    state["drift_roll"] = keep * state["drift_roll"] + gain * mean_of(history[ROLL], first, last)
    state["loop_forward"] = keep * state["loop_forward"] + gain * pulse["loop_forward"]
    state["loop_left"] = keep * state["loop_left"] + gain * pulse["loop_left"]
    if n == FRESH_STEPS:
        state["fresh_roll"] = state["drift_roll"]
    if n > 2 * FRESH_STEPS and np.isnan(state["slipped_s"]):
        tilt = np.hypot(
            state["drift_pitch"] - state["fresh_pitch"], state["drift_roll"] - state["fresh_roll"]
        )
        turn = abs(np.arctan2(state["loop_forward"], state["loop_left"]))
        if tilt > SLIP_TILT or turn > SLIP_TURN:
            state["slipped_s"] = contact_s
