from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imurun.engine import Step
from imurun.io import read
from imurun.live.alert_rules import DEFAULT_RULES, LEAST_QUIET_S, AlertRule, RuleError
from imurun.live.alerts import FRESH_STEPS, PAUSE_S, SETTLING_STEPS, AlertWatch, _Window
from imurun.model.recording import Recording
from imurun.session import analyze
from imurun.sim import RunnerModel, Segment, SensorModel, simulate
from imurun.sim.presets import eventful_run, steady_run
from tests.live.made_steps import PERIOD_S, make_run, make_step

CADENCE = "cadence_spm"
N_FRESH = SETTLING_STEPS + FRESH_STEPS
PEOPLE_S = 1200.0


def rule(**kwargs):
    return AlertRule("mine", **({"column": CADENCE, "steps": 4, "quiet_s": 60.0} | kwargs))


def begun(rules, steps, limit=None):
    return AlertWatch(rules, limit).steps(steps)


# -- what is broken --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bounds", "inside", "broken"),
    [
        ({"above": 180.0}, 180.0, 180.1),
        ({"below": 160.0}, 160.0, 159.9),
        ({"below": 160.0, "above": 180.0}, 160.0, 190.0),
        ({"below": 160.0, "above": 180.0}, 180.0, 150.0),
    ],
)
def test_a_bound_is_broken_by_the_median_of_the_last_steps(bounds, inside, broken):
    assert begun([rule(**bounds)], make_run(CADENCE, [inside] * 20)) == []
    (alert,) = begun([rule(**bounds)], make_run(CADENCE, [inside] * 20 + [broken] * 20))
    assert alert.key == "mine"
    assert 21 <= round(alert.time_s / PERIOD_S) <= 22  # two or three of the last four are beyond


@pytest.mark.parametrize(
    ("drift", "fresh", "inside", "broken"),
    [
        ({"drift": 10.0}, 160.0, 170.0, 170.2),
        ({"drift": -10.0}, 160.0, 150.0, 149.8),
        ({"drift_percent": 10.0}, 150.0, 164.9, 165.1),
        ({"drift_percent": -10.0}, 150.0, 135.1, 134.9),
    ],
)
def test_drift_is_against_the_fresh_part(drift, fresh, inside, broken):
    start = [90.0] * SETTLING_STEPS + [fresh] * FRESH_STEPS
    assert begun([rule(**drift)], make_run(CADENCE, start + [inside] * 20)) == []
    other_way = 2 * fresh - broken
    assert begun([rule(**drift)], make_run(CADENCE, start + [other_way] * 20)) == []
    (alert,) = begun([rule(**drift)], make_run(CADENCE, start + [broken] * 20))
    assert alert.time_s == pytest.approx((N_FRESH + 2) * PERIOD_S)


def test_no_drift_alert_before_the_fresh_part_is_over():
    wild = [100.0 + 100.0 * (k % 50 > 25) for k in range(N_FRESH)]
    assert begun([rule(drift=5.0)], make_run(CADENCE, wild)) == []


def test_drift_in_percent_of_zero_is_never_broken():
    values = [0.0] * N_FRESH + [5.0] * 50
    assert (
        begun([rule(column="step_regularity", drift_percent=10.0)], make_run("step_regularity", values)) == []
    )


def test_a_single_step_raises_no_alert():
    values = [170.0] * 50
    values[20] = values[30] = 900.0
    assert begun([rule(above=180.0)], make_run(CADENCE, values)) == []


def test_an_alert_is_over_only_beyond_the_margin():
    watch = AlertWatch([rule(above=180.0, margin=5.0)])
    assert len(watch.steps(make_run(CADENCE, [190.0] * 10))) == 1
    watch.steps(make_run(CADENCE, [176.0] * 10, start_s=10.0))
    assert [alert.key for alert in watch.active] == ["mine"]
    watch.steps(make_run(CADENCE, [174.0] * 10, start_s=20.0))
    assert watch.active == ()


def test_a_second_alert_only_after_the_quiet_time():
    watch = AlertWatch([rule(above=180.0, margin=5.0, quiet_s=100.0)])
    (first,) = watch.steps(make_run(CADENCE, [190.0] * 10))
    assert watch.steps(make_run(CADENCE, [170.0] * 20, start_s=4.0)) == []
    assert watch.steps(make_run(CADENCE, [190.0] * 200, start_s=12.0)) == []
    assert watch.active == (first,), "broken again, but not said again"
    (second,) = watch.steps(make_run(CADENCE, [190.0] * 200, start_s=82.0))
    assert second.time_s - first.time_s == pytest.approx(100.0, abs=PERIOD_S)


def test_a_pause_ends_the_alert_and_restarts_the_median():
    watch = AlertWatch([rule(above=180.0)])
    watch.steps(make_run(CADENCE, [190.0] * 10))
    end_s = 9 * PERIOD_S
    assert watch.active
    assert watch.active_at(end_s + PAUSE_S)
    assert watch.active_at(end_s + PAUSE_S + 1.0) == ()
    watch.steps([make_step(end_s + PAUSE_S + 1.0, cadence_spm=190.0)])
    assert watch.active == ()


def test_walking_steps_are_ignored():
    walking = [step._replace(gait="walking") for step in make_run(CADENCE, [190.0] * 50)]
    assert begun([rule(above=180.0)], walking) == []


def test_a_rule_is_off_once_its_only_without_column_has_a_value():
    stand_in = AlertRule("s", "ml_sway_ratio", above=0.2, steps=4, only_without="roll_rom_deg")
    steps = make_run("ml_sway_ratio", [0.3] * 20)
    assert len(begun([stand_in], steps)) == 1
    watch = AlertWatch([stand_in])
    watch.steps([make_step(0.0, roll_rom_deg=8.0), *steps])
    assert watch.active == ()


def test_load_rules_need_a_limit_and_alert_once():
    rules = [rule for rule in DEFAULT_RULES if rule.load_percent is not None]
    steps = make_run("lumbar_dose", [1.0, math.nan] * 100)
    assert begun(rules, steps) == []
    alerts = begun(rules, steps, limit=50.0)
    assert [(alert.key, round(alert.time_s / PERIOD_S / 2)) for alert in alerts] == [
        ("load_80", 39),
        ("load_100", 49),
    ]
    watch = AlertWatch(rules, 50.0)
    watch.steps(steps)
    assert [alert.key for alert in watch.active_at(1e6)] == ["load_100", "load_80"]


def test_sentences_give_value_change_bound_and_reason():
    start = [150.0] * N_FRESH
    (alert,) = begun([rule(drift_percent=-7.0, why="Because.")], make_run(CADENCE, start + [130.0] * 9))
    assert alert.sentence == "Cadence 130 steps/min, 13 % below the first minutes. Because."
    (alert,) = begun([rule(drift=7.0)], make_run(CADENCE, start + [160.0] * 9))
    assert alert.sentence == "Cadence 160 steps/min, 10 steps/min above the first minutes."
    (alert,) = begun([rule(below=140.0)], make_run(CADENCE, [130.0] * 9))
    assert alert.sentence == "Cadence 130 steps/min, below 140 steps/min."
    (alert,) = begun([rule(column="flight_time_ms", above=90.0)], make_run("flight_time_ms", [99.5] * 9))
    assert alert.sentence == "Flight time 100 ms, above 90 ms."


# -- properties ------------------------------------------------------------------------------------------

VALUES = st.sampled_from([100.0, 150.0, 160.0, 170.0, 180.0, 200.0, math.nan])
RUNS = st.lists(st.tuples(VALUES, st.integers(1, 150)), min_size=1, max_size=30).map(
    lambda parts: [value for value, n in parts for _ in range(n)]
)
RULES = st.sampled_from(
    [
        rule(above=165.0, margin=0.0),
        rule(above=175.0, margin=1.0),
        rule(below=155.0, above=165.0, margin=0.0, steps=8),
        rule(drift=5.0, quiet_s=90.0),
        rule(drift_percent=-5.0, margin=0.0),
    ]
)


@given(RULES, RUNS, st.floats(0.2, 2.0))
def test_never_twice_within_the_quiet_time(watched, values, period_s):
    times = [alert.time_s for alert in begun([watched], make_run(CADENCE, values, period_s=period_s))]
    assert all(after - before >= watched.quiet_s for before, after in itertools.pairwise(times))


@given(st.lists(RULES, min_size=1, max_size=3), RUNS, st.lists(st.integers(0, 2000), max_size=8))
def test_any_split_gives_the_same(rules, values, cuts):
    steps = make_run(CADENCE, values)
    whole, split = AlertWatch(rules), AlertWatch(rules)
    expected = whole.steps(steps)
    edges = [0, *sorted(min(cut, len(steps)) for cut in cuts), len(steps)]
    parts = [split.steps(steps[first:stop]) for first, stop in itertools.pairwise(edges)]
    assert list(itertools.chain(*parts)) == expected
    assert split.active == whole.active


@given(RULES, RUNS, st.lists(st.integers(0, 3000), max_size=20), st.sampled_from([math.nan, math.inf]))
def test_steps_without_a_value_are_ignored(watched, values, places, nothing):
    steps = make_run(CADENCE, values)
    more = list(steps)
    for place in sorted(places, reverse=True):
        at = min(place, len(steps) - 1)
        more.insert(at, steps[at]._replace(cadence_spm=nothing))
    assert begun([watched], more) == begun([watched], steps)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60), st.integers(1, 12))
def test_the_running_median_is_the_median(values, length):
    window = _Window(length)
    for k, value in enumerate(values):
        window.add(value)
        assert window.median == pytest.approx(np.median(values[max(k + 1 - length, 0) : k + 1]))


@given(
    st.lists(
        st.builds(make_step, st.floats(), cadence_spm=st.floats(), peak_impact_g=st.floats()), max_size=40
    )
)
def test_no_value_of_a_step_raises_an_error(steps):
    watch = AlertWatch([*DEFAULT_RULES, rule(above=1.0), rule(below=2.0)], 10.0)
    watch.steps(steps)
    assert len(watch.active) <= len(DEFAULT_RULES) + 2


def test_memory_is_bounded():
    watch = AlertWatch(DEFAULT_RULES, 1e5)
    kept = []
    for hour in range(3):
        watch.steps(make_run("peak_impact_g", [2.0] * 10_000, start_s=3600.0 * hour))
        kept.append(
            sum(
                len(w._fresh_values) + len(w._window._values) for w in watch._watches if hasattr(w, "_window")
            )
        )
    assert kept[0] == kept[1] == kept[2] < 1000


# -- the defaults on whole runs -------------------------------------------------------------------------


def alerts_of(recording, limit=None):
    table = analyze(recording).steps
    steps = [Step(*row) for row in table[list(Step._fields)].itertuples(index=False)]
    return begun(DEFAULT_RULES, steps, limit)


@pytest.mark.parametrize("has_gyro", [True, False])
def test_default_rules_do_not_alert_on_a_steady_run(has_gyro):
    recording = steady_run(PEOPLE_S, 3.0, rate_hz=50.0).recording
    if not has_gyro:
        recording = Recording(acc=recording.acc, rate_hz=recording.rate_hz)
    assert alerts_of(recording) == []


def test_default_rules_alert_when_a_runner_tires():
    tired = RunnerModel(fatigue_sway=0.6, fatigue_cadence=-0.12)
    run = simulate([Segment("running", PEOPLE_S)], tired, SensorModel(rate_hz=50.0), seed=5)
    alerts = alerts_of(run.recording)
    assert {alert.key for alert in alerts} == {"cadence", "side_tilt"}
    assert len(alerts) == 2


def test_default_rules_alert_once_each_on_an_eventful_run():
    alerts = alerts_of(eventful_run().recording, limit=20_000.0)
    keys = [alert.key for alert in alerts]
    assert len(set(keys)) == len(keys)
    assert {"load_80", "load_100"} <= set(keys)


def test_default_rules_on_a_real_run(shared_data):
    recording = read(shared_data / "hip_shoe_run" / "left_hip.csv.gz", rate_hz=100.0)
    alerts = alerts_of(recording)
    for one in DEFAULT_RULES:
        times = [alert.time_s for alert in alerts if alert.key == one.key]
        assert all(after - before >= LEAST_QUIET_S for before, after in itertools.pairwise(times))
    assert 1 <= len(alerts) <= 5
    assert {alert.key for alert in alerts} <= {"impact", "cadence", "sideways"}


def test_a_contradictory_rule_cannot_be_made():
    with pytest.raises(RuleError, match="always broken") as caught:
        rule(above=1.0, below=2.0)
    assert caught.value.key == "below"
