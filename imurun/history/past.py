"""Selects past sessions for the flag rules, and computes training load (acute, chronic, monotony)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from imurun.model.frames import FloatArray

DOSE = "lumbar_dose_bw4"
PAIN_OF_SESSION = ("pain_during", "pain_after", "pain_morning")
"""Pain that the session may have caused; `pain_before` is not."""
DAY = pd.Timedelta(days=1)
ACUTE_DAYS, CHRONIC_DAYS, WEEK = 7, 28, 7
SOURCE = (
    "Exponentially weighted means with 2/(N+1) (Williams 2017); monotony and strain: Foster 1998. "
    "The ratio does not predict injury (Impellizzeri 2020; BJSM 2025): context only."
)


def before(past: pd.DataFrame, now: pd.Series) -> pd.DataFrame:
    """The rows of `past` that start before `now`, in order of start, without the session itself."""
    if past.empty:
        return past
    rows = past["start"] < now["start"]
    if "session_id" in past and "session_id" in now.index:
        rows &= past["session_id"] != now["session_id"]
    keys = ["start", "session_id"] if "session_id" in past else ["start"]
    return past.loc[rows].sort_values(keys, kind="stable")


def last_days(past: pd.DataFrame, now: pd.Series, days: float) -> pd.DataFrame:
    """The rows that start less than `days` days before `now`."""
    return past.loc[past["start"] > now["start"] - days * DAY]


def same_model(past: pd.DataFrame, now: pd.Series) -> pd.DataFrame:
    """The rows whose lumbar load was computed for the same body height, because height scales the load."""
    height_m = number(now, "height_m")
    others = column(past, "height_m")
    return past.loc[np.isnan(others) if np.isnan(height_m) else others == height_m]


def days_known(past: pd.DataFrame, now: pd.Series) -> float:
    """Days from the first row, in order of start, to `now`; 0 without rows."""
    return float((now["start"] - past["start"].iloc[0]) / DAY) if len(past) else 0.0


def column(table: pd.DataFrame, name: str) -> FloatArray:
    """A column as numbers, shape (n,); NaN where it is missing."""
    if name not in table:
        return np.full(len(table), np.nan)
    return np.asarray(table[name], dtype=np.float64)


def number(row: pd.Series, name: str) -> float:
    """An entry as a number; NaN where it is missing."""
    value = row.get(name)
    return float("nan") if value is None else float(value)


def worst_pain(row: pd.Series) -> float:
    """The worst pain during, after and the morning after; NaN where none was entered."""
    known = [number(row, name) for name in PAIN_OF_SESSION]
    known = [value for value in known if not np.isnan(value)]
    return max(known, default=float("nan"))


def worst_pain_column(table: pd.DataFrame) -> FloatArray:
    """`worst_pain` of each row, shape (n,)."""
    worst = np.full(len(table), -np.inf)
    for name in PAIN_OF_SESSION:
        worst = np.fmax(worst, column(table, name))
    return np.where(np.isfinite(worst), worst, np.nan)


def daily_loads(past: pd.DataFrame, now: pd.Series) -> FloatArray:
    """Dose of each day (UTC) from the first session to `now`, inclusive; shape (days,), BW^4."""
    starts = pd.Series(pd.to_datetime([*past["start"], now["start"]], utc=True))
    dose = np.append(column(past, DOSE), number(now, DOSE))
    days = np.asarray((starts.dt.floor("D") - starts.dt.floor("D").min()) // DAY, dtype=np.int64)
    return np.bincount(days, weights=np.nan_to_num(dose)).astype(np.float64)


def context(past: pd.DataFrame, now: pd.Series) -> dict[str, Any]:
    """Training load of the days up to and including this session.

    Args:
        past: sessions of one runner, as `Store.sessions` returns them; only those before `now` count.
        now: a row with the same columns.

    Returns:
        acute_bw4 and chronic_bw4 (exponentially weighted means per day over 7 and 28 days), their ratio
        acute_chronic_ratio, week_load_bw4, monotony (mean over standard deviation of the loads of the last 7
        days), strain_bw4 (load of the week times monotony), days (of history), source. None if the history is
        too short: 28 days for the ratio, 7 for the week; monotony also if all days are equal.
    """
    loads = daily_loads(same_model(before(past, now), now), now)
    acute = chronic = week = monotony = None
    if len(loads) >= CHRONIC_DAYS:
        acute, chronic = ewma(loads, ACUTE_DAYS), ewma(loads, CHRONIC_DAYS)
    if len(loads) >= WEEK:
        last = loads[-WEEK:]
        week = float(last.sum())
        spread = float(last.std(ddof=1))
        monotony = float(last.mean()) / spread if spread > 1e-9 * week else None
    return {
        "acute_bw4": acute,
        "chronic_bw4": chronic,
        "acute_chronic_ratio": acute / chronic if acute is not None and chronic else None,
        "week_load_bw4": week,
        "monotony": monotony,
        "strain_bw4": None if week is None or monotony is None else week * monotony,
        "days": len(loads),
        "source": SOURCE,
    }


def ewma(loads: FloatArray, days: int) -> float:
    """Exponentially weighted mean, weight 2/(days + 1) per day; starts from the mean of the first `days`."""
    weight = 2.0 / (days + 1.0)
    mean = float(np.mean(loads[:days]))
    for load in loads[days:]:
        mean += weight * (float(load) - mean)
    return mean
