"""Matching of hand-written contacts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from benchmarks.accuracy.match import f1_score, match
from tests.benchmarks.accuracy.accuracy_helpers import CONTACT_S, STEP_S, found, made_trial


def test_the_truth_matches_itself():
    trial = made_trial()
    result = match(trial, trial.initial_contact_s, trial.final_contact_s)
    assert result.found_of_true.tolist() == list(range(14))
    assert (result.n_true, result.n_found, result.n_invented, result.f1) == (14, 14, 0, 1.0)


def test_missed_and_false_contacts_are_counted():
    trial = made_trial()
    answer = found(trial, drop=(3, 4), extra_s=(trial.initial_contact_s[7] + 0.5 * STEP_S,))
    result = match(trial, answer.initial_s, answer.final_s)
    assert (result.n_true, result.n_found, result.n_invented) == (14, 12, 1)
    assert result.f1 == pytest.approx(2 * 12 / (2 * 12 + 2 + 1))
    assert result.found_of_true[3] == result.found_of_true[4] == -1


def test_contacts_match_within_the_tolerance_only():
    trial = made_trial()
    for off_s, tolerance_s, n_found in ((0.049, 0.05, 14), (-0.051, 0.05, 0), (-0.051, 0.1, 14)):
        answer = found(trial, initial_off_s=off_s)
        result = match(trial, answer.initial_s, answer.final_s, tolerance_s=tolerance_s)
        assert result.n_found == n_found
        assert result.n_invented == 14 - n_found


def test_the_nearer_of_two_found_contacts_matches_and_the_other_is_false():
    trial = made_trial()
    at_s = trial.initial_contact_s[5]
    initial_s = np.array([at_s - 0.03, at_s + 0.01])
    result = match(trial, initial_s, initial_s + CONTACT_S)
    assert result.found_of_true[5] == 1
    assert (result.n_found, result.n_invented) == (1, 1)


def test_contacts_near_the_ends_do_not_count():
    trial = made_trial(first_s=0.2)
    assert match(trial, trial.initial_contact_s, trial.final_contact_s).n_true == 13
    kept = found(trial, extra_s=(0.1,))
    result = match(trial, kept.initial_s, kept.final_s)
    assert (result.n_true, result.n_found, result.n_invented) == (13, 13, 0)


def test_a_contact_at_the_margin_matches_one_that_does_not_count():
    trial = made_trial(first_s=0.49)
    answer = found(trial, initial_off_s=0.02)  # the first is inside the margin now
    assert match(trial, answer.initial_s, answer.final_s).n_invented == 0


def test_final_contacts_may_be_unknown():
    trial = made_trial()
    result = match(trial, trial.initial_contact_s + STEP_S / 2, np.full(14, np.nan))
    assert (result.n_found, result.n_invented) == (0, 14)


def test_empty_truth_or_result_has_an_f1_of_nan_or_zero():
    trial = made_trial(n=0)
    none = np.zeros(0)
    assert np.isnan(match(trial, none, none).f1)
    assert match(trial, np.array([1.0]), np.array([1.2])).f1 == 0.0
    assert match(made_trial(), none, none).f1 == 0.0
    assert np.isnan(f1_score(0, 0, 0))


@given(st.lists(st.floats(0.3, 5.4), max_size=25, unique=True))
def test_matches_are_one_to_one_and_of_largest_number(times):
    """With contacts farther apart than twice the tolerance the closest pair first is also the best set."""
    trial = made_trial()
    initial_s = np.sort(np.array(times))
    result = match(trial, initial_s, initial_s + 0.2)
    pairs = result.found_of_true[result.found_of_true >= 0]
    assert len(set(pairs.tolist())) == len(pairs)
    apart = np.abs(trial.initial_contact_s[:, None] - initial_s[None, :])
    assert all(apart[k, j] <= 0.05 for k, j in enumerate(result.found_of_true) if j >= 0)
    near = np.where(apart <= 0.05, 0.0, 1.0)
    rows, columns = linear_sum_assignment(near)
    assert len(pairs) == int((near[rows, columns] == 0).sum())
