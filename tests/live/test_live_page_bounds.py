"""The updates that a browser gets, without a browser: bounded in size, and in step with the run."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from imurun.live import page
from imurun.live.page.messages import MAX_INTERVAL_S, MIN_INTERVAL_S, UpdateFeed, Updates
from imurun.live.page.trends import MAX_ROWS, SPANS, WINDOW_MIN, Cursor, Trends
from imurun.live.state import CURVE_POINTS, Alert, RunState
from imurun.plot_style import INK, LOAD_COLOR, SIDES
from tests.live.page_helpers import STEP_S, made_step

TWO_HOURS_STEPS = int(7200 / STEP_S)


class Clock:
    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


class Browser:
    """As much of the page as collects updates."""

    def __init__(self, updates, chosen=0):
        self._feed = UpdateFeed(updates, chosen)
        self.update, self.rows, self.load, self.window_min = {}, [], {}, None
        self.text = ""

    def take(self):
        """Whether an update was due."""
        text = self._feed.take()
        if text is None:
            return False
        self.text, self.update = text, json.loads(text)
        trends = self.update["trends"] or {}
        self.rows += trends.get("rows", [])
        self.window_min = trends.get("window_min", self.window_min)
        self.load = trends.get("load", self.load)
        return True


def followed(states, chosen=0):
    clock = Clock()
    updates = Updates(states, clock)
    return clock, updates, Browser(updates, chosen)


def columns(rows, column="cadence_spm"):
    """Values by side; None where the line is interrupted or nothing was measured."""
    place = 1 if column == "minute" else 2 + list(SPANS).index(column)
    return {side: [row[place] for row in rows if row[0] == side] for side in SIDES}


def test_two_hours_leave_an_update_as_large_as_after_twenty_minutes():
    state = RunState("a", load_limit_bw4=50_000.0)
    clock, updates, browser = followed([state])
    first_sizes, next_sizes = {}, []
    for first in range(0, TWO_HOURS_STEPS, 16):
        steps = [made_step(k) for k in range(first, first + 16)]
        state.steps(steps)
        clock.now_s = 1000.0 + steps[-1].final_contact_s
        state.samples(steps[-1].final_contact_s, clock.now_s, clock.now_s)
        browser.take()
        next_sizes.append(len(browser.text))
        minute = int(steps[-1].final_contact_s // 60)
        if minute in {20, 60, 119}:
            late = Browser(updates)
            late.take()
            first_sizes[minute] = len(late.text)
            assert len(late.rows) <= MAX_ROWS
    assert len(browser.load["curve"]) <= CURVE_POINTS
    assert browser.load["curve"][-1][1] == pytest.approx(1.6 * TWO_HOURS_STEPS, rel=0.02)
    assert first_sizes[119] < 1.4 * first_sizes[20]
    assert max(first_sizes.values()) < 100_000
    assert max(next_sizes) < 30_000
    start, end = browser.window_min
    assert end - start == pytest.approx(WINDOW_MIN)
    assert end == pytest.approx(120.0, abs=0.1)
    newest = columns(late.rows, "minute")["left"]
    assert newest[0] <= start
    assert newest[-1] == pytest.approx(end, abs=0.02)


def test_a_browser_that_comes_late_gets_the_rows_of_the_others():
    state = RunState("a")
    early, late, clock = Trends(), Trends(), Cursor()
    rows = []
    for first in range(0, 3000, 7):
        state.steps([made_step(k) for k in range(first, first + 7)])
        early.update(state)
        increment, clock = early.since(clock)
        assert len(increment["rows"]) == 7
        rows += increment["rows"]
    late.update(state)
    for trends in (early, late):
        kept = trends.since(Cursor())[0]["rows"]
        assert len(kept) == MAX_ROWS
        assert kept == rows[-MAX_ROWS:]
    assert early.since(clock) == (None, clock)


def test_a_browser_that_skips_updates_misses_no_row():
    state = RunState("a")
    clock, updates, browser = followed([state])
    other = Browser(updates)
    browser.take()
    other.take()
    for k in range(60):
        state.steps([made_step(k)])
        clock.now_s += STEP_S
        state.samples(k * STEP_S, clock.now_s, clock.now_s)
        browser.take()
        if k % 20 == 19:
            other.take()
    assert len(browser.rows) == 60
    assert other.rows == browser.rows
    assert other.update == browser.update | {"trends": other.update["trends"]}


def test_more_steps_than_rows_keep_the_newest_of_each_side():
    state = RunState("a")
    state.steps([made_step(k) for k in range(5000)])
    trends = Trends()
    trends.update(state)
    assert {side: len(values) for side, values in columns(trends.rows).items()} == {
        "left": MAX_ROWS // 2,
        "right": MAX_ROWS // 2,
        "unknown": 0,
    }


def test_a_gap_breaks_the_line_and_an_unknown_side_is_drawn():
    state = RunState("a")
    steps = [made_step(k) for k in range(10)]
    steps += [made_step(k, at_s=60.0 + k * STEP_S) for k in range(10)]
    steps.append(made_step(20, side="unknown", at_s=64.0))
    state.steps(steps)
    trends = Trends()
    trends.update(state)
    drawn = columns(trends.rows)
    assert [value is None for value in drawn["left"]] == [False] * 5 + [True] + [False] * 5
    assert len(drawn["unknown"]) == 1


@pytest.mark.parametrize("column", SPANS)
def test_axes_hold_all_points_and_seldom_change(column):
    state = RunState("a")
    trends = Trends()
    axes = []
    for first in range(0, 1200, 4):
        state.steps([made_step(k) for k in range(first, first + 4)])
        if first == 400:
            state.steps([made_step(first, **{column: 1e4})])
        trends.update(state)
        axes.append(trends.axes[column])
    low, high = axes[-1]
    values = [getattr(made_step(k), column) for k in range(1200)]
    assert low < min(values) < max(values) < high
    assert high - low < 5 * SPANS[column]
    assert sum(one != other for one, other in pairwise(axes)) < 12


@pytest.mark.parametrize("column", SPANS)
def test_an_axis_has_its_least_span(column):
    state = RunState("a")
    trends = Trends()
    state.steps([made_step(k, **{column: 50.0}) for k in range(50)])
    trends.update(state)
    low, high = trends.axes[column]
    assert high - low == pytest.approx(1.4 * SPANS[column])
    assert 0.5 * (low + high) == pytest.approx(50.0)


def test_the_load_has_its_limit_on_its_axis():
    state = RunState("a")
    _, _, browser = followed([state])
    state.steps([made_step(k) for k in range(20)])
    state.samples(7.0, 1000.0, 1000.0)
    browser.take()
    assert browser.load["limit_bw4"] is None
    state.load_limit_bw4 = 4000.0
    state.version += 1
    browser.take()
    assert browser.load["limit_bw4"] == 4000.0
    assert browser.load["axes"][1] == [0.0, pytest.approx(4400.0)]
    assert browser.load["axes"][0][1] >= browser.load["curve"][-1][0]


def test_a_column_that_is_not_measured_raises_no_error():
    state = RunState("a")
    clock, _, browser = followed([state])
    state.steps([made_step(k, roll_rom_deg=math.nan, lumbar_dose=math.nan) for k in range(20)])
    state.samples(7.0, clock.now_s, clock.now_s)
    browser.take()
    assert browser.update["run"]["values"]["roll_rom_deg"] is None
    assert columns(browser.rows, "roll_rom_deg")["left"] == [None] * 10
    assert None not in columns(browser.rows, "cadence_spm")["left"]


def test_nothing_is_sent_until_something_happens_or_the_longest_interval_is_over():
    state = RunState("a")
    clock, _, browser = followed([state])
    assert browser.take()
    clock.now_s += 0.5 * MAX_INTERVAL_S
    assert not browser.take()
    state.samples(1.0, clock.now_s, clock.now_s)
    assert browser.take()
    clock.now_s += 0.5 * MAX_INTERVAL_S
    assert not browser.take()
    clock.now_s += 0.6 * MAX_INTERVAL_S
    assert browser.take()


def test_values_are_sent_until_they_are_three_seconds_old():
    state = RunState("a")
    clock, _, browser = followed([state])
    state.steps([made_step(k) for k in range(20)])
    measured_s = clock.now_s
    state.samples(20 * STEP_S, measured_s, measured_s)
    while clock.now_s < measured_s + 5.0:
        browser.take()
        run = browser.update["run"]
        assert browser.update["time_s"] == pytest.approx(clock.now_s, abs=MAX_INTERVAL_S)
        if run["values"]["cadence_spm"] is not None:
            assert clock.now_s - measured_s < 3.0 + MAX_INTERVAL_S
        clock.now_s += 0.1
    assert run["bout"] == "gap"
    assert run["is_fresh"] is False


def test_an_update_of_a_team_has_the_chosen_run_and_all_names():
    states = [RunState("a"), RunState("b")]
    clock, _, browser = followed(states, chosen=1)
    states[0].steps([made_step(k) for k in range(8)])
    states[0].samples(3.0, clock.now_s, clock.now_s)
    states[0].alerts = (Alert("impact", 2.0, "Softer."),)
    states[1].missing_s = math.nan
    browser.take()
    update = browser.update
    assert update["chosen"] == 1
    assert update["run"]["name"] == "b"
    assert update["run"]["missing_s"] is None
    assert [one["name"] for one in update["team"]] == ["a", "b"]
    assert update["team"][0]["cadence_spm"] == pytest.approx(176.0, abs=4)
    assert update["team"][0]["alerts"][0]["sentence"] == "Softer."
    assert browser.rows == []


def test_a_snapshot_is_taken_once_for_all_browsers(monkeypatch):
    states = [RunState("a"), RunState("b")]
    taken = []
    real = RunState.snapshot
    monkeypatch.setattr(RunState, "snapshot", lambda self, now_s: taken.append(self) or real(self, now_s))
    clock, updates, _ = followed(states)
    browsers = [Browser(updates, k % 2) for k in range(40)]
    for n_rounds in (1, 2, 3):
        assert all(browser.take() for browser in browsers)
        assert len(taken) == 2 * n_rounds
        clock.now_s += MIN_INTERVAL_S
        states[0].samples(1.0, clock.now_s, clock.now_s)


def test_the_page_needs_neither_bokeh_nor_jinja2():
    code = "import sys, imurun.live.page; print(sorted({'bokeh', 'jinja2', 'tornado'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['tornado']"


def test_charts_have_the_colours_of_the_report():
    style = (Path(page.__file__).parent / "page.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--chart-(\w+): (#\w+);", style))
    assert colours == SIDES | {"load": LOAD_COLOR, "ink": INK}
