"""This session among the runner's earlier ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from bokeh.models import Range1d

from imurun.frames import FloatArray
from imurun.io.printable import printable
from imurun.plot_style import LOAD_COLOR
from imurun.report import plots
from imurun.report.parts import Picture, Section, Table
from imurun.report.words import CONTEXT, DASH, TERMS, count, label_with_unit, number, plain, shown
from imurun.session import Session
from imurun.summary import median_of

RECENT_DAYS = 180
"""How far back the pictures look."""
GREATEST_DAYS = 30
"""The span in which the greatest session is looked for, that of the study behind the flag."""
SAME_S = 1.0
"""A stored session that starts within so much of this one is this one."""
MOST_SHOES = 12
COMPARED = (
    "lumbar_dose_bw4", "cadence_spm", "contact_time_ms", "peak_impact_g", "lumbar_compression_bw",
    "roll_rom_deg", "ml_sway_ratio",
)  # fmt: skip
PAIN = (
    ("pain_before", "before"),
    ("pain_during", "during"),
    ("pain_after", "after"),
    ("pain_morning", "next morning"),
)


@dataclass(frozen=True, eq=False)
class Past:
    """What is known of the time before a session.

    Attributes:
        earlier: rows of the history before the session, the oldest first; all rows when it has no date.
        own: the session's own row, with its tags, where the history has it.
        start: of the session, UTC; None when it is not known.
    """

    earlier: pd.DataFrame
    own: pd.Series | None
    start: pd.Timestamp | None

    @property
    def recent(self) -> pd.DataFrame:
        """The earlier sessions of the last months."""
        last = self.start if self.start is not None else self.earlier["start"].max()
        return self.earlier[self.earlier["start"] >= last - pd.Timedelta(days=RECENT_DAYS)]

    def own_number(self, name: str) -> float:
        """A number of the session's own row, NaN where it is not known."""
        return _value(self.own, name)

    def own_text(self, name: str) -> str:
        """A tag of the session's own row, "" where it has none."""
        return "" if self.own is None else _text(self.own.get(name))


def split(history: pd.DataFrame | None, start: datetime | None) -> Past | None:
    """What came before, and the session itself where the history has it; None without a history."""
    if history is None or history.empty:
        return None
    rows = history.assign(start=pd.to_datetime(history["start"], utc=True)).sort_values("start")
    if start is None:
        return Past(rows, None, None)
    now = pd.Timestamp(start)
    now = now.tz_localize("UTC") if now.tzinfo is None else now.tz_convert("UTC")
    apart_s = (rows["start"] - now).dt.total_seconds()
    same = rows[apart_s.abs() < SAME_S]
    return Past(rows[apart_s <= -SAME_S], None if same.empty else same.iloc[-1], now)


def past_sections(
    session: Session, past: Past | None, context: Mapping[str, Any] | None
) -> Iterator[Section]:
    """The sections about the last months; none without a history."""
    if past is None:
        return
    makers = (_months(session, past, context or {}), _shoes(past), _pain(session, past))
    yield from (section for section in makers if section is not None)


def _months(session: Session, past: Past, context: Mapping[str, Any]) -> Section | None:
    recent = past.recent
    if recent.empty:
        return None
    since = recent["start"].min()
    lines = [f"{count(len(recent), 'earlier session', 'earlier sessions')} since {_day(since)}."]
    if past.start is None:
        lines.append(
            "This recording has no date, so it has no place among them; its numbers stand in the table."
        )
    dose = session.summary["lumbar_dose_bw4"]
    pictures = ()
    if "lumbar_dose_bw4" in recent and np.isfinite(_column(recent, "lumbar_dose_bw4")).any():
        pictures = (_loads_picture(past, recent, dose),)
    rows: list[tuple[str, ...]] = []
    for name in COMPARED:
        usual = _column(recent, name)
        usual = usual[np.isfinite(usual)]
        now = session.summary[name]
        if now is None or not len(usual):
            continue
        low, middle, high = (
            number(float(v), TERMS[name].decimals) for v in np.percentile(usual, (10, 50, 90))
        )
        rows.append((label_with_unit(name), number(now, TERMS[name].decimals), middle, f"{low} to {high}"))
    tables = [Table(("", "this run", "usual", "eight in ten"), tuple(rows))] if rows else []
    known = [(key, value) for key, value in context.items() if _is_number(value)]
    if known:
        tables.append(Table(("orientation, not a warning", ""), tuple(map(_context_row, known))))
    terms = tuple((TERMS[name].label, plain(name)) for name in COMPARED[:1])
    terms += tuple((CONTEXT[key].label, CONTEXT[key].plain) for key, _ in known if key in CONTEXT)
    return Section(
        "months", "This session among the last months", tuple(lines), pictures, tuple(tables), terms
    )


def _loads_picture(past: Past, recent: pd.DataFrame, dose: float | None) -> Picture:
    own = None if past.start is None or dose is None else (past.start, dose)
    level = None
    if past.start is not None:
        last_days = recent[recent["start"] >= past.start - pd.Timedelta(days=GREATEST_DAYS)]
        known = _column(last_days, "lumbar_dose_bw4")
        level = float(np.nanmax(known)) if np.isfinite(known).any() else None
    plot = plots.days_plot(
        "months", recent["start"], _column(recent, "lumbar_dose_bw4"), own, level, _days(past, recent)
    )
    legend = [("earlier session", LOAD_COLOR)]
    if own is not None:
        legend.append(("this session", plots.THIS_COLOR))
    says = "Session load by day."
    if level is not None:
        says = f"Dashed: the greatest of the {GREATEST_DAYS} days before, {shown('lumbar_dose_bw4', level)}."
    return Picture("Session load by day, BW⁴", plot, says, tuple(legend), across=says, wide=True)


def _context_row(entry: tuple[str, Any]) -> tuple[str, str]:
    key, value = entry
    if key in CONTEXT:
        return CONTEXT[key].label, number(float(value), CONTEXT[key].decimals)
    return printable(key.replace("_", " ")).capitalize(), f"{float(value):.4g}"


def _shoes(past: Past) -> Section | None:
    rows = past.earlier if past.own is None else pd.concat([past.earlier, past.own.to_frame().T])
    if "shoes" not in rows:
        return None
    names = rows["shoes"].map(_text)
    if not names.any():
        return None
    own = past.own_text("shoes")
    table: list[tuple[str, ...]] = []
    for name, some in sorted(rows.groupby(names), key=lambda pair: pair[1]["start"].max(), reverse=True):
        word = str(name) or "not said"
        km = _column(some, "distance_km")
        table.append(
            (
                word + (" (this run)" if own and name == own else ""),
                number(len(some), 0),
                number(float(np.nansum(km)), 0) if np.isfinite(km).any() else DASH,
                number(median_of(_column(some, "peak_impact_g")), 2),
                number(median_of(_column(some, "lumbar_compression_bw")), 2),
            )
        )
    head = ("shoes", "runs", "known km", "impact, g", "lumbar load, BW")
    lines = ("Medians over the runs in each pair. Shoes worn for other routes or paces differ for that too.",)
    left_out = f"And {len(table) - MOST_SHOES} more." if len(table) > MOST_SHOES else ""
    terms = tuple((TERMS[name].label, plain(name)) for name in ("peak_impact_g", "lumbar_compression_bw"))
    return Section("shoes", "Shoes", lines, (), (Table(head, tuple(table[:MOST_SHOES]), left_out),), terms)


def _pain(session: Session, past: Past) -> Section | None:
    recent = past.recent
    scores = np.array([_column(recent, name) for name, _ in PAIN])
    own_scores = [(word, past.own_number(name)) for name, word in PAIN]
    own_known = [(word, score) for word, score in own_scores if np.isfinite(score)]
    noted = [marker.value or 0.0 for marker in session.markers if marker.kind == "pain"]
    if not np.isfinite(scores).any() and not own_known:
        return None
    lines = [
        "Pain from 0, none, to 10, the worst you can think of; the highest that was noted for each session."
    ]
    worst = np.fmax.reduce(scores, axis=0)
    own_worst = max([score for _, score in own_known] + noted, default=None)
    own = None if past.start is None or own_worst is None else (past.start, own_worst)
    tables = ()
    if own_known:
        tables = (
            Table(
                ("pain", "of 10"),
                tuple((word, number(score, 0)) for word, score in own_known),
                "This session.",
            ),
        )
    pictures: list[Picture] = []
    if not recent.empty:
        days = _days(past, recent)
        plot = plots.days_plot("pain", recent["start"], worst, own, None, days)
        plot.y_range = Range1d(0.0, 10.5)
        legend = (("earlier session", LOAD_COLOR), *((("this session", plots.THIS_COLOR),) if own else ()))
        pictures.append(Picture("Pain, 0 to 10", plot, "Pain by day.", legend, across="by day", wide=True))
        dose = session.summary["lumbar_dose_bw4"]
        load_own = None if past.start is None or dose is None else (past.start, dose)
        loads = plots.days_plot(
            "pain_load", recent["start"], _column(recent, "lumbar_dose_bw4"), load_own, None, days
        )
        pictures.append(
            Picture(
                "Session load on the same days, BW⁴",
                loads,
                "Load by day.",
                legend,
                across="by day",
                wide=True,
            )
        )
    return Section("pain", "Pain beside load", tuple(lines), tuple(pictures), tables)


def _days(past: Past, recent: pd.DataFrame) -> Range1d:
    last = past.start if past.start is not None else recent["start"].max()
    first = recent["start"].min()
    margin = max((last - first) * 0.02, pd.Timedelta(days=1))
    return Range1d(first - margin, last + margin)


def _column(rows: pd.DataFrame, name: str) -> FloatArray:
    """A numeric column of the history; NaN where it has none."""
    if name not in rows:
        return np.full(len(rows), np.nan)
    return pd.to_numeric(rows[name], errors="coerce").to_numpy(np.float64)


def _value(row: pd.Series | None, name: str) -> float:
    value = None if row is None else row.get(name)
    return float(value) if _is_number(value) else float("nan")


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, int | float | np.number)
        and not isinstance(value, bool)
        and bool(np.isfinite(value))
    )


def _text(value: Any) -> str:
    return printable(value).strip() if isinstance(value, str) else ""


def _day(moment: pd.Timestamp) -> str:
    return f"{moment:%d %b %Y}".lstrip("0")
