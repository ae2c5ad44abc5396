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
from imurun.core.ring_buffer import (
    FORWARD,
    LEFTWARD,
    PITCH,
    ROLL,
    SLOW_FORWARD,
    SLOW_LEFTWARD,
    SLOW_VERTICAL,
)
from imurun.core.step_cycle import CUTOFF_HZ
from imurun.core.stride_component import OF_FORWARD, OF_LEFTWARD, OF_PITCH, OF_ROLL, stride_component

RUNNING_PERIOD_S = (0.19, 0.54)
"""Running steps: 110 to 315 a minute. Sprinters take up to 285 (4.75 a second), and scatter around it."""
WALKING_PERIOD_S = (0.38, 1.1)
"""Walking steps: 55 to 160 a minute."""
MIN_PEAK_TO_PEAK_G = 0.9
MIN_HEIGHT_G = 0.42
"""Least peak-to-peak amplitude of a running step, and least height of its peak above 1 g, at any cadence.

Of the vertical before the low-pass, which passes 0.89 of a step frequency of 2 Hz, 0.81 of 2.7 Hz, 0.59 of
4.3 Hz: so the limits for the low-passed vertical decrease with the cadence (`low_pass_gain`). A sine arch
that fills the whole step, at the edge of flight, has 1.33 g peak to peak at the step frequency."""
STAY_SHARE = 0.65
"""A run continues with this share of the least amplitude; with a clear loop, it also begins with it.

Overlapping sine arches have it at a duty factor of 0.6, the largest of grounded running."""
WALKING_PEAK_TO_PEAK_G = (0.08, 1.6)
ALIKE = 0.7
"""Least ratio of the lengths of two consecutive steps, the shorter over the longer."""
STREAK = 4
"""Number of similar steps in a row that begin a run; it is dated back to the first of them."""
LOOP = 0.04
"""Least loop area over four steps, as a share of the largest possible: runners 0.07 to 0.57, hopping 0."""
CLEAR_LOOP = 0.10
"""Loop area from which a streak of low amplitude is a run: grounded running, which has no flight.

Without a known forward axis the loop of walking looks the same; then it needs `CLEAR_EVIDENCE` as well."""
LOOP_VETO = 0.10
"""A stride whose loop has the sense of walking by more than this ends a run."""
CLEAR_FLIGHT_G = 1.7
"""Peak-to-peak amplitude, before the low-pass, above which the body leaves the ground: no walk reaches it.

Runners have 2.0 g and more from 2 m/s on. A walker's body, an inverted pendulum, is lighter in mid-stance by
the Froude number in g: 0.5 g where people change to running, 1 g where they would leave the ground."""
CLEAR_EVIDENCE = 0.5
"""Of `running_evidence`, from roll and pitch: runners have 0.9 to 1.9, walkers -1.0 to -1.9."""
LEAST_ROLL, LEAST_FORCE_G = np.deg2rad(0.6), 0.03
"""Amplitudes of alternating roll, rad, and mediolateral force that are each sufficient evidence of two feet
in turn. Runners: 0.9 to 9 degrees; without a gyroscope 0.04 to 0.5 g."""
LEAST_COHERENCE = 0.5
"""Least agreement of the stride components of two pairs of steps, from -1 to 1; runners have 0.9."""
ALTERNATION_MEMORY = 0.85  # a step
ENOUGH_COMPONENTS = 6
"""Stride components in a row before a run may end for their disagreement."""
LEAST_PRODUCT = 0.5
"""Product of two stride components below which they agree less: a trace of alternation is not enough."""
LEAST_ALTERNATION = 0.2
"""A run ends when the mean agreement of its components, from -1 to 1, falls below this.

Noise has 0 +- 0.15."""
NO_FORCE_G = 1e-6
"""A mediolateral force without more than this was not measured."""
FORCE_CENTRE = np.deg2rad(16.0)
"""Phase of the mediolateral stride component of runners without a gyroscope.

That of walkers lies a quarter turn from it."""
QUEUE = 8
"""Room for cycles awaiting classification."""

ALTERNATION = np.dtype(
    [
        ("n", "i8"),  # stride components in a row
        ("components", "f8", (3, 2, 2)),  # the last three, the last first; see `write_component`
        ("agreed", "f8"),  # sum of their agreement, from -1 to 1 each
        ("weighed", "f8"),  # sum of their weights
    ]
)
"""How the steps of a run alternate between two feet."""


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
    gain = low_pass_gain(length_s)
    peak_to_peak_g = cycle["peak_g"] - cycle["minimum_g"]
    return (
        peak_to_peak_g >= share * gain * MIN_PEAK_TO_PEAK_G
        and cycle["peak_g"] >= 1.0 + share * gain * MIN_HEIGHT_G
    )


@kernel
def low_pass_gain(length_s):
    """Share of the amplitude at the step frequency that the low-pass of the step cycle passes."""
    ratio = 1.0 / (length_s * CUTOFF_HZ)
    return 0.5 ** (0.5 * ratio * ratio)


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
    if has_running_amplitudes(queue, n, rate_hz, STAY_SHARE):
        return loop_strength(queue, n - STREAK, n, heading_known) > CLEAR_LOOP
    return False


@kernel
def may_begin_run(cycle, heading_known, rate_hz):
    """Whether a cycle may be one of the four that begin a run."""
    if has_running_amplitude(cycle, rate_hz, 1.0):
        return True
    turns_left = cycle["loop_left"] > 0.0 or not heading_known
    return turns_left and has_running_amplitude(cycle, rate_hz, STAY_SHARE)


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


@kernel
def has_running_mechanics(buffer, base, queue, n, heading_known, has_gyro, rate_hz):
    """Whether the last four of `n` waiting cycles alternate between two feet, and are no walk.

    Rope skipping, jumping jacks or a shaken sensor move up and down like running, but both sides at once.

    Where forward is known, walking has been told from running by the sense of its loop. Where it is not,
    amplitude decides if it is that of flight, and else the moment of mid-stance, see `running_evidence`.

    Args:
        buffer: as in `imurun.core.ring_buffer`, with all four cycles. base: of its first column.
    """
    first = n - STREAK
    forward, left = 0.0, 1.0
    if not heading_known:
        forward, left = loop_direction(queue, first, n)
    components = np.zeros((2, STREAK - 1, 2))
    write_components(queue, first, forward, left, components)
    roll, force = components[0], components[1]
    if not has_gyro:
        roll[:] = 0.0
        if np.max(np.abs(force)) < NO_FORCE_G:
            return loop_strength(queue, first, n, heading_known) > CLEAR_LOOP
    roll /= LEAST_ROLL
    force /= LEAST_FORCE_G
    agreed, weighed = component_agreement(components[:, 0], components[:, 2])
    if agreed < max(1.0, LEAST_COHERENCE * weighed):
        return False
    if heading_known or peak_to_peak_before_low_pass(queue, first, n, rate_hz) >= CLEAR_FLIGHT_G:
        return True
    is_low = not has_running_amplitudes(queue, n, rate_hz, 1.0)
    if not has_gyro:
        return not is_low and running_evidence(roll, force, 0.0) > 0.0
    pitch_lag = pitch_after_force(buffer, base, queue, first, forward, left)
    return running_evidence(roll, force, pitch_lag) > (CLEAR_EVIDENCE if is_low else 0.0)


@kernel
def loop_direction(cycles, first, stop):
    """Unit vector to the left of a runner with the loop of cycles first to stop - 1: forward and left part.

    Of a walker it is the vector to the right.
    """
    forward, left = 0.0, 0.0
    for i in range(first, stop):
        forward += cycles[i]["loop_forward"]
        left += cycles[i]["loop_left"]
    return unit_vector(forward, left)


@kernel
def unit_vector(forward, left):
    """A vector in the level plane over its length."""
    size = max(np.sqrt(forward * forward + left * left), 1e-12)
    return forward / size, left / size


@kernel
def write_components(queue, first, forward, left, components):
    """Write the stride component of roll and mediolateral force from each of four cycles to the next.

    Args:
        first: index of the first of them in `queue`.
        forward, left: unit vector to the body's left, in the axes of the buffer.
        components: shape (2, STREAK - 1, 2): roll in rad and force in g, each seen from the later step.
    """
    for i in range(STREAK - 1):
        write_component(queue[first + i], queue[first + i + 1], forward, left, components[:, i])


@kernel
def write_component(before, cycle, forward, left, component):
    """Write the stride component of roll, rad, and of mediolateral force, g; shape (2, 2)."""
    roll, pitch = stride_component(before, cycle, OF_ROLL), stride_component(before, cycle, OF_PITCH)
    ahead, aside = stride_component(before, cycle, OF_FORWARD), stride_component(before, cycle, OF_LEFTWARD)
    for j in range(2):
        component[0, j] = left * roll[j] - forward * pitch[j]
        component[1, j] = forward * ahead[j] + left * aside[j]


@kernel
def component_agreement(one, other):
    """Scalar product of two components of roll and force, shape (2, 2), and the product of their sizes.

    Two steps apart, they share no sample: the first is near the second where feet alternate, and has either
    sign in noise.
    """
    agreed, one_square, other_square = 0.0, 0.0, 0.0
    for i in range(2):
        for j in range(2):
            agreed += one[i, j] * other[i, j]
            one_square += one[i, j] * one[i, j]
            other_square += other[i, j] * other[i, j]
    return agreed, np.sqrt(one_square * other_square)


@kernel
def restart_alternation(alternation):
    """Reset the alternation, at the beginning of a run."""
    alternation["n"] = 0
    alternation["components"][:] = 0.0
    alternation["agreed"] = 0.0
    alternation["weighed"] = 0.0


@kernel
def add_alternation(alternation, before, cycle, heading_known, has_gyro):
    """Add the stride component of the running cycle `before` and the one that follows it."""
    if before["end"] != cycle["begin"]:
        alternation["n"] = 0
        return
    forward, left = 0.0, 1.0
    if not heading_known:
        forward, left = unit_vector(
            before["loop_forward"] + cycle["loop_forward"], before["loop_left"] + cycle["loop_left"]
        )
    components = alternation["components"]
    components[2] = components[1]
    components[1] = components[0]
    write_component(before, cycle, forward, left, components[0])
    if not has_gyro:
        components[0, 0] = 0.0
        if max(abs(components[0, 1, 0]), abs(components[0, 1, 1])) < NO_FORCE_G:
            alternation["n"] = 0  # nothing to judge by
            return
    components[0, 0] /= LEAST_ROLL
    components[0, 1] /= LEAST_FORCE_G
    alternation["n"] += 1
    if alternation["n"] > 2:
        agreed, weighed = component_agreement(components[0], components[2])
        agreed /= max(weighed, LEAST_PRODUCT)
        alternation["agreed"] = ALTERNATION_MEMORY * alternation["agreed"] + agreed
        alternation["weighed"] = ALTERNATION_MEMORY * alternation["weighed"] + 1.0


@kernel
def alternates(alternation):
    """Whether the steps of the run alternate between two feet; True while there are too few to judge."""
    if alternation["n"] <= ENOUGH_COMPONENTS:
        return True
    return alternation["agreed"] >= LEAST_ALTERNATION * alternation["weighed"]


@kernel
def peak_to_peak_before_low_pass(cycles, first, stop, rate_hz):
    """Mean peak-to-peak amplitude of cycles first to stop - 1 at the step frequency, g."""
    total = 0.0
    for i in range(first, stop):
        length_s = (cycles[i]["end"] - cycles[i]["begin"]) / rate_hz
        total += (cycles[i]["peak_g"] - cycles[i]["minimum_g"]) / low_pass_gain(length_s)
    return total / (stop - first)


@kernel
def pitch_after_force(buffer, base, queue, first, forward, left):
    """Sine of the phase by which pitch follows fore-aft force at the step frequency; 0 without either."""
    pitch_cosine, pitch_sine, force_cosine, force_sine = 0.0, 0.0, 0.0, 0.0
    for i in range(first, first + STREAK):
        begin, end = queue[i]["begin"], queue[i]["end"]
        turn = 2.0 * np.pi / (end - begin)
        for k in range(int(np.ceil(begin)), int(np.ceil(end))):
            cosine, sine = np.cos(turn * (k - begin)), np.sin(turn * (k - begin))
            pitch = forward * buffer[ROLL, k - base] + left * buffer[PITCH, k - base]
            force = left * buffer[FORWARD, k - base] - forward * buffer[LEFTWARD, k - base]
            pitch_cosine += pitch * cosine
            pitch_sine += pitch * sine
            force_cosine += force * cosine
            force_sine += force * sine
    size = np.hypot(pitch_cosine, pitch_sine) * np.hypot(force_cosine, force_sine)
    return (pitch_sine * force_cosine - pitch_cosine * force_sine) / max(size, 1e-12)


@kernel
def running_evidence(roll, force, pitch_lag):
    """Above 0 where mid-stance is where the vertical is highest, running; below where lowest, walking.

    In both gaits the pelvis is tilted up on the side of the stance leg early in stance and comes down in
    mid-stance. So roll crosses zero, falling for left, in mid-stance: near the peak of the vertical in
    running and near its minimum in walking, half a step apart. In running pitch follows the fore-aft force,
    in walking it precedes it. Both hold whichever way forward is. Without a gyroscope the mediolateral force
    is used, the sum of tilt and push to the middle.

    Args:
        roll, force: shape (STREAK - 1, 2), of the streak, in units of `LEAST_ROLL` and `LEAST_FORCE_G`.
        pitch_lag: as from `pitch_after_force`.
    """
    cosine, sine = mean_component(roll)
    square = cosine * cosine + sine * sine
    if square >= 1.0:
        return 2.0 * cosine * sine / square + pitch_lag
    cosine, sine = mean_component(force)
    return np.cos(2.0 * (np.arctan2(sine, cosine) - FORCE_CENTRE))


@kernel
def mean_component(components):
    """Mean over three pairs of steps, seen from the last step."""
    return (
        (components[0, 0] - components[1, 0] + components[2, 0]) / 3.0,
        (components[0, 1] - components[1, 1] + components[2, 1]) / 3.0,
    )
