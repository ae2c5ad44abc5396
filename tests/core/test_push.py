"""The shape of a push, against plain numpy and against signals whose shape is known."""

from __future__ import annotations

import numpy as np
import pytest
from core_helpers import examples, record, smooth_noise
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import convolve1d

from imurun.core.history import FORWARD, LEFTWARD, N_CHANNELS, VERTICAL
from imurun.core.pulse import PULSE
from imurun.core.push import LONGEST_TAIL_S, MARGIN, PEAK_MARGIN, measure_push
from imurun.core.stepper import Stepper

RATE = 100.0
C = Stepper(RATE, np.eye(3), heading_known=True, has_gyro=True).coefficients
PUSH = ("push_begin", "push_end", "push_height", "brake", "drive", "forward_rms", "drive_end", "drive_tail")


def pulse_at(begin, peak, end, **others):
    return record(PULSE, begin=begin, peak=peak, end=end, **others)


def parabola(signal, k):
    """Place and value of the extremum at k; k itself at the ends."""
    if not 0 < k < len(signal) - 1:
        return k, signal[k]
    before, value, after = signal[k - 1 : k + 2]
    bend = before - 2 * value + after
    shift = 0.0 if bend == 0 else np.clip(0.5 * (before - after) / bend, -1, 1)
    return k + shift, value - 0.25 * (before - after) * shift


def plain_push(vertical, forward, pulse):
    """The same with whole signals."""
    length = pulse["end"] - pulse["begin"]
    first = max(int(np.floor(pulse["begin"] - MARGIN * length)), 0)
    last = min(int(np.ceil(pulse["end"] + MARGIN * length)), len(vertical) - 1)
    unsmoothed = np.maximum(convolve1d(vertical, C.unsmoothed_taps, mode="nearest"), 0.0)
    v = convolve1d(unsmoothed, C.push_taps, mode="nearest")[first : last + 1]
    f = convolve1d(forward, C.push_taps, mode="nearest")[first : last + 1]
    near, peak = PEAK_MARGIN * length, pulse["peak"] - first
    low, high = max(int(peak - near), 0), min(int(np.ceil(peak + near)), last - first)
    top = low + int(np.argmax(v[low : high + 1]))
    begin, end = int(np.argmin(v[: top + 1])), top + int(np.argmin(v[top:]))
    f = f - f[begin : end + 1].mean()
    strongest = top + int(np.argmax(f[top : end + 1]))
    after = min(strongest + 1, last - first)
    below = next((k for k in range(after, len(f)) if f[k] < 0), last - first)
    crossing = np.interp(0.0, [f[below], f[below - 1]], [below, below - 1]) if f[below] < 0 else below
    steepness = max(f[below - 1] - f[below], 1e-9 / RATE) * RATE
    drive = parabola(f, strongest)[1]
    return {
        "push_begin": first + parabola(v, begin)[0],
        "push_end": first + parabola(v, end)[0],
        "push_height": parabola(v, top)[1],
        "brake": parabola(f, begin + int(np.argmin(f[begin : top + 1])))[1],
        "drive": drive,
        "forward_rms": f[begin : end + 1].std(),
        "drive_end": first + crossing,
        "drive_tail": np.clip(drive / steepness, 0.0, LONGEST_TAIL_S),
    }


@examples(60)
@given(
    seed=st.integers(0, 2**32 - 1),
    begin=st.floats(5.0, 60.0),
    length=st.floats(22.0, 54.0),
    base=st.sampled_from([0, 12345]),
    turn=st.floats(-np.pi, np.pi),
    heading=st.booleans(),
)
def test_like_whole_signals(seed, begin, length, base, turn, heading):
    """Where forward is not known, the loop says it: its area vector points left."""
    rng = np.random.default_rng(seed)
    n = 130
    history = np.zeros((N_CHANNELS, n))
    history[VERTICAL] = 1.0 + smooth_noise(rng, n, 4.0)
    forward = smooth_noise(rng, n, 4.0, 0.3)
    angle = 0.0 if heading else turn
    history[FORWARD], history[LEFTWARD] = np.cos(angle) * forward, np.sin(angle) * forward
    left = {"loop_forward": -3.0 * np.sin(angle), "loop_left": 3.0 * np.cos(angle)}
    pulse = pulse_at(base + begin, base + begin + 0.4 * length, base + begin + length, **left)
    measure_push(history, base, pulse, 0, n - 1, heading, C)
    shifted = {name: pulse[name] - base for name in ("begin", "peak", "end")}
    expected = plain_push(history[VERTICAL], forward, shifted)
    found = {name: pulse[name] - (base if name in PUSH[:2] or name == "drive_end" else 0) for name in PUSH}
    # the last samples repeat for the one smoothing here, for both there
    if begin + (1 + MARGIN) * length < n - 20:
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_half_sines():
    """Contacts of 24 samples every 34: minima in mid-flight, highest in mid-stance, drive to the end."""
    t = np.arange(200)
    phase = (t - 20) % 34 / 24
    history = np.zeros((N_CHANNELS, len(t)))
    history[VERTICAL] = np.where(phase < 1, 34 / 24 * np.pi / 2 * np.sin(np.pi * phase), 0.0)
    history[FORWARD] = np.where(phase < 1, -0.3 * np.sin(2 * np.pi * phase), 0.0)
    begin, peak = 88.0 - 5.0, 88.0 + 12.0
    pulse = pulse_at(begin, peak, begin + 34.0)
    measure_push(history, 0, pulse, 0, len(t) - 1, True, C)
    assert pulse["push_begin"] == pytest.approx(begin, abs=0.2)
    assert pulse["push_end"] == pytest.approx(begin + 34.0, abs=0.2)
    assert pulse["brake"] == pytest.approx(-pulse["drive"], rel=0.02)
    assert 0.0 < pulse["drive"] < 0.3
    assert peak < pulse["drive_end"] < begin + 34.0 + 2.0


def test_the_ground_does_not_pull():
    t = np.arange(200)
    history = np.zeros((N_CHANNELS, len(t)))
    history[VERTICAL] = 1.0 - 1.2 * np.cos(2 * np.pi * (t - 80) / 34)
    pulse, lower = pulse_at(80.0, 97.0, 114.0), pulse_at(80.0, 97.0, 114.0)
    measure_push(history, 0, pulse, 0, len(t) - 1, True, C)
    history[VERTICAL] = np.where(history[VERTICAL] < 0, 3.0 * history[VERTICAL], history[VERTICAL])
    measure_push(history, 0, lower, 0, len(t) - 1, True, C)
    # what the smoothing to 20 Hz carries across zero is all that is left of a flight three times as deep
    assert lower["push_height"] == pytest.approx(pulse["push_height"], abs=0.01)


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0])
def test_nothing_moves(value):
    history = np.full((N_CHANNELS, 100), value)
    pulse = pulse_at(20.0, 35.0, 50.0)
    measure_push(history, 0, pulse, 0, 99, False, C)
    assert all(np.isfinite(pulse[name]) for name in PUSH)
    assert pulse["drive"] == pytest.approx(0.0, abs=1e-12)
    assert pulse["push_height"] == pytest.approx(max(value, 0.0))
