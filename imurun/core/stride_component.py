"""Stride components: the part of a signal at the stride frequency, half the step frequency.

It is what alternates between left and right steps. Over the cycle of one step, from one minimum of the
vertical acceleration to the next, the phase of the stride runs from -90 to 90 degrees and is 0 in its
middle, near the peak. A signal A cos(phase + p) has the stride component (A cos p, A sin p), seen from this
step; seen from the next step it has the opposite sign. What repeats every step, such as fore-aft force or a
constant, has none.

Each cycle keeps the sums over its own samples (`measure_halves`), so that a stride component follows from two
consecutive cycles without their samples.
"""

from __future__ import annotations

import numpy as np

from imurun.core.filters import sum_of, sum_of_products, turned
from imurun.core.jit import kernel
from imurun.core.ring_buffer import (
    FORWARD,
    LEFTWARD,
    MEDIOLATERAL,
    PITCH,
    ROLL,
    SCRATCH,
    SECOND_SCRATCH,
    YAW,
)
from imurun.core.step_cycle import N_SIGNALS

SIGNALS = (ROLL, PITCH, YAW, FORWARD, LEFTWARD, MEDIOLATERAL)
"""Channels of the buffer that are measured, in the order of `STEP_CYCLE["means"]` and `["halves"]`."""
OF_ROLL, OF_PITCH, OF_YAW, OF_FORWARD, OF_LEFTWARD, OF_MEDIOLATERAL = range(N_SIGNALS)


@kernel
def measure_halves(buffer, base, cycle):
    """Fill the mean of each signal over the cycle, and its cosine and sine part about the mean.

    Args:
        buffer, base: as in `imurun.core.ring_buffer`. cycle: record of STEP_CYCLE.
    """
    begin = cycle["begin"] - base
    first, stop = int(np.ceil(begin)), int(np.ceil(cycle["end"] - base))
    n = stop - first
    cosines, sines = buffer[SCRATCH, first:stop], buffer[SECOND_SCRATCH, first:stop]
    turn = np.pi / (cycle["end"] - cycle["begin"])
    write_rotation(cosines, sines, turn * (first - begin) - 0.5 * np.pi, turn)
    scale = 2.0 / n
    cosine_sum, sine_sum = sum_of(cosines), sum_of(sines)
    cycle["constant_half"][0] = scale * cosine_sum
    cycle["constant_half"][1] = -scale * sine_sum
    for i in range(N_SIGNALS):
        signal = buffer[SIGNALS[i], first:stop]
        mean = sum_of(signal) / n
        cycle["means"][i] = mean
        cycle["halves"][i, 0] = scale * (sum_of_products(signal, cosines) - mean * cosine_sum)
        cycle["halves"][i, 1] = -scale * (sum_of_products(signal, sines) - mean * sine_sum)


@kernel
def write_rotation(cosines, sines, angle, turn):
    """Write cosine and sine of `angle`, and of every `turn` after it, by multiplying rotations."""
    cosine, sine = np.cos(angle), np.sin(angle)
    step = (np.cos(turn), np.sin(turn))
    for k in range(len(cosines)):
        cosines[k], sines[k] = cosine, sine
        cosine, sine = turned(cosine, sine, step)


@kernel
def stride_component(before, cycle, i):
    """Cosine and sine part of the stride component of signal `i` over two consecutive cycles.

    Seen from the second, in the unit of the signal. Their common mean is left out: a constant cancels between
    the cycles only up to rounding, and yaw may be many turns.

    Args:
        before, cycle: records of STEP_CYCLE, filled by `measure_halves`. i: index in `SIGNALS`.
    """
    rise = 0.5 * (cycle["means"][i] - before["means"][i])
    return (
        0.5 * (half_about(cycle, i, rise, 0) - half_about(before, i, -rise, 0)),
        0.5 * (half_about(cycle, i, rise, 1) - half_about(before, i, -rise, 1)),
    )


@kernel
def half_about(cycle, i, mean, part):
    """Part 0 (cosine) or 1 (sine) over one cycle of signal `i`, shifted so that its mean is `mean`."""
    return cycle["halves"][i, part] + mean * cycle["constant_half"][part]
