"""The contact model against plain numpy, the simulated foot and the runner's calibration."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from imurun.core.contact import (
    CONSTANTS,
    CONTACT_LIMITS_S,
    CUTOFF_HZ,
    N_PHASES,
    N_SHAPE,
    PHASES,
    as_constants,
    calibration_of,
    contact_and_force,
    distance,
    half_width,
    low_passed_at,
    on_line,
    speed_at,
    updated_mean,
    write_shape,
)
from imurun.core.filters import REACH_SIGMA
from imurun.core.ring_buffer import FORWARD, LEFTWARD, N_CHANNELS, VERTICAL
from imurun.core.step import is_misaligned
from imurun.core.step_cycle import STEP_CYCLE
from imurun.model.calibration import Calibration, CalibrationPoint, tables
from imurun.model.speed import SpeedTable
from tests.core.core_helpers import examples, made_stepper, oriented, record, simulated, smooth_noise

RATE = 100.0
C = made_stepper(RATE).coefficients


def stepped(recording, rate_hz=RATE, mounting=None, **settings):
    stepper = made_stepper(rate_hz, np.eye(3) if mounting is None else mounting, settings=settings)
    return stepper.push(recording.acc, oriented(recording))[0], stepper


# --------------------------------------------------------------------------------------------- the model


@examples(60)
@given(seed=st.integers(0, 2**32 - 1), speed=st.floats(1.0, 9.0) | st.just(math.nan))
def test_maps_are_a_constant_plus_coefficients_times_features(seed, speed):
    shape = np.random.default_rng(seed).standard_normal(N_SHAPE)
    known = not math.isnan(speed)
    maps = CONSTANTS.speed_maps if known else CONSTANTS.maps
    features = np.concatenate([[1.0], shape, [math.log(speed)] if known else []])
    assert contact_and_force(shape, speed, CONSTANTS) == pytest.approx(tuple(maps @ features))


@pytest.mark.parametrize("rate_hz", [25.0, 50.0, 100.0, 400.0])
def test_contacts_lie_near_those_of_the_simulated_foot(rate_hz):
    session = simulated(("running", 20.0), rate_hz=rate_hz)
    steps, _ = stepped(session.recording, rate_hz)
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


def test_constants_become_arrays_from_any_sequences():
    lists = CONSTANTS._replace(maps=CONSTANTS.maps.tolist(), initial_part=1)
    again = as_constants(lists)
    assert np.array_equal(again.maps, CONSTANTS.maps)
    assert (again.initial_part, type(again.initial_part)) == (1.0, float)


@pytest.mark.parametrize(
    ("time_s", "expected"), [(-1.0, math.nan), (0.0, 3.0), (299.9, 3.0), (300.0, math.nan), (600.0, 4.0)]
)
def test_speed_holds_from_its_start_to_the_next(time_s, expected):
    table = SpeedTable(np.array([0.0, 300.0, 600.0]), np.array([3.0, math.nan, 4.0]))
    found = speed_at(time_s, table.start_s.copy(), table.speed_m_s.copy())
    assert found == pytest.approx(expected, nan_ok=True)
    assert found == pytest.approx(float(table.at(np.array(time_s))), nan_ok=True)


def test_a_known_speed_changes_contacts_only_while_it_is_known():
    recording = simulated(("running", 20.0)).recording
    plain, _ = stepped(recording)
    table = SpeedTable(np.array([0.0, 10.0]), np.array([math.nan, 3.5]))
    with_speed, _ = stepped(recording, speed=table)
    early, late = plain["cycle"]["peak"] < 10.0 * RATE, plain["cycle"]["peak"] >= 10.0 * RATE
    for name in ("contact_time_ms", "peak_vgrf_bw", "contact_time_error_ms"):
        assert np.array_equal(plain[name][early], with_speed[name][early])
        assert (plain[name][late] != with_speed[name][late]).all()


# --------------------------------------------------------------------------------------------- the interval


def test_the_interval_widens_away_from_the_fit():
    assert distance(CONSTANTS.centre, CONSTANTS) == 0.0
    one_off = CONSTANTS.centre + CONSTANTS.spread
    assert distance(one_off, CONSTANTS) == pytest.approx(1.0)
    row = np.array([0.05, 3.0])
    assert half_width(row, 0.0) == 0.05
    assert half_width(row, 1.0) == pytest.approx(0.1)
    assert (CONSTANTS.errors[:, :, 0] > 0.0).all()
    assert (CONSTANTS.errors[:, :, 1] >= 0.0).all()


def test_steps_carry_their_intervals_in_the_units_of_their_columns():
    steps, _ = stepped(simulated(("running", 20.0)).recording)
    away = np.mean(((steps["shape"] - CONSTANTS.centre) / CONSTANTS.spread) ** 2, axis=1)
    widths = CONSTANTS.errors[0, :, 0] * np.sqrt(1.0 + np.outer(away, CONSTANTS.errors[0, :, 1]))
    period_ms = 1000.0 * steps["period_s"]
    assert np.allclose(steps["initial_contact_error_ms"], period_ms * widths[:, 0])
    assert np.allclose(steps["final_contact_error_ms"], period_ms * widths[:, 1])
    assert np.allclose(steps["contact_time_error_ms"], steps["contact_time_ms"] * widths[:, 2])
    assert np.allclose(steps["peak_vgrf_error_bw"], widths[:, 3])


def test_the_mean_of_contact_times_follows_the_last_eight():
    steps, _ = stepped(simulated(("running", 20.0)).recording)
    mean_ms = np.nan
    for n, step in enumerate(steps, start=1):
        mean_ms = (
            step["contact_time_ms"] if n == 1 else mean_ms + (step["contact_time_ms"] - mean_ms) / min(n, 8)
        )
        assert step["contact_time_mean_ms"] == pytest.approx(mean_ms)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_updated_mean_is_the_plain_mean(n):
    values = [3.0, 1.0, 4.0, 1.0, 5.0][:n]
    mean = 0.0
    for k, value in enumerate(values, start=1):
        mean = updated_mean(mean, value, k)
    assert mean == pytest.approx(np.mean(values))


# --------------------------------------------------------------------------------------------- calibration


def calibration(*points):
    return Calibration("2026-05-01", "your Stryd", "2", tuple(CalibrationPoint(*point) for point in points))


CALIBRATIONS = [
    None,
    calibration((3.0, 165.0, 12.0, 10.0)),
    calibration((math.nan, 165.0, -9.0)),
    calibration((2.5, 160.0, 12.0, 10.0), (3.5, 170.0, 20.0, 16.0)),
    calibration((2.5, 160.0, 12.0), (3.5, 163.0, 20.0)),
]


def plain_offset(given_one, speed_m_s, cadence_spm):
    """Offset, ms, and whether it holds, from the calibration's tables by numpy."""
    if given_one is None:
        return 0.0, False
    by_speed, by_cadence = tables(given_one)
    known = len(by_speed) > 0 and not math.isnan(speed_m_s)
    at, table, near = (speed_m_s, by_speed, 0.5) if known else (cadence_spm, by_cadence, 8.0)
    holds = table[0, 0] - near <= at <= table[-1, 0] + near
    return 1000.0 * np.interp(at, table[:, 0], table[:, 1]), holds


@examples(100)
@given(
    given_one=st.sampled_from(CALIBRATIONS),
    speed=st.floats(1.5, 5.0) | st.just(math.nan),
    cadence=st.floats(140.0, 200.0),
)
def test_offsets_are_those_of_the_calibration(given_one, speed, cadence):
    c = made_stepper(RATE, settings={"calibration": given_one}).coefficients
    offset_s, holds = calibration_of(speed, 60.0 / cadence, c)
    expected = plain_offset(given_one, speed, cadence)
    assert 1000.0 * offset_s == pytest.approx(expected[0])
    edges = [abs(p.cadence_spm - cadence) for p in given_one.points] if given_one else []
    if not any(abs(edge - 8.0) < 1e-6 for edge in edges):  # rounding of a period at the very edge
        assert holds == expected[1]


def test_between_two_points_the_table_is_a_line():
    table = np.array([[2.0, 0.01], [4.0, 0.03]])
    assert on_line(3.0, table, 0.5) == pytest.approx((0.02, True))
    assert on_line(1.0, table, 0.5) == pytest.approx((0.01, False))
    assert on_line(4.4, table, 0.5) == pytest.approx((0.03, True))
    assert on_line(3.0, np.zeros((0, 2)), 0.5) == (0.0, False)


def test_a_calibration_moves_both_ends_of_the_contact_and_narrows_its_interval():
    recording = simulated(("running", 20.0)).recording
    plain, _ = stepped(recording)
    cadence = 60.0 / float(np.median(plain["period_s"]))
    moved, _ = stepped(recording, calibration=calibration((math.nan, cadence, 10.0)))
    assert np.allclose(moved["contact_time_ms"] - plain["contact_time_ms"], 10.0)
    shift_ms = 1000.0 * (moved["initial_contact_s"] - plain["initial_contact_s"])
    assert np.allclose(shift_ms, -10.0 * CONSTANTS.initial_part)
    assert (moved["contact_time_error_ms"] < plain["contact_time_error_ms"]).all()
    assert np.array_equal(moved["peak_vgrf_error_bw"], plain["peak_vgrf_error_bw"])


# ------------------------------------------------------------------------------------ the shape of a step


def plain_low_pass(signal, at, sigma):
    """Gaussian mean of a whole signal around a fractional place, its ends repeated."""
    k = np.arange(math.ceil(at - REACH_SIGMA * sigma), math.floor(at + REACH_SIGMA * sigma) + 1)
    weights = np.exp(-0.5 * ((k - at) / sigma) ** 2)
    return np.average(signal[np.clip(k, 0, len(signal) - 1)], weights=weights)


@examples(60)
@given(
    seed=st.integers(0, 2**32 - 1),
    at=st.floats(-3.0, 43.0),
    sigma=st.floats(0.6, 12.0),
    oldest=st.integers(0, 20),
)
def test_low_pass_at_a_fractional_place(seed, at, sigma, oldest):
    """Beside the stored samples nothing is read."""
    n = 40
    buffer = np.full((N_CHANNELS, 90), np.nan)
    buffer[:, oldest : oldest + n] = np.random.default_rng(seed).standard_normal((N_CHANNELS, n))
    found = low_passed_at(buffer, oldest + at, sigma, np.exp(-1.0 / sigma**2), oldest, oldest + n - 1)
    channels = [buffer[channel, oldest : oldest + n] for channel in (VERTICAL, FORWARD, LEFTWARD)]
    assert found == pytest.approx([plain_low_pass(signal, at, sigma) for signal in channels], abs=1e-9)


@examples(60)
@given(
    seed=st.integers(0, 2**32 - 1),
    begin=st.floats(30.0, 60.0),
    length=st.floats(22.0, 54.0),
    base=st.sampled_from([0, 12345]),
    turn=st.floats(-np.pi, np.pi),
    heading=st.booleans(),
)
def test_shape_is_read_from_the_whole_signals(seed, begin, length, base, turn, heading):
    """Where forward is not known, the loop shows it: its area vector points left."""
    rng = np.random.default_rng(seed)
    n = 180
    buffer = np.zeros((N_CHANNELS, n))
    buffer[VERTICAL] = 1.0 + smooth_noise(rng, n, 4.0)
    forward = smooth_noise(rng, n, 4.0, 0.3)
    angle = 0.0 if heading else turn
    buffer[FORWARD], buffer[LEFTWARD] = np.cos(angle) * forward, np.sin(angle) * forward
    peak = base + begin + 0.4 * length
    cycle = record(
        STEP_CYCLE,
        begin=base + begin,
        peak=peak,
        end=base + begin + length,
        loop_forward=-3.0 * np.sin(angle),
        loop_left=3.0 * np.cos(angle),
    )
    period = 1.05 * length
    shape = np.full(N_SHAPE, np.nan)
    write_shape(shape, buffer, base, cycle, period, 0, n - 1, heading, C.rate_hz)
    sigma = np.sqrt(np.log(2.0)) / (2.0 * np.pi * CUTOFF_HZ) * RATE
    places = peak - base + np.array(PHASES) * period
    at = np.concatenate(
        [[begin], np.arange(math.ceil(begin), math.floor(begin + length) + 1), [begin + length]]
    )
    mean = np.trapezoid(np.interp(at, np.arange(n), forward), at) / length
    assert shape[:N_PHASES] == pytest.approx([plain_low_pass(buffer[VERTICAL], x, sigma) for x in places])
    expected = [plain_low_pass(forward, x, sigma) - mean for x in places]
    assert shape[N_PHASES : 2 * N_PHASES] == pytest.approx(expected, abs=1e-9)
    assert shape[-1] == pytest.approx(math.log(period / RATE))


@pytest.mark.parametrize(("turn_deg", "askew"), [(0.0, False), (20.0, False), (-20.0, False), (35.0, True)])
def test_a_mounting_that_is_askew_does_not_move_contacts(turn_deg, askew):
    """Its forward is 35 deg off: then the loop's own forward is taken, and contact times stay."""
    recording = simulated(("running", 20.0)).recording
    turn = Rotation.from_euler("z", turn_deg, degrees=True).as_matrix()
    right, state = stepped(recording)
    turned, turned_state = stepped(recording, mounting=turn)
    assert not is_misaligned(state.record)
    assert is_misaligned(turned_state.record) == askew
    late = [rows[rows["initial_contact_s"] > 12.0]["contact_time_ms"].mean() for rows in (right, turned)]
    assert late[1] == pytest.approx(late[0], abs=3.0 if askew else 6.0)
