"""What a browser is told, without one: bounded, and in step with the run."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import pytest
from bokeh.document import Document

from imurun.live.page.document import MOMENT, Follower
from imurun.live.page.moment import BEAT_S, Moments
from imurun.live.page.trends import LOAD, SIDE_STEPS, SPANS, WINDOW_MIN, Trends
from imurun.live.state import CURVE_POINTS, Alert, RunState
from tests.live.page_helpers import STEP_S, made_step

TWO_HOURS_STEPS = int(7200 / STEP_S)


class Clock:
    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


def followed(states, chosen=0):
    clock = Clock()
    document = Document()
    return clock, document, Follower(document, Moments(states, clock), chosen)


def moment(document):
    return json.loads(document.get_model_by_name(MOMENT).data["json"][0])


def columns(trends, column="cadence_spm"):
    return {side: list(source.data[column]) for side, source in trends.sources.items()}


def size(document):
    """Of the document as a browser gets it."""
    return len(json.dumps(document.to_json().content, default=lambda value: str(value)))


def test_two_hours_leave_the_document_as_it_was_after_twenty_minutes():
    state = RunState("a", load_limit_bw4=50_000.0)
    clock, document, follower = followed([state])
    sizes = {}
    n_models = len(list(document.models))
    for first in range(0, TWO_HOURS_STEPS, 16):
        steps = [made_step(k) for k in range(first, first + 16)]
        state.steps(steps)
        clock.now_s = 1000.0 + steps[-1].final_contact_s
        state.samples(steps[-1].final_contact_s, clock.now_s, clock.now_s)
        follower.update()
        minute = int(steps[-1].final_contact_s // 60)
        if minute in {20, 60, 119}:
            sizes[minute] = size(document)
        for source in follower.trends.sources.values():
            assert {len(column) for column in source.data.values()} <= {len(source.data["minute"])}
            assert len(source.data["minute"]) <= SIDE_STEPS
    load = follower.trends.plots[LOAD].renderers[0].data_source.data
    assert len(load["minute"]) <= CURVE_POINTS
    assert load[LOAD][-1] == pytest.approx(1.6 * TWO_HOURS_STEPS, rel=0.02)
    assert len(list(document.models)) == n_models
    assert sizes[119] < 1.4 * sizes[20]
    assert max(sizes.values()) < 300_000
    ends = follower.trends.plots["cadence_spm"].x_range
    assert ends.end - ends.start == pytest.approx(WINDOW_MIN)
    assert ends.end == pytest.approx(120.0, abs=0.1)
    newest = columns(follower.trends, "minute")["left"]
    assert newest[0] <= ends.start
    assert newest[-1] == pytest.approx(ends.end, abs=0.02)


def test_a_browser_that_comes_late_gets_what_the_others_have():
    state = RunState("a")
    early = Trends()
    for first in range(0, 3000, 7):
        state.steps([made_step(k) for k in range(first, first + 7)])
        early.update(state)
    late = Trends()
    late.update(state)
    for side in ("left", "right"):
        one, other = columns(early, "minute")[side], columns(late, "minute")[side]
        assert one == other[-len(one) :]
        assert len(other) == SIDE_STEPS


def test_more_at_once_than_is_kept():
    state = RunState("a")
    state.steps([made_step(k) for k in range(5000)])
    trends = Trends()
    trends.update(state)
    assert {len(values) for side, values in columns(trends).items() if side != "unknown"} == {SIDE_STEPS}


def test_a_gap_breaks_the_line_and_an_unknown_side_is_drawn():
    state = RunState("a")
    steps = [made_step(k) for k in range(10)]
    steps += [made_step(k, at_s=60.0 + k * STEP_S) for k in range(10)]
    steps.append(made_step(20, side="unknown", at_s=64.0))
    state.steps(steps)
    trends = Trends()
    trends.update(state)
    told = columns(trends)
    assert [math.isnan(value) for value in told["left"]] == [False] * 5 + [True] + [False] * 5
    assert len(told["unknown"]) == 1


@pytest.mark.parametrize("column", SPANS)
def test_axes_hold_what_is_drawn_and_keep_calm(column):
    state = RunState("a")
    trends = Trends()
    axes = []
    for first in range(0, 1200, 4):
        state.steps([made_step(k) for k in range(first, first + 4)])
        if first == 400:
            state.steps([made_step(first, **{column: 1e4})])
        trends.update(state)
        axes.append((trends.plots[column].y_range.start, trends.plots[column].y_range.end))
    low, high = axes[-1]
    values = [getattr(made_step(k), column) for k in range(1200)]
    assert low < min(values) < max(values) < high
    assert high - low < 5 * SPANS[column]
    assert sum(one != other for one, other in pairwise(axes)) < 12


def test_a_column_that_is_not_measured_is_no_trouble():
    state = RunState("a")
    clock, document, follower = followed([state])
    state.steps([made_step(k, roll_rom_deg=math.nan, lumbar_dose=math.nan) for k in range(20)])
    state.samples(7.0, clock.now_s, clock.now_s)
    follower.update()
    assert moment(document)["run"]["values"]["roll_rom_deg"] is None
    assert all(math.isnan(value) for value in columns(follower.trends, "roll_rom_deg")["left"])


def test_nothing_is_told_until_something_happens_or_a_beat_is_due():
    state = RunState("a")
    clock, document, follower = followed([state])
    source = document.get_model_by_name(MOMENT)
    told = []
    source.on_change("data", lambda attr, old, new: told.append(clock.now_s))
    follower.update()
    clock.now_s += 0.5 * BEAT_S
    follower.update()
    assert told == []
    state.samples(1.0, clock.now_s, clock.now_s)
    follower.update()
    assert len(told) == 1
    clock.now_s += 0.5 * BEAT_S
    follower.update()
    assert len(told) == 1
    clock.now_s += 0.6 * BEAT_S
    follower.update()
    assert len(told) == 2


def test_values_are_told_until_they_are_three_seconds_old():
    state = RunState("a")
    clock, document, follower = followed([state])
    state.steps([made_step(k) for k in range(20)])
    measured_s = clock.now_s
    state.samples(20 * STEP_S, measured_s, measured_s)
    while clock.now_s < measured_s + 5.0:
        follower.update()
        run = moment(document)["run"]
        if run["values"]["cadence_spm"] is not None:
            assert clock.now_s - measured_s < 3.0 + BEAT_S
        clock.now_s += 0.1
    assert run["bout"] == "gap"
    assert run["is_fresh"] is False


def test_the_moment_of_a_team():
    states = [RunState("a"), RunState("b")]
    clock, document, follower = followed(states, chosen=1)
    states[0].steps([made_step(k) for k in range(8)])
    states[0].samples(3.0, clock.now_s, clock.now_s)
    states[0].alerts = (Alert("impact", 2.0, "Softer."),)
    states[1].missing_s = math.nan
    follower.update()
    told = moment(document)
    assert told["run"]["name"] == "b"
    assert told["run"]["missing_s"] is None
    assert [one["name"] for one in told["team"]] == ["a", "b"]
    assert told["team"][0]["cadence_spm"] == pytest.approx(176.0, abs=4)
    assert told["team"][0]["alerts"][0]["sentence"] == "Softer."
    assert columns(follower.trends)["left"] == []
