"""Rules that flag a session: load beyond what this runner is used to, pain, drift, asymmetry.

A rule is a pure function of past sessions, this session and the thresholds. Rules of `ABSOLUTE` need no past
sessions; those of `RELATIVE` run only when there are enough of them. Each flag has numbers, a sentence and a
source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from imurun.history.past import (
    DOSE,
    before,
    column,
    context,
    days_known,
    last_days,
    number,
    same_model,
    worst_pain,
    worst_pain_column,
)
from imurun.history.thresholds import THRESHOLDS, Thresholds
from imurun.model.columns import COLUMNS, printed_unit
from imurun.model.frames import FloatArray

__all__ = ["LEVELS", "Flag", "context", "find_flags"]

Level = Literal["note", "raised", "high", "very high"]
LEVELS: tuple[Level, ...] = ("note", "raised", "high", "very high")
"""In increasing severity."""

HAND = "Threshold set by hand."
ROBUST = "Robust z (Iglewicz & Hoaglin 1993), its spread no smaller than that of the outer tenth. " + HAND
SPIKE = "BJSM 2025: 5,205 runners, 588,071 sessions; a session's distance against the longest of 30 days."
HAZARDS = (
    ("10 to 30 %", "1.64 times (1.31 to 2.05)"),
    ("30 to 100 %", "1.52 times (1.16 to 2.00)"),
    ("more than 100 %", "2.28 times (1.50 to 3.48)"),
)
"""Excess over the longest session; injury rate relative to an excess of up to 10 % (95 % interval)."""
Z_QUARTER, Z_TENTH = 0.6745, 1.2816
"""Standard deviations from the median to the quartile, and to the outer tenth, of a normal distribution."""
SIDES_KNOWN_PERCENT = 80.0
"""Asymmetries are compared only between sessions in which the side of this share of steps is known."""


@dataclass(frozen=True)
class Flag:
    """An unusual finding about a session.

    Attributes:
        key: of the rule.
        level: note, raised, high or very high.
        numbers: those in the sentence, with units in the keys.
        sentence: for the runner, with the reason.
        source: of the rule and its threshold.
    """

    key: str
    level: Level
    numbers: dict[str, float]
    sentence: str
    source: str


Rule = Callable[[pd.DataFrame, pd.Series, Thresholds], Iterator[Flag]]


def find_flags(past: pd.DataFrame, now: pd.Series, thresholds: Thresholds = THRESHOLDS) -> list[Flag]:
    """Flags of a session, most severe first.

    Args:
        past: sessions of the same runner, as `Store.sessions` returns them, in any order; only those that
            start before `now` count. Columns may be missing; their rules then give no flag.
        now: the session, a row with the same columns.
        thresholds: of the rules.
    """
    past = before(past, now)
    flags = [flag for rule in ABSOLUTE for flag in rule(past, now, thresholds)]
    missing = too_little_history(past, now, thresholds)
    if missing is not None:
        flags.append(missing)
    else:
        flags += [flag for rule in RELATIVE for flag in rule(past, now, thresholds)]
    return sorted(flags, key=lambda flag: -LEVELS.index(flag.level))


def too_little_history(past: pd.DataFrame, now: pd.Series, thresholds: Thresholds) -> Flag | None:
    """A note if there are too few sessions to compare with; None if there are enough."""
    alike = same_model(past, now)
    recent = last_days(alike, now, thresholds.spike_days)
    n = int(np.isfinite(column(recent, DOSE)).sum())
    days = days_known(alike, now)
    if n >= thresholds.least_sessions and days >= thresholds.least_days:
        return None
    other = len(past) - len(alike)
    left_out = f" ({other} computed for another body height not counted)" if other else ""
    return Flag(
        "too_little_history",
        "note",
        {"sessions": n, "days": days, "left_out": other},
        f"Too little history to compare with: {n} sessions with a load in the last {thresholds.spike_days} "
        f"days, the first {days:.0f} days ago{left_out}; at least {thresholds.least_sessions} sessions "
        f"and {thresholds.least_days} days are needed.",
        HAND,
    )


# -- rules without past sessions ----------------------------------------------------------------------------


def session_limit(past: pd.DataFrame, now: pd.Series, thresholds: Thresholds) -> Iterator[Flag]:
    """Load above the limit that the runner set."""
    del past
    dose, limit = number(now, DOSE), thresholds.session_load_bw4
    if limit is not None and dose > limit:
        yield Flag(
            "session_limit",
            "high",
            {"load_bw4": dose, "limit_bw4": limit},
            f"Session load {_amount(dose)} BW⁴ is above your own limit of {_amount(limit)} BW⁴.",
            "The limit in the runner's file.",
        )


def pain_high(past: pd.DataFrame, now: pd.Series, thresholds: Thresholds) -> Iterator[Flag]:
    """Pain above the accepted level, at any load."""
    del past
    pain = worst_pain(now)
    if pain > thresholds.pain_high:
        yield Flag(
            "pain_high",
            "high",
            {"pain": pain, "accepted": thresholds.pain_high},
            f"Pain was {pain:g} of 10; up to {thresholds.pain_high:g} is accepted in training with pain.",
            "Pain-monitoring model (Thomee 1997; Silbernagel 2007), for knee and Achilles pain.",
        )


def pain_rise(past: pd.DataFrame, now: pd.Series, thresholds: Thresholds) -> Iterator[Flag]:
    """Pain that increased over the session."""
    del past
    pain_before, pain = number(now, "pain_before"), worst_pain(now)
    if pain - pain_before >= thresholds.pain_rise:
        yield Flag(
            "pain_rise",
            "raised",
            {"pain_before": pain_before, "pain": pain},
            f"Pain rose from {pain_before:g} before the run to {pain:g}; a change of "
            f"{thresholds.pain_rise:g} points or more is relevant.",
            "2 points on the 0 to 10 scale, in low back pain (Childs 2005).",
        )


def late_drift(past: pd.DataFrame, now: pd.Series, thresholds: Thresholds) -> Iterator[Flag]:
    """Change of impact, sway or cadence from the first to the last fifth of the running."""
    del past
    sway_name = SWAY[0] if np.isfinite(_drift(now, SWAY[0])) else SWAY[1]
    cases = (
        ("impact_drift", "peak_impact_g", thresholds.impact_drift_percent),
        ("sway_drift", sway_name, thresholds.sway_drift_percent),
        ("cadence_drift", "cadence_spm", thresholds.cadence_drift_percent),
    )
    for key, name, limit in cases:
        drift, shown = _drift(now, name), COLUMNS[name]
        if (drift - limit) * np.sign(limit) > 0:
            fresh, tired = number(now, f"fresh_{name}"), number(now, f"tired_{name}")
            yield Flag(
                key,
                "raised",
                {f"fresh_{name}": fresh, f"tired_{name}": tired, "drift_percent": drift},
                f"{shown.label} went from {fresh:.{shown.decimals}f} to "
                f"{f'{tired:.{shown.decimals}f} {shown.unit}'.strip()} ({drift:+.0f} %) between "
                "the first and the last fifth of the run: fatigue, if pace and ground were the same.",
                "Fatigue: Apte 2021, Schuette 2015. Thresholds set by hand on simulated changes of pace.",
            )


# -- rules on past sessions ---------------------------------------------------------------------------------


def session_load(past: pd.DataFrame, now: pd.Series, thresholds: Thresholds) -> Iterator[Flag]:
    """Load above the greatest of the last `spike_days` days."""
    yield from _spike(same_model(past, now), now, thresholds, DOSE)


def session_distance(past: pd.DataFrame, now: pd.Series, thresholds: Thresholds) -> Iterator[Flag]:
    """Distance above the longest of these days, if it is known for all sessions of them."""
    recent = column(last_days(past, now, thresholds.spike_days), "distance_km")
    if np.isfinite(recent).all():
        yield from _spike(past, now, thresholds, "distance_km")


def intensity(past: pd.DataFrame, now: pd.Series, thresholds: Thresholds) -> Iterator[Flag]:
    """Large share of steps that are hard for this runner; a note if the warm-up before them was short."""
    del past
    share = number(now, "intensity_share")
    low, high = thresholds.hard_share
    if not share > low:
        return
    expected = 100.0 - thresholds.hard_percentile
    yield Flag(
        "intensity",
        "raised" if share > high else "note",
        {"share_percent": 100.0 * share, "expected_percent": expected},
        f"{100 * share:.0f} % of the steps were harder than {thresholds.hard_percentile:g} % of your steps "
        f"of the last {thresholds.spike_days} days; {expected:g} % is the average.",
        "Share above the runner's own percentile of lumbar compression. " + HAND,
    )
    warm_up_s = number(now, "warm_up_s")
    if warm_up_s < thresholds.warm_up_s:
        yield Flag(
            "no_warm_up",
            "note",
            {"warm_up_s": warm_up_s, "wanted_s": thresholds.warm_up_s},
            f"A hard session after {warm_up_s:.0f} s of warm-up; take {thresholds.warm_up_s / 60:g} minutes "
            "of easy running first.",
            "Common practice; evidence that a warm-up prevents injury is weak. " + HAND,
        )


def impact(past: pd.DataFrame, now: pd.Series, thresholds: Thresholds) -> Iterator[Flag]:
    """Impact peak above the usual."""
    name, value = "peak_impact_g", number(now, "peak_impact_g")
    usual = _usual(
        value, column(_usual_rows(past, now, thresholds), name), thresholds.impact_floor_g, thresholds
    )
    if usual is not None and usual.z > thresholds.impact_z:
        yield Flag(
            "impact",
            "raised",
            {name: value, f"usual_{name}": usual.median, "z": usual.z, "sessions": usual.n},
            f"Impact peak was {value:.2f} g; the median of {usual.n} sessions is {usual.median:.2f} g "
            f"(z {usual.z:.1f}). Reasons: faster, downhill, harder ground, other shoes, or harder landing.",
            ROBUST,
        )


def sway(past: pd.DataFrame, now: pd.Series, thresholds: Thresholds) -> Iterator[Flag]:
    """Increase of sway over the run above the usual."""
    rows = _usual_rows(past, now, thresholds)
    for name in SWAY:
        value = _drift(now, name)
        if np.isnan(value):
            continue
        fresh, tired = column(rows, f"fresh_{name}"), column(rows, f"tired_{name}")
        with np.errstate(divide="ignore", invalid="ignore"):
            drifts = 100.0 * (tired / fresh - 1.0)
        usual = _usual(value, drifts, thresholds.sway_floor_percent, thresholds)
        if usual is not None and usual.z > thresholds.sway_z:
            yield Flag(
                "sway",
                "raised",
                {"drift_percent": value, "usual_percent": usual.median, "z": usual.z, "sessions": usual.n},
                f"{COLUMNS[name].label} changed by {value:+.0f} % over the run; the median of "
                f"{usual.n} sessions is {usual.median:+.0f} % (z {usual.z:.1f}): "
                "the trunk was less stable late in the run.",
                "More sway when tired: Schuette 2015. " + ROBUST,
            )
        return


def asymmetry(past: pd.DataFrame, now: pd.Series, thresholds: Thresholds) -> Iterator[Flag]:
    """Asymmetry larger than the usual."""
    if not number(now, "side_known_percent") >= SIDES_KNOWN_PERCENT:
        return
    rows = _usual_rows(past, now, thresholds)
    known = column(rows, "side_known_percent") >= SIDES_KNOWN_PERCENT
    for name, measured in ASYMMETRIES:
        value = number(now, name)
        usual = _usual(value, column(rows, name)[known], thresholds.asymmetry_floor_percent, thresholds)
        if usual is None or abs(usual.z) <= thresholds.asymmetry_z or abs(value) <= abs(usual.median):
            continue
        yield Flag(
            name.removesuffix("_percent"),
            "raised",
            {name: value, f"usual_{name}": usual.median, "z": usual.z, "sessions": usual.n},
            f"{COLUMNS[measured].label} differs by {value:+.1f} % between left and right "
            f"(+: left is larger); the median of {usual.n} sessions is {usual.median:+.1f} % "
            f"(z {usual.z:.1f}). Reasons: one side is spared, or the sensor was worn elsewhere.",
            ROBUST,
        )


def pain_with_load(past: pd.DataFrame, now: pd.Series, thresholds: Thresholds) -> Iterator[Flag]:
    """Pain above the usual while the load of the week is above the usual."""
    pain = worst_pain(now)
    known = worst_pain_column(last_days(past, now, thresholds.spike_days))
    known = known[np.isfinite(known)]
    alike = same_model(past, now)
    if np.isnan(pain) or len(known) < thresholds.least_sessions:
        return
    usual_pain = float(np.median(known))
    week = float(np.nansum(column(last_days(alike, now, 7), DOSE)) + np.nan_to_num(number(now, DOSE)))
    month = float(np.nansum(column(last_days(alike, now, 35), DOSE)) + np.nan_to_num(number(now, DOSE)))
    usual_week = (month - week) / 4.0
    weeks_known = days_known(alike, now) >= 35
    if not weeks_known or usual_week <= 0 or pain - usual_pain < thresholds.pain_rise:
        return
    more_percent = 100.0 * (week / usual_week - 1.0)
    if more_percent >= thresholds.pain_load_percent:
        yield Flag(
            "pain_with_load",
            "high",
            {
                "pain": pain,
                "usual_pain": usual_pain,
                "week_load_bw4": week,
                "usual_week_load_bw4": usual_week,
                "more_percent": more_percent,
            },
            f"Pain was {pain:g}, usually it is {usual_pain:g}, while the load of 7 days is "
            f"{more_percent:.0f} % above the mean of the 4 weeks before: pain increases with load.",
            "2 points on the 0 to 10 scale (Childs 2005). Load: " + HAND[0].lower() + HAND[1:],
        )


ABSOLUTE: tuple[Rule, ...] = (session_limit, pain_high, pain_rise, late_drift)
RELATIVE: tuple[Rule, ...] = (
    session_load,
    session_distance,
    pain_with_load,
    impact,
    sway,
    asymmetry,
    intensity,
)

SWAY = ("roll_rom_deg", "ml_sway_ratio")
"""Columns that measure sway: pelvic obliquity with a gyroscope, else the mediolateral RMS ratio."""
ASYMMETRIES = (
    ("contact_time_asymmetry_percent", "contact_time_ms"),
    ("peak_vgrf_asymmetry_percent", "peak_vgrf_bw"),
)
"""Entries of the summary, and the columns whose left and right they compare."""


# -- helpers of several rules -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Usual:
    median: float
    z: float
    n: int


def _spike(past: pd.DataFrame, now: pd.Series, thresholds: Thresholds, name: str) -> Iterator[Flag]:
    recent = last_days(past, now, thresholds.spike_days)
    values, value = column(recent, name), number(now, name)
    if np.isfinite(values).sum() < thresholds.least_sessions or not np.nanmax(values) > 0:
        return
    k = int(np.nanargmax(values))
    greatest = float(values[k])
    more_percent = 100.0 * (value / greatest - 1.0)
    level = sum(more_percent > band for band in thresholds.spike_percent)
    if np.isnan(value) or level == 0:
        return
    band, hazard = HAZARDS[level - 1]
    is_load = name == DOSE
    key = "session_load" if is_load else "session_distance"
    unit = printed_unit(name)
    numbers = {name: value, f"greatest_{name}": greatest, "more_percent": more_percent}
    if is_load:
        for other in ("lumbar_dose_bw1", "lumbar_dose_bw10"):
            others = column(recent, other)
            if np.isfinite(others).any():
                numbers[f"more_percent_{other.removeprefix('lumbar_dose_')}"] = float(
                    100.0 * (number(now, other) / np.nanmax(others) - 1.0)
                )
    sentence = (
        f"{COLUMNS[name].label} {_amount(value)} {unit} is {more_percent:.0f} % above the greatest of the "
        f"last {thresholds.spike_days} days ({_amount(greatest)} {unit} on "
        f"{recent['start'].iloc[k]:%Y-%m-%d}); "
    )
    sentence += _study(thresholds, band, hazard)
    if is_load:
        sentence += "; this was found on distance and is applied to load here."
    else:
        sentence += "."
    yield Flag(
        key, LEVELS[level], numbers, sentence, SPIKE + (" For load: an extrapolation." if is_load else "")
    )


def _study(thresholds: Thresholds, band: str, hazard: str) -> str:
    """The study's result for such sessions; its bands are quoted only with its own thresholds."""
    if (
        thresholds.spike_percent == THRESHOLDS.spike_percent
        and thresholds.spike_days == THRESHOLDS.spike_days
    ):
        return f"sessions {band} longer than the longest of 30 days had {hazard} the rate of injury"
    return "sessions more than 10 % longer than the longest of 30 days had more injuries"


def _usual_rows(past: pd.DataFrame, now: pd.Series, thresholds: Thresholds) -> pd.DataFrame:
    return last_days(past, now, thresholds.usual_days)


def _usual(value: float, values: FloatArray, floor: float, thresholds: Thresholds) -> _Usual | None:
    """Robust z of a value among those of past sessions; None if too few are known."""
    known = values[np.isfinite(values)]
    if np.isnan(value) or len(known) < thresholds.usual_sessions:
        return None
    median = float(np.median(known))
    tenth = float(np.percentile(known, 90.0 if value > median else 10.0))
    spread = max(
        float(np.median(np.abs(known - median))) / Z_QUARTER,
        abs(tenth - median) / Z_TENTH,
        floor / Z_QUARTER,
    )
    return _Usual(median, (value - median) / spread, len(known))


def _drift(row: pd.Series, name: str) -> float:
    """Change from the first to the last fifth of the running, percent; NaN if unknown."""
    fresh, tired = number(row, f"fresh_{name}"), number(row, f"tired_{name}")
    return 100.0 * (tired / fresh - 1.0) if fresh else float("nan")


def _amount(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
