"""Classification of step cycles: which are running steps and which are walking steps.

Running has a flight phase: the low-passed vertical acceleration has a large peak-to-peak amplitude in a short
time. In walking it is smaller and slower. The sense of rotation differs too: in running the force brakes
while the vertical force rises and propels while it falls, so that the specific force, drawn in the plane of
progression, describes a loop whose area vector points left; that of an inverted pendulum, walking, points
right.
"""

from __future__ import annotations

import numpy as np

from imurun.core.jit import kernel
from imurun.core.ring_buffer import SLOW_FORWARD, SLOW_LEFTWARD, SLOW_VERTICAL

RUNNING_PERIOD_S = (0.19, 0.54)
"""Running steps: 110 to 315 a minute. Sprinters take up to 285 (4.75 a second), and scatter around it."""
WALKING_PERIOD_S = (0.38, 1.1)
"""Walking steps: 55 to 160 a minute."""
MIN_PEAK_TO_PEAK_G = (0.75, 1.15)
"""Least peak-to-peak amplitude of a running step: at a period up to 0.38 s, and from 0.50 s on.

Of the low-passed vertical. The low-pass passes 0.82 of the step frequency at 0.38 s, 0.56 at 0.22 s and 0.46
at 0.19 s, so the same limit asks for more where steps are quick: a sine arch that fills the whole step,
at the edge of flight, has 1.33 g peak to peak at that frequency, and less than the limit below 0.22 s."""
PEAK_TO_PEAK_PERIOD_S = (0.38, 0.50)
MIN_PEAK_G = 1.35
STAY_SHARE = 0.75
"""A run continues with this share of the least amplitude; with a clear loop, it also begins with it."""
WALKING_PEAK_TO_PEAK_G = (0.08, 1.6)
ALIKE = 0.7
"""Least ratio of the lengths of two consecutive steps, the shorter over the longer."""
STREAK = 4
"""Number of similar steps in a row that begin a run; it is dated back to the first of them."""
LOOP = 0.04
"""Least loop area over four steps, as a share of the largest possible: runners 0.07 to 0.57, hopping 0."""
CLEAR_LOOP = 0.10
"""Loop area from which a streak of low amplitude is a run: grounded running, which has no flight. Only with a
known forward axis: without its sense of rotation, walking looks the same."""
LOOP_VETO = 0.10
"""A stride whose loop has the sense of walking by more than this ends a run."""
QUEUE = 8
"""Room for cycles awaiting classification."""


@kernel
def measure_loop(buffer, base, cycle):
    """Fill the area vector of the loop that the low-passed specific force describes during the cycle."""
    first = int(np.ceil(cycle["begin"])) - base
    stop = int(np.floor(cycle["end"])) - base
    x_mean, y_mean, z_mean = 0.0, 0.0, 0.0
    for k in range(first, stop + 1):
        x_mean += buffer[SLOW_FORWARD, k]
        y_mean += buffer[SLOW_LEFTWARD, k]
        z_mean += buffer[SLOW_VERTICAL, k]
    n = max(stop + 1 - first, 1)
    x_mean, y_mean, z_mean = x_mean / n, y_mean / n, z_mean / n
    forward, left, power_z, power_dz = 0.0, 0.0, 0.0, 0.0
    for k in range(first, stop):
        x = buffer[SLOW_FORWARD, k] - x_mean
        y = buffer[SLOW_LEFTWARD, k] - y_mean
        z = buffer[SLOW_VERTICAL, k] - z_mean
        dx = buffer[SLOW_FORWARD, k + 1] - buffer[SLOW_FORWARD, k]
        dy = buffer[SLOW_LEFTWARD, k + 1] - buffer[SLOW_LEFTWARD, k]
        dz = buffer[SLOW_VERTICAL, k + 1] - buffer[SLOW_VERTICAL, k]
        forward += y * dz - z * dy
        left += z * dx - x * dz
        power_z += z * z
        power_dz += dz * dz
    cycle["loop_forward"] = forward
    cycle["loop_left"] = left
    cycle["power_z"] = power_z
    cycle["power_dz"] = power_dz


@kernel
def loop_strength(cycles, first, stop, heading_known):
    """Loop area of cycles first to stop - 1 over the largest possible.

    Its leftward component, signed, where the heading is known; else its magnitude.
    """
    forward, left, power_z, power_dz = 0.0, 0.0, 0.0, 0.0
    for i in range(first, stop):
        forward += cycles[i]["loop_forward"]
        left += cycles[i]["loop_left"]
        power_z += cycles[i]["power_z"]
        power_dz += cycles[i]["power_dz"]
    area = left if heading_known else np.sqrt(left * left + forward * forward)
    return area / np.sqrt(power_z * power_dz + 1e-12)


@kernel
def has_running_amplitude(cycle, rate_hz, share):
    """Whether peak and peak-to-peak amplitude are those of running at the length of the cycle.

    `share` scales the limits down, see `STAY_SHARE`.
    """
    length_s = (cycle["end"] - cycle["begin"]) / rate_hz
    if not RUNNING_PERIOD_S[0] <= length_s <= RUNNING_PERIOD_S[1]:  # also false for NaN
        return False
    part = (length_s - PEAK_TO_PEAK_PERIOD_S[0]) / (PEAK_TO_PEAK_PERIOD_S[1] - PEAK_TO_PEAK_PERIOD_S[0])
    part = min(max(part, 0.0), 1.0)
    least = MIN_PEAK_TO_PEAK_G[0] + part * (MIN_PEAK_TO_PEAK_G[1] - MIN_PEAK_TO_PEAK_G[0])
    peak_to_peak_g = cycle["peak_g"] - cycle["minimum_g"]
    return peak_to_peak_g >= share * least and cycle["peak_g"] >= 1.0 + share * (MIN_PEAK_G - 1.0)


@kernel
def has_walking_amplitude(cycle, rate_hz):
    """Whether amplitude and length are those of a walking step."""
    length_s = (cycle["end"] - cycle["begin"]) / rate_hz
    peak_to_peak_g = cycle["peak_g"] - cycle["minimum_g"]
    return (
        WALKING_PERIOD_S[0] <= length_s <= WALKING_PERIOD_S[1]
        and WALKING_PEAK_TO_PEAK_G[0] <= peak_to_peak_g <= WALKING_PEAK_TO_PEAK_G[1]
    )


@kernel
def follows(earlier, later):
    """Whether `later` is the next cycle, without one between, and of similar length."""
    return later["begin"] == earlier["end"] and alike(earlier, later)


@kernel
def alike(one, other):
    """Whether two cycles have similar lengths."""
    a = one["end"] - one["begin"]
    b = other["end"] - other["begin"]
    return min(a, b) >= ALIKE * max(a, b)


@kernel
def has_running_amplitudes(queue, n, rate_hz, share):
    """Whether the last four of `n` waiting cycles have the amplitude of running and are consecutive."""
    if n < STREAK:
        return False
    for i in range(n - STREAK, n):
        if not has_running_amplitude(queue[i], rate_hz, share):
            return False
        if i > n - STREAK and not follows(queue[i - 1], queue[i]):
            return False
    return True


@kernel
def is_running_streak(queue, n, heading_known, rate_hz):
    """Whether the last four of `n` waiting cycles are the first steps of a run."""
    if has_running_amplitudes(queue, n, rate_hz, 1.0):
        return loop_strength(queue, n - STREAK, n, heading_known) > LOOP
    if heading_known and has_running_amplitudes(queue, n, rate_hz, STAY_SHARE):
        return loop_strength(queue, n - STREAK, n, True) > CLEAR_LOOP
    return False


@kernel
def may_begin_run(cycle, heading_known, rate_hz):
    """Whether a cycle may be one of the four that begin a run."""
    if has_running_amplitude(cycle, rate_hz, 1.0):
        return True
    return heading_known and cycle["loop_left"] > 0.0 and has_running_amplitude(cycle, rate_hz, STAY_SHARE)


@kernel
def is_reversed_streak(queue, n, rate_hz):
    """Whether the last four would be a run with another sensor-to-body alignment."""
    return (
        has_running_amplitudes(queue, n, rate_hz, 1.0)
        and loop_strength(queue, n - STREAK, n, True) <= LOOP
        and loop_strength(queue, n - STREAK, n, False) > LOOP
    )


@kernel
def stays_running(cycle, before, run_end, n_rejected, heading_known, rate_hz):
    """Whether a cycle continues the run that ended at `run_end` with `before`, `n_rejected` cycles ago."""
    if not has_running_amplitude(cycle, rate_hz, STAY_SHARE):
        return False
    # over a stride: a sensor off the midline measures left and right steps differently
    left = cycle["loop_left"] + before["loop_left"]
    size = np.sqrt((cycle["power_z"] + before["power_z"]) * (cycle["power_dz"] + before["power_dz"]) + 1e-12)
    if heading_known and left < -LOOP_VETO * size:
        return False
    return cycle["begin"] - run_end <= n_rejected * RUNNING_PERIOD_S[1] * rate_hz + 1.0
