"""Step cycles: the rise and fall of the low-passed vertical acceleration that every step makes.

At the step frequency the sacrum follows the body's centre of mass in time and, nearly, in amplitude; at its
second and third harmonic it does not. So steps are found, and contacts timed, on the vertical specific force
low-passed at 3.5 Hz. A step cycle reaches from one minimum to the next. It is complete once the signal has
risen a little from the second minimum, about 0.2 s after it.

Crossings are those of the cycle's own mean. Over a steady step that is 1 g, body weight, even if the sensor
has a scale error.

The tracker takes one sample at a time:

    BELOW         -- risen from the minimum -->   BEFORE   COMPLETE if a cycle is open
    BEFORE        -- above 1 g + margin -->       ABOVE    RISEN: a cycle opens at the minimum before
    ABOVE         -- below 1 g - margin -->       BELOW
    ABOVE, BELOW  -- longer than LONGEST_S -->    BELOW    the open cycle is discarded

A stream starts in BELOW without an open cycle, since its first sample may lie anywhere in a step.
"""

from __future__ import annotations

import numpy as np

from imurun.core.filters import integral
from imurun.core.jit import kernel

CUTOFF_HZ = 3.5
MARGIN_G = 0.03
"""Hysteresis around 1 g: the signal counts as above or below it beyond this margin."""
RISE_SHARE = 0.25
"""A minimum has passed once the signal has risen from it by this share of the fall before."""
FLAT_G = 1e-6
"""Within this tolerance the last sample is the minimum, so that rounding does not select one."""
LONGEST_S = 1.2
"""Longest duration of each phase in running or walking; a longer one is not a step."""

N_SIGNALS = 6
"""Signals of `imurun.core.stride_component`."""

BEFORE, ABOVE, BELOW = 0, 1, 2  # phases: after a minimum, above 1 g, below 1 g
NOTHING, RISEN, COMPLETE = 0, 1, 2  # events of one more sample

STEP_CYCLE = np.dtype(
    [
        # fractional absolute sample indices, in the order of time
        ("begin", "f8"),  # the minimum before
        ("up_crossing", "f8"),  # of the mean, upward
        ("peak", "f8"),
        ("down_crossing", "f8"),  # of the mean, downward
        ("end", "f8"),  # the minimum after
        # g
        ("peak_g", "f8"),
        ("minimum_g", "f8"),  # the lower of the two minima
        ("period_s", "f8"),  # since the up crossing of the cycle before; NaN where there was none
        # the loop of the force, filled by gait.py
        ("loop_forward", "f8"),
        ("loop_left", "f8"),
        ("power_z", "f8"),
        ("power_dz", "f8"),
        # of the signals that may alternate between steps, filled by stride_component.py
        ("means", "f8", (N_SIGNALS,)),
        ("halves", "f8", (N_SIGNALS, 2)),  # cosine and sine part about the mean
        ("constant_half", "f8", (2,)),  # of the constant 1
    ]
)

TRACKER = np.dtype(
    [
        ("phase", "i8"),
        ("low", "i8"),
        ("low_g", "f8"),
        ("high", "i8"),
        ("high_g", "f8"),
        ("up_crossing", "i8"),
        ("down_crossing", "i8"),
        ("begin", "f8"),
        ("begin_g", "f8"),
        ("last_up_crossing", "f8"),
    ]
)


@kernel
def restart_tracker(tracker):
    """Reset the tracker, at the start of a stream or after a gap."""
    tracker["phase"] = BELOW
    tracker["low"] = -1
    tracker["low_g"] = np.inf
    tracker["high"] = -1
    tracker["high_g"] = -np.inf
    tracker["up_crossing"] = -1
    tracker["down_crossing"] = -1
    tracker["begin"] = np.nan
    tracker["begin_g"] = np.nan
    tracker["last_up_crossing"] = np.nan


@kernel
def track(slow, base, k, rate_hz, tracker, cycle):
    """Take one more sample of the low-passed vertical; True when `cycle` was completed by it.

    Args:
        slow: low-passed vertical, g; sample k is at slow[k - base].
        tracker: record of TRACKER. cycle: record of STEP_CYCLE, written on completion.
    """
    event = follow(slow[k - base], k, rate_hz, tracker)
    if event == RISEN:
        tracker["begin"] = vertex_index(slow, base, tracker["low"])
    elif event == COMPLETE:
        complete_cycle(slow, base, rate_hz, tracker, cycle)
    return event == COMPLETE


@kernel
def follow(value, k, rate_hz, tracker):
    """Take the value of sample k; see the diagram at the head of the module.

    Returns:
        RISEN when the signal has just risen above 1 g, COMPLETE when a cycle has just ended, else NOTHING.
    """
    event = NOTHING
    phase = tracker["phase"]
    longest = LONGEST_S * rate_hz
    if phase == BEFORE:
        if value < tracker["low_g"] + FLAT_G or k - tracker["low"] > longest:
            tracker["low"] = k
            tracker["low_g"] = value
        elif value > 1.0 + MARGIN_G:
            tracker["phase"] = ABOVE
            tracker["up_crossing"] = k
            event = RISEN
            tracker["begin_g"] = tracker["low_g"]
            tracker["high"] = k
            tracker["high_g"] = value
    elif phase == ABOVE:
        if k - tracker["up_crossing"] > longest:
            abandon(tracker, k, value)
        elif value > tracker["high_g"]:
            tracker["high"] = k
            tracker["high_g"] = value
        elif value < 1.0 - MARGIN_G:
            tracker["phase"] = BELOW
            tracker["down_crossing"] = k
            tracker["low"] = k
            tracker["low_g"] = value
    else:
        if value < tracker["low_g"] + FLAT_G or (tracker["up_crossing"] < 0 and k - tracker["low"] > longest):
            tracker["low"] = k
            tracker["low_g"] = value
        fall = tracker["high_g"] - tracker["low_g"]
        if tracker["up_crossing"] >= 0 and k - tracker["down_crossing"] > longest:
            abandon(tracker, k, value)
        elif value > tracker["low_g"] + max(RISE_SHARE * fall, MARGIN_G) or value > 1.0 + MARGIN_G:
            tracker["phase"] = BEFORE
            if tracker["up_crossing"] >= 0:
                event = COMPLETE
            tracker["up_crossing"] = -1
    return event


@kernel
def abandon(tracker, k, value):
    """Discard the open cycle, which is longer than a step, and search for the next rise."""
    tracker["phase"] = BELOW
    tracker["up_crossing"] = -1
    tracker["low"] = k
    tracker["low_g"] = value
    tracker["high_g"] = -np.inf  # a discarded peak must not set the rise required next


@kernel
def complete_cycle(slow, base, rate_hz, tracker, cycle):
    """Fill the record of the cycle whose end the tracker has just found."""
    low = tracker["low"] - base
    high = tracker["high"] - base
    cycle["begin"] = tracker["begin"]
    cycle["end"] = vertex_index(slow, base, tracker["low"])
    cycle["peak"] = vertex_index(slow, base, tracker["high"])
    cycle["peak_g"] = vertex_value(slow, high)
    cycle["minimum_g"] = min(tracker["begin_g"], tracker["low_g"])
    begin, end = cycle["begin"] - base, cycle["end"] - base
    mean = integral(slow, begin, end) / (end - begin)
    cycle["up_crossing"] = max(rising(slow, high, begin, mean), begin) + base
    down = first_below(slow, high, low, mean)
    cycle["down_crossing"] = min(falling(slow, down, mean), end) + base
    cycle["period_s"] = (cycle["up_crossing"] - tracker["last_up_crossing"]) / rate_hz
    tracker["last_up_crossing"] = cycle["up_crossing"]


@kernel
def vertex(signal, k):
    """Position of the extremum near index k, by the parabola through it and its neighbours."""
    return vertex_index(signal, 0, k)


@kernel
def vertex_index(signal, base, k):
    """As `vertex`, for absolute indices: sample k is at signal[k - base].

    The result is the same to the bit for any base: the end of a cycle is compared with the begin of the next,
    and the buffer may have been shifted in between.
    """
    column = k - base
    if column < 1 or column >= len(signal) - 1:
        return float(k)
    return k + vertex_shift(signal[column - 1], signal[column], signal[column + 1])


@kernel
def vertex_shift(before, value, after):
    """Offset of the extremum of the parabola through three consecutive values, from the middle one."""
    bend = before - 2.0 * value + after
    if bend == 0.0:
        return 0.0
    return min(max(0.5 * (before - after) / bend, -1.0), 1.0)


@kernel
def vertex_value(signal, k):
    """Value of the extremum near index k, by the same parabola."""
    if k < 1 or k >= len(signal) - 1:
        return signal[k]
    return signal[k] - 0.25 * (signal[k - 1] - signal[k + 1]) * (vertex(signal, k) - k)


@kernel
def first_below(signal, k, last, level):
    """First index from k to `last` where the signal is below `level`, or `last`."""
    while k < last and signal[k] >= level:
        k += 1
    return k


@kernel
def rising(signal, k, first, level):
    """Last upward crossing of `level` between `first` and k, itself above it; fractional index."""
    while k - 1 > first and signal[k - 1] >= level:
        k -= 1
    return k - (signal[k] - level) / max(signal[k] - signal[k - 1], 1e-12)


@kernel
def falling(signal, k, level):
    """Downward crossing of `level` just before k, the first index below it; fractional index."""
    return k - (level - signal[k]) / max(signal[k - 1] - signal[k], 1e-12)
