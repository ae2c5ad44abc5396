"""Rules on recordings: where they are run, what becomes of their contacts, and rules that misbehave."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import imurun
from imurun.core.alignment import Mounting
from imurun.errors import MethodError, SettingsError
from imurun.methods import METHODS, Contacts, Method
from imurun.methods.apply import BORDER_S, MARGIN_S, method_steps, run_checked, step_columns
from imurun.model.columns import STEP_COLUMNS
from imurun.sim import Segment, SensorModel, simulate

RATE_HZ = 100.0
UPRIGHT = Mounting(np.eye(3), 1.0, "given", 0.0)


def contacts(initial, final=None, side=None):
    initial = np.asarray(initial, dtype=float)
    final = initial + 0.25 if final is None else np.asarray(final, dtype=float)
    return Contacts(initial, final, np.full(len(initial), "unknown") if side is None else np.asarray(side))


def rule(answer, **options):
    """A method that always answers the same, or raises it."""

    def detect(acc, gyr, rate_hz):
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Method("mine2030", detect, "nobody", **options)


# ------------------------------------------------------------------------------------- rules that misbehave

WRONG = {
    "shapes": contacts([1.0, 2.0], [1.2]),
    "two dimensions": contacts([[1.0]], [[1.2]]),
    "not a finite number": contacts([1.0, np.nan]),
    "out of order": contacts([2.0, 1.0]),
    "out of order ": contacts([1.0, 1.0]),
    "outside": contacts([1.0, 11.0]),
    "outside ": contacts([-0.1, 1.0]),
    "outside  ": contacts([1.0], [10.5]),
    "before its foot strike": contacts([1.0], [1.0]),
    "no side": contacts([1.0], side=["links"]),
    "failed with AttributeError": None,
    "failed with ZeroDivisionError": ZeroDivisionError("one\ntwo"),
    "failed with ValueError": Contacts(np.array(["a"]), np.array([1.0]), np.array(["left"])),
}


@pytest.mark.parametrize("fault", WRONG)
def test_invalid_contacts_are_one_sentence_that_names_the_rule(fault):
    words = {"two dimensions": "shapes"}.get(fault, fault.strip())
    with pytest.raises(MethodError, match=words) as caught:
        run_checked(rule(WRONG[fault]), np.zeros((1000, 3)), None, RATE_HZ)
    message = str(caught.value)
    assert message.startswith("mine2030 ")
    assert message.endswith(".")
    assert "\n" not in message


def test_valid_contacts_are_accepted():
    right = contacts([0.0, 1.0, 10.0], [0.2, np.nan, np.nan], ["left", "right", "unknown"])
    found = run_checked(rule(right), np.zeros((1000, 3)), None, RATE_HZ)
    assert found.initial_contact_s.tolist() == [0.0, 1.0, 10.0]


# ------------------------------------------------------------------------------------------ the step table


def test_step_columns_follow_from_contacts():
    strikes = [0.0, 0.36, 0.70, 1.42, 1.78]  # one step is missing before 1.42
    steps = step_columns(contacts(strikes, [0.25, np.nan, 0.95, 1.67, 2.03]))
    assert list(steps) == [column.name for column in STEP_COLUMNS]
    known = {name: values.tolist() for name, values in steps.items()}
    nan = np.nan
    assert known["step_time_ms"] == pytest.approx([nan, 360, 340, nan, 360], nan_ok=True)
    assert known["contact_time_ms"] == pytest.approx([250, nan, 250, 250, 250], nan_ok=True)
    assert known["flight_time_ms"] == pytest.approx([nan, 110, nan, nan, 110], nan_ok=True)
    assert known["cadence_spm"] == pytest.approx([nan, 60 / 0.36, 60 / 0.35, nan, 60 / 0.36], nan_ok=True)
    assert known["duty_factor"] == pytest.approx([nan, nan, 0.125 / 0.35, nan, 0.125 / 0.36], nan_ok=True)
    assert known["gait"] == ["running"] * 5
    assert np.isnan(known["peak_vgrf_bw"]).all()


def test_only_contacts_of_the_bout_count_and_the_rule_sees_a_margin():
    seen = []

    def detect(acc, gyr, rate_hz):
        seen.append(acc.copy())
        return contacts(np.arange(0.0, len(acc) / rate_hz - 0.3, 0.35))

    acc = np.zeros((2000, 3))
    acc[:, 0] = np.arange(2000)
    method = Method("mine2030", detect, "nobody")
    steps = method_steps(method, imurun.Recording(acc, rate_hz=RATE_HZ), UPRIGHT, [(5.0, 8.0), (12.0, 14.0)])
    assert [part[0, 0] for part in seen] == [100 * (5 - MARGIN_S), 100 * (12 - MARGIN_S)]
    assert [len(part) for part in seen] == [500, 400]
    strikes = steps["initial_contact_s"].to_numpy()
    first, second = strikes[strikes < 10.0], strikes[strikes > 10.0]
    assert first == pytest.approx(5.05 + 0.35 * np.arange(9))  # 4.70 s is before the bout, 8.20 s after
    assert 12.0 - BORDER_S <= second.min() < second.max() < 14.0 - BORDER_S
    assert np.isnan(steps["step_time_ms"].to_numpy()[[0, len(first)]]).all()


def test_gaps_are_never_shown_to_a_rule():
    acc = np.full((2000, 3), 9.81)
    acc[390:450] = np.nan  # in the margin
    acc[700:720] = np.nan  # in the bout
    lengths = []

    def detect(acc, gyr, rate_hz):
        assert np.isfinite(acc).all()
        lengths.append(len(acc))
        return contacts([0.5])

    recording = imurun.Recording(acc, rate_hz=RATE_HZ)
    steps = method_steps(Method("mine2030", detect, "nobody"), recording, UPRIGHT, [(5.0, 9.0)])
    assert lengths == [250, 280]
    assert steps["initial_contact_s"].tolist() == [5.0, 7.7]


def test_rules_see_the_body_frame():
    turn = Rotation.random(random_state=3).as_matrix()
    recording = imurun.Recording(np.tile([1.0, 2.0, 3.0], (900, 1)) @ turn, rate_hz=RATE_HZ)

    def detect(acc, gyr, rate_hz):
        assert np.allclose(acc, [1.0, 2.0, 3.0])
        assert gyr is None
        return contacts([2.0])

    given = Mounting(turn, 1.0, "given", 0.0)
    steps = method_steps(Method("mine2030", detect, "nobody"), recording, given, [(2.0, 6.0)])
    assert steps["initial_contact_s"].tolist() == [3.0]


def test_a_method_of_the_forward_axis_needs_it_known():
    level = Mounting(np.eye(3), 0.0, "level", 0.0)
    recording = imurun.Recording(np.ones((900, 3)), rate_hz=RATE_HZ)
    with pytest.raises(MethodError, match="lee2010 needs the forward axis"):
        method_steps(METHODS["lee2010"], recording, level, [(2.0, 6.0)])
    assert len(method_steps(METHODS["day2021"], recording, level, [(2.0, 6.0)])) == 0
    with pytest.raises(MethodError, match="needs the vertical"):
        method_steps(METHODS["day2021"], recording, None, [(2.0, 6.0)])
    assert len(method_steps(METHODS["lee2010"], recording, None, [])) == 0


# ------------------------------------------------------------------------------- with the engine before it

needs_engine = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too slow without the compiler")


@pytest.fixture(scope="module")
def simulation():
    segments = [
        Segment("still", 5.0),
        Segment("running", 30.0, speed_m_s=3.0),
        Segment("walking", 15.0, speed_m_s=1.4),
        Segment("running", 20.0, speed_m_s=3.5),
    ]
    return simulate(segments, sensor=SensorModel(rate_hz=200.0), seed=4)


@needs_engine
@pytest.mark.parametrize("name", METHODS)
def test_every_rule_finds_the_steps_of_a_simulated_run(simulation, name):
    steps = imurun.analyze(simulation.recording, method=name).steps
    truth = simulation.truth.to_frame()
    n_true = int((truth["gait"] == "running").sum())
    assert len(steps) == pytest.approx(n_true, abs=0.03 * n_true)
    assert steps["initial_contact_s"].is_monotonic_increasing
    assert set(steps["gait"]) == {"running"}
    assert steps["cadence_spm"].median() == pytest.approx(
        truth.loc[truth["gait"] == "running", "cadence_spm"].median(), rel=0.02
    )
    own = imurun.analyze(simulation.recording).steps
    assert list(steps.columns) == list(own.columns)
    assert (steps.dtypes == own.dtypes).all()


@needs_engine
def test_a_session_by_a_rule_has_the_bouts_and_phases_of_imurun(simulation):
    own, by_rule = (imurun.analyze(simulation.recording, method=m) for m in ("imurun", "wixted2010"))
    assert own.settings["method"] == own.summary["method"] == "imurun"
    assert by_rule.settings["method"] == by_rule.summary["method"] == "wixted2010"
    for table in ("bouts", "phases"):
        assert getattr(own, table).equals(getattr(by_rule, table))
    assert own.warnings == by_rule.warnings
    assert by_rule.summary["running_s"] == own.summary["running_s"]
    assert by_rule.summary["walking_steps"] is None
    assert by_rule.summary["peak_vgrf_bw"] is None
    assert by_rule.summary["running_steps"] == len(by_rule.steps)
    assert by_rule.summary["contact_time_ms"] == pytest.approx(by_rule.steps["contact_time_ms"].median())
    assert set(own.summary) == set(by_rule.summary)


@needs_engine
def test_an_unusable_recording_or_method_is_one_sentence():
    recording = simulate([Segment("running", 20.0, speed_m_s=3.0)], seed=1).recording
    without = imurun.Recording(recording.acc, rate_hz=recording.rate_hz)
    dead = imurun.Recording(recording.acc, 0 * recording.gyr, rate_hz=recording.rate_hz)
    for blind in (without, dead):
        with pytest.raises(MethodError, match="bergamini2012 needs a working gyroscope"):
            imurun.analyze(blind, method="bergamini2012")
    with pytest.raises(SettingsError, match=r"imurun, auvinet2002, .*alcantara2021"):
        imurun.analyze(recording, method="nobody")
    with pytest.raises(MethodError, match="mine2030 failed with RuntimeError: no"):
        imurun.analyze(recording, method=rule(RuntimeError("no")))


@needs_engine
def test_without_running_a_rule_gives_no_steps():
    walk = simulate([Segment("walking", 20.0, speed_m_s=1.4)], seed=1).recording
    moment = imurun.Recording(np.tile([0.0, 0.0, 9.81], (30, 1)), rate_hz=100.0)
    for recording in (walk, moment):
        session = imurun.analyze(recording, method="lee2010")
        assert session.steps.empty
        assert list(session.steps.columns) == [column.name for column in STEP_COLUMNS]
        assert session.summary["cadence_spm"] is None
