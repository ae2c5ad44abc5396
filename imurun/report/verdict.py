"""The top of the report: what stood out, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from imurun.report.past import Past, day_of
from imurun.report.words import POOR_QUALITY, TERMS, count, lasting, number, shown
from imurun.session import Session
from imurun.summary import FRESH_AND_TIRED

LEVELS = ("note", "raised", "high", "very high")
"""From harmless to worst."""
TOO_LITTLE = "too_little_history"
"""Key of the note that there was no comparing with the past."""
MOVED_PERCENT = 5.0
MOVED_LEAN_DEG = 2.0
"""Less between fresh and tired is not worth a sentence at the top. Set by hand."""
MOST_MOVED = 3
SHORT_S = 60.0


class Flag(Protocol):
    """Something that stood out against the runner's past; see `imurun.history.flags`."""

    @property
    def key(self) -> str:
        """Which rule."""
        ...

    @property
    def level(self) -> str:
        """One of `LEVELS`."""
        ...

    @property
    def numbers(self) -> Mapping[str, Any]:
        """What the sentence quotes."""
        ...

    @property
    def sentence(self) -> str:
        """The reason."""
        ...

    @property
    def source(self) -> str:
        """Where the rule comes from."""
        ...


@dataclass(frozen=True)
class Verdict:
    """What a runner reads first.

    Attributes:
        level: of the worst flag; "" where nothing was raised, "unknown" where there was nothing to compare.
        headline: one short sentence.
        lines: what it is based on.
        reasons: level, sentence and source of each flag, the worst first.
    """

    level: str
    headline: str
    lines: tuple[str, ...]
    reasons: tuple[tuple[str, str, str], ...]


def make_verdict(session: Session, past: Past | None, flags: Sequence[Flag]) -> Verdict:
    """The verdict on a session, with or without a past."""
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
        stood = "stands" if len(raised) == 1 else "stand"
        return f"{raised[0].level.capitalize()}: {count(len(raised), 'thing', 'things')} {stood} out."
    if not summary["running_steps"]:
        if summary["running_s"]:
            return "No step was found in the running."
        return "No running was found, only walking." if summary["walking_s"] else "No running was found."
    if past is None or not len(past.earlier):
        return "Nothing to compare this run with yet."
    if any(flag.key == TOO_LITTLE for flag in flags):
        return "Too little history to compare this run with yet."
    return "Nothing stands out."


def _lines(session: Session, past: Past | None) -> list[str]:
    summary = session.summary
    lines: list[str] = []
    if past is None or not len(past.earlier):
        lines.append(
            "No earlier session is known, so nothing here says whether this one was more than your back is "
            "used to. It is compared with itself only."
        )
    else:
        since = day_of(past.earlier.start[0])
        n = count(len(past.earlier), "earlier session", "earlier sessions")
        lines.append(f"Compared with your {n}, the first on {since}.")
    if summary["duration_s"] < SHORT_S:
        lines.append(
            f"The recording lasts {lasting(summary['duration_s'])}: too short to say much; "
            "from a few minutes on there is more to see."
        )
    quality = summary["quality"]
    if quality is not None and quality < POOR_QUALITY:
        lines.append(
            f"The signal is poor (median quality {number(quality, 2)} of 1): take contact times and left "
            "against right with care. See “How far to trust it”."
        )
    pain = [marker.value or 0.0 for marker in session.markers if marker.kind == "pain"]
    if pain and max(pain) > 0:
        lines.append(f"You noted pain of up to {number(max(pain), 0)} of 10 on the way.")
    moved = _moved(session)
    if moved:
        lines.append(
            f"From the first fifth of the running to the last, these moved most: {'; '.join(moved)}."
        )
    elif summary["fresh_cadence_spm"] is not None:
        lines.append(
            f"From the first fifth of the running to the last nothing moved by {MOVED_PERCENT:.0f} % or more."
        )
    return lines


def _moved(session: Session) -> list[str]:
    found: list[tuple[float, str]] = []
    for name in FRESH_AND_TIRED:
        fresh, tired = session.summary[f"fresh_{name}"], session.summary[f"tired_{name}"]
        if fresh is None or tired is None:
            continue
        # a lean is told against a zero of its own, so a share of it means nothing
        if name == "lean_deg":
            size = MOVED_PERCENT * abs(tired - fresh) / MOVED_LEAN_DEG
        else:
            size = 100.0 * abs(tired / fresh - 1.0) if fresh else 0.0
        if size >= MOVED_PERCENT:
            before = number(fresh, TERMS[name].decimals)
            found.append((size, f"{TERMS[name].label.lower()} {before} → {shown(name, tired)}"))
    return [sentence for _, sentence in sorted(found, reverse=True)[:MOST_MOVED]]
