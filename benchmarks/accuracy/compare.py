"""Compares the contacts of a method with the true ones: a row for each contact, a record for each trial.

Errors are against the truth as published, and a second time against the harmonised one (`harmonise`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.accuracy.harmonise import harmonised
from benchmarks.accuracy.match import MARGIN_S, TOLERANCE_S, WIDE_TOLERANCE_S, Match, match
from benchmarks.accuracy.methods import HALF_WIDTHS, Found, ScoredMethod
from benchmarks.accuracy.pelvis import stride_ranges_deg
from benchmarks.datasets import Trial
from benchmarks.datasets.force import CONTACT_BW
from imurun.core.step import LOST_STEP
from imurun.model.frames import FloatArray

KEYS = ("dataset", "runner", "trial", "speed_m_s", "slope_percent", "gyroscope")
ERRORS = (
    "initial_error_ms",
    "final_error_ms",
    "contact_error_ms",
    "flight_error_ms",
    "peak_error_bw",
    "roll_range_error_deg",
    "pitch_range_error_deg",
)
"""Found minus true."""
HARMONISED = {
    "initial_error_ms": "initial_harmonised_error_ms",
    "final_error_ms": "final_harmonised_error_ms",
    "contact_error_ms": "contact_harmonised_error_ms",
    "peak_error_bw": "peak_harmonised_error_bw",
}
"""Columns of the errors against the harmonised truth."""
COLUMNS = (
    *KEYS,
    "true_initial_s",
    "true_contact_ms",
    "found",
    "found_contact_ms",
    *ERRORS,
    *HARMONISED.values(),
    *HALF_WIDTHS,
    "side_right",
    "side_known",
)
"""Columns of the table of contacts, before the quality; a row for each true contact inside the margin."""

RECORD = (
    *KEYS,
    "n_true",
    "n_found",
    "n_invented",
    "n_found_wide",
    "n_invented_wide",
    "step_frequency_error_percent",
    "waveform_rmse_bw",
)
"""Keys of the record of a trial, without its note."""


def keys_of(trial: Trial) -> dict[str, Any]:
    """Columns that identify the trial."""
    return {
        "dataset": trial.dataset,
        "runner": trial.runner,
        "trial": trial.name,
        "speed_m_s": float(trial.speed_m_s),
        "slope_percent": float(trial.slope_percent),
        "gyroscope": trial.recording.gyr is not None,
    }


def nothing_found() -> Found:
    """Empty result of a method that failed."""
    none = np.zeros(0)
    return Found(none, none, np.zeros(0, dtype="<U7"), none, none, none, none)


def compare(
    method: ScoredMethod, trial: Trial, found: Found, truth: Trial | None = None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Errors for each true contact, and counts and errors for the trial.

    Args:
        method: that found the contacts.
        trial: with the truth as published.
        found: by the method.
        truth: the same trial with the harmonised truth; as published by default.

    Returns:
        A table with `COLUMNS` and quality; NaN if a contact was missed or a value is unknown. And
        a record with the keys, the counts at both tolerances, the error of the step frequency (%, over
        matched contacts that follow each other) and the RMSE of the force waveform (BW).
    """
    paired = match(trial, found.initial_s, found.final_s)
    wide = match(trial, found.initial_s, found.final_s, tolerance_s=WIDE_TOLERANCE_S)
    record = {
        **keys_of(trial),
        "n_true": paired.n_true,
        "n_found": paired.n_found,
        "n_invented": paired.n_invented,
        "n_found_wide": wide.n_found,
        "n_invented_wide": wide.n_invented,
        "step_frequency_error_percent": step_frequency_error_percent(trial, found, paired),
        "waveform_rmse_bw": waveform_rmse_bw(trial, found),
    }
    return contact_rows(method, trial, found, paired, trial if truth is None else truth), record


def compare_all(method: ScoredMethod, trials: Iterable[Trial]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare several trials: the rows of all, and their records as a table."""
    tables, records = zip(
        *(compare(method, trial, method.run(trial), harmonised(trial)) for trial in trials), strict=True
    )
    return pd.concat(tables, ignore_index=True), pd.DataFrame(records)


def contact_rows(
    method: ScoredMethod, trial: Trial, found: Found, paired: Match, truth: Trial
) -> pd.DataFrame:
    """A row for each true contact inside the margin."""
    true_roll, true_pitch = stride_ranges_deg(trial)
    there = paired.found_of_true >= 0

    def of_true(values: FloatArray) -> FloatArray:
        picked = np.full(len(there), np.nan)
        picked[there] = np.asarray(values, dtype=np.float64)[paired.found_of_true[there]]
        return picked

    initial_s, final_s = of_true(found.initial_s), of_true(found.final_s)
    true_s = trial.final_contact_s - trial.initial_contact_s
    flight_s, true_flight_s = np.full(len(there), np.nan), np.full(len(there), np.nan)
    follows = following(trial, paired)
    flight_s[1:] = np.where(follows, initial_s[1:] - final_s[:-1], np.nan)
    true_flight_s[1:] = trial.initial_contact_s[1:] - trial.final_contact_s[:-1]
    harmonised_s = truth.final_contact_s - truth.initial_contact_s
    peak_bw = of_true(found.peak_bw)
    unknown = np.full(len(found.initial_s), np.nan)
    columns: dict[str, Any] = {
        "true_initial_s": trial.initial_contact_s,
        "true_contact_ms": 1000.0 * true_s,
        "found": there,
        "found_contact_ms": 1000.0 * (final_s - initial_s),
        "initial_error_ms": 1000.0 * (initial_s - trial.initial_contact_s),
        "final_error_ms": 1000.0 * (final_s - trial.final_contact_s),
        "contact_error_ms": 1000.0 * (final_s - initial_s - true_s),
        "flight_error_ms": 1000.0 * (flight_s - true_flight_s),
        "peak_error_bw": peak_bw - trial.peak_bw,
        "roll_range_error_deg": of_true(found.roll_range_deg) - true_roll,
        "pitch_range_error_deg": of_true(found.pitch_range_deg) - true_pitch,
        "initial_harmonised_error_ms": 1000.0 * (initial_s - truth.initial_contact_s),
        "final_harmonised_error_ms": 1000.0 * (final_s - truth.final_contact_s),
        "contact_harmonised_error_ms": 1000.0 * (final_s - initial_s - harmonised_s),
        "peak_harmonised_error_bw": peak_bw - truth.peak_bw,
        **{name: of_true(found.half_widths.get(name, unknown)) for name in HALF_WIDTHS},
        "side_right": sides_right(method, trial, found, paired),
        "side_known": sides_known(method, trial, found, paired),
        "quality": of_true(found.quality),
    }
    rows = pd.DataFrame(columns)[paired.counted]
    for place, (key, value) in enumerate(keys_of(trial).items()):
        rows.insert(place, key, value)
    return rows.reset_index(drop=True)


def sides_right(method: ScoredMethod, trial: Trial, found: Found, paired: Match) -> FloatArray:
    """1 for a correct side, 0 for a wrong or unknown one; NaN if the true side is unknown."""
    right = np.full(len(paired.found_of_true), np.nan)
    if method.gives_side:
        for k, j in enumerate(paired.found_of_true):
            if j >= 0 and trial.side[k] != "unknown":
                right[k] = float(found.side[j] == trial.side[k])
    return right


def sides_known(method: ScoredMethod, trial: Trial, found: Found, paired: Match) -> FloatArray:
    """1 for a contact found with a side, 0 without; NaN if missed, or if the true side is unknown.

    The recordings without true sides have no sideways axis either, so that no method could know them.
    """
    known = np.full(len(paired.found_of_true), np.nan)
    there = (paired.found_of_true >= 0) & (np.array(trial.side, dtype=str) != "unknown")
    if method.gives_side:
        known[there] = found.side[paired.found_of_true[there]] != "unknown"
    return known


def following(trial: Trial, paired: Match) -> np.ndarray:
    """Which true contacts, from the second on, are consecutive both in truth and among the found ones."""
    step_s = np.diff(trial.initial_contact_s)
    if not len(step_s):
        return np.zeros(0, dtype=bool)
    next_in_truth = step_s <= LOST_STEP * np.median(step_s)
    next_found = (paired.found_of_true[:-1] >= 0) & (np.diff(paired.found_of_true) == 1)
    return next_in_truth & next_found


def step_frequency_error_percent(trial: Trial, found: Found, paired: Match) -> float:
    """Error of the mean step frequency over the same steps; NaN without steps."""
    steps = following(trial, paired) & paired.counted[:-1] & paired.counted[1:]
    if not steps.any():
        return np.nan
    j = paired.found_of_true
    true_s = np.diff(trial.initial_contact_s)[steps].sum()
    found_s = (found.initial_s[j[1:][steps]] - found.initial_s[j[:-1][steps]]).sum()
    return 100.0 * float(true_s / found_s - 1.0)


def waveform_rmse_bw(trial: Trial, found: Found) -> float:
    """From the first to the last contact inside the margin, where the force is known; values that the method
    does not give count as zero force. NaN if the method or the truth has no waveform."""
    inside = trial.inside(MARGIN_S)
    if found.vgrf_bw is None or trial.vgrf_bw is None or not inside.any():
        return np.nan
    time_s = trial.recording.time_s
    within = (time_s >= trial.initial_contact_s[inside][0]) & (time_s <= trial.final_contact_s[inside][-1])
    known = within & np.isfinite(trial.vgrf_bw)
    error_bw = np.nan_to_num(found.vgrf_bw[known]) - trial.vgrf_bw[known]
    return float(np.sqrt(np.mean(error_bw**2))) if known.any() else np.nan


SETTINGS = {
    "tolerance_s": TOLERANCE_S,
    "wide_tolerance_s": WIDE_TOLERANCE_S,
    "margin_s": MARGIN_S,
    "contact_threshold_bw": CONTACT_BW,
}
"""Settings of the comparison, for the manifest."""
