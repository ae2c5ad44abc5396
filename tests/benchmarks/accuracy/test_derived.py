"""Intervals, calibration and changes by conditions, of synthetic results with values known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.accuracy.generate import generate
from benchmarks.accuracy.methods import LEFT_OUT, METHODS
from benchmarks.accuracy.plan import make_plan
from benchmarks.accuracy.report import words
from benchmarks.accuracy.report.derived import derive
from benchmarks.accuracy.report.quantities import CALIBRATED, CHANGE, INSIDE, RANK, WIDTH, derived
from benchmarks.accuracy.report.scores import score_table
from benchmarks.accuracy.report.targets import MISSED, NOT_MEASURED, REACHED, shortfall, verdicts
from benchmarks.accuracy.results import read_results
from tests.benchmarks.accuracy.accuracy_helpers import found, made_trial, method

OFF_MS = {"E2.5": 4.0, "E3.5": 10.0, "E4.5": 13.0, "F2.5": -2.0, "F3.5": -6.0, "F4.5": -6.0}
"""Errors of contact time by trial."""
HALF_MS = {"E2.5": 5.0, "E3.5": 9.0, "E4.5": 14.0, "F2.5": 1.0, "F3.5": 7.0, "F4.5": 8.0}


def results_of(made, tmp_path, monkeypatch, answer, **options):
    made["rbds_speeds"] = [
        made_trial(name[0], name, dataset="rbds_speeds", speed_m_s=float(name[1:])) for name in OFF_MS
    ]
    monkeypatch.setitem(METHODS, LEFT_OUT, method(answer, LEFT_OUT))
    generate(make_plan([LEFT_OUT], ["rbds_speeds"], **options), tmp_path, processes=1)
    return read_results(tmp_path)


def with_intervals(trial):
    n = len(trial.side)
    scatter_ms = np.where(np.arange(n) % 2, 3.0, -3.0)
    return found(
        trial,
        final_off_s=(OFF_MS[trial.name] + scatter_ms) / 1000,
        half_widths={"contact_half_ms": HALF_MS[trial.name] + scatter_ms / 3},
    )


def test_intervals_are_judged_by_trial(made, tmp_path, monkeypatch):
    figures = derive(results_of(made, tmp_path, monkeypatch, with_intervals, quick=True))
    inside = figures[derived(INSIDE, "contact_error_ms")]
    # E3.5 and F2.5 are outside
    assert (inside.value, inside.n, inside.n_runners) == (pytest.approx(100 * 4 / 6), 6, 2)
    assert inside.by_runner == {"E": pytest.approx(200 / 3), "F": pytest.approx(200 / 3)}
    off = np.array(list(OFF_MS.values()))
    assert figures[derived(WIDTH, "contact_error_ms")].value == pytest.approx(7.5 / np.sqrt(np.mean(off**2)))
    # ranks of the half widths 2 5 6 1 3 4, of the errors 2 5 6 1 3.5 3.5
    ranks = np.corrcoef([2, 5, 6, 1, 3, 4], [2, 5, 6, 1, 3.5, 3.5])[0, 1]
    assert figures[derived(RANK, "contact_error_ms")].value == pytest.approx(ranks)
    assert derived(INSIDE, "peak_error_bw") not in figures


def test_calibrated_at_the_middle_speed(made, tmp_path, monkeypatch):
    figures = derive(results_of(made, tmp_path, monkeypatch, with_intervals, quick=True))
    left = figures[CALIBRATED]
    assert left.by_runner == {
        "E": pytest.approx(np.sqrt((6.0**2 + 3.0**2) / 2)),
        "F": pytest.approx(np.sqrt(4.0**2 / 2)),
    }
    assert left.value == pytest.approx(np.sqrt((45 / 2 + 16 / 2) / 2))
    assert left.harmonised == pytest.approx(left.value)
    assert (left.n, left.n_runners) == (4, 2)


def test_the_worst_condition_of_a_family_counts(made, tmp_path, monkeypatch):
    def at_rate(trial):
        fast = trial.recording.rate_hz == 400.0
        return found(trial, final_off_s=0.009 if fast else 0.005)

    results = results_of(made, tmp_path, monkeypatch, at_rate)
    change = derive(results)[derived(CHANGE, "rate")]
    assert change.value == pytest.approx(4.0)
    assert change.note == "400 Hz"
    assert derive(results)[derived(CHANGE, "place")].value == pytest.approx(0.0, abs=1e-9)
    by_label = {v.target.label: v for v in verdicts(score_table(results), derive(results))}
    rate = by_label["Contact time, change: 50 to 400 Hz"]
    assert rate.word == MISSED
    assert words.verdict_words(rate) == "not reached by 2.0 ms (400 Hz)"
    assert by_label["Contact time, change: sensor 5 cm off"].word == REACHED


def test_an_interval_that_is_too_wide_misses_the_target(made, tmp_path, monkeypatch):
    def wide(trial):
        n = len(trial.side)
        return found(trial, final_off_s=0.005, half_widths={"contact_half_ms": np.full(n, 50.0)})

    results = results_of(made, tmp_path, monkeypatch, wide, quick=True)
    by_label = {v.target.label: v for v in verdicts(score_table(results), derive(results))}
    inside = by_label["90 % interval, contact time: trials inside"]
    assert (inside.value, inside.word) == (100.0, MISSED)
    assert words.limit_words(inside) == "85 to 95 %"
    assert words.verdict_words(inside) == "not reached by 5 %"
    assert shortfall(inside.target, 90.0) == 0.0
    assert shortfall(inside.target, 80.0) == 5.0
    # widths that are all the same have no rank
    assert by_label["90 % interval, contact time: rank with error"].word == NOT_MEASURED


def test_without_intervals_or_contacts_nothing_is_derived(made, tmp_path, monkeypatch):
    results = results_of(made, tmp_path, monkeypatch, lambda trial: found(trial, drop=range(20)), quick=True)
    assert derive(results) == {}
