"""Sections of the report on the parts of the session, the data quality, and the runner's markers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from imurun.model.columns import COLUMNS
from imurun.model.frames import FloatArray
from imurun.model.recording import Marker
from imurun.report import plots
from imurun.report.parts import Picture, Section, Table
from imurun.report.running_steps import BOTH_COLOR, Run
from imurun.report.words import (
    CONTACT_ERRORS_MS,
    KINDS,
    MOUNTINGS,
    count,
    explained,
    heading,
    lasting,
    number,
    shown,
    unit_of,
)
from imurun.summary import median_of, running_column

MOST_ROWS = 24
"""Most rows of a table of bouts, laps or pain."""
LEAST_SHARE_PERCENT = 0.5
"""Least share of steps for a row about quality; less would read 0 %."""
QUALITY_STEPS = ((0.9, "above 0.9"), (0.7, "0.7 to 0.9"), (0.5, "0.5 to 0.7"), (0.3, "0.3 to 0.5"))


def course_sections(run: Run) -> Iterator[Section]:
    """Bouts, where there are any, and quality."""
    if len(run.session.bouts):
        yield _bouts(run)
    yield _quality(run)


def marker_sections(run: Run) -> Iterator[Section]:
    """Laps and pain, where there are markers."""
    if run.session.markers:
        yield _markers(run)


def _bouts(run: Run) -> Section:
    summary = run.session.summary
    stretches = _stretches(run.session.bouts)
    legend = tuple(
        (f"{word} {lasting(summary[f'{kind}_s'])}", color)
        for kind, (color, word) in KINDS.items()
        if round(summary[f"{kind}_s"])
    )
    picture = Picture(
        "Running, walking, standing",
        plots.timeline("bouts", stretches, run.duration_s),
        "In all: " + ", ".join(word for word, _ in legend) + ".",
        legend,
        wide=True,
    )
    tables: list[Table] = []
    phases = _stretches(run.session.phases)
    if phases:
        rows = tuple((kind, run.clock(begin), run.clock(end - begin)) for begin, end, kind in phases)
        tables.append(Table(("part", f"from, {run.clock_form}", f"length, {run.clock_form}"), rows))
    running = [(begin, end) for begin, end, kind in stretches if kind == "running"]
    if len(running) > 1:
        tables.append(_table_of_times(run, "run", running))
    return Section("bouts", "Parts of the session", _phase_lines(phases), (picture,), tuple(tables))


def _stretches(table: Any) -> list[tuple[float, float, str]]:
    """Rows of the bouts or phases: begin s, end s, kind."""
    return list(zip(table["start_s"].tolist(), table["end_s"].tolist(), table["kind"].tolist(), strict=True))


def _phase_lines(phases: list[tuple[float, float, str]]) -> tuple[str, ...]:
    if not phases:
        return ()
    kinds = {kind for *_, kind in phases}
    missing = [kind for kind in ("warm-up", "cool-down") if kind not in kinds]
    lines = [
        "The main part is the running at 80 % of the usual effort or more; "
        "before it is the warm-up, after it the cool-down."
    ]
    if missing:
        lines.append(f"No {' and no '.join(missing)} was found in the recording.")
    return tuple(lines)


def _quality(run: Run) -> Section:
    summary = run.session.summary
    rows: list[tuple[str, ...]] = [("Samples", f"{number(summary['rate_hz'], 0)} a second")]
    rows.append(("Gyroscope", "yes" if summary["gyroscope"] else "no"))
    rows.append(("No data", f"{number(summary['gap_s'], 1)} s of {lasting(run.duration_s)}"))
    if summary["bridged_samples"]:
        rows.append(("Short gaps filled", count(summary["bridged_samples"], "sample", "samples")))
    if summary["clipped_samples"]:
        rows.append(("Clipped at full scale", count(summary["clipped_samples"], "sample", "samples")))
    if summary["mounting"] in MOUNTINGS:
        rows.append(("Sensor alignment", MOUNTINGS[summary["mounting"]]))
    pictures: list[Picture] = []
    values = running_column(run.session.steps, "quality")
    values = values[np.isfinite(values)]
    lines: list[str] = []
    if len(values):
        lines.append(_quality_line(float(np.median(values))))
        rows += _quality_shares(values)
    if run.can_draw and len(values):
        stretches = _stretches(run.session.bouts)
        gaps = np.array([(begin, end) for begin, end, kind in stretches if kind == "gap"]).reshape(-1, 2)
        legend = (("quality", BOTH_COLOR), *((("no data", plots.THIS_COLOR),) if len(gaps) else ()))
        picture = Picture(
            f"{COLUMNS['quality'].label}, 0 to 1",
            plots.quality_plot("quality", run.line("quality"), gaps, run.duration_s),
            lines[0],
            legend,
            wide=True,
        )
        pictures.append(picture)
    return Section(
        "quality",
        "Data quality",
        tuple(lines),
        tuple(pictures),
        (Table(("", ""), tuple(rows)),),
        explained("quality") if len(values) else (),
    )


def _quality_line(median: float) -> str:
    error = next(word for lower, word in CONTACT_ERRORS_MS if median >= lower)
    return (
        f"Median quality {shown('quality', median)}; 1 is clean running. "
        f"In tests, the error of contact times at this quality was {error}."
    )


def _quality_shares(values: FloatArray) -> list[tuple[str, ...]]:
    shares: list[tuple[str, ...]] = []
    upper = np.inf
    for lower, word in QUALITY_STEPS:
        share = 100.0 * float(np.mean((values >= lower) & (values < upper)))
        if share >= LEAST_SHARE_PERCENT:
            shares.append((f"Steps of quality {word}", f"{number(share, 0)} %"))
        upper = lower
    low = 100.0 * float(np.mean(values < QUALITY_STEPS[-1][0]))
    if low >= LEAST_SHARE_PERCENT:
        shares.append((f"Steps of quality below {QUALITY_STEPS[-1][0]}", f"{number(low, 0)} %"))
    return shares


def _markers(run: Run) -> Section:
    markers = sorted(run.session.markers, key=lambda marker: marker.time_s)
    pain = [marker for marker in markers if marker.kind == "pain"]
    laps = [marker for marker in markers if marker.kind == "lap"]
    tables: list[Table] = []
    if pain:
        tables.append(_pain_table(run, pain))
    if laps:
        ends = [0.0, *(lap.time_s for lap in laps), run.duration_s]
        times = [(begin, end) for begin, end in pairwise(ends) if end - begin >= 1.0]
        tables.append(_table_of_times(run, "lap", times))
    lines = () if not pain else ("Pain from 0, none, to 10, the worst imaginable.",)
    return Section("markers", "Your markers during the run", lines, (), tuple(tables))


def _pain_table(run: Run, pain: list[Marker]) -> Table:
    rows = tuple(
        (run.clock(marker.time_s), f"{number(marker.value, 0)} of 10") for marker in pain[:MOST_ROWS]
    )
    return Table((f"at, {run.clock_form}", "pain"), rows, _more(len(pain) - MOST_ROWS))


def _table_of_times(run: Run, word: str, times: list[tuple[float, float]]) -> Table:
    """Cadence, contact time and load of each stretch from begin to end, s; the first stretches of many."""
    cadence_spm, contact_ms, load = (
        running_column(run.session.steps, name) for name in ("cadence_spm", "contact_time_ms", "lumbar_dose")
    )
    rows: list[tuple[str, ...]] = []
    for index, (begin, end) in enumerate(times[:MOST_ROWS], 1):
        some = (run.time_s >= begin) & (run.time_s < end)
        rows.append(
            (
                f"{index}",
                run.clock(begin),
                run.clock(end - begin),
                number(median_of(cadence_spm[some]), 0),
                number(median_of(contact_ms[some]), 0),
                number(float(np.nansum(load[some])) if np.isfinite(load[some]).any() else None, 0),
            )
        )
    head = (
        word,
        f"from, {run.clock_form}",
        f"length, {run.clock_form}",
        heading("cadence_spm"),
        heading("contact_time_ms"),
        f"load, {unit_of('lumbar_dose')}",
    )
    return Table(head, tuple(rows), _more(len(times) - MOST_ROWS))


def _more(n: int) -> str:
    return f"And {n} more." if n > 0 else ""
