"""STEP, the record of one step, and the kernels that fill its columns from the buffer."""

from __future__ import annotations

import numpy as np

from imurun.core.contact import (
    CALIBRATED,
    CONTACT,
    CONTACT_LIMITS_S,
    FINAL,
    INITIAL,
    MEAN_STEPS,
    N_SHAPE,
    PEAK,
    PLAIN,
    WITH_SPEED,
    calibration_of,
    contact_and_force,
    distance,
    half_width,
    speed_at,
    updated_mean,
    write_shape,
)
from imurun.core.filters import sum_of_products
from imurun.core.impact import highest, sharpened, write_impact
from imurun.core.jit import kernel, unrolled
from imurun.core.lumbar import write_lumbar
from imurun.core.oscillation import vertical_impulse, vertical_oscillation_mm
from imurun.core.quality import PENALTIES, write_quality
from imurun.core.ring_buffer import FORWARD, PITCH, RESULTANT, ROLL, SCRATCH, VERTICAL, YAW
from imurun.core.side import add_components, add_step, score_step
from imurun.core.state import forget_steps, knows_heading
from imurun.core.step_cycle import STEP_CYCLE
from imurun.core.sway import N_ENDS, mean_of, mediolateral_ratio, range_of, regularity, write_centred
from imurun.model.columns import STEP_COLUMNS

RUNNING, WALKING = 0, 1  # indices into columns.GAITS
CODES = ("side", "gait")

CYCLE_FIELDS = tuple(STEP_CYCLE.names or ())[:7]
"""The fields of its cycle that a step keeps: positions and amplitudes."""

STEP = np.dtype(
    [
        *((column.name, "i8" if column.name in CODES else "f8") for column in STEP_COLUMNS),
        # for the alignment search, and for fits of the contact model
        ("cycle", [(name, "f8") for name in CYCLE_FIELDS]),
        ("shape", "f8", (N_SHAPE,)),
        ("period_s", "f8"),
        ("ringing_db", "f8"),
        *((f"doubt_{name}", "f8") for name in PENALTIES),
    ]
)
"""One step inside the core: the columns of the step table, sides and gaits as codes, and the intermediate
results.

Its binary layout is a stored format, see `imurun.core.state`."""

FRESH_STEPS = 30
"""Without standing before the run, lean is measured against the mean of this many first running steps."""
MAX_STANDING_TILT = np.deg2rad(35.0)
"""A still sensor tilted by more than this against running was not worn by a standing runner."""
LOST_STEP = 1.6
"""A step time above this many periods means that a step between was missed."""
SLIP_MEMORY = 0.97
"""Weight of the past in the slow means, per step: about 30 steps."""
SLIP_TILT = np.deg2rad(15.0)
SLIP_TURN = np.deg2rad(45.0)
"""A body frame tilted or turned by more than this since the first steps: the sensor has slipped."""
MISALIGNED = np.deg2rad(25.0)
"""Beyond this deviation, contacts use the forward direction of the loop; runners' loops lie within 12 deg."""
ENOUGH_STEPS = 8
"""Steps before the mean loop is used."""
EDGE_WEIGHT = 0.7
"""Added to the variance of the contact time of a step that begins or ends at the edge of a gap, as a share of
the variance without a gap: 9 ms against 12, by gaps cut out of recordings. Half of the low-pass is missing
there; with the fourth power of the distance the errors fade as measured."""

BLANK = np.zeros(1, dtype=STEP)
"""A step without any measurement; rows are blank before they are written."""
BLANK.view("f8")[:] = np.nan  # every field has 8 bytes
for _name in CODES:
    BLANK[_name] = 0


@kernel
def write_cycle(row, cycle, gait):
    """Fill the gait and the step cycle."""
    row["gait"] = gait
    for name in unrolled(CYCLE_FIELDS):
        row["cycle"][name] = cycle[name]


@kernel
def write_walking(state, buffer, cycle, c, row):
    """Fill a walking step: the columns that need no contact model."""
    write_cycle(row, cycle, WALKING)
    # the vertical rises through its mean in double support, just after the heel has landed
    contact_s = cycle["up_crossing"] / c.rate_hz
    length_s = (cycle["end"] - cycle["begin"]) / c.rate_hz
    write_rhythm(state, row, contact_s)
    period_s = length_s if np.isnan(row["step_time_ms"]) else row["step_time_ms"] / 1000.0
    write_common(state, buffer, cycle, c, period_s, row)


@kernel
def write_running(state, buffer, before, cycle, c, row):
    """Fill a running step; False, with nothing written, when the model gives an impossible contact."""
    period_s = 0.5 * (state["periods"][0] + state["periods"][1])
    period = period_s * c.rate_hz
    base = state["base"]
    newest = state["next"] - 1 - base
    oldest = max(state["oldest"], base) - base
    heading_known = knows_heading(state, c)
    trusted = heading_known and not is_misaligned(state)
    shape = row["shape"]
    write_shape(shape, buffer, base, cycle, period, oldest, newest, trusted, c.rate_hz)
    speed_m_s = speed_at(cycle["peak"] / c.rate_hz, c.speed_starts_s, c.speeds_m_s)
    initial_share, log_share, peak_bw = contact_and_force(shape, speed_m_s, c.contact)
    offset_s, calibrated = calibration_of(speed_m_s, period_s, c)
    contact_time_s = period_s * np.exp(log_share) + offset_s
    contact = cycle["peak"] + period * initial_share - c.contact.initial_part * offset_s * c.rate_hz
    final = contact + contact_time_s * c.rate_hz
    possible = CONTACT_LIMITS_S[0] <= contact_time_s <= CONTACT_LIMITS_S[1]  # false for NaN
    if not (possible and state["oldest"] <= contact <= cycle["peak"]):
        shape[:] = np.nan
        return False
    write_cycle(row, cycle, RUNNING)
    contact_s, final_s = contact / c.rate_hz, final / c.rate_hz
    if contact_s - state["last_contact"] > LOST_STEP * period_s:
        forget_steps(state)
    row["final_contact_s"] = final_s
    row["contact_time_ms"] = 1000.0 * contact_time_s
    state["n_contacts"] = min(state["n_contacts"] + 1, MEAN_STEPS)
    state["mean_contact_ms"] = updated_mean(
        state["mean_contact_ms"], row["contact_time_ms"], state["n_contacts"]
    )
    row["contact_time_mean_ms"] = state["mean_contact_ms"]
    row["flight_time_ms"] = 1000.0 * (contact_s - state["last_final"])
    row["duty_factor"] = 0.5 * contact_time_s / period_s
    write_rhythm(state, row, contact_s)
    state["last_final"] = final_s
    write_common(state, buffer, cycle, c, period_s, row)

    first, last = int(np.ceil(cycle["begin"])) - base, int(np.floor(cycle["end"])) - base
    middle = 0.5 * (contact + final) - base
    write_quality(row, buffer, cycle, base, period_s, c)
    edge = edge_quality(state, cycle, len(c.slow_taps) // 4)
    row["quality"] *= edge
    write_impact(row, buffer, contact - base, middle, oldest, newest, heading_known, c)
    row["peak_vgrf_bw"] = peak_bw
    write_errors(row, contact_time_s, period_s, speed_m_s, calibrated, edge, c.contact)
    if heading_known:
        write_posture(state, buffer, row, first, last, c.has_gyro)
        lean_change = mean_of(buffer[PITCH], first, last) - state["fresh_pitch"]
        land, leave = max(int(contact) - base, oldest), min(int(final) - base, state["slow_next"] - 1 - base)
        write_lumbar(row, buffer, land, leave, peak_bw / cycle["peak_g"], lean_change, c.height_m)
        score_step(state["cues"], buffer, cycle["peak"] - base, period, oldest, newest, c)
        add_step(state["parity"], state["cues"], contact, period)
        add_components(state["parity"], before, cycle, c)
        write_regularity(state, buffer, row, cycle, base)
        watch_alignment(state, buffer, cycle, contact_s, first, last)
    state["last_begin"] = cycle["begin"]
    state["n_running"] += 1
    state["since_gap"] += 1
    return True


@kernel
def write_errors(row, contact_time_s, period_s, speed_m_s, calibrated, edge, constants):
    """Fill the half widths of the 90 % intervals; they grow as `edge` falls from 1 beside a gap."""
    away = distance(row["shape"], constants)
    known = PLAIN if np.isnan(speed_m_s) else WITH_SPEED
    errors, force = constants.errors[known], constants.errors[known, PEAK]
    if calibrated:
        errors = constants.errors[CALIBRATED]
    row["initial_contact_error_ms"] = 1000.0 * period_s / edge * half_width(errors[INITIAL], away)
    row["final_contact_error_ms"] = 1000.0 * period_s / edge * half_width(errors[FINAL], away)
    row["contact_time_error_ms"] = 1000.0 * contact_time_s / edge * half_width(errors[CONTACT], away)
    row["peak_vgrf_error_bw"] = half_width(force, away) / edge


@kernel
def edge_quality(state, cycle, reach):
    """Factor to the quality of a step beside a gap, whose minima are low-passed with samples missing.

    1 where at least `reach` samples, half of what the low-pass sees on one side, lie before and after it.
    """
    missing = reach - min(cycle["begin"] - state["oldest"], state["next"] - 1 - cycle["end"])
    share = min(max(missing / reach, 0.0), 1.0)
    return 1.0 / np.sqrt(1.0 + EDGE_WEIGHT * share**4)


@kernel
def write_rhythm(state, row, contact_s):
    """Fill foot strike, and step time and cadence where there is a step before."""
    row["initial_contact_s"] = contact_s
    step_time_s = contact_s - state["last_contact"]
    if step_time_s > 0.0:
        before = state["last_step_time"]
        row["step_time_ms"] = 1000.0 * step_time_s
        row["cadence_spm"] = 60.0 / (step_time_s if np.isnan(before) else 0.5 * (step_time_s + before))
        state["last_step_time"] = step_time_s
    state["last_contact"] = contact_s


@kernel
def write_common(state, buffer, cycle, c, period_s, row):
    """Fill the columns that need neither heading nor contact."""
    base = state["base"]
    oldest, newest = max(state["oldest"], base) - base, state["next"] - 1 - base
    begin, end = cycle["begin"] - base, cycle["end"] - base
    first, last = int(np.ceil(begin)), int(np.floor(end))
    vertical = buffer[VERTICAL]
    row["vertical_oscillation_mm"] = vertical_oscillation_mm(vertical, first, last, c.rate_hz)
    row["vertical_impulse_bw_s"] = vertical_impulse(vertical, begin, end, c.rate_hz)
    write_peaks(row, buffer, first, last, oldest, newest, c.sharp_taps)
    row["period_s"] = period_s
    row["decided_s"] = (state["next"] - 1) / c.rate_hz


@kernel
def write_peaks(row, buffer, first, last, oldest, newest, taps):
    """Fill the largest vertical and resultant specific force of the whole step."""
    row["peak_vertical_g"] = highest(sharpened(buffer, VERTICAL, first, last, oldest, newest, taps))
    row["peak_resultant_g"] = highest(sharpened(buffer, RESULTANT, first, last, oldest, newest, taps))


@kernel
def write_posture(state, buffer, row, first, last, has_gyro):
    """Fill lean, ranges of the angles and mediolateral RMS ratio over the stride that this step ends."""
    base = state["base"]
    whole = state["last_begin"] >= base  # false for NaN
    stride = int(np.ceil(state["last_begin"])) - base if whole else first
    pitch = mean_of(buffer[PITCH], stride, last)
    n = state["n_fresh"]
    if n < FRESH_STEPS:
        state["fresh_pitch"] = (
            pitch if n == 0 else state["fresh_pitch"] + (pitch - state["fresh_pitch"]) / (n + 1)
        )
        state["n_fresh"] = n + 1
    standing = state["standing_pitch"]
    row["lean_deg"] = np.rad2deg(pitch - (state["fresh_pitch"] if np.isnan(standing) else standing))
    if whole:
        row["ml_sway_ratio"] = mediolateral_ratio(buffer, stride, last)
        if has_gyro:
            row["roll_rom_deg"] = np.rad2deg(range_of(buffer[ROLL], stride, last, False))
            row["pitch_rom_deg"] = np.rad2deg(range_of(buffer[PITCH], stride, last, False))
            row["yaw_rom_deg"] = np.rad2deg(range_of(buffer[YAW], stride, last, True))


@kernel
def store_standing(state, mounting):
    """At the beginning of the first run, set the posture of standing before, if upright, as zero of lean."""
    force = state["standing"]
    forward = mounting[0, 0] * force[0] + mounting[0, 1] * force[1] + mounting[0, 2] * force[2]
    left = mounting[1, 0] * force[0] + mounting[1, 1] * force[1] + mounting[1, 2] * force[2]
    up = mounting[2, 0] * force[0] + mounting[2, 1] * force[1] + mounting[2, 2] * force[2]
    across = np.sqrt(forward * forward + left * left)
    if state["n_running"] == 0 and np.arctan2(across, up) < MAX_STANDING_TILT:  # false for NaN
        state["standing_pitch"] = -np.arctan2(forward, np.sqrt(left * left + up * up))


@kernel
def write_regularity(state, buffer, row, cycle, base):
    """Fill step and stride regularity over the last four strides, once there are as many."""
    ends = state["ends"]
    n = state["n_ends"]
    if n == N_ENDS:
        for j in range(N_ENDS - 1):
            ends[j] = ends[j + 1]
        n -= 1
    ends[n] = cycle["end"]
    state["n_ends"] = n + 1
    if n + 1 == N_ENDS and ends[0] >= base:
        first, last = int(np.rint(ends[0])) - base, int(np.rint(ends[N_ENDS - 1])) - base
        step = (ends[N_ENDS - 1] - ends[0]) / (N_ENDS - 1)
        centred = buffer[SCRATCH, first:last]
        write_centred(buffer[FORWARD, first:last], centred)
        power = sum_of_products(centred, centred)
        row["step_regularity"] = regularity(centred, power, int(np.rint(step)))
        row["stride_regularity"] = regularity(centred, power, int(np.rint(2.0 * step)))


@kernel
def is_misaligned(state):
    """Whether the mean loop of the steps deviates from the forward axis by more than `MISALIGNED`."""
    turn = np.arctan2(state["loop_forward"], state["loop_left"])
    return state["n_running"] >= ENOUGH_STEPS and abs(turn) > MISALIGNED


@kernel
def watch_alignment(state, buffer, cycle, contact_s, first, last):
    """Update the slow means of tilt and loop, and detect a sensor that has slipped by their change."""
    n = state["n_running"]
    keep = min(SLIP_MEMORY, n / (n + 1.0))
    gain = 1.0 - keep
    state["drift_pitch"] = keep * state["drift_pitch"] + gain * mean_of(buffer[PITCH], first, last)
    state["drift_roll"] = keep * state["drift_roll"] + gain * mean_of(buffer[ROLL], first, last)
    state["loop_forward"] = keep * state["loop_forward"] + gain * cycle["loop_forward"]
    state["loop_left"] = keep * state["loop_left"] + gain * cycle["loop_left"]
    if n == FRESH_STEPS:
        state["fresh_roll"] = state["drift_roll"]
    if n > 2 * FRESH_STEPS and np.isnan(state["slipped_s"]):
        tilt = np.hypot(
            state["drift_pitch"] - state["fresh_pitch"], state["drift_roll"] - state["fresh_roll"]
        )
        turn = abs(np.arctan2(state["loop_forward"], state["loop_left"]))
        if tilt > SLIP_TILT or turn > SLIP_TURN:
            state["slipped_s"] = contact_s
