"""Thresholds of all flags, with their sources; a runner's file may override them.

[flags]
spike_percent = [15, 40, 120]
impact_z = 4
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from imurun.errors import SettingsError
from imurun.files.runner_toml import RunnerToml
from imurun.files.text import shown

TABLE = "flags"
SESSION_LIMIT = "session_load_bw4"


@dataclass(frozen=True)
class Thresholds:
    """Thresholds of the flags. All but `spike_percent` and the pain levels were set by hand.

    Attributes:
        spike_days: window in which the session with the largest load is searched.
        spike_percent: excess over that session from which the flag is raised, high and very high. The bands
            of the study: hazard ratio 1.64 at 10 to 30 %, 1.52 at 30 to 100 %, 2.28 beyond (BJSM 2025, on
            distance).
        least_sessions, least_days: history needed to compare a load: at least so many sessions within
            `spike_days`, and the runner's first session at least so many days ago. Fewer sessions do not
            show what a runner is used to.
        hard_percentile: steps above this percentile of the lumbar compression of all steps of the last
            `spike_days` are hard. On average 5 % of the steps are.
        hard_share: share of hard steps from which the flag is a note, and raised. A hard session once a
            week, one of five, already has 25 % if it holds all of the hardest 5 %.
        usual_days, usual_sessions: window, and least number of sessions, for the usual value of a measure.
        impact_z, sway_z, asymmetry_z: robust z above which a measure is unusual (3.5: Iglewicz & Hoaglin
            1993). Deviation from that method: the spread is at least that of the outer tenth on the same
            side, because runners have easy and hard days and the MAD reflects the easy ones only.
        impact_floor_g, sway_floor_percent, asymmetry_floor_percent: lower limit of the spread (MAD), so that
            a very consistent runner is not flagged for a negligible change.
        impact_drift_percent, sway_drift_percent, cadence_drift_percent: rise of the impact peak, rise of the
            pelvic obliquity range (or the mediolateral RMS ratio), fall of cadence, from the first to the
            last fifth of a run. As in the live alerts: larger than the effect of a change of pace by 1 m/s in
            simulated runs.
        warm_up_s: a warm-up shorter than this before a hard session gives a note.
        pain_rise: change beyond measurement error on the 0 to 10 scale (Childs 2005).
        pain_high: pain during or after a run above this is flagged at any load (the pain-monitoring model,
            Thomee 1997, Silbernagel 2007, accepts pain up to 5).
        pain_load_percent: excess of the load of 7 days over the usual from which pain counts as rising with
            load.
        session_load_bw4: largest load of a session, BW^4, from the file's table `limits`; None for no limit.

    Raises:
        SettingsError: a value out of range.
    """

    spike_days: int = 30
    spike_percent: tuple[float, float, float] = (10.0, 30.0, 100.0)
    least_sessions: int = 4
    least_days: int = 14
    hard_percentile: float = 95.0
    hard_share: tuple[float, float] = (0.5, 0.75)
    usual_days: int = 90
    usual_sessions: int = 12
    impact_z: float = 3.5
    sway_z: float = 3.5
    asymmetry_z: float = 3.5
    impact_floor_g: float = 0.05
    sway_floor_percent: float = 2.0
    asymmetry_floor_percent: float = 1.0
    impact_drift_percent: float = 25.0
    sway_drift_percent: float = 30.0
    cadence_drift_percent: float = -7.0
    warm_up_s: float = 180.0
    pain_rise: float = 2.0
    pain_high: float = 5.0
    pain_load_percent: float = 10.0
    session_load_bw4: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            numbers = value if isinstance(value, tuple) else (value,)
            if any(number is not None and not math.isfinite(number) for number in numbers):
                raise SettingsError(f"{field.name} is {value!r}; give a finite number.")
            if field.name != "cadence_drift_percent" and any(
                number is not None and number <= 0 for number in numbers
            ):
                raise SettingsError(f"{field.name} is {value!r}; it must be positive.")
            if list(numbers) != sorted(numbers):
                raise SettingsError(f"{field.name} is {list(numbers)}; give its numbers in increasing order.")
        if not 50.0 <= self.hard_percentile < 100.0:
            raise SettingsError(f"hard_percentile is {self.hard_percentile:g}; give 50 to 99.9.")
        if self.cadence_drift_percent >= 0:
            raise SettingsError("cadence_drift_percent must be below 0: a fall.")


THRESHOLDS = Thresholds()


def read_thresholds(path: Path | None) -> Thresholds:
    """The thresholds of a runner's file: its table `flags`, and `session_load_bw4` of its table `limits`.

    Args:
        path: a TOML file; None for the defaults.

    Raises:
        SettingsError: no TOML file, an unknown key, or a number that makes no sense.
    """
    if path is None:
        return THRESHOLDS
    file = RunnerToml(path)
    source, table = file.source, file.content.get(TABLE, {})
    if not isinstance(table, dict):
        raise SettingsError(f"{source}: {TABLE} must be a table: [{TABLE}].")
    known = {field.name for field in fields(Thresholds)} - {SESSION_LIMIT}
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            raise SettingsError(f"{source}: {TABLE}.{shown(key)} is unknown; use {', '.join(sorted(known))}.")
        values[key] = _like(getattr(THRESHOLDS, key), value, f"{source}: {TABLE}.{key}")
    values[SESSION_LIMIT] = file.session_load_bw4()
    try:
        return replace(THRESHOLDS, **values)
    except SettingsError as error:
        raise SettingsError(f"{source}: {error}") from error


def _like(default: Any, value: Any, place: str) -> Any:
    """A value of the file in the form of the default.

    Raises:
        SettingsError: another form.
    """
    if isinstance(default, tuple):
        if not isinstance(value, list) or len(value) != len(default):
            raise SettingsError(f"{place} must be {len(default)} numbers, such as {list(default)}.")
        return tuple(_like(1.0, part, place) for part in value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SettingsError(f"{place} is {shown(value)}; give a number.")
    if isinstance(default, int):
        if not isinstance(value, int):
            raise SettingsError(f"{place} is {shown(value)}; give a whole number.")
        return min(value, 36_500)
    try:
        return float(value)
    except OverflowError as error:
        raise SettingsError(f"{place} is far too large; give a smaller number.") from error
