"""Past sessions as the rules look at them: columns that may be missing, stretches of days, loads a day."""

from __future__ import annotations

import numpy as np
import pandas as pd

from imurun.frames import FloatArray

DOSE = "lumbar_dose_bw4"
FELT = ("pain_during", "pain_after", "pain_morning")
DAY = pd.Timedelta(days=1)


def before(past: pd.DataFrame, now: pd.Series) -> pd.DataFrame:
    """The rows of `past` that began before `now`, in order of start, without the session itself."""
    if past.empty:
        return past
    rows = past["start"] < now["start"]
    if "session_id" in past and "session_id" in now.index:
        rows &= past["session_id"] != now["session_id"]
    keys = ["start", "session_id"] if "session_id" in past else ["start"]
    return past.loc[rows].sort_values(keys, kind="stable")


def last_days(past: pd.DataFrame, now: pd.Series, days: float) -> pd.DataFrame:
    """The rows that began less than so many days before `now`."""
    return past.loc[past["start"] > now["start"] - days * DAY]


def same_model(past: pd.DataFrame, now: pd.Series) -> pd.DataFrame:
    """The rows whose lumbar load was computed for the same stature, which scales it."""
    height_m = number(now, "height_m")
    others = column(past, "height_m")
    return past.loc[np.isnan(others) if np.isnan(height_m) else others == height_m]


def days_known(past: pd.DataFrame, now: pd.Series) -> float:
    """How many days before `now` the first of the rows, in order of start, began; 0 without rows."""
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


def felt(row: pd.Series) -> float:
    """The worst pain during, after and the morning after; NaN where nothing was said."""
    known = [number(row, name) for name in FELT]
    known = [value for value in known if not np.isnan(value)]
    return max(known, default=float("nan"))


def felt_column(table: pd.DataFrame) -> FloatArray:
    """`felt` of each row, shape (n,)."""
    worst = np.full(len(table), -np.inf)
    for name in FELT:
        worst = np.fmax(worst, column(table, name))
    return np.where(np.isfinite(worst), worst, np.nan)


def daily_loads(past: pd.DataFrame, now: pd.Series) -> FloatArray:
    """Dose of each day (UTC) from the first session's to that of `now`, with it; shape (days,), BW^4."""
    starts = pd.Series(pd.to_datetime([*past["start"], now["start"]], utc=True))
    dose = np.append(column(past, DOSE), number(now, DOSE))
    days = np.asarray((starts.dt.floor("D") - starts.dt.floor("D").min()) // DAY, dtype=np.int64)
    return np.bincount(days, weights=np.nan_to_num(dose)).astype(np.float64)
