"""Synthetic sessions of a runner's year, from a model of load instead of recordings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from imurun.model.columns import STEP_COLUMNS
from imurun.session import Session

YEAR_START = datetime(2024, 1, 1, 6, 30, tzinfo=UTC)
CADENCE_SPM = 168.0


@dataclass(frozen=True)
class Run:
    """Parameters of one synthetic session."""

    start: datetime
    minutes: float
    compression_bw: float = 3.0
    spread_bw: float = 0.15
    impact_g: float = 2.6
    asymmetry_percent: float = 1.0
    sway_drift_percent: float = 6.0
    warm_up_s: float = 400.0
    pain: float = 0.0
    distance_km: float = 8.0
    name: str = ""


def steps_of(run, rng):
    """A step table with the columns that the history reads; one row represents ten steps."""
    n = max(int(run.minutes * CADENCE_SPM / 10), 4)
    columns = {}
    for column in STEP_COLUMNS:
        columns[column.name] = np.full(n, np.nan)
    columns["initial_contact_s"] = np.arange(n) * 600.0 / CADENCE_SPM
    columns["side"] = np.array(["left", "right"] * n)[:n]
    columns["gait"] = np.array(["running"] * n)
    columns["lumbar_compression_bw"] = rng.normal(run.compression_bw, run.spread_bw, n)
    columns["lumbar_dose"] = columns["lumbar_compression_bw"] ** 4
    return pd.DataFrame(columns)


def session_of(run, seed=0, height_m=None):
    """A `Session` with the parts that the history reads."""
    rng = np.random.default_rng(seed)
    steps = steps_of(run, rng)
    summary = {
        "duration_s": 60.0 * run.minutes,
        "running_s": 60.0 * run.minutes,
        "running_steps": len(steps),
        "walking_steps": None,
        "cadence_spm": CADENCE_SPM,
        "contact_time_ms": 245.0,
        "peak_impact_g": run.impact_g,
        "lumbar_compression_bw": run.compression_bw,
        "lumbar_dose_bw4": float(steps["lumbar_dose"].sum()),
        "contact_time_asymmetry_percent": run.asymmetry_percent,
        "side_known_percent": 100.0,
        "warm_up_s": run.warm_up_s,
        "fresh_roll_rom_deg": 8.0,
        "tired_roll_rom_deg": 8.0 * (1 + run.sway_drift_percent / 100),
        "gyroscope": True,
        "method": "imurun",
        "warnings": [],
        "source": run.name,
    }
    empty = pd.DataFrame({"start_s": [], "end_s": [], "kind": []})
    settings = {"method": "imurun", "mass_kg": None, "height_m": height_m}
    return Session(steps, empty, empty, summary, None, (), settings, run.start, run.name)


def ordinary_year(seed):
    """Five sessions a week for 52 weeks: two easy, one hard, one easy, one long; every fourth week lighter.

    Volume grows by 1 % a week to +25 %, then stays. Planned minutes are kept within 3 % (SD), the median
    compression of a kind of session within 1 %.
    """
    rng = np.random.default_rng(seed)
    runs = []
    for week in range(52):
        volume = min(1.0 + 0.01 * week, 1.25) * (0.75 if week % 4 == 3 else 1.0)
        for day, minutes, compression, impact in (
            (0, 40, 3.0, 2.6),
            (1, 45, 3.0, 2.6),
            (3, 40, 3.3, 2.8),
            (4, 35, 3.0, 2.6),
            (6, 75, 3.05, 2.65),
        ):
            minutes_done = minutes * volume * rng.normal(1.0, 0.03)
            start = YEAR_START + timedelta(days=7 * week + day, minutes=float(rng.normal(0, 30)))
            runs.append(
                Run(
                    start,
                    minutes_done,
                    compression * rng.normal(1.0, 0.01),
                    0.15,
                    impact * rng.normal(1.0, 0.03),
                    rng.normal(1.0, 1.2),
                    rng.normal(6.0, 3.0),
                    rng.normal(400.0, 60.0),
                    float(rng.integers(0, 2)),
                    minutes_done * 0.18 * rng.normal(1.0, 0.01),
                    f"run-{week}-{day}.csv",
                )
            )
    return runs
