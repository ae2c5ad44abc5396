"""Averages steps into the values of a FIT activity: around each record, and over laps and sessions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from imurun.export.fit_fields import DEVELOPER
from imurun.model.frames import FloatArray
from imurun.model.recording import Marker

HALF_WINDOW_S = 2.0
"""A record holds means over 4 s around its time: about a dozen steps of both feet."""
NEAR_S = 1.0
"""A record without a step this near has no values: there is no gait."""
SLOWEST_M_S, FASTEST_M_S = 0.5, 13.0
"""Outside this range the watch stands still or has lost its position; then there is no step length."""
LEAST_STEPS_A_SIDE = 2


def record_values(
    steps: pd.DataFrame,
    times_s: FloatArray,
    speed_m_s: FloatArray | None = None,
    markers: Sequence[Marker] = (),
) -> pd.DataFrame:
    """Values of the records of an activity, one row a time.

    Args:
        steps: step table.
        times_s: shape (n,), from the start of the recording.
        speed_m_s: at these times, NaN where unknown; for step length and vertical ratio.
        markers: a pain score goes to the nearest record.

    Returns:
        Columns are the names of `fit_fields.NATIVE` and the columns of `fit_fields.DEVELOPER`; NaN where
        unknown.
    """
    values = _means(steps, times_s - HALF_WINDOW_S, times_s + HALF_WINDOW_S)
    contacts = np.asarray(steps["initial_contact_s"], dtype=np.float64)
    near = _count(contacts, times_s - NEAR_S, times_s + NEAR_S)
    values[near == 0] = np.nan
    if speed_m_s is not None:
        speed = np.where((speed_m_s >= SLOWEST_M_S) & (speed_m_s <= FASTEST_M_S), speed_m_s, np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            steps_a_s = 2.0 * np.asarray(values["cadence"] + values["fractional_cadence"]) / 60.0
            length_mm = 1000.0 * speed / steps_a_s
            values["step_length"] = length_mm
            values["vertical_ratio"] = 100.0 * np.asarray(values["vertical_oscillation"]) / length_mm
    pain = np.full(len(times_s), np.nan)
    for marker in markers:
        if marker.kind == "pain" and marker.value is not None and len(pain):
            pain[int(np.argmin(np.abs(times_s - marker.time_s)))] = marker.value
    values["pain"] = pain
    return values


def span_values(
    steps: pd.DataFrame, begin_s: FloatArray, end_s: FloatArray, records: pd.DataFrame, times_s: FloatArray
) -> pd.DataFrame:
    """Values of laps or sessions, one row each: means over their steps, for the dose the sum.

    Args:
        steps: step table.
        begin_s, end_s: half-open spans, shape (n,), from the start of the recording.
        records: from `record_values` at `times_s`; step length and vertical ratio are their means.
        times_s: shape (m,).
    """
    values = _means(steps, begin_s, end_s)
    for name in ("step_length", "vertical_ratio"):
        known = np.asarray(records[name], dtype=np.float64)
        values[name] = [
            _mean(known[(times_s >= a) & (times_s < b)]) for a, b in zip(begin_s, end_s, strict=True)
        ]
    return values


def _mean(values: FloatArray) -> float:
    """Mean of the finite values, or NaN."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan


def _means(steps: pd.DataFrame, begin_s: FloatArray, end_s: FloatArray) -> pd.DataFrame:
    """Means over the steps whose initial contact is in each half-open span."""
    contacts = np.asarray(steps["initial_contact_s"], dtype=np.float64)
    running = np.asarray(steps["gait"] == "running")
    side = np.asarray(steps["side"])
    first, stop = np.searchsorted(contacts, begin_s), np.searchsorted(contacts, end_s)

    def mean(name: str, rows: np.ndarray = running) -> FloatArray:
        known = np.where(rows, np.asarray(steps[name], dtype=np.float64), np.nan)
        return _means_between(known, first, stop)[0]

    # rounded to the 1/128 of the fractional field, so that floor and fraction fit together
    strides = np.round(0.5 * mean("cadence_spm", np.ones(len(steps), dtype=bool)) * 128.0) / 128.0
    stances = []
    for foot in ("left", "right"):
        known = np.where(running & (side == foot), np.asarray(steps["contact_time_ms"], dtype=float), np.nan)
        stance, n = _means_between(known, first, stop)
        stances.append(np.where(n >= LEAST_STEPS_A_SIDE, stance, np.nan))
    values = {
        "cadence": np.floor(strides),
        "fractional_cadence": strides - np.floor(strides),
        "vertical_oscillation": mean("vertical_oscillation_mm"),
        "stance_time": mean("contact_time_ms"),
        "stance_time_percent": 100.0 * mean("duty_factor"),
        "stance_time_balance": 100.0 * stances[0] / (stances[0] + stances[1]),
        "vertical_ratio": np.full(len(first), np.nan),
        "step_length": np.full(len(first), np.nan),
    }
    for field in DEVELOPER:
        if field.column in steps:
            values[field.column] = mean(field.column)
    dose = np.where(running, np.asarray(steps["lumbar_dose"], dtype=np.float64), np.nan)
    dose_mean, n = _means_between(dose, first, stop)
    values["lumbar_dose"] = dose_mean * n
    return pd.DataFrame(values)


def _means_between(values: FloatArray, first: np.ndarray, stop: np.ndarray) -> tuple[FloatArray, np.ndarray]:
    """Mean and number of the finite values in the rows from each `first` up to `stop`."""
    known = np.isfinite(values)
    total = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    count = np.concatenate([[0], np.cumsum(known)])
    n = np.maximum(count[stop] - count[first], 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(n > 0, (total[stop] - total[first]) / n, np.nan), n


def _count(contacts: FloatArray, begin_s: FloatArray, end_s: FloatArray) -> np.ndarray:
    return np.searchsorted(contacts, end_s) - np.searchsorted(contacts, begin_s)
