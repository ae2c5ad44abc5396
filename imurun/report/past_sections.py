"""Sections of the report that compare the session with the last months: load, shoes, pain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from bokeh.models import Range1d

from imurun.files.text import sanitize
from imurun.model.columns import COLUMNS
from imurun.plot_style import LOAD_COLOR
from imurun.report import plots
from imurun.report.parts import Picture, Section, Table
from imurun.report.past import Past, day_of, ms_of
from imurun.report.words import (
    CONTEXT,
    DASH,
    GREATEST_DAYS,
    NO_BREAK,
    count,
    explained,
    heading,
    label_with_unit,
    number,
    shown,
)
from imurun.session import Session
from imurun.summary import median_of

MOST_SHOES = 12
MOST_LETTERS = 40
"""Most letters of a shoe's name in the table."""
COMPARED = (
    "lumbar_dose_bw4",
    "cadence_spm",
    "contact_time_ms",
    "peak_impact_g",
    "lumbar_compression_bw",
    "roll_rom_deg",
    "ml_sway_ratio",
)
PAIN = {
    "pain_before": "before",
    "pain_during": "during",
    "pain_after": "after",
    "pain_morning": "next morning",
}
EARLIER, THIS = ("earlier session", LOAD_COLOR), ("this session", plots.THIS_COLOR)
Own = tuple[float, float]
"""Time, ms since 1970 UTC, and value."""


def past_sections(
    session: Session, past: Past | None, context: Mapping[str, Any] | None
) -> Iterator[Section]:
    """The sections about the last months; none without a history."""
    if past is None:
        return
    for section in (_months(session, past, context or {}), _shoes(past), _pain(session, past)):
        if section is not None:
            yield section


def _months(session: Session, past: Past, context: Mapping[str, Any]) -> Section | None:
    recent = past.recent
    if not len(recent):
        return None
    sessions = count(len(recent), "earlier session", "earlier sessions")
    lines = [f"{sessions} since {day_of(recent.start[0])}."]
    if past.start is None:
        lines.append("This recording has no date, so it is not in the picture; its numbers are below.")
    rows: list[tuple[str, ...]] = []
    for name in COMPARED:
        usual, now = recent.numbers(name), session.summary[name]
        usual = usual[np.isfinite(usual)]
        if now is None or not len(usual):
            continue
        decimals = COLUMNS[name].decimals
        low, middle, high = (number(float(v), decimals) for v in np.percentile(usual, (10, 50, 90)))
        rows.append((label_with_unit(name), number(now, decimals), middle, f"{low} to{NO_BREAK}{high}"))
    tables: list[Table] = []
    if rows:
        caption = (
            "Usual: the median of the earlier sessions. Eight in ten of them lie within the last column."
        )
        tables.append(Table(("", "this run", "usual", "eight in ten"), tuple(rows), caption))
    known = {key: float(value) for key, value in context.items() if _is_number(value)}
    if known:
        context_rows = tuple(_context_row(key, value) for key, value in known.items())
        source = context.get("source")
        caption = sanitize(source) if isinstance(source, str) else ""
        tables.append(Table(("for orientation, no warning", "now"), context_rows, caption))
    terms = explained("lumbar_dose_bw4")
    terms += explained(*(key for key in known if key in CONTEXT))
    return Section(
        "months",
        "Compared with the last months",
        tuple(lines),
        _loads_picture(session, past),
        tuple(tables),
        terms,
    )


def _loads_picture(session: Session, past: Past) -> tuple[Picture, ...]:
    loads = past.recent.numbers("lumbar_dose_bw4")
    if not np.isfinite(loads).any():
        return ()
    own = _own(past, session.summary["lumbar_dose_bw4"])
    last_days = past.days_before(GREATEST_DAYS).numbers("lumbar_dose_bw4")
    level = float(np.nanmax(last_days)) if np.isfinite(last_days).any() else None
    is_level = level is not None and past.start is not None
    below, title = "by day", label_with_unit("lumbar_dose_bw4")
    if is_level:
        greatest = shown("lumbar_dose_bw4", level)
        below = f"by day; dashed: the greatest of the {GREATEST_DAYS} days before, {greatest}"
    plot = plots.days_plot(
        "months", ms_of(past.recent.start), loads, own, level if is_level else None, _days(past)
    )
    legend = (EARLIER, THIS) if own else (EARLIER,)
    return (Picture(title, plot, f"{title}, {below}.", legend, below, wide=True),)


def _context_row(key: str, value: float) -> tuple[str, str]:
    if key in CONTEXT:
        return label_with_unit(key), number(value, COLUMNS[key].decimals)
    return sanitize(key.replace("_", " ")).capitalize(), f"{value:.4g}"


def _shoes(past: Past) -> Section | None:
    worn = past.with_own.texts("shoes")
    if not any(worn):
        return None
    newest_first = list(dict.fromkeys(reversed(worn)))
    rows: list[tuple[str, ...]] = []
    for shoes in newest_first:
        some = past.with_own.where([one == shoes for one in worn])
        km = some.numbers("distance_km")
        word = shoes if len(shoes) <= MOST_LETTERS else f"{shoes[:MOST_LETTERS]}…"
        word = word or "not given"
        rows.append(
            (
                f"{word} (this run)" if shoes and shoes == past.own_text("shoes") else word,
                number(len(some), 0),
                number(float(np.nansum(km)), 0) if np.isfinite(km).any() else DASH,
                number(median_of(some.numbers("peak_impact_g")), COLUMNS["peak_impact_g"].decimals),
                number(
                    median_of(some.numbers("lumbar_compression_bw")),
                    COLUMNS["lumbar_compression_bw"].decimals,
                ),
            )
        )
    lines = (
        "Medians over the runs in each pair. Pace and route differ too, so a difference need not come from "
        "the shoes.",
    )
    head = ("shoes", "runs", "known km", heading("peak_impact_g"), heading("lumbar_compression_bw"))
    more = f"And {len(rows) - MOST_SHOES} more." if len(rows) > MOST_SHOES else ""
    return Section(
        "shoes",
        "Shoes",
        lines,
        tables=(Table(head, tuple(rows[:MOST_SHOES]), more),),
        terms=explained("peak_impact_g", "lumbar_compression_bw"),
    )


def _pain(session: Session, past: Past) -> Section | None:
    scores = np.array([past.recent.numbers(name) for name in PAIN])
    own_scores = {word: past.own_number(name) for name, word in PAIN.items()}
    given = {word: score for word, score in own_scores.items() if score is not None}
    if not np.isfinite(scores).any() and not given:
        return None
    marked = [marker.value or 0.0 for marker in session.markers if marker.kind == "pain"]
    tables: tuple[Table, ...] = ()
    if given:
        rows = tuple((word, f"{number(score, 0)} of 10") for word, score in given.items())
        tables = (Table(("this session", "pain"), rows),)
    pictures: list[Picture] = []
    if len(past.recent):
        days, start = _days(past), ms_of(past.recent.start)
        own = _own(past, max([*given.values(), *marked], default=None))
        pain = plots.days_plot("pain", start, np.fmax.reduce(scores, axis=0), own, None, days)
        pain.y_range = plots.axis(0.0, 10.5)
        own_load = _own(past, session.summary["lumbar_dose_bw4"])
        loads = past.recent.numbers("lumbar_dose_bw4")
        load = plots.days_plot("pain_load", start, loads, own_load, None, days)
        load_title = label_with_unit("lumbar_dose_bw4")
        for title, plot, one in (
            (f"{COLUMNS['pain'].label}, 0 to 10", pain, own),
            (load_title, load, own_load),
        ):
            legend = (EARLIER, THIS) if one else (EARLIER,)
            pictures.append(Picture(title, plot, f"{title}, by day.", legend, "by day", wide=True))
    lines = (
        "Pain from 0, none, to 10, the worst imaginable; the picture shows the highest of each session.",
    )
    return Section("pain", "Pain and load", lines, tuple(pictures), tables)


def _own(past: Past, value: float | None) -> Own | None:
    return None if past.start is None or value is None else (float(ms_of(past.start)), value)


def _days(past: Past) -> Range1d:
    first = past.recent.start[0]
    last = past.start if past.start is not None else past.recent.start[-1]
    margin = max((last - first) / 50, np.timedelta64(1, "D"))
    return plots.axis(float(ms_of(first - margin)), float(ms_of(last + margin)))


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return is_number and bool(np.isfinite(value))
