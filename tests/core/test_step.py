"""Every column of a running step, worked out again from the whole recording at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import trapezoid
from scipy.ndimage import convolve1d
from scipy.spatial.transform import Rotation

from imurun.core import lumbar
from imurun.core.contact import CONSTANTS
from imurun.core.filters import gaussian_taps
from imurun.core.impact import IMPACT_WINDOW_S
from imurun.core.quality import ABOVE_HZ, OWN_RHYTHM, OWN_TILT_G, RINGS_HZ, WEIGHTS
from imurun.core.ring_buffer import FORWARD, LEFTWARD, N_CHANNELS, PITCH, RESULTANT, ROLL, VERTICAL, YAW
from imurun.core.state import new_state
from imurun.core.step import (
    BLANK,
    CODES,
    EDGE_WEIGHT,
    ENOUGH_STEPS,
    FRESH_STEPS,
    MAX_STANDING_TILT,
    MISALIGNED,
    RUNNING,
    SLIP_TILT,
    SLIP_TURN,
    STEP,
    WALKING,
    edge_quality,
    is_misaligned,
    store_standing,
    watch_alignment,
    write_cycle,
    write_peaks,
    write_posture,
    write_regularity,
    write_rhythm,
)
from imurun.core.step_cycle import STEP_CYCLE
from imurun.core.sway import N_ENDS
from imurun.model.columns import STEP_COLUMNS
from imurun.model.frames import G
from tests.core.core_helpers import (
    TILTED,
    examples,
    flat_fields,
    made_stepper,
    oriented,
    quats_from,
    record,
    rotation_from,
    simulated,
)
from tests.core.test_oscillation import plain_oscillation_mm
from tests.core.test_quality import plain_power
from tests.core.test_sway import plain_regularity

RATE = 100.0


def level_signals(acc, quats, mounting):
    """Level axes (vertical, forward, left) in g and roll, pitch, yaw in rad, for the whole recording."""
    earth_from_sensor = rotation_from(quats)
    earth_from_body = earth_from_sensor * Rotation.from_matrix(mounting).inv()
    yaw, pitch, roll = earth_from_body.as_euler("ZYX").T
    level = Rotation.from_euler("z", -yaw[:, None]).apply(earth_from_sensor.apply(np.array(acc))) / G
    return level[:, [2, 0, 1]].T, np.array([roll, pitch, np.unwrap(yaw)])


class Run:
    """A simulated run, its steps, and its signals as a whole."""

    def __init__(self, gyro):
        recording = simulated(("running", 19.0), tilted=True).recording
        self.acc = recording.acc
        quats = oriented(recording)
        stepper = made_stepper(RATE, TILTED, settings={"has_gyro": gyro, "height_m": 1.8})
        self.steps = stepper.push(self.acc, quats)[0]
        c = stepper.coefficients
        self.raw, self.angles = level_signals(self.acc, quats, TILTED)
        self.slow = convolve1d(self.raw, c.slow_taps, axis=1, mode="nearest")
        self.sharp = convolve1d(self.raw, c.sharp_taps, axis=1, mode="nearest")
        size = np.linalg.norm(self.acc, axis=1) / G
        self.sharp_size = convolve1d(size, c.sharp_taps, mode="nearest")


@pytest.fixture(scope="module", params=[True, False], ids=["gyro", "no gyro"])
def run(request):
    return request.param, Run(request.param)


def inside(step):
    """The samples of a step, and of its stride."""
    return slice(int(np.ceil(step["cycle"]["begin"])), int(np.floor(step["cycle"]["end"])) + 1)


def test_a_run_has_contiguous_running_steps(run):
    _, whole = run
    steps = whole.steps
    assert len(steps) > 40
    assert (steps["gait"] == RUNNING).all()
    assert np.array_equal(steps["cycle"]["begin"][1:], steps["cycle"]["end"][:-1])


def test_contacts_and_rhythm_match_the_whole_signal(run):
    steps = run[1].steps
    up = steps["cycle"]["up_crossing"] / RATE
    period = steps["period_s"]
    # the mean of the last two times from rise to rise; the first steps borrow
    assert np.allclose(period[2:], 0.5 * (up[2:] - up[:-2]))
    assert ((period > 0.3) & (period < 0.4)).all()
    initial_share, log_share, force = CONSTANTS.maps[:, :1] + CONSTANTS.maps[:, 1:] @ steps["shape"].T
    contact = steps["cycle"]["peak"] / RATE + period * initial_share
    final = contact + period * np.exp(log_share)
    assert np.allclose(steps["initial_contact_s"], contact)
    assert np.allclose(steps["final_contact_s"], final)
    assert np.allclose(steps["contact_time_ms"], 1000 * (final - contact))
    assert np.allclose(steps["duty_factor"], (final - contact) / (2 * period))
    step_time = np.diff(contact, prepend=np.nan)
    assert np.allclose(steps["step_time_ms"], 1000 * step_time, equal_nan=True)
    mean = np.concatenate([step_time[:2], 0.5 * (step_time[2:] + step_time[1:-1])])
    assert np.allclose(steps["cadence_spm"], 60 / mean, equal_nan=True)
    flight = np.concatenate([[np.nan], contact[1:] - final[:-1]])
    assert np.allclose(steps["flight_time_ms"], 1000 * flight, equal_nan=True)
    assert np.allclose(steps["peak_vgrf_bw"], force)


def test_peaks_match_the_whole_signal(run):
    _, whole = run
    for step in whole.steps:
        contact, final = RATE * step["initial_contact_s"], RATE * step["final_contact_s"]
        first = max(int(np.floor(contact + RATE * IMPACT_WINDOW_S[0])), 0)
        around = slice(first, int(np.ceil(contact + RATE * IMPACT_WINDOW_S[1])) + 1)
        vertical, forward = whole.sharp[0], whole.sharp[1]
        assert step["peak_impact_g"] == pytest.approx(vertical[around].max())
        assert step["loading_rate_g_s"] == pytest.approx(RATE * np.diff(vertical[around]).max())
        braking = -forward[first : int((contact + final) / 2) + 1].min()
        assert step["braking_g"] == pytest.approx(max(braking, 0.0))
        assert step["peak_vertical_g"] == pytest.approx(vertical[inside(step)].max())
        assert step["peak_resultant_g"] == pytest.approx(whole.sharp_size[inside(step)].max())


def test_oscillation_and_impulse_match_the_whole_signal(run):
    _, whole = run
    vertical = whole.raw[0]
    for step in whole.steps:
        part = inside(step)
        assert step["vertical_oscillation_mm"] == pytest.approx(plain_oscillation_mm(vertical[part], RATE))
        places = np.concatenate(
            [[step["cycle"]["begin"]], np.arange(part.start, part.stop), [step["cycle"]["end"]]]
        )
        held = np.interp(places, np.arange(len(vertical)), vertical)
        assert step["vertical_impulse_bw_s"] == pytest.approx(trapezoid(held, places) / RATE)


def test_quality_matches_the_whole_signal(run):
    """Nothing is clipped."""
    _, whole = run
    rest = whole.raw - whole.slow
    for step in whole.steps[1:]:  # the first begins where smoothing had not all it needs
        part, length = inside(step), step["cycle"]["end"] - step["cycle"]["begin"]
        power = {
            hz: plain_power(rest, step["cycle"]["begin"], step["cycle"]["end"], hz, RATE)
            for hz in (RINGS_HZ, *ABOVE_HZ)
        }
        peak_to_peak_g = step["cycle"]["peak_g"] - step["cycle"]["minimum_g"]
        at, above = power[RINGS_HZ], sum(power[hz] for hz in ABOVE_HZ)
        assert step["ringing_db"] == pytest.approx(
            10 * np.log10(at / peak_to_peak_g**2) + 5 * np.log10(at / above), abs=0.01
        )
        rhythm = max(abs(length / RATE / step["period_s"] - 1.0) - OWN_RHYTHM, 0.0)
        places = np.concatenate(
            [[step["cycle"]["begin"]], np.arange(part.start, part.stop), [step["cycle"]["end"]]]
        )
        mean = [
            trapezoid(np.interp(places, np.arange(rest.shape[1]), axis), places) for axis in whole.raw[1:]
        ]
        tilt = max(np.linalg.norm(mean) / length - OWN_TILT_G, 0.0)
        assert step["doubt_ringing"] == step["doubt_clipping"] == 0.0
        variance = 1.0 + WEIGHTS[1] * rhythm**2 + WEIGHTS[3] * tilt**2
        assert step["quality"] == pytest.approx(variance**-0.5)
    assert np.median(whole.steps["quality"]) == 1.0


def test_posture_and_load_match_the_whole_signal(run):
    gyro, whole = run
    roll, pitch, yaw = np.degrees(whole.angles)
    steps, means = whole.steps, []
    for i, step in enumerate(steps):
        stop = inside(step).stop - 1
        first = inside(steps[max(i - 1, 0)]).start
        means.append(pitch[first:stop].mean())
        fresh = np.mean(means[:FRESH_STEPS])
        assert step["lean_deg"] == pytest.approx(means[-1] - fresh, abs=1e-6)
        turned = yaw[first : stop + 1] - np.linspace(0.0, yaw[stop] - yaw[first], stop + 1 - first)
        ranges = [np.ptp(roll[first : stop + 1]), np.ptp(pitch[first : stop + 1]), np.ptp(turned)]
        ratio = np.sqrt(whole.raw[2, first:stop].var() / whole.raw[:, first:stop].var(axis=1).sum())
        found = [step[name] for name in ("roll_rom_deg", "pitch_rom_deg", "yaw_rom_deg")]
        if i and gyro:
            assert found == pytest.approx(ranges, abs=1e-5)
        else:
            assert np.isnan(found).all()
        assert step["ml_sway_ratio"] == (pytest.approx(ratio) if i else pytest.approx(np.nan, nan_ok=True))
        compare_load(whole, step, pitch[inside(step).start : stop].mean() - fresh)


def compare_load(whole, step, lean_change_deg):
    first, stop = int(RATE * step["initial_contact_s"]), int(RATE * step["final_contact_s"])
    lean = np.radians(lumbar.BASE_LEAN_DEG + lean_change_deg)
    force = step["peak_vgrf_bw"] / step["cycle"]["peak_g"] * whole.slow[0, first : stop + 1]
    braking = -whole.slow[1, first : stop + 1]
    along = lumbar.UPPER_BODY_SHARE * (force * np.cos(lean) - braking * np.sin(lean))
    across = lumbar.UPPER_BODY_SHARE * (force * np.sin(lean) + braking * np.cos(lean))
    compression = np.max(along + lumbar.LEVER_SHARE * 1.8 / lumbar.ARM_M * np.abs(across))
    assert step["lumbar_compression_bw"] == pytest.approx(compression, rel=1e-6)
    assert step["lumbar_shear_bw"] == pytest.approx(across.max(), rel=1e-6)
    assert step["lumbar_dose"] == pytest.approx(compression**4, rel=1e-6)


def test_regularity_matches_the_last_eight_steps(run):
    _, whole = run
    ends = whole.steps["cycle"]["end"]
    for i, step in enumerate(whole.steps):
        found = (step["step_regularity"], step["stride_regularity"])
        if i < 8:
            assert np.isnan(found).all()
            continue
        first, stop, lag = round(ends[i - 8]), round(ends[i]), (ends[i] - ends[i - 8]) / 8
        part = whole.raw[1, first:stop]
        expected = (plain_regularity(part, round(lag)), plain_regularity(part, round(2 * lag)))
        assert found == pytest.approx(expected)


def test_sides_alternate_and_are_right(run):
    _, whole = run
    side = whole.steps["side"]
    truth = simulated(("running", 19.0), tilted=True).truth.steps
    nearest = np.abs(whole.steps["initial_contact_s"][:, None] - truth["initial_contact_s"]).argmin(axis=1)
    expected = [{"left": 1, "right": 2}[str(name)] for name in np.asarray(truth["side"])[nearest]]
    assert side.tolist() == expected


def test_decided_after_the_cycle_and_before_the_next_step(run):
    steps = run[1].steps
    assert (steps["decided_s"] > steps["cycle"]["end"] / RATE).all()
    assert (steps["decided_s"][4:] - steps["final_contact_s"][4:] < steps["period_s"][4:]).all()


def test_walking_steps_have_times_and_oscillation_of_their_cycles():
    recording = simulated(("walking", 12.0)).recording
    machine = made_stepper(RATE)
    steps = machine.push(recording.acc, oriented(recording))[0]
    assert len(steps) > 15
    assert (steps["gait"] == WALKING).all()
    assert np.array_equal(steps["initial_contact_s"], steps["cycle"]["up_crossing"] / RATE)
    step_time = np.diff(steps["initial_contact_s"])
    length = (steps["cycle"]["end"] - steps["cycle"]["begin"]) / RATE
    assert np.allclose(steps["step_time_ms"], 1000 * np.concatenate([[np.nan], step_time]), equal_nan=True)
    assert np.allclose(steps["period_s"], np.concatenate([length[:1], step_time]))
    vertical, _ = level_signals(recording.acc, oriented(recording), np.eye(3))
    for step in steps:
        found = plain_oscillation_mm(vertical[0, inside(step)], RATE)
        assert step["vertical_oscillation_mm"] == pytest.approx(found)


def test_the_record_has_the_columns_of_the_table():
    assert STEP.names[: len(STEP_COLUMNS)] == tuple(column.name for column in STEP_COLUMNS)
    for name, (value,) in flat_fields(BLANK).items():
        assert value == 0 if name in CODES else np.isnan(value).all()
    assert (RUNNING, WALKING) == (0, 1)


# -------------------------------------------------------------------------------------- the single kernels


def test_step_time_and_cadence_follow_from_contacts():
    state, rows = new_state(0)[0], BLANK.repeat(4)
    for row, contact_s in zip(rows, (1.0, 1.4, 1.7, 1.7), strict=True):
        write_rhythm(state, row, contact_s)
    assert np.allclose(rows["initial_contact_s"], [1.0, 1.4, 1.7, 1.7])
    assert np.allclose(rows["step_time_ms"], [np.nan, 400.0, 300.0, np.nan], equal_nan=True)
    assert np.allclose(rows["cadence_spm"], [np.nan, 150.0, 60 / 0.35, np.nan], equal_nan=True)


@pytest.mark.parametrize("tilt_deg", [0.0, 10.0, -20.0, 34.0, 36.0, 180.0])
@pytest.mark.parametrize("axis", ["x", "y"])
def test_standing_upright_is_the_zero_of_lean(tilt_deg, axis):
    state = new_state(0)[0]
    tilt = Rotation.from_euler(axis, tilt_deg, degrees=True)
    state["standing"] = TILTED.T @ tilt.inv().apply([0.0, 0.0, G])
    store_standing(state, TILTED)
    if abs(np.radians(tilt_deg)) > MAX_STANDING_TILT:
        assert np.isnan(state["standing_pitch"])
    else:
        expected = np.radians(tilt_deg) if axis == "y" else 0.0
        assert state["standing_pitch"] == pytest.approx(expected, abs=1e-12)


def test_only_standing_before_the_first_run_is_the_zero_of_lean():
    for standing, n_running in ((np.nan, 0), (G, 1)):
        state = new_state(0)[0]
        state["standing"] = [0.0, 0.0, standing]
        state["n_running"] = n_running
        store_standing(state, np.eye(3))
        assert np.isnan(state["standing_pitch"])


@pytest.mark.parametrize(
    ("pitch", "roll", "turn", "slips"),
    [
        (0.0, 0.0, 0.0, False),
        (0.8 * SLIP_TILT, 0.0, 0.0, False),
        (1.3 * SLIP_TILT, 0.0, 0.0, True),
        (0.0, -1.3 * SLIP_TILT, 0.0, True),
        (0.0, 0.0, 0.9 * SLIP_TURN, False),
        (0.0, 0.0, 1.3 * SLIP_TURN, True),
    ],
)
def test_a_slip_is_detected_by_the_slow_means(pitch, roll, turn, slips):
    state = new_state(0)[0]
    state["fresh_pitch"] = 0.02
    buffer = np.zeros((N_CHANNELS, 40))
    cycle = record(STEP_CYCLE)
    for n in range(400):
        after = n > 100
        state["n_running"] = n
        buffer[4], buffer[5] = roll * after - 0.01, pitch * after + 0.02
        angle = turn * after
        cycle["loop_forward"], cycle["loop_left"] = np.sin(angle), np.cos(angle)
        watch_alignment(state, buffer, cycle, 0.35 * n, 2, 38)
    assert np.isfinite(state["slipped_s"]) == slips
    if slips:
        assert 100 * 0.35 < state["slipped_s"] < 220 * 0.35
    assert state["drift_pitch"] == pytest.approx(pitch + 0.02, abs=1e-3)


def test_a_step_keeps_its_cycle_under_the_same_names():
    values = np.random.default_rng(5).random(len(STEP_CYCLE.names))
    measured = record(STEP_CYCLE, **dict(zip(STEP_CYCLE.names, values, strict=True)))
    row = BLANK.copy()
    write_cycle(row[0], measured, WALKING)
    kept = {f"cycle.{name}": measured[name] for name in STEP["cycle"].names}
    assert len(kept) >= 7
    for name, (blank,) in flat_fields(BLANK).items():
        expected = WALKING if name == "gait" else kept.get(name, blank)
        assert np.array_equal(flat_fields(row)[name][0], expected, equal_nan=True), name


@examples(30)
@given(
    seed=st.integers(0, 2**32 - 1),
    first=st.integers(10, 60),
    n=st.integers(1, 40),
    oldest=st.integers(0, 30),
    newest=st.integers(70, 99),
)
def test_peaks_use_stored_columns_only(seed, first, n, oldest, newest):
    """Not of the columns before and after, however large."""
    buffer = np.full((N_CHANNELS, 100), 1e6)
    part = np.random.default_rng(seed).standard_normal((N_CHANNELS, newest + 1 - oldest))
    buffer[:, oldest : newest + 1] = part
    (row,), taps = BLANK.copy(), gaussian_taps(RATE, 25.0)
    write_peaks(row, buffer, first, first + n - 1, oldest, newest, taps)
    for channel, name in ((VERTICAL, "peak_vertical_g"), (RESULTANT, "peak_resultant_g")):
        smooth = convolve1d(part[channel], taps, mode="nearest")
        columns = [k for k in range(first, first + n) if oldest <= k <= newest]
        expected = max((smooth[k - oldest] for k in columns), default=-np.inf)
        assert row[name] == pytest.approx(expected)


@examples(20)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_fresh=st.sampled_from([0, 1, FRESH_STEPS - 1, FRESH_STEPS]),
    standing=st.sampled_from([np.nan, -0.07]),
    before=st.sampled_from([np.nan, -30.0, 5.2, 8.0]),
    gyro=st.booleans(),
)
def test_posture_is_that_of_the_last_stride(seed, n_fresh, standing, before, gyro):
    """From the minimum before the step before; from the step's own where that is not stored."""
    base, first, last = 1000, 45, 80
    buffer = 0.1 * np.random.default_rng(seed).standard_normal((N_CHANNELS, 100))
    state, (row,) = new_state(base)[0], BLANK.copy()
    state["base"], state["n_fresh"], state["standing_pitch"] = base, n_fresh, standing
    state["fresh_pitch"], state["last_begin"] = 0.2 if n_fresh else np.nan, base + before
    write_posture(state, buffer, row, first, last, gyro)
    stored = before >= 0
    begin = next(k for k in range(100) if k >= before) if stored else first
    pitch = buffer[PITCH, begin:last].mean()
    steps = [0.2] * n_fresh + [pitch] * (n_fresh < FRESH_STEPS)
    assert state["fresh_pitch"] == pytest.approx(np.mean(steps))
    assert state["n_fresh"] == len(steps)
    zero = np.mean(steps) if np.isnan(standing) else standing
    assert row["lean_deg"] == pytest.approx(np.degrees(pitch - zero))
    force = buffer[[VERTICAL, FORWARD, LEFTWARD], begin:last]
    ratio = np.sqrt(force[2].var() / force.var(axis=1).sum())
    line = np.linspace(buffer[YAW, begin], buffer[YAW, last], last - begin + 1)
    angles = buffer[[ROLL, PITCH, YAW], begin : last + 1] - [0 * line, 0 * line, line]
    expected = dict(
        zip(("roll_rom_deg", "pitch_rom_deg", "yaw_rom_deg"), np.degrees(np.ptp(angles, axis=1)), strict=True)
    )
    for name, value in {**expected, "ml_sway_ratio": ratio}.items():
        known = stored and (gyro or name == "ml_sway_ratio")
        assert row[name] == pytest.approx(value if known else np.nan, nan_ok=True), name


def test_regularity_needs_the_last_strides_whole():
    """Nine minima in a row, and the first of them still stored."""
    rng = np.random.default_rng(8)
    buffer, state, base = rng.standard_normal((N_CHANNELS, 700)), new_state(0)[0], 500
    ends = base - 40.0 + np.cumsum(rng.uniform(33.0, 37.0, 18))
    for i, end in enumerate(ends):
        (row,) = BLANK.copy()
        write_regularity(state, buffer, row, record(STEP_CYCLE, end=end), base)
        found = (row["step_regularity"], row["stride_regularity"])
        assert state["n_ends"] == min(i + 1, N_ENDS)
        if i + 1 < N_ENDS or ends[i + 1 - N_ENDS] < base:
            assert np.isnan(found).all()
            continue
        last = ends[i + 1 - N_ENDS : i + 1]
        part = buffer[FORWARD, round(last[0]) - base : round(last[-1]) - base]
        lag = np.diff(last).mean()
        assert found == pytest.approx(
            (plain_regularity(part, round(lag)), plain_regularity(part, round(2 * lag)))
        )
    assert (ends < base).sum() == 1


@pytest.mark.parametrize(
    "turn", [-3.0, -1.02 * MISALIGNED, -0.98 * MISALIGNED, 0.0, 0.98 * MISALIGNED, 1.02 * MISALIGNED, 3.0]
)
@pytest.mark.parametrize("n", [ENOUGH_STEPS - 1, ENOUGH_STEPS])
def test_askew_is_a_mean_loop_that_points_elsewhere(turn, n):
    state = new_state(0)[0]
    state["n_running"], state["loop_left"], state["loop_forward"] = n, 4.0 * np.cos(turn), 4.0 * np.sin(turn)
    assert is_misaligned(state) == (n >= ENOUGH_STEPS and np.cos(turn) < np.cos(MISALIGNED))


def test_helpers_convert_rotations_to_quaternions_and_back():
    turn = Rotation.random(random_state=1)
    assert np.allclose(rotation_from(quats_from(turn)[0]).as_matrix(), turn.as_matrix())


@pytest.mark.parametrize(
    ("before", "after", "missing"), [(20, 20, 0.0), (10, 30, 0.0), (5, 30, 0.5), (30, 0, 1.0), (-2, 30, 1.0)]
)
def test_a_step_beside_a_gap_loses_quality_by_what_the_low_pass_misses(before, after, missing):
    state = new_state(0)[0]
    state["oldest"], state["next"] = 100, 201
    cycle = record(STEP_CYCLE, begin=100 + before, end=200 - after)
    assert edge_quality(state, cycle, 10) == pytest.approx((1.0 + EDGE_WEIGHT * missing**4) ** -0.5)
