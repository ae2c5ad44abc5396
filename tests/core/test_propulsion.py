"""The shape of a push, against plain numpy and against signals whose shape is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import convolve1d
from scipy.spatial.transform import Rotation

from imurun.core.contact import CUTOFF_STEPS, MARGIN, PEAK_MARGIN, highest_of, measure_push, smooth_push
from imurun.core.filters import gaussian_taps
from imurun.core.ring_buffer import FORWARD, LEFTWARD, N_CHANNELS, PUSH_FORWARD, PUSH_VERTICAL, VERTICAL
from imurun.core.step import is_askew
from imurun.core.step_cycle import PULSE
from imurun.core.stepper import Stepper
from tests.core.core_helpers import examples, oriented, record, simulated, smooth_noise

RATE = 100.0
C = Stepper(RATE, np.eye(3), heading_known=True, has_gyro=True).coefficients
PUSH = ("push_begin", "push_height", "push_floor", "brake", "drive", "forward_rms")


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
    taps = gaussian_taps(1.0, CUTOFF_STEPS / length)
    unsmoothed = np.maximum(convolve1d(vertical, C.unsmoothed_taps, mode="nearest"), 0.0)
    v = convolve1d(unsmoothed, taps, mode="nearest")[first : last + 1]
    f = convolve1d(forward, taps, mode="nearest")[first : last + 1]
    near, peak = PEAK_MARGIN * length, pulse["peak"] - first
    low, high = max(int(peak - near), 0), min(int(np.ceil(peak + near)), last - first)
    top = low + int(np.argmax(v[low : high + 1]))
    begin, end = int(np.argmin(v[: top + 1])), top + int(np.argmin(v[top:]))
    f = f - f[begin : end + 1].mean()
    strongest = top + int(np.argmax(f[top : end + 1]))
    return {
        "push_begin": first + parabola(v, begin)[0],
        "push_height": parabola(v, top)[1],
        "push_floor": min(v[begin], v[end]),
        "brake": parabola(f, begin + int(np.argmin(f[begin : top + 1])))[1],
        "drive": parabola(f, strongest)[1],
        "forward_rms": f[begin : end + 1].std(),
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
    found = {name: pulse[name] - (base if name == "push_begin" else 0) for name in PUSH}
    # near the last sample one smoothing repeats what the other still sees
    if begin + (1 + MARGIN) * length < n - 30:
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)


def pushes(period, contact=0.7):
    """Half sines of some share of the period, with braking and driving of 0.3 g, and the pulse of one."""
    t = np.arange(10 * period)
    phase = (t - period / 2) % period / (contact * period)
    history = np.zeros((N_CHANNELS, len(t)))
    history[VERTICAL] = np.where(phase < 1, np.pi / 2 / contact * np.sin(np.pi * phase), 0.0)
    history[FORWARD] = np.where(phase < 1, -0.3 * np.sin(2 * np.pi * phase), 0.0)
    lands = 4.5 * period
    begin = lands - 0.5 * (1 - contact) * period
    pulse = pulse_at(begin, lands + 0.5 * contact * period, begin + period)
    measure_push(history, 0, pulse, 0, len(t) - 1, True, C)
    return begin, pulse


def test_half_sines():
    begin, pulse = pushes(34)
    assert pulse["push_begin"] == pytest.approx(begin, abs=0.3)
    assert pulse["brake"] == pytest.approx(-pulse["drive"], rel=0.03)
    assert 0.0 < pulse["drive"] < 0.3
    assert 0.0 < pulse["push_floor"] < 1.0 < pulse["push_height"] < np.pi / 2 / 0.7


@pytest.mark.parametrize("period", [24, 34, 54])
def test_sizes_do_not_depend_on_the_cadence(period):
    usual, other = pushes(40)[1], pushes(period)[1]
    for name in PUSH[1:]:
        # samples are 10 ms apart, and the smoothing before takes from quick steps a little more
        assert other[name] == pytest.approx(usual[name], rel=0.05, abs=0.02)


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


@pytest.mark.parametrize(("turn_deg", "askew"), [(0.0, False), (20.0, False), (-20.0, False), (35.0, True)])
def test_a_mounting_that_is_askew_does_not_move_contacts(turn_deg, askew):
    """Its forward is 35 deg off: then the loop's own forward is taken, and contact times stay."""
    recording = simulated(("running", 20.0)).recording
    turn = Rotation.from_euler("z", turn_deg, degrees=True).as_matrix()
    steps, state = {}, {}
    for name, mounting in (("right", np.eye(3)), ("turned", turn)):
        stepper = Stepper(RATE, mounting, heading_known=True, has_gyro=True)
        steps[name] = stepper.push(recording.acc, oriented(recording))[0]
        state[name] = stepper.record
    assert not is_askew(state["right"])
    assert is_askew(state["turned"]) == askew
    late = {name: rows[rows["initial_contact_s"] > 12.0]["contact_time_ms"] for name, rows in steps.items()}
    assert late["turned"].mean() == pytest.approx(late["right"].mean(), abs=3.0 if askew else 6.0)


# -------------------------------------------------------------------------------------- the single kernels


@examples(60)
@given(
    values=st.lists(st.sampled_from([-2.0, -1.0, 0.0, 0.5, 3.0]), min_size=1, max_size=12),
    first=st.integers(0, 11),
    n=st.integers(1, 12),
    sign=st.sampled_from([1.0, -1.0]),
)
def test_the_first_of_the_highest(values, first, n, sign):
    first = min(first, len(values) - 1)
    last = min(first + n, len(values)) - 1
    part = [sign * value for value in values[first : last + 1]]
    assert highest_of(np.array(values), first, last, sign) == first + part.index(max(part))


@examples(40, slow=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    oldest=st.integers(0, 30),
    n=st.integers(20, 90),
    length=st.floats(10.0, 54.0),
    loop=st.tuples(*[st.floats(-1.0, 1.0)] * 2) | st.sampled_from([(0.0, 0.0), (0.0, -1.0)]),
    heading=st.booleans(),
)
def test_smoothing_of_a_push(seed, oldest, n, length, loop, heading):
    """At both ends of what is stored the value there goes on; beside it nothing is read or written."""
    history = np.full((N_CHANNELS, 130), np.nan)
    there = slice(oldest, oldest + n)
    history[:, there] = np.random.default_rng(seed).standard_normal((N_CHANNELS, n))
    first, last = oldest + n // 4, oldest + n - 1 - n // 5
    vertical, forward, left = history[[VERTICAL, FORWARD, LEFTWARD], there].copy()
    pulse = pulse_at(100.0, 120.0, 100.0 + length, loop_forward=loop[0], loop_left=loop[1])
    smooth_push(history, pulse, first, last, oldest, oldest + n - 1, heading, C)

    taps = gaussian_taps(1.0, CUTOFF_STEPS / (pulse["end"] - pulse["begin"]))
    reach = len(taps) // 2
    ahead = np.arctan2(-pulse["loop_forward"], pulse["loop_left"]) if any(loop) and not heading else 0.0
    along = np.cos(ahead) * forward + np.sin(ahead) * left
    pushes = np.maximum(convolve1d(vertical, C.unsmoothed_taps, mode="nearest"), 0.0)
    begin = max(first - reach, oldest) - oldest
    pushes = convolve1d(pushes[begin : last + reach + 1 - oldest], taps, mode="nearest")
    wanted = slice(first - oldest, last + 1 - oldest)
    found = history[[PUSH_VERTICAL, PUSH_FORWARD], first : last + 1]
    assert np.allclose(found[0], pushes[first - oldest - begin :][: last + 1 - first], atol=1e-9)
    assert np.allclose(found[1], convolve1d(along, taps, mode="nearest")[wanted], atol=1e-9)
    assert np.isnan(np.delete(history, np.arange(there.start, there.stop), axis=1)).all()
