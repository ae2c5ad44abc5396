"""The verdict, first section of the report: whether the session was unusual for this runner, and in what."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from imurun.model.columns import COLUMNS
from imurun.report.past import Past, day_of
from imurun.report.words import GREATEST_DAYS, POOR_QUALITY, count, lasting, number, shown
from imurun.session import Session
from imurun.summary import FRESH_AND_TIRED

LEVELS = ("note", "raised", "high", "very high")
"""From harmless to worst."""
TOO_LITTLE = "too_little_history"
"""Key of the note that the history is too short to compare with."""
MOVED_PERCENT = 5.0
MOVED_LEAN_DEG = 2.0
"""Smaller changes between fresh and tired are not mentioned in the verdict. Set by hand."""
MOST_MOVED = 3
SHORT_S = 60.0


class Flag(Protocol):
    """A flag of the history; see `imurun.history.flags.Flag`."""

    @property
    def key(self) -> str:
        """Name of the rule."""
        ...

    @property
    def level(self) -> str:
        """One of `LEVELS`."""
        ...

    @property
    def numbers(self) -> Mapping[str, Any]:
        """The numbers in the sentence, by name."""
        ...

    @property
    def sentence(self) -> str:
        """The reason."""
        ...

    @property
    def source(self) -> str:
        """Source of the rule."""
        ...


@dataclass(frozen=True)
class Verdict:
    """The first section of the report.

    Attributes:
        level: of the worst flag; "" where nothing was raised, "unknown" where there is nothing to compare.
        headline: one or two short sentences.
        lines: what the verdict is based on.
        reasons: level, sentence and source of each flag, the worst first.
    """

    level: str
    headline: str
    lines: tuple[str, ...]
    reasons: tuple[tuple[str, str, str], ...]


def make_verdict(session: Session, past: Past | None, flags: Sequence[Flag]) -> Verdict:
    """The verdict on a session.

    Args:
        session: the session.
        past: the sessions before it; None without a history.
        flags: of the session, in any order.
    """
    worst_first = sorted(flags, key=lambda flag: -_rank(flag.level))
    raised = [flag for flag in worst_first if _rank(flag.level) > 0]
    is_compared = past is not None and len(past.earlier) > 0 and all(f.key != TOO_LITTLE for f in flags)
    if raised:
        level = raised[0].level
    else:
        level = "" if is_compared and session.summary["running_steps"] else "unknown"
    reasons = tuple((flag.level, flag.sentence, flag.source) for flag in worst_first)
    return Verdict(level, _headline(session, past, flags, raised), tuple(_lines(session, past)), reasons)


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)


def _headline(session: Session, past: Past | None, flags: Sequence[Flag], raised: list[Flag]) -> str:
    summary = session.summary
    if raised:
        return _raised_headline(raised, past)
    if not summary["running_steps"]:
        if summary["running_s"]:
            return "No step was found in the running."
        return "No running was found, only walking." if summary["walking_s"] else "No running was found."
    if past is None or not len(past.earlier):
        return "No earlier session to compare with."
    if any(flag.key == TOO_LITTLE for flag in flags):
        return "Too little history to compare with."
    return "Nothing unusual was found."


def _raised_headline(raised: list[Flag], past: Past | None) -> str:
    """The worst flag with its number, and how many more there are."""
    worst, n_more = raised[0], len(raised) - 1
    level = worst.level.capitalize()
    sentence = _short_sentence(worst, past)
    if not sentence:
        return f"{level}: {count(len(raised), 'flag', 'flags')}."
    more = f" {count(n_more, 'more flag', 'more flags')}." if n_more else ""
    return f"{level} {sentence}.{more}"


def _short_sentence(flag: Flag, past: Past | None) -> str:
    """What a flag is about, after its level: "load: 45 % above your 30-day maximum"; "" for other rules."""
    numbers = flag.numbers
    try:
        match flag.key:
            case "session_load":
                return f"load: {_beyond(numbers, 'lumbar_dose_bw4', past)}"
            case "session_distance":
                return f"distance: {_beyond(numbers, 'distance_km', past)}"
            case "session_limit":
                return f"load: above your limit of {shown('lumbar_dose_bw4', numbers['limit_bw4'])}"
            case "pain_high":
                return f"pain: {numbers['pain']:g} of 10"
            case "pain_rise":
                return f"pain: from {numbers['pain_before']:g} before the run to {numbers['pain']:g} of 10"
            case "pain_with_load":
                more = number(numbers["more_percent"], 0)
                return f"pain: {numbers['pain']:g} of 10 in a week with {more} % more load than usual"
            case "impact":
                name = "peak_impact_g"
                usual = shown(name, numbers[f"usual_{name}"])
                return f"impact: {shown(name, numbers[name])}, usually {usual}"
            case "intensity":
                return f"effort: {number(numbers['share_percent'], 0)} % of the steps were hard"
            case _:
                return ""
    except KeyError:  # a flag of another source, without these numbers
        return ""


def _beyond(numbers: Mapping[str, Any], name: str, past: Past | None) -> str:
    """By how much a session was beyond the greatest of the days before."""
    greatest, more_percent = float(numbers[f"greatest_{name}"]), float(numbers["more_percent"])
    size = f"{number(more_percent, 0)} % above"
    if more_percent >= 100.0:
        size = f"{number(1.0 + more_percent / 100.0, 1)} times"
    # the days are a setting of the runner: they are named only where the history agrees
    recent = np.zeros(0) if past is None else past.days_before(GREATEST_DAYS).numbers(name)
    is_known = np.isfinite(recent).any() and math.isclose(float(np.nanmax(recent)), greatest, rel_tol=1e-9)
    return f"{size} your {GREATEST_DAYS}-day maximum" if is_known else f"{size} your recent maximum"


def _lines(session: Session, past: Past | None) -> list[str]:
    summary = session.summary
    lines: list[str] = []
    if past is None or not len(past.earlier):
        lines.append(
            "No earlier session is known, so this report cannot show whether this one was more than your "
            "back is used to. It compares the session with itself only."
        )
    else:
        since = day_of(past.earlier.start[0])
        n = count(len(past.earlier), "earlier session", "earlier sessions")
        lines.append(f"Compared with your {n}, the first on {since}.")
    if summary["duration_s"] < SHORT_S:
        lines.append(
            f"The recording lasts {lasting(summary['duration_s'])}: too short for reliable values; "
            "record a few minutes to see more."
        )
    quality = summary["quality"]
    if quality is not None and quality < POOR_QUALITY:
        lines.append(
            f"The signal is poor (median quality {number(quality, 2)} of 1): contact times and differences "
            "between left and right are less reliable. See “Data quality”."
        )
    pain = [marker.value or 0.0 for marker in session.markers if marker.kind == "pain"]
    if pain and max(pain) > 0:
        lines.append(f"You marked pain of up to {number(max(pain), 0)} of 10 during the run.")
    moved = _moved(session)
    if moved:
        lines.append(
            f"From the first fifth of the running to the last, these changed most: {'; '.join(moved)}."
        )
    elif summary["fresh_cadence_spm"] is not None:
        lines.append(
            "From the first fifth of the running to the last, nothing changed by "
            f"{MOVED_PERCENT:.0f} % or more."
        )
    return lines


def _moved(session: Session) -> list[str]:
    found: list[tuple[float, str]] = []
    for name in FRESH_AND_TIRED:
        fresh, tired = session.summary[f"fresh_{name}"], session.summary[f"tired_{name}"]
        if fresh is None or tired is None:
            continue
        # the zero of lean is arbitrary, so a change in percent has no meaning
        if name == "lean_deg":
            size = MOVED_PERCENT * abs(tired - fresh) / MOVED_LEAN_DEG
        else:
            size = 100.0 * abs(tired / fresh - 1.0) if fresh else 0.0
        if size >= MOVED_PERCENT:
            before = number(fresh, COLUMNS[name].decimals)
            found.append((size, f"{COLUMNS[name].label.lower()} {before} → {shown(name, tired)}"))
    return [sentence for _, sentence in sorted(found, reverse=True)[:MOST_MOVED]]
