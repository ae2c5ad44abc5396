"""Which pulses are running steps and which are walking steps.

Running throws the body up and catches it: the vertical swings far around 1 g in little time. Walking
swings it less and more slowly. And the two turn the other way: in running the force brakes while it
rises and drives while it falls, so that the specific force, drawn in the plane of progression, runs
round a loop whose area vector points left; an inverted pendulum's points right.
"""

from __future__ import annotations

import numpy as np

from imurun.core.jit import kernel
from imurun.core.ring_buffer import SLOW_FORWARD, SLOW_LEFTWARD, SLOW_VERTICAL

RUNNING_PERIOD_S = (0.19, 0.54)
"""Running steps: 110 to 315 a minute. Sprinters take up to 285 (4.75 a second), and scatter around it."""
WALKING_PERIOD_S = (0.38, 1.1)
"""Walking steps: 55 to 160 a minute."""
MIN_SWING_G = (0.75, 1.15)
"""Least rise and fall of a running step: at a period up to 0.38 s, and from 0.50 s on.

Of the smoothed vertical. The smoothing passes 0.82 of the step frequency at 0.38 s, 0.56 at 0.22 s and 0.46
at 0.19 s, so the same limit asks for more where steps are quick: a sine arch that fills the whole step,
at the edge of flight, swings 1.33 g at that frequency, and less than the limit below 0.22 s."""
SWING_PERIOD_S = (0.38, 0.50)
MIN_HEIGHT_G = 1.35
STAY_SHARE = 0.75
"""Once running, a swing of this share of the least goes on counting; so it does where the loop is clear."""
WALKING_SWING_G = (0.08, 1.6)
ALIKE = 0.7
"""Neighbouring steps: the shorter lasts at least this share of the longer."""
STREAK = 4
"""So many like steps in a row make a run; it is dated back to the first."""
LOOP = 0.04
"""Least loop area over four steps, as a share of what the swing allows: runners 0.07 to 0.57, hopping 0."""
CLEAR_LOOP = 0.10
"""Loop area from which a flat streak is a run all the same: grounded running, which has no flight. Only
where forward is known: else walking, which turns the other way, could not be told from it."""
LOOP_VETO = 0.10
"""A stride whose loop runs the walking way by more than this does not go on with a run."""
QUEUE = 8
"""Room for pulses that wait for a verdict."""


@kernel
def measure_loop(history, base, pulse):
    """Add up the loop that the smoothed specific force draws during the pulse."""
    first = int(np.ceil(pulse["begin"])) - base
    stop = int(np.floor(pulse["end"])) - base
    x_mean, y_mean, z_mean = 0.0, 0.0, 0.0
    for k in range(first, stop + 1):
        x_mean += history[SLOW_FORWARD, k]
        y_mean += history[SLOW_LEFTWARD, k]
        z_mean += history[SLOW_VERTICAL, k]
    n = max(stop + 1 - first, 1)
    x_mean, y_mean, z_mean = x_mean / n, y_mean / n, z_mean / n
    forward, left, power_z, power_dz = 0.0, 0.0, 0.0, 0.0
    for k in range(first, stop):
        x = history[SLOW_FORWARD, k] - x_mean
        y = history[SLOW_LEFTWARD, k] - y_mean
        z = history[SLOW_VERTICAL, k] - z_mean
        dx = history[SLOW_FORWARD, k + 1] - history[SLOW_FORWARD, k]
        dy = history[SLOW_LEFTWARD, k + 1] - history[SLOW_LEFTWARD, k]
        dz = history[SLOW_VERTICAL, k + 1] - history[SLOW_VERTICAL, k]
        forward += y * dz - z * dy
        left += z * dx - x * dz
        power_z += z * z
        power_dz += dz * dz
    pulse["loop_forward"] = forward
    pulse["loop_left"] = left
    pulse["power_z"] = power_z
    pulse["power_dz"] = power_dz


@kernel
def loop_strength(pulses, first, stop, heading_known):
    """Loop area of pulses first to stop - 1 against the largest it could be.

    Its leftward part, with its sign, where the heading is known; else its size.
    """
    forward, left, power_z, power_dz = 0.0, 0.0, 0.0, 0.0
    for i in range(first, stop):
        forward += pulses[i]["loop_forward"]
        left += pulses[i]["loop_left"]
        power_z += pulses[i]["power_z"]
        power_dz += pulses[i]["power_dz"]
    area = left if heading_known else np.sqrt(left * left + forward * forward)
    return area / np.sqrt(power_z * power_dz + 1e-12)


@kernel
def swings_like_running(pulse, rate_hz, share):
    """Whether height and swing are a running step's for its length; `share` relaxes the swing."""
    length_s = (pulse["end"] - pulse["begin"]) / rate_hz
    if not RUNNING_PERIOD_S[0] <= length_s <= RUNNING_PERIOD_S[1]:  # also false for NaN
        return False
    part = (length_s - SWING_PERIOD_S[0]) / (SWING_PERIOD_S[1] - SWING_PERIOD_S[0])
    part = min(max(part, 0.0), 1.0)
    least = MIN_SWING_G[0] + part * (MIN_SWING_G[1] - MIN_SWING_G[0])
    swing = pulse["height"] - pulse["floor"]
    return swing >= share * least and pulse["height"] >= 1.0 + share * (MIN_HEIGHT_G - 1.0)


@kernel
def swings_like_walking(pulse, rate_hz):
    """Whether swing and length are a walking step's."""
    length_s = (pulse["end"] - pulse["begin"]) / rate_hz
    swing = pulse["height"] - pulse["floor"]
    return (
        WALKING_PERIOD_S[0] <= length_s <= WALKING_PERIOD_S[1]
        and WALKING_SWING_G[0] <= swing <= WALKING_SWING_G[1]
    )


@kernel
def follows(earlier, later):
    """Whether `later` is the very next pulse and about as long."""
    return later["begin"] == earlier["end"] and alike(earlier, later)


@kernel
def alike(one, other):
    """Whether two pulses are about as long."""
    a = one["end"] - one["begin"]
    b = other["end"] - other["begin"]
    return min(a, b) >= ALIKE * max(a, b)


@kernel
def swings_on(queue, n, rate_hz, share):
    """Whether the last four of `n` waiting pulses swing like running and follow each other."""
    if n < STREAK:
        return False
    for i in range(n - STREAK, n):
        if not swings_like_running(queue[i], rate_hz, share):
            return False
        if i > n - STREAK and not follows(queue[i - 1], queue[i]):
            return False
    return True


@kernel
def is_running_streak(queue, n, heading_known, rate_hz):
    """Whether the last four of `n` waiting pulses are the first steps of a run."""
    if swings_on(queue, n, rate_hz, 1.0):
        return loop_strength(queue, n - STREAK, n, heading_known) > LOOP
    if heading_known and swings_on(queue, n, rate_hz, STAY_SHARE):
        return loop_strength(queue, n - STREAK, n, True) > CLEAR_LOOP
    return False


@kernel
def may_begin_run(pulse, heading_known, rate_hz):
    """Whether a pulse may be one of the four that begin a run."""
    if swings_like_running(pulse, rate_hz, 1.0):
        return True
    return heading_known and pulse["loop_left"] > 0.0 and swings_like_running(pulse, rate_hz, STAY_SHARE)


@kernel
def goes_against(queue, n, rate_hz):
    """Whether the last four would be a run, if only the sensor sat another way than was thought."""
    return (
        swings_on(queue, n, rate_hz, 1.0)
        and loop_strength(queue, n - STREAK, n, True) <= LOOP
        and loop_strength(queue, n - STREAK, n, False) > LOOP
    )


@kernel
def stays_running(pulse, before, run_end, misses, heading_known, rate_hz):
    """Whether a pulse goes on with the run that ended at `run_end` with `before`, `misses` pulses ago."""
    if not swings_like_running(pulse, rate_hz, STAY_SHARE):
        return False
    # over a stride: a sensor off the midline sees two different steps
    left = pulse["loop_left"] + before["loop_left"]
    size = np.sqrt((pulse["power_z"] + before["power_z"]) * (pulse["power_dz"] + before["power_dz"]) + 1e-12)
    if heading_known and left < -LOOP_VETO * size:
        return False
    return pulse["begin"] - run_end <= misses * RUNNING_PERIOD_S[1] * rate_hz + 1.0
