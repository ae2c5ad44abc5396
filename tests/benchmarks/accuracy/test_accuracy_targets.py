"""Scores and targets of synthetic results, compared with values computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.accuracy.generate import generate
from benchmarks.accuracy.methods import LEFT_OUT, METHODS
from benchmarks.accuracy.plan import make_plan
from benchmarks.accuracy.quality import calibration
from benchmarks.accuracy.report import words
from benchmarks.accuracy.report.derived import derive
from benchmarks.accuracy.report.robustness import robustness_table
from benchmarks.accuracy.report.scores import pick, score_table
from benchmarks.accuracy.report.targets import MISSED, NOT_MEASURED, REACHED, TARGETS, verdicts
from benchmarks.accuracy.results import read_results
from tests.benchmarks.accuracy.accuracy_helpers import found, made_trial, method

OFF_MS = {"A": 5.0, "B": 12.0, "T": -1.0, "E": 3.0, "S": 11.0}


@pytest.fixture
def results(made, tmp_path, monkeypatch):
    def answer(trial):
        n = len(trial.side)
        off_s = OFF_MS[trial.runner] / 1000 * (0.5 if trial.recording.gyr is None else 1.0)
        return found(trial, initial_off_s=off_s, quality=np.linspace(0.6, 1.0, n))

    monkeypatch.setitem(METHODS, LEFT_OUT, method(answer, LEFT_OUT))
    monkeypatch.setitem(METHODS, "imurun", METHODS[LEFT_OUT])
    generate(make_plan([LEFT_OUT, "late", "imurun"], quick=True), tmp_path, processes=1)
    return read_results(tmp_path)


def verdict(results, label):
    return next(v for v in verdicts(score_table(results), derive(results)) if v.target.label == label)


def test_scores_of_each_group_match_its_contacts(results):
    scores = score_table(results)
    level = pick(scores, method=LEFT_OUT, quantity="initial_error_ms", scope="level").iloc[0]
    # every runner has the same weight; S has no gyroscope, which halves the error
    errors, counts = np.array([5.0, 12.0, -1.0, 3.0, 5.5]), np.array([14, 12, 14, 14, 14])
    assert (level["n"], level["n_runners"]) == (68, 5)
    assert level["bias"] == pytest.approx(errors.mean())
    sd = np.sqrt(errors.var() / (1 - np.mean(1 / counts) / 5))
    assert level["sd"] == pytest.approx(sd)
    assert level["rmse"] == level["value"] == pytest.approx(np.sqrt(np.mean(errors**2)))
    assert level["limit_high"] == pytest.approx(errors.mean() + 1.96 * sd)
    assert level["rmse_low"] < level["rmse"] < level["rmse_high"]
    runner = pick(scores, method=LEFT_OUT, quantity="initial_error_ms", scope="level", group="runner")
    assert runner.set_index("member")["rmse"].round(6).to_dict() == {
        "A": 5.0,
        "B": 12.0,
        "T": 1.0,
        "E": 3.0,
        "S": 5.5,
    }
    assert np.isnan(runner["rmse_low"]).all()
    f1 = pick(scores, method=LEFT_OUT, quantity="f1", scope="all").iloc[0]
    assert (f1["value"], f1["n"], f1["n_runners"]) == (1.0, 82, 5)


def test_a_missed_target_names_the_distance_and_the_runners(results):
    level = verdict(results, "Initial contact, level")
    assert level.word == MISSED
    assert level.missed_by == pytest.approx(np.sqrt(np.mean(np.square([5.0, 12.0, 1.0, 3.0, 5.5]))) - 6.3)
    assert words.verdict_words(level) == "not reached by 0.2 ms; worst: B 12.0 ms"
    worst = verdict(results, "Contact time, worst runner")
    assert worst.value == pytest.approx(12.0)
    assert words.verdict_words(worst) == "reached, on every runner"
    frequent = verdict(results, "Contact time, level")
    assert frequent.word == REACHED
    assert [name for name, _ in frequent.worst] == []
    assert level.best_rule == ("late", pytest.approx(30.0))
    contact = verdict(results, "Contact time, slopes")
    assert contact.word == REACHED
    assert words.verdict_words(contact) == "reached, on every runner"
    frequency = verdict(results, "Step frequency")
    assert frequency.value == pytest.approx(0.0, abs=1e-9)
    assert verdict(results, "Active peak force, level").word == NOT_MEASURED
    assert words.verdict_words(verdict(results, "Active peak force, level")) == NOT_MEASURED


def test_the_text_of_a_missed_target_has_the_distance(results, monkeypatch):
    results.contacts.loc[results.contacts["method"] == LEFT_OUT, "initial_error_ms"] += 4.0
    level = verdict(results, "Initial contact, level")
    errors = np.array([9.0, 16.0, 3.0, 7.0, 9.5])
    assert level.word == MISSED
    assert level.missed_by == pytest.approx(np.sqrt(np.mean(errors**2)) - 6.3)
    assert words.verdict_words(level).startswith(f"not reached by {level.missed_by:.1f} ms; worst: B 16.0 ms")


def test_a_share_must_be_at_least_the_limit(results):
    rows = results.contacts
    mine = (rows["method"] == LEFT_OUT) & (rows["condition"] == "as recorded")
    rows.loc[rows[mine & (rows["runner"] == "T")].index[:1], "side_right"] = 0.0
    sides = verdict(results, "Side, six axes")
    assert sides.value == pytest.approx(100 * (1 - 1 / 14 / 5))  # one of T's 14, who is one of five
    assert sides.missed_by == pytest.approx(99.5 - sides.value)
    assert sides.worst[0][0] == "T"
    assert verdict(results, "Side, without gyroscope").value == 100.0


def test_without_the_method_targets_are_not_measured(results):
    scores = score_table(results)
    assert {v.word for v in verdicts(scores[scores["method"] != LEFT_OUT], {})} == {NOT_MEASURED}


def test_conditions_are_compared_on_the_same_trials(results):
    table = robustness_table(results)
    mine = table[table["method"] == LEFT_OUT].set_index("condition").loc["without gyroscope"]
    assert mine["n_true"] == 54  # S has no gyroscope to lose
    recorded = np.array([5.0, 12.0, -1.0, 3.0])
    assert mine["recorded_initial_error_ms"] == pytest.approx(np.sqrt(np.mean(recorded**2)))
    assert mine["initial_error_ms"] == pytest.approx(np.sqrt(np.mean((recorded / 2) ** 2)))
    assert (mine["f1"], mine["side_right"]) == (1.0, 100.0)


def test_calibration_reads_the_contacts_of_the_results(results):
    mine = results.contacts[results.contacts["method"] == LEFT_OUT]
    table = calibration(mine)
    assert table["steps"].sum() == len(mine)
    last = mine[mine["quality"] > table["above"].iloc[-1]]
    rmse = np.sqrt(np.mean(last["initial_error_ms"] ** 2))
    assert table["initial_error_ms_rmse"].iloc[-1] == pytest.approx(rmse)


def test_every_target_of_the_table_has_a_source():
    assert len({target.label for target in TARGETS}) == len(TARGETS)
    assert all(target.published and target.source for target in TARGETS)


def test_no_true_contact_causes_no_division_by_zero(made, tmp_path):
    made["running_speeds"] = [made_trial("A", n=0)]
    generate(make_plan(["late"], ["running_speeds"], quick=True), tmp_path, processes=1)
    scores = score_table(read_results(tmp_path))
    assert scores[scores["quantity"] == "f1"]["value"].isna().all()
    assert (scores["n"].fillna(0) == 0).all()
