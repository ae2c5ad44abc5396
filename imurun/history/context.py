"""Figures of training load that are shown beside a flag, and never decide one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from imurun.frames import FloatArray
from imurun.history.past import before, daily_loads, same_model

ACUTE_DAYS, CHRONIC_DAYS, WEEK = 7, 28, 7
SOURCE = (
    "Exponentially weighted means with 2/(N+1) (Williams 2017); monotony and strain: Foster 1998. "
    "The ratio is no sign of injury (Impellizzeri 2020; BJSM 2025): context only."
)


def context(past: pd.DataFrame, now: pd.Series) -> dict[str, Any]:
    """The load of the last days up to and with this session.

    Args:
        past: sessions of one runner, as `Store.sessions` gives them; only those before `now` count.
        now: a row of the same form.

    Returns:
        acute_bw4 and chronic_bw4 (means a day over 7 and 28 days, exponentially weighted), their ratio
        acute_chronic_ratio,
        week_load_bw4, monotony (mean over standard deviation of the last 7 days' loads), strain_bw4 (load
        of the week times monotony), days (of history), source. None where history is too short: 28 days for
        the ratio, 7 for the week; monotony also where all days are alike.
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
    """Exponentially weighted mean, weight 2/(days + 1) a day; it begins as the mean of the first `days`."""
    weight = 2.0 / (days + 1.0)
    mean = float(np.mean(loads[:days]))
    for load in loads[days:]:
        mean += weight * (float(load) - mean)
    return mean
