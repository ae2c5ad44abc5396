"""The contact formula against plain numpy and the simulated foot; the force features; the running average."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import convolve1d
from scipy.spatial.transform import Rotation

from imurun.core.contact import (
    AVERAGED_STEPS,
    CONSTANTS,
    CONTACT_LIMITS_S,
    CUTOFF_STEPS,
    MARGIN,
    OWN_HEIGHT_BW,
    PEAK_MARGIN,
    STEP_AVERAGE,
    ContactConstants,
    add_to_average,
    average_contact_s,
    average_initial_s,
    final_contact,
    highest_of,
    initial_contact,
    measure_propulsion,
    peak_force,
    restart_average,
    smooth_force,
    updated_mean,
)
from imurun.core.filters import gaussian_taps
from imurun.core.ring_buffer import FORCE_FORWARD, FORCE_VERTICAL, FORWARD, LEFTWARD, N_CHANNELS, VERTICAL
from imurun.core.step import is_misaligned
from imurun.core.step_cycle import STEP_CYCLE
from tests.core.core_helpers import examples, made_stepper, oriented, record, simulated, smooth_noise

NAMES = [name for name in STEP_AVERAGE.names or () if name != "n"]
OTHERS = ContactConstants(*(tuple(np.linspace(0.1, 0.5, len(values)).tolist()) for values in CONSTANTS))


@examples(80)
@given(
    own=st.tuples(*[st.floats(0.0, 0.2)] * 4),
    usual=st.lists(st.floats(0.2, 4.0), min_size=len(NAMES), max_size=len(NAMES)),
    rate_hz=st.sampled_from([25.0, 100.0, 1000.0]),
    start_s=st.sampled_from([0.0, 3600.0]),
    constants=st.sampled_from([CONSTANTS, OTHERS]),
)
def test_contact_times_and_peak_force_match_the_formulas(own, usual, rate_hz, start_s, constants):
    up, peak, down, end = start_s + np.cumsum(own)
    times = {"up_crossing": up, "peak": peak, "down_crossing": down, "end": end}
    t = dict(zip(NAMES, usual, strict=True))
    cycle = record(STEP_CYCLE, **{name: rate_hz * at for name, at in times.items()}, peak_g=t["peak_g"] + 0.3)
    average = record(STEP_AVERAGE, **t)
    period_s, height = t["period"], t["force_peak_g"]
    first = np.dot(
        constants.initial_s, [1.0, t["force_begin"], t["propulsion_g"] * period_s, height * period_s]
    )
    lasts = period_s * np.dot(constants.step_share, [1.0, 1.0 / height, t["forward_rms_g"] / height])
    contact_s = first + up - t["up_crossing"]
    final_s = first + lasts + (down + end) / 2 - (t["down_crossing"] + t["end"]) / 2
    net_impulse = (t["propulsion_g"] + t["braking_g"]) * period_s
    force = np.dot(constants.peak_bw, [1.0, t["force_peak_to_peak_g"], net_impulse]) + 0.3 * OWN_HEIGHT_BW
    exact = {"abs": 1e-7}
    assert average_initial_s(average, constants) == pytest.approx(first, **exact)
    assert average_contact_s(average, constants) == pytest.approx(lasts, **exact)
    assert initial_contact(cycle, average, rate_hz, constants) / rate_hz == pytest.approx(contact_s, **exact)
    assert final_contact(cycle, average, rate_hz, constants) / rate_hz == pytest.approx(final_s, **exact)
    assert peak_force(cycle, average, constants) == pytest.approx(force, **exact)


@pytest.mark.parametrize("rate_hz", [25.0, 100.0])
def test_the_mean_error_of_simulated_contacts_is_below_30_ms(rate_hz):
    session = simulated(("running", 20.0), rate_hz=rate_hz)
    recording = session.recording
    stepper = made_stepper(rate_hz)
    steps = stepper.push(recording.acc, oriented(recording))[0]
    steps = steps[(steps["initial_contact_s"] > 2.0) & (steps["initial_contact_s"] < 18.0)]
    truth = session.truth.steps
    nearest = np.abs(steps["initial_contact_s"][:, None] - truth["initial_contact_s"]).argmin(axis=1)
    assert len(steps) > 40
    assert (np.diff(nearest) == 1).all()
    for name in ("initial_contact_s", "final_contact_s"):
        error = steps[name] - truth[name][nearest]
        assert np.abs(error).mean() < 0.03
        assert error.std() < 0.01
    contact_s = steps["contact_time_ms"] / 1000.0
    assert ((contact_s > CONTACT_LIMITS_S[0]) & (contact_s < CONTACT_LIMITS_S[1])).all()


# ---------------------------------------------------------------------------- braking and propulsion features


RATE = 100.0
C = made_stepper(RATE).coefficients
FORCE_FIELDS = (
    "force_begin",
    "force_peak_g",
    "force_minimum_g",
    "braking_g",
    "propulsion_g",
    "forward_rms_g",
)


def cycle_at(begin, peak, end, **others):
    return record(STEP_CYCLE, begin=begin, peak=peak, end=end, **others)


def parabola(signal, k):
    """Place and value of the extremum at k; k itself at the ends."""
    if not 0 < k < len(signal) - 1:
        return k, signal[k]
    before, value, after = signal[k - 1 : k + 2]
    bend = before - 2 * value + after
    shift = 0.0 if bend == 0 else np.clip(0.5 * (before - after) / bend, -1, 1)
    return k + shift, value - 0.25 * (before - after) * shift


def plain_propulsion(vertical, forward, cycle):
    """The same with whole signals."""
    length = cycle["end"] - cycle["begin"]
    first = max(int(np.floor(cycle["begin"] - MARGIN * length)), 0)
    last = min(int(np.ceil(cycle["end"] + MARGIN * length)), len(vertical) - 1)
    taps = gaussian_taps(1.0, CUTOFF_STEPS / length)
    unsmoothed = np.maximum(convolve1d(vertical, C.unsmoothed_taps, mode="nearest"), 0.0)
    v = convolve1d(unsmoothed, taps, mode="nearest")[first : last + 1]
    f = convolve1d(forward, taps, mode="nearest")[first : last + 1]
    near, peak = PEAK_MARGIN * length, cycle["peak"] - first
    low, high = max(int(peak - near), 0), min(int(np.ceil(peak + near)), last - first)
    top = low + int(np.argmax(v[low : high + 1]))
    begin, end = int(np.argmin(v[: top + 1])), top + int(np.argmin(v[top:]))
    f = f - f[begin : end + 1].mean()
    strongest = top + int(np.argmax(f[top : end + 1]))
    return {
        "force_begin": first + parabola(v, begin)[0],
        "force_peak_g": parabola(v, top)[1],
        "force_minimum_g": min(v[begin], v[end]),
        "braking_g": parabola(f, begin + int(np.argmin(f[begin : top + 1])))[1],
        "propulsion_g": parabola(f, strongest)[1],
        "forward_rms_g": f[begin : end + 1].std(),
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
def test_propulsion_measures_match_those_of_the_whole_signal(seed, begin, length, base, turn, heading):
    """Where forward is not known, the loop says it: its area vector points left."""
    rng = np.random.default_rng(seed)
    n = 130
    buffer = np.zeros((N_CHANNELS, n))
    buffer[VERTICAL] = 1.0 + smooth_noise(rng, n, 4.0)
    forward = smooth_noise(rng, n, 4.0, 0.3)
    angle = 0.0 if heading else turn
    buffer[FORWARD], buffer[LEFTWARD] = np.cos(angle) * forward, np.sin(angle) * forward
    left = {"loop_forward": -3.0 * np.sin(angle), "loop_left": 3.0 * np.cos(angle)}
    cycle = cycle_at(base + begin, base + begin + 0.4 * length, base + begin + length, **left)
    measure_propulsion(buffer, base, cycle, 0, n - 1, heading, C)
    shifted = {name: cycle[name] - base for name in ("begin", "peak", "end")}
    expected = plain_propulsion(buffer[VERTICAL], forward, shifted)
    found = {name: cycle[name] - (base if name == "force_begin" else 0) for name in FORCE_FIELDS}
    # near the last sample one smoothing repeats what the other still sees
    if begin + (1 + MARGIN) * length < n - 30:
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)


def half_sines(period, contact=0.7):
    """Half sines of some share of the period, with braking and driving of 0.3 g, and the cycle of one."""
    t = np.arange(10 * period)
    phase = (t - period / 2) % period / (contact * period)
    buffer = np.zeros((N_CHANNELS, len(t)))
    buffer[VERTICAL] = np.where(phase < 1, np.pi / 2 / contact * np.sin(np.pi * phase), 0.0)
    buffer[FORWARD] = np.where(phase < 1, -0.3 * np.sin(2 * np.pi * phase), 0.0)
    lands = 4.5 * period
    begin = lands - 0.5 * (1 - contact) * period
    cycle = cycle_at(begin, lands + 0.5 * contact * period, begin + period)
    measure_propulsion(buffer, 0, cycle, 0, len(t) - 1, True, C)
    return begin, cycle


def test_half_sines_have_their_braking_and_propulsion():
    begin, cycle = half_sines(34)
    assert cycle["force_begin"] == pytest.approx(begin, abs=0.3)
    assert cycle["braking_g"] == pytest.approx(-cycle["propulsion_g"], rel=0.03)
    assert 0.0 < cycle["propulsion_g"] < 0.3
    assert 0.0 < cycle["force_minimum_g"] < 1.0 < cycle["force_peak_g"] < np.pi / 2 / 0.7


@pytest.mark.parametrize("period", [24, 34, 54])
def test_sizes_do_not_depend_on_the_cadence(period):
    usual, other = half_sines(40)[1], half_sines(period)[1]
    for name in FORCE_FIELDS[1:]:
        # samples are 10 ms apart, and the smoothing before takes from quick steps a little more
        assert other[name] == pytest.approx(usual[name], rel=0.05, abs=0.02)


def test_negative_vertical_force_does_not_change_the_peak():
    t = np.arange(200)
    buffer = np.zeros((N_CHANNELS, len(t)))
    buffer[VERTICAL] = 1.0 - 1.2 * np.cos(2 * np.pi * (t - 80) / 34)
    cycle, lower = cycle_at(80.0, 97.0, 114.0), cycle_at(80.0, 97.0, 114.0)
    measure_propulsion(buffer, 0, cycle, 0, len(t) - 1, True, C)
    buffer[VERTICAL] = np.where(buffer[VERTICAL] < 0, 3.0 * buffer[VERTICAL], buffer[VERTICAL])
    measure_propulsion(buffer, 0, lower, 0, len(t) - 1, True, C)
    # what the smoothing to 20 Hz carries across zero is all that is left of a flight three times as deep
    assert lower["force_peak_g"] == pytest.approx(cycle["force_peak_g"], abs=0.01)


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0])
def test_a_constant_signal_has_no_propulsion(value):
    buffer = np.full((N_CHANNELS, 100), value)
    cycle = cycle_at(20.0, 35.0, 50.0)
    measure_propulsion(buffer, 0, cycle, 0, 99, False, C)
    assert all(np.isfinite(cycle[name]) for name in FORCE_FIELDS)
    assert cycle["propulsion_g"] == pytest.approx(0.0, abs=1e-12)
    assert cycle["force_peak_g"] == pytest.approx(max(value, 0.0))


@pytest.mark.parametrize(("turn_deg", "askew"), [(0.0, False), (20.0, False), (-20.0, False), (35.0, True)])
def test_a_mounting_that_is_askew_does_not_move_contacts(turn_deg, askew):
    """Its forward is 35 deg off: then the loop's own forward is taken, and contact times stay."""
    recording = simulated(("running", 20.0)).recording
    turn = Rotation.from_euler("z", turn_deg, degrees=True).as_matrix()
    steps, state = {}, {}
    for name, mounting in (("right", np.eye(3)), ("turned", turn)):
        stepper = made_stepper(RATE, mounting)
        steps[name] = stepper.push(recording.acc, oriented(recording))[0]
        state[name] = stepper.record
    assert not is_misaligned(state["right"])
    assert is_misaligned(state["turned"]) == askew
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
def test_highest_of_returns_the_first_of_equal_values(values, first, n, sign):
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
def test_smoothed_force_matches_a_convolution_with_repeated_ends(seed, oldest, n, length, loop, heading):
    """At both ends of what is stored the value there goes on; beside it nothing is read or written."""
    buffer = np.full((N_CHANNELS, 130), np.nan)
    there = slice(oldest, oldest + n)
    buffer[:, there] = np.random.default_rng(seed).standard_normal((N_CHANNELS, n))
    first, last = oldest + n // 4, oldest + n - 1 - n // 5
    vertical, forward, left = buffer[[VERTICAL, FORWARD, LEFTWARD], there].copy()
    cycle = cycle_at(100.0, 120.0, 100.0 + length, loop_forward=loop[0], loop_left=loop[1])
    smooth_force(buffer, cycle, first, last, oldest, oldest + n - 1, heading, C)

    taps = gaussian_taps(1.0, CUTOFF_STEPS / (cycle["end"] - cycle["begin"]))
    reach = len(taps) // 2
    ahead = np.arctan2(-cycle["loop_forward"], cycle["loop_left"]) if any(loop) and not heading else 0.0
    along = np.cos(ahead) * forward + np.sin(ahead) * left
    pushes = np.maximum(convolve1d(vertical, C.unsmoothed_taps, mode="nearest"), 0.0)
    begin = max(first - reach, oldest) - oldest
    pushes = convolve1d(pushes[begin : last + reach + 1 - oldest], taps, mode="nearest")
    wanted = slice(first - oldest, last + 1 - oldest)
    found = buffer[[FORCE_VERTICAL, FORCE_FORWARD], first : last + 1]
    assert np.allclose(found[0], pushes[first - oldest - begin :][: last + 1 - first], atol=1e-9)
    assert np.allclose(found[1], convolve1d(along, taps, mode="nearest")[wanted], atol=1e-9)
    assert np.isnan(np.delete(buffer, np.arange(there.start, there.stop), axis=1)).all()


# -------------------------------------------------------------------------- running average of the last steps


AVERAGE_RATE = 200.0


def cycles_of(rng, n):
    """Random cycles that begin one after the other."""
    cycles = np.zeros(n, dtype=STEP_CYCLE)
    for name in STEP_CYCLE.names:
        cycles[name] = rng.random(n)
    cycles["peak_g"] += 1.0
    return cycles


def measured(cycle):
    """What is averaged of one cycle, in the order of STEP_AVERAGE."""
    period = (cycle["end"] - cycle["begin"]) / AVERAGE_RATE
    places = [
        (cycle[name] - cycle["peak"]) / AVERAGE_RATE
        for name in ("up_crossing", "down_crossing", "end", "force_begin")
    ]
    amplitude = cycle["force_peak_g"] - cycle["force_minimum_g"]
    fore_aft = [cycle[name] for name in ("braking_g", "propulsion_g", "forward_rms_g")]
    return np.array([period, *places, cycle["peak_g"], cycle["force_peak_g"], amplitude, *fore_aft])


@examples(40)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 3 * AVERAGED_STEPS))
def test_steps_have_their_weights_in_the_running_average(seed, n):
    cycles = cycles_of(np.random.default_rng(seed), n)
    average = record(STEP_AVERAGE)
    for cycle in cycles:
        add_to_average(average, cycle, AVERAGE_RATE)
    weights = np.zeros(n)
    for i in range(n):
        share = 1.0 / min(i + 1, AVERAGED_STEPS)
        weights *= 1.0 - share
        weights[i] = share
    expected = weights @ np.array([measured(cycle) for cycle in cycles])
    assert average["n"] == min(n, AVERAGED_STEPS)
    assert np.allclose([average[name] for name in STEP_AVERAGE.names[1:]], expected)


@examples(30)
@given(values=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20))
def test_a_mean_updated_by_each_value_is_their_mean(values):
    mean = np.nan  # the first does not ask for it
    for n, value in enumerate(values, start=1):
        mean = updated_mean(mean, value, n)
    assert mean == pytest.approx(sum(map(Fraction, values)) / len(values), rel=1e-9, abs=1e-9)


def test_a_restarted_average_is_empty():
    rng = np.random.default_rng(3)
    average = record(STEP_AVERAGE)
    for cycle in cycles_of(rng, 5):
        add_to_average(average, cycle, AVERAGE_RATE)
    restart_average(average)
    assert average.tobytes() == record(STEP_AVERAGE).tobytes()
    (cycle,) = cycles_of(rng, 1)
    add_to_average(average, cycle, AVERAGE_RATE)
    assert [average[name] for name in STEP_AVERAGE.names[1:]] == pytest.approx(measured(cycle))
