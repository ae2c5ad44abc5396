"""Errors of synthetic contacts with known deviations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.accuracy.compare import COLUMNS, HARMONISED, compare, nothing_found
from benchmarks.accuracy.pelvis import stride_ranges_deg
from tests.benchmarks.accuracy.accuracy_helpers import RATE_HZ, STEP_S, found, made_trial, method


def compared(trial, answer, **options):
    return compare(method(lambda _: answer, **options), trial, answer)


def test_moved_contacts_have_known_errors():
    trial = made_trial()
    rows, record = compared(trial, found(trial, initial_off_s=0.01, final_off_s=-0.005))
    assert tuple(rows.columns) == (*COLUMNS, "quality")
    for name, value in (
        ("initial_error_ms", 10.0),
        ("final_error_ms", -5.0),
        ("contact_error_ms", -15.0),
        ("flight_error_ms", 15.0),
    ):
        known = rows[name].dropna()
        assert len(known) == (13 if name.startswith("flight") else 14)
        assert np.allclose(known, value), name
    assert (rows["side_right"] == 1).all()
    assert record["step_frequency_error_percent"] == pytest.approx(0.0, abs=1e-9)
    assert rows["peak_error_bw"].isna().all()


def test_a_second_column_is_against_the_harmonised_truth():
    trial = made_trial(peak_bw=np.full(14, 2.5))
    answer = found(trial, initial_off_s=0.01, peak_bw=np.full(14, 2.6))
    truth = replace(
        trial,
        initial_contact_s=trial.initial_contact_s + 0.012,
        final_contact_s=trial.final_contact_s - 0.004,
        peak_bw=trial.peak_bw + 0.05,
    )
    rows, _ = compare(method(lambda _: answer), trial, answer, truth)
    for name, value in (
        ("initial_error_ms", 10.0),
        ("initial_harmonised_error_ms", -2.0),
        ("final_harmonised_error_ms", 4.0),
        ("contact_harmonised_error_ms", 6.0),
        ("peak_error_bw", 0.1),
        ("peak_harmonised_error_bw", 0.05),
    ):
        assert np.allclose(rows[name], value), name
    same, _ = compared(trial, answer)
    for name, harmonised in HARMONISED.items():
        np.testing.assert_array_equal(same[name], same[harmonised])


def test_half_widths_are_those_of_the_matched_contacts():
    trial = made_trial()
    answer = found(trial, drop=(3,), half_widths={"contact_half_ms": np.arange(13.0)})
    rows, _ = compared(trial, answer)
    assert rows["contact_half_ms"].tolist()[:3] == [0.0, 1.0, 2.0]
    assert np.isnan(rows["contact_half_ms"][3])
    assert rows["contact_half_ms"][4] == 3.0
    assert rows["peak_half_bw"].isna().all()


def test_sides_are_known_or_not_among_the_contacts_found():
    trial = made_trial()
    answer = found(trial, drop=(5,))
    sides = answer.side.copy()
    sides[:2] = "unknown"
    rows, _ = compared(trial, replace(answer, side=sides))
    assert rows["side_known"].tolist()[:3] == [0.0, 0.0, 1.0]
    assert np.isnan(rows["side_known"][5])
    for rows, _ in (
        compared(trial, answer, gives_side=False),
        compared(replace(trial, side=("unknown",) * 14), answer),
    ):
        assert rows["side_known"].isna().all()


def test_step_frequency_uses_consecutive_matched_contacts_only():
    trial = made_trial()
    answer = found(trial, drop=(6,))
    stretched = replace(answer, initial_s=1.0 + (answer.initial_s - 1.0) * 1.002)
    rows, record = compared(trial, stretched)
    assert record["step_frequency_error_percent"] == pytest.approx(100 * (1 / 1.002 - 1), abs=1e-9)
    assert not rows["found"][6]
    assert rows["flight_error_ms"][[0, 6, 7]].isna().all()


def test_a_false_contact_between_two_interrupts_the_sequence():
    trial = made_trial()
    answer = found(trial, extra_s=(trial.initial_contact_s[4] + STEP_S / 2,))
    rows, record = compared(trial, answer)
    assert np.isnan(rows["flight_error_ms"][5])
    assert record["n_invented"] == 1
    assert record["step_frequency_error_percent"] == pytest.approx(0.0, abs=1e-9)


def test_a_gap_in_the_truth_is_not_a_long_step():
    whole = made_trial()
    kept = np.delete(np.arange(14), 7)
    trial = replace(
        whole,
        initial_contact_s=whole.initial_contact_s[kept],
        final_contact_s=whole.final_contact_s[kept],
        side=tuple(whole.side[k] for k in kept),
        peak_bw=whole.peak_bw[kept],
    )
    rows, _ = compared(trial, found(trial))
    assert rows["flight_error_ms"].isna().sum() == 2
    assert np.allclose(rows["flight_error_ms"].dropna(), 0.0)


def test_sides_are_scored_if_known():
    trial = made_trial()
    answer = found(trial)
    sides = answer.side.copy()
    sides[0], sides[1] = "unknown", sides[0]
    rows, _ = compared(trial, replace(answer, side=sides))
    assert rows["side_right"].tolist() == [0.0, 0.0, *[1.0] * 12]
    rows, _ = compared(trial, replace(answer, side=sides), gives_side=False)
    assert rows["side_right"].isna().all()
    rows, _ = compared(replace(trial, side=("unknown",) * 14), answer)
    assert rows["side_right"].isna().all()


def test_missing_values_of_the_waveform_count_as_zero_force():
    trial = made_trial()
    assert trial.vgrf_bw is not None
    answer = found(trial)
    _, same = compared(trial, replace(answer, vgrf_bw=trial.vgrf_bw))
    assert same["waveform_rmse_bw"] == 0.0
    _, more = compared(trial, replace(answer, vgrf_bw=trial.vgrf_bw + 0.1))
    assert more["waveform_rmse_bw"] == pytest.approx(0.1)
    _, none = compared(trial, replace(answer, vgrf_bw=np.full(len(trial.recording), np.nan)))
    inside = slice(int(0.7 * RATE_HZ), int(trial.final_contact_s[-1] * RATE_HZ) + 1)
    assert none["waveform_rmse_bw"] == pytest.approx(np.sqrt(np.mean(trial.vgrf_bw[inside] ** 2)), rel=0.01)
    _, absent = compared(trial, answer)
    assert np.isnan(absent["waveform_rmse_bw"])


def test_without_found_or_true_contacts_errors_are_nan():
    rows, record = compared(made_trial(), nothing_found())
    assert len(rows) == 14
    assert not rows["found"].any()
    assert (record["n_found"], record["n_invented"]) == (0, 0)
    empty = made_trial(n=0)
    rows, record = compared(empty, nothing_found())
    assert len(rows) == 0
    assert tuple(rows.columns) == (*COLUMNS, "quality")
    assert record["n_true"] == 0
    _, record = compared(empty, found(empty, extra_s=(1.0, 2.0)))
    assert record["n_invented"] == 2


def test_pelvis_ranges_are_over_the_stride_before():
    trial = made_trial()
    time_s = trial.recording.time_s
    roll = 4.0 * np.sin(2 * np.pi * time_s / (2 * STEP_S))
    angles = np.column_stack([roll, np.full(len(roll), 5.0), np.zeros(len(roll))])
    trial = replace(trial, angles_deg=angles)
    true_roll, true_pitch = stride_ranges_deg(trial)
    assert np.isnan(true_roll[:2]).all()
    assert np.allclose(true_roll[2:], 8.0, atol=0.1)
    assert np.allclose(true_pitch[2:], 0.0, atol=0.1)
    answer = found(trial, roll_range_deg=np.full(14, 8.5), pitch_range_deg=np.full(14, 0.5))
    rows, _ = compared(trial, answer)
    assert np.allclose(rows["roll_range_error_deg"][2:], 0.5, atol=0.1)
    assert np.allclose(rows["pitch_range_error_deg"][2:], 0.5, atol=0.1)
