"""The simulated runner: forces, contacts, angles and the table of ground truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imurun.errors import SettingsError
from imurun.model.frames import G
from imurun.sim import RunnerModel, Segment, SensorModel, simulate
from imurun.sim.waveforms import default_cadence_spm, push, push_mean, ring, shape_at

STEADY = RunnerModel(variability=0.0)
RUNS = st.builds(
    Segment,
    kind=st.just("running"),
    duration_s=st.just(8.0),
    speed_m_s=st.floats(1.5, 6.5),
    cadence_spm=st.one_of(st.none(), st.floats(140.0, 220.0)),
    duty_factor=st.one_of(st.none(), st.floats(0.2, 0.49)),
    sway_deg=st.one_of(st.none(), st.tuples(*[st.floats(0.0, 25.0)] * 3)),
    lean_deg=st.floats(-5.0, 25.0),
)
RUNNERS = st.builds(
    RunnerModel,
    contact_asymmetry=st.floats(-0.1, 0.1),
    peak_asymmetry=st.floats(-0.1, 0.1),
    variability=st.floats(0.0, 0.04),
    sacral_gain=st.floats(0.0, 2.0),
    first_side=st.sampled_from(["left", "right"]),
)


def _mean_force(sim, first, last, n=4000):
    time_s = first + (last - first) * (np.arange(n) + 0.5) / n
    return sim.truth.motion.vgrf_bw(time_s).mean()


def _loop(acc):
    """Area vector of the acceleration loop, which gives its direction of rotation."""
    return np.cross(acc, np.gradient(acc, axis=0)).mean(axis=0)


@settings(max_examples=25)
@given(segment=RUNS, runner=RUNNERS, seed=st.integers(0, 2**32 - 1))
def test_force_carries_the_weight_step_by_step(segment, runner, seed):
    sim = simulate([segment], runner, seed=seed)
    steps = sim.truth.steps
    contact, final = steps["initial_contact_s"], steps["final_contact_s"]
    assert (final > contact).all()
    assert (contact[1:] > final[:-1]).all()
    for k in range(0, len(steps) - 1, 3):
        assert _mean_force(sim, contact[k], contact[k + 1]) == pytest.approx(1.0, abs=1e-4)
        assert _mean_force(sim, final[k] + 1e-9, contact[k + 1] - 1e-9, 50) == 0.0
        inside = contact[k] + (final[k] - contact[k]) * np.linspace(0.001, 0.999, 200)
        assert (sim.truth.motion.vgrf_bw(inside) > 0.0).all()
        assert sim.truth.motion.vgrf_bw(inside).max() == pytest.approx(steps["peak_vgrf_bw"][k], rel=1e-3)


@settings(max_examples=20)
@given(segment=RUNS, runner=RUNNERS, seed=st.integers(0, 2**32 - 1))
def test_truth_table_adds_up(segment, runner, seed):
    steps = simulate([segment], runner, seed=seed).truth.steps
    assert (steps["side"][1:] != steps["side"][:-1]).all()
    assert set(steps["side"]) == {"left", "right"}
    step_ms = 1e3 * np.diff(steps["initial_contact_s"])
    np.testing.assert_allclose(steps["step_time_ms"][1:], step_ms, rtol=1e-9)
    np.testing.assert_allclose(
        steps["contact_time_ms"][:-1] + steps["flight_time_ms"][1:], step_ms, rtol=1e-9, atol=1e-6
    )
    np.testing.assert_allclose(steps["vertical_impulse_bw_s"][:-1], 1e-3 * step_ms, rtol=1e-9)
    np.testing.assert_allclose(steps["cadence_spm"][2:], 120e3 / (step_ms[1:] + step_ms[:-1]), rtol=1e-9)
    assert (steps["vertical_oscillation_mm"] > 10.0).all()


@settings(max_examples=20)
@given(segment=RUNS, runner=RUNNERS, seed=st.integers(0, 2**32 - 1))
def test_running_acceleration_turns_about_the_left_axis_and_the_swing_side_drops(segment, runner, seed):
    sway = segment.sway_deg
    sim = simulate([segment], runner, SensorModel(rate_hz=200.0), seed=seed)
    truth = sim.truth
    level = np.einsum("nij,nj->ni", truth.rotation, truth.acc_body)
    assert _loop(level)[1] > 0.0
    if sway is None or sway[0] > 1.0:
        roll_rate = np.gradient(truth.angles_rad[:, 0], truth.time_s)
        for step in truth.steps[1:-2]:
            length = step["step_time_ms"] / 1e3
            since = truth.time_s - step["initial_contact_s"]
            mean = roll_rate[(since > 0.3 * length) & (since < 0.7 * length)].mean()
            assert mean < 0.0 if step["side"] == "left" else mean > 0.0


@pytest.mark.parametrize("speed", [2.0, 3.0, 4.0, 5.0])
def test_average_person_matches_the_measured_averages(speed):
    """Averages of Hamner & Delp 2013: contact time, step time and peak force at each speed."""
    contact_ms, step_ms, peak_bw = {
        2.0: (325, 374, 2.07),
        3.0: (265, 359, 2.42),
        4.0: (232, 340, 2.55),
        5.0: (210, 310, 2.57),
    }[speed]
    sim = simulate([Segment("running", 10.0, speed_m_s=speed)], STEADY)
    steps = sim.truth.steps
    assert np.mean(steps["contact_time_ms"]) == pytest.approx(contact_ms, rel=0.02)
    assert np.nanmean(steps["step_time_ms"]) == pytest.approx(step_ms, rel=0.02)
    assert np.mean(steps["peak_vgrf_bw"]) == pytest.approx(peak_bw, rel=0.04)
    assert 40.0 < np.mean(steps["vertical_oscillation_mm"]) < 120.0
    vertical = sim.truth.acc_body[:, 2] / G
    assert 2.0 < vertical.max() < 3.2
    assert vertical.min() > -0.6


@pytest.mark.parametrize("speed", [2.0, 3.5, 5.0])
def test_sacrum_follows_the_force_at_the_step_frequency(speed):
    sim = simulate([Segment("running", 20.0, speed_m_s=speed)], STEADY, SensorModel(rate_hz=500.0))
    truth = sim.truth
    level = np.einsum("nij,nj->ni", truth.rotation, truth.acc_body)[:, 2] / G
    wave = np.exp(-2j * np.pi * default_cadence_spm("running", speed) / 60.0 * truth.time_s)
    window = np.hanning(len(wave))
    ratio = (window * wave * level).sum() / (window * wave * truth.vgrf_bw).sum()
    delay_s = -np.angle(ratio) / (2 * np.pi * default_cadence_spm("running", speed) / 60.0)
    assert 1.0 <= abs(ratio) <= 1.3
    assert abs(delay_s) < 0.008


@pytest.mark.parametrize("duty", [0.52, 0.55, 0.60])
def test_grounded_running_has_no_flight_but_bounces(duty):
    sim = simulate([Segment("running", 20.0, speed_m_s=2.0, duty_factor=duty)], STEADY)
    steps = sim.truth.steps
    assert (steps["flight_time_ms"][1:] < 0.0).all()
    assert np.mean(steps["duty_factor"]) == pytest.approx(duty, abs=0.005)
    assert sim.truth.vgrf_bw.min() > 0.0
    assert _mean_force(sim, steps["initial_contact_s"][2], steps["initial_contact_s"][12]) == pytest.approx(
        1.0, abs=1e-3
    )
    assert _loop(sim.truth.acc_body)[1] > 0.0


def test_a_sprint_has_short_contacts_and_high_cadence():
    sim = simulate([Segment("running", 10.0, speed_m_s=9.0, cadence_spm=285.0, duty_factor=0.25)], STEADY)
    steps = sim.truth.steps
    assert np.mean(steps["contact_time_ms"]) == pytest.approx(105.0, abs=2.0)
    assert np.nanmean(steps["step_time_ms"]) == pytest.approx(60_000 / 285, rel=0.01)
    assert 3.0 < np.mean(steps["peak_vgrf_bw"]) < 4.5


@pytest.mark.parametrize("speed", [0.9, 1.4, 2.0])
def test_walking_is_an_inverted_pendulum(speed):
    sim = simulate([Segment("walking", 20.0, speed_m_s=speed)], STEADY)
    truth = sim.truth
    steps = truth.steps
    assert 1.4 < default_cadence_spm("walking", speed) / 60.0 < 2.3
    assert (steps["flight_time_ms"][1:] < 0.0).all()
    assert (steps["duty_factor"] > 0.5).all()
    assert truth.vgrf_bw.min() > 0.4
    assert truth.vgrf_bw.max() < 1.5
    assert _mean_force(sim, steps["initial_contact_s"][2], steps["initial_contact_s"][12]) == pytest.approx(
        1.0, abs=1e-3
    )
    assert truth.acc_body[:, 2].max() < 1.6 * G
    assert _loop(truth.acc_body)[1] < 0.0


@settings(max_examples=20)
@given(
    roll=st.floats(1.0, 20.0),
    pitch=st.floats(1.0, 15.0),
    yaw=st.floats(1.0, 20.0),
    lean=st.floats(-5.0, 20.0),
)
def test_sway_and_lean_match_the_settings(roll, pitch, yaw, lean):
    segment = Segment("running", 8.0, sway_deg=(roll, pitch, yaw), lean_deg=lean, turn_deg_s=8.0)
    steps = simulate([segment], STEADY).truth.steps
    np.testing.assert_allclose(steps["roll_rom_deg"], roll, rtol=0.01)
    np.testing.assert_allclose(steps["pitch_rom_deg"], pitch, rtol=0.01)
    np.testing.assert_allclose(steps["yaw_rom_deg"], yaw, rtol=0.01)
    np.testing.assert_allclose(steps["lean_deg"], lean, atol=0.05)


def test_asymmetry_changes_the_sides_as_set():
    runner = RunnerModel(variability=0.0, contact_asymmetry=0.08, peak_asymmetry=0.0)
    steps = simulate([Segment("running", 10.0)], runner).truth.steps
    left = steps["side"] == "left"
    contact = steps["contact_time_ms"]
    assert contact[left].mean() / contact[~left].mean() == pytest.approx(1.04 / 0.96, rel=1e-6)
    runner = RunnerModel(variability=0.0, peak_asymmetry=0.06)
    steps = simulate([Segment("running", 10.0)], runner).truth.steps
    left = steps["side"] == "left"
    peak = steps["peak_vgrf_bw"]
    assert (peak[left].mean() - peak[~left].mean()) / peak.mean() == pytest.approx(0.06, abs=0.01)


def test_fatigue_drifts_from_start_to_end():
    runner = RunnerModel(
        variability=0.0, fatigue_sway=0.5, fatigue_cadence=-0.05, fatigue_contact=0.1, fatigue_lean_deg=6.0
    )
    steps = simulate([Segment("running", 120.0)], runner).truth.steps
    assert steps["roll_rom_deg"][-1] / steps["roll_rom_deg"][0] == pytest.approx(1.5, rel=0.02)
    assert steps["cadence_spm"][-1] / steps["cadence_spm"][2] == pytest.approx(0.95, rel=0.01)
    assert steps["contact_time_ms"][-1] / steps["contact_time_ms"][0] == pytest.approx(1.1, rel=0.01)
    assert steps["lean_deg"][-1] - steps["lean_deg"][0] == pytest.approx(6.0, abs=0.2)


def test_variability_matches_the_setting():
    steps = simulate([Segment("running", 200.0)], RunnerModel(variability=0.03)).truth.steps
    step_ms = steps["step_time_ms"][1:]
    assert step_ms.std() / step_ms.mean() == pytest.approx(0.03, rel=0.15)


def test_a_session_has_the_bouts_of_its_segments():
    segments = [
        Segment("still", 5.0),
        Segment("walking", 10.0),
        Segment("running", 10.0, speed_m_s=3.0),
        Segment("running", 10.0, speed_m_s=4.5),
        Segment("still", 5.0),
        Segment("running", 8.0),
        Segment("still", 3.0),
        Segment("still", 3.0),
    ]
    truth = simulate(segments, STEADY).truth
    assert truth.bouts["kind"].tolist() == ["still", "walking", "running", "still", "running", "still"]
    assert truth.bouts["begin_s"][0] == 0.0
    assert truth.bouts["end_s"][-1] == 54.0
    np.testing.assert_array_equal(truth.bouts["end_s"][:-1], truth.bouts["begin_s"][1:])
    steps = truth.steps
    for kind, begin, end in truth.bouts:
        within = (steps["initial_contact_s"] >= begin) & (steps["initial_contact_s"] < end)
        assert within.any() == (kind != "still")
        assert (steps["gait"][within] == kind).all()
    assert np.isnan(steps["step_time_ms"]).sum() == 2
    assert (truth.vgrf_bw >= 0.0).all()
    standing = (truth.time_s > 1.0) & (truth.time_s < 4.5)
    np.testing.assert_allclose(truth.acc_body[standing], [[0.0, 0.0, G]] * standing.sum(), atol=1e-9)
    np.testing.assert_allclose(truth.gyr_body[standing], 0.0, atol=1e-9)
    frame = truth.to_frame()
    assert len(frame) == len(steps)
    assert list(frame.columns) == list(steps.dtype.names)


def test_speed_changes_smoothly_within_a_gait():
    segments = [Segment("running", 10.0, speed_m_s=2.5), Segment("running", 10.0, speed_m_s=4.5)]
    step_ms = simulate(segments, STEADY).truth.steps["step_time_ms"][1:]
    assert np.abs(np.diff(step_ms)).max() < 15.0


def test_pushes_start_and_end_at_zero_and_the_oscillation_adds_no_impulse():
    u = np.linspace(0.0, 1.0, 10_001)
    for speed in (1.8, 3.0, 5.5):
        pulse = shape_at("running", speed).pulse
        force = push(u, pulse)
        assert force[0] == force[-1] == 0.0
        assert (force[1:-1] > 0.0).all()
        assert push_mean(pulse[None])[0] == pytest.approx(force.mean(), rel=1e-3)
    time_s = np.arange(-0.1, 1.0, 1e-5)
    wave = ring(time_s)
    assert (wave[time_s < 0] == 0.0).all()
    assert np.abs(wave).max() == pytest.approx(1.0, abs=1e-3)
    assert abs(wave.mean()) < 1e-5


@pytest.mark.parametrize(
    "make",
    [
        lambda: Segment("flying", 10.0),  # type: ignore[arg-type]
        lambda: Segment("running", 0.0),
        lambda: Segment("running", float("nan")),
        lambda: Segment("running", 10.0, speed_m_s=20.0),
        lambda: Segment("running", 10.0, cadence_spm=400.0),
        lambda: Segment("running", 10.0, duty_factor=0.7),
        lambda: Segment("walking", 10.0, duty_factor=0.4),
        lambda: Segment("running", 10.0, sway_deg=(1.0, 2.0)),  # type: ignore[arg-type]
        lambda: Segment("running", 10.0, sway_deg=(1.0, 2.0, 100.0)),
        lambda: RunnerModel(variability=-0.1),
        lambda: RunnerModel(contact_asymmetry=1.0),
        lambda: RunnerModel(first_side="both"),  # type: ignore[arg-type]
        lambda: simulate([]),
        lambda: simulate([Segment("still", 10.0)]),
    ],
)
def test_settings_out_of_range_are_refused(make):
    with pytest.raises(SettingsError):
        make()


@settings(max_examples=25)
@given(
    kinds=st.lists(
        st.tuples(st.sampled_from(["still", "walking", "running"]), st.floats(2.0, 8.0)),
        min_size=1,
        max_size=6,
    ),
    transition_s=st.floats(0.0, 5.0),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_session_is_complete_and_finite(kinds, transition_s, seed):
    segments = [Segment(kind, duration, transition_s=transition_s) for kind, duration in kinds]
    if all(kind == "still" for kind, _ in kinds):
        segments.append(Segment("running", 5.0))
    sim = simulate(segments, seed=seed)
    truth = sim.truth
    assert np.isfinite(sim.recording.acc).all()
    assert (truth.vgrf_bw >= 0.0).all()
    assert truth.vgrf_bw.max() < 4.5
    assert np.abs(np.degrees(truth.gyr_body)).max() < 1000.0
    steps = truth.steps
    assert (np.diff(steps["initial_contact_s"]) > 0.2).all()
    assert (truth.bouts["end_s"] > truth.bouts["begin_s"]).all()
    both = (steps["gait"][1:] == "running") | (steps["gait"][:-1] == "running")
    flight_ms = steps["flight_time_ms"][1:][both]
    assert (flight_ms[np.isfinite(flight_ms)] > 0.0).all()
