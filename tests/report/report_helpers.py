"""Sessions, histories and flags for tests of the report."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pandas as pd

import imurun
from imurun import Recording, Session
from imurun.model.recording import Marker
from imurun.sim import Segment, simulate
from imurun.sim.presets import eventful_run, steady_run

START = datetime(2025, 5, 3, 7, 30, tzinfo=UTC)
EVIL = "<script>alert('shoe')</script>\"&"


@dataclass(frozen=True)
class MadeFlag:
    key: str = "dose"
    level: str = "high"
    sentence: str = "This session's load was 45 % above the greatest of the 30 days before."
    source: str = "a study of runners"
    numbers: dict = field(default_factory=dict)


@cache
def tired_session() -> Session:
    """A run that tires, with a date, laps and pain."""
    session = imurun.analyze(replace(eventful_run().recording, start=START))
    markers = (
        Marker(120.0, "lap"),
        Marker(200.0, "pain", 2.0),
        Marker(250.0, "lap"),
        Marker(330.0, "pain", 5.0),
    )
    return replace(session, markers=markers)


@cache
def without_gyroscope() -> Session:
    return imurun.analyze(replace(eventful_run().recording, gyr=None, gyr_range_deg_s=None))


@cache
def short_run() -> Session:
    return imurun.analyze(steady_run(25.0).recording)


@cache
def walk_only() -> Session:
    return imurun.analyze(
        simulate([Segment("still", 10.0), Segment("walking", 90.0, speed_m_s=1.4)]).recording
    )


@cache
def nobody_moves() -> Session:
    return imurun.analyze(Recording(np.tile([0.0, 0.0, 9.81], (3000, 1)), None, rate_hz=100.0))


@cache
def a_moment() -> Session:
    return imurun.analyze(Recording(np.tile([0.0, 0.0, 9.81], (30, 1)), None, rate_hz=100.0))


def made_history(session: Session, n: int = 120, *, own: bool = True) -> pd.DataFrame:
    """Sessions every other day before this one, and this one itself."""
    rng = np.random.default_rng(3)
    rows = []
    for index in range(n, 0, -1):
        row = dict(session.summary) | {
            "session_id": index,
            "runner": "Kim",
            "start": START - timedelta(days=2 * index),
            "distance_km": 8.0 + index % 5,
            "shoes": ("Blue", "Grey trail", None)[index % 3],
            "pain_after": float(index % 4) if index % 2 else np.nan,
            "pain_morning": np.nan,
        }
        for name in ("lumbar_dose_bw4", "cadence_spm", "contact_time_ms", "peak_impact_g", "roll_rom_deg"):
            if row[name] is not None:
                row[name] = row[name] * rng.normal(0.9, 0.05)
        rows.append(row)
    if own:
        rows.append(
            dict(session.summary)
            | {
                "session_id": 0,
                "runner": "Kim",
                "start": START,
                "distance_km": 1.23,
                "shoes": EVIL,
                "surface": "road",
                "pain_before": 1.0,
                "pain_after": 4.0,
            }
        )
    frame = pd.DataFrame(rows)
    return frame.assign(start=pd.to_datetime(frame["start"], utc=True))


def for_hours(session: Session, hours: float) -> Session:
    """The session repeated until it lasts this long."""
    length_s = session.summary["duration_s"]
    n = int(np.ceil(3600.0 * hours / length_s))
    times = ["initial_contact_s", "final_contact_s", "decided_s"]

    def repeated(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
        rows = pd.concat([table] * n, ignore_index=True)
        shift_s = np.repeat(np.arange(n) * length_s, len(table))
        return rows.assign(**{column: rows[column] + shift_s for column in columns})

    steps = repeated(session.steps, times)
    dose = float(np.nansum(steps["lumbar_dose"]))
    summary = session.summary | {"duration_s": n * length_s, "lumbar_dose_bw4": dose}
    for key in ("running_s", "walking_s", "still_s", "other_s", "gap_s", "running_steps", "walking_steps"):
        summary[key] = n * session.summary[key]
    bouts = repeated(session.bouts, ["start_s", "end_s"])
    return replace(session, steps=steps, bouts=bouts, summary=summary)
