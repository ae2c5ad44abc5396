"""The slow pulse: the rise and fall of the vertical specific force that every step makes.

At the step frequency the sacrum follows the body's centre of mass in time and, nearly, in size; at its
second and third harmonic it does not. So steps are found, and contacts timed, on the vertical smoothed
to 3.5 Hz. A pulse reaches from one minimum to the next. It is known once the signal has risen a little
from that minimum, about 0.2 s after it.

Crossings are taken against the pulse's own mean. Over a steady step that is 1 g, body weight, whatever the
scale error of the sensor.
"""

from __future__ import annotations

import numpy as np

from imurun.core.filters import integral
from imurun.core.jit import kernel

CUTOFF_HZ = 3.5
MARGIN_G = 0.03
"""How far beyond 1 g the signal must go to count as above or below it."""
RISE_SHARE = 0.25
"""A minimum is over once the signal has climbed back by this share of the fall."""
FLAT_G = 1e-6
"""Where the signal stays this flat, the last sample is the minimum: rounding must not choose one."""
LONGEST_S = 1.2
"""No part of a pulse, of running or walking, lasts longer: before it rises, above its mean, below it."""

BEFORE, ABOVE, BELOW = 0, 1, 2  # phases: waiting for the rise, above 1 g, fallen again
NOTHING, ROSE, COMPLETE = 0, 1, 2  # what one more sample shows

PULSE = np.dtype(
    [
        # fractional absolute sample indices, in the order of time
        ("begin", "f8"),  # the minimum before
        ("up", "f8"),  # rises through the mean
        ("peak", "f8"),
        ("down", "f8"),  # falls through the mean
        ("end", "f8"),  # the minimum after
        # g
        ("height", "f8"),
        ("floor", "f8"),  # the lower of the two minima
        # what gait.py adds
        ("period_s", "f8"),  # since the pulse before went up; NaN where there was none
        ("loop_forward", "f8"),
        ("loop_left", "f8"),
        ("power_z", "f8"),
        ("power_dz", "f8"),
        # what push.py adds, of the force smoothed to 1.5 times the step frequency
        ("push_begin", "f8"),  # the minimum before, fractional absolute sample index
        ("push_height", "f8"),  # g
        ("push_floor", "f8"),  # the lower of the two minima, g
        ("brake", "f8"),  # the largest backward force before the peak, negative, g
        ("drive", "f8"),  # the largest forward force after the peak, g
        ("forward_rms", "f8"),  # of the fore-aft force, g
    ]
)

TRACKER = np.dtype(
    [
        ("phase", "i8"),
        ("low", "i8"),
        ("low_g", "f8"),
        ("high", "i8"),
        ("high_g", "f8"),
        ("up", "i8"),
        ("down", "i8"),
        ("begin", "f8"),
        ("begin_g", "f8"),
        ("last_up", "f8"),
    ]
)


@kernel
def restart_tracker(tracker):
    """Forget everything: the stream begins, or goes on after a gap."""
    tracker["phase"] = BELOW
    tracker["low"] = -1
    tracker["low_g"] = np.inf
    tracker["high"] = -1
    tracker["high_g"] = -np.inf
    tracker["up"] = -1
    tracker["down"] = -1
    tracker["begin"] = np.nan
    tracker["begin_g"] = np.nan
    tracker["last_up"] = np.nan


@kernel
def track(slow, base, k, rate_hz, tracker, pulse):
    """Follow the smoothed vertical by one sample; True when `pulse` was just completed.

    Args:
        slow: smoothed vertical, g; the sample k stands at slow[k - base].
        tracker: record of TRACKER. pulse: record of PULSE, written on completion.
    """
    event = follow(slow[k - base], k, rate_hz, tracker)
    if event == ROSE:
        tracker["begin"] = vertex_index(slow, base, tracker["low"])
    elif event == COMPLETE:
        complete_pulse(slow, base, rate_hz, tracker, pulse)
    return event == COMPLETE


@kernel
def follow(value, k, rate_hz, tracker):
    """Take the value of sample k.

    Returns:
        ROSE when the signal has just gone above 1 g, COMPLETE when the pulse has just ended, else NOTHING.
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
            tracker["up"] = k
            event = ROSE
            tracker["begin_g"] = tracker["low_g"]
            tracker["high"] = k
            tracker["high_g"] = value
    elif phase == ABOVE:
        if k - tracker["up"] > longest:
            give_up(tracker, k, value)
        elif value > tracker["high_g"]:
            tracker["high"] = k
            tracker["high_g"] = value
        elif value < 1.0 - MARGIN_G:
            tracker["phase"] = BELOW
            tracker["down"] = k
            tracker["low"] = k
            tracker["low_g"] = value
    else:
        if value < tracker["low_g"] + FLAT_G or (tracker["up"] < 0 and k - tracker["low"] > longest):
            tracker["low"] = k
            tracker["low_g"] = value
        fall = tracker["high_g"] - tracker["low_g"]
        if tracker["up"] >= 0 and k - tracker["down"] > longest:
            give_up(tracker, k, value)
        elif value > tracker["low_g"] + max(RISE_SHARE * fall, MARGIN_G) or value > 1.0 + MARGIN_G:
            tracker["phase"] = BEFORE
            if tracker["up"] >= 0:
                event = COMPLETE
            tracker["up"] = -1
    return event


@kernel
def give_up(tracker, k, value):
    """No step lasts this long: wait for the signal to come up again."""
    tracker["phase"] = BELOW
    tracker["up"] = -1
    tracker["low"] = k
    tracker["low_g"] = value
    tracker["high_g"] = -np.inf  # what was given up has no say in what comes


@kernel
def complete_pulse(slow, base, rate_hz, tracker, pulse):
    """Measure the pulse that the tracker has just seen the end of."""
    low = tracker["low"] - base
    high = tracker["high"] - base
    pulse["begin"] = tracker["begin"]
    pulse["end"] = vertex_index(slow, base, tracker["low"])
    pulse["peak"] = vertex_index(slow, base, tracker["high"])
    pulse["height"] = vertex_value(slow, high)
    pulse["floor"] = min(tracker["begin_g"], tracker["low_g"])
    begin, end = pulse["begin"] - base, pulse["end"] - base
    mean = integral(slow, begin, end) / (end - begin)
    pulse["up"] = max(rising(slow, high, begin, mean), begin) + base
    down = first_below(slow, high, low, mean)
    pulse["down"] = min(falling(slow, down, mean), end) + base
    pulse["period_s"] = (pulse["up"] - tracker["last_up"]) / rate_hz
    tracker["last_up"] = pulse["up"]


@kernel
def vertex(signal, k):
    """Position of the extremum near index k, by the parabola through it and its neighbours."""
    return vertex_index(signal, 0, k)


@kernel
def vertex_index(signal, base, k):
    """As `vertex`, for absolute indices: the sample k stands at signal[k - base].

    The same number to the bit for any base: the end of a pulse is compared with the begin of the next, and
    the history may have moved in between.
    """
    column = k - base
    if column < 1 or column >= len(signal) - 1:
        return float(k)
    return k + vertex_shift(signal[column - 1], signal[column], signal[column + 1])


@kernel
def vertex_shift(before, value, after):
    """How far from the middle one of three values in a row their parabola has its extremum."""
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
    """First index from k on where the signal is below `level`, or `last`."""
    while k < last and signal[k] >= level:
        k += 1
    return k


@kernel
def rising(signal, k, first, level):
    """Where the signal, above `level` at index k, last rose through it after `first`; fractional index."""
    while k - 1 > first and signal[k - 1] >= level:
        k -= 1
    return k - (signal[k] - level) / max(signal[k] - signal[k - 1], 1e-12)


@kernel
def falling(signal, k, level):
    """Where the signal falls through `level`, being below it at k for the first time; fractional index."""
    return k - (level - signal[k]) / max(signal[k - 1] - signal[k], 1e-12)
