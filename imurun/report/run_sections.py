"""What one recording says by itself, a section a question."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from imurun.frames import FloatArray
from imurun.plot_style import LOAD_COLOR, SIDES
from imurun.recording import Marker
from imurun.report import plots
from imurun.report.parts import Picture, Section, Table
from imurun.report.plots import Line
from imurun.report.series import adding_up, part_edges, thin
from imurun.report.words import (
    CONTACT_ERRORS_MS,
    KINDS,
    MOUNTINGS,
    NO_BREAK,
    TERMS,
    change,
    clock_form,
    clock_like,
    count,
    label_with_unit,
    lasting,
    number,
    plain,
    shown,
    unit_of,
)
from imurun.session import Session
from imurun.summary import FIFTH, FRESH_AND_TIRED, LEAST_STEPS_TO_COMPARE, SIDED, median_of, running_column

LEAST_STEPS_TO_DRAW = 20
"""Fewer are told in numbers only."""
SPANS = {
    "cadence_spm": 12.0,
    "contact_time_ms": 40.0,
    "flight_time_ms": 40.0,
    "peak_impact_g": 1.5,
    "lumbar_compression_bw": 0.5,
    "lean_deg": 4.0,
    "roll_rom_deg": 4.0,
    "yaw_rom_deg": 4.0,
    "ml_sway_ratio": 0.06,
}
"""Columns that are drawn, and the least that an axis spans, lest noise fill it."""
WITH_GYROSCOPE = ("roll_rom_deg", "pitch_rom_deg", "yaw_rom_deg")
BINS = 30
INSIDE = 0.5, 99.5
"""Percentiles between which the bars of a distribution lie; the outermost bars hold what is beyond."""
MOST_ROWS = 24
"""Of a table of bouts, laps or pain."""
QUALITY_STEPS = ((0.9, "above 0.9"), (0.7, "0.7 to 0.9"), (0.5, "0.5 to 0.7"), (0.3, "0.3 to 0.5"))
BOTH = tuple((side, SIDES[side]) for side in ("left", "right"))
ONE = "#7b61c4"
"""Of a line for both feet."""


class Run:
    """A session's running steps, ready to draw.

    Attributes:
        session: the whole.
        time_s: of each running step, shape (n,).
        edges_s: of the parts into which time is cut.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.duration_s = float(session.summary["duration_s"])
        self.time_s = running_column(session.steps, "initial_contact_s")
        self.edges_s = part_edges(self.duration_s)

    @property
    def n_steps(self) -> int:
        """How many running steps there are."""
        return len(self.time_s)

    @property
    def can_draw(self) -> bool:
        """Whether there are enough steps for a line."""
        return self.n_steps >= LEAST_STEPS_TO_DRAW

    def known(self, column: str) -> bool:
        """Whether any running step has a value."""
        return bool(np.isfinite(running_column(self.session.steps, column)).any())

    @property
    def clock_form(self) -> str:
        """The form of times in tables."""
        return clock_form(self.duration_s)

    def clock(self, seconds: float) -> str:
        """A time in that form."""
        return clock_like(seconds, self.duration_s)

    def line(self, column: str, side: str | None = None) -> Line:
        """A column over time, of both feet or one."""
        thinned = thin(
            running_column(self.session.steps, "initial_contact_s", side),
            running_column(self.session.steps, column, side),
            self.edges_s,
        )
        return Line(thinned, ONE if side is None else SIDES[side])

    def picture(self, column: str, *, by_side: bool = False) -> Picture:
        """A column over the run, in one line or one a foot."""
        lines = [self.line(column, side) for side in ("left", "right")] if by_side else [self.line(column)]
        values = running_column(self.session.steps, column)
        usual = median_of(values)
        says = f"{TERMS[column].label} over the run; median {shown(column, usual)}."
        return Picture(
            label_with_unit(column),
            plots.time_plot(column, lines, self.duration_s, SPANS[column]),
            says,
            BOTH if by_side else (),
        )


def run_sections(session: Session) -> Iterator[Section]:
    """The sections of a recording in the order in which they are read; what it cannot say is left out."""
    run = Run(session)
    if run.n_steps:
        yield from _of_steps(run)
    if len(session.bouts):
        yield _bouts(run)
    yield _quality(run)
    if session.markers:
        yield _markers(run)


def _of_steps(run: Run) -> Iterator[Section]:
    for section in (_load(run), _rhythm(run), _sides(run), _impact(run), _sway(run)):
        if section is not None:
            yield section


def _load(run: Run) -> Section | None:
    dose = run.session.summary["lumbar_dose_bw4"]
    if dose is None:
        return None
    load = adding_up(run.time_s, running_column(run.session.steps, "lumbar_dose"), run.edges_s)
    lines = [f"The session added up to {shown('lumbar_dose_bw4', dose)}."]
    half_s = float(np.interp(0.5 * load[-1], load, run.edges_s)) if load[-1] > 0 else 0.0
    pictures: list[Picture] = []
    if run.can_draw:
        lines.append(f"Half of it was reached after {lasting(half_s)}.")
        pain = [m.time_s for m in run.session.markers if m.kind == "pain"]
        marks = [(time_s, float(np.interp(time_s, run.edges_s, load))) for time_s in pain]
        legend = (("load so far", LOAD_COLOR), *((("pain noted", plots.THIS_COLOR),) if marks else ()))
        pictures = [
            Picture(
                "Load so far, BW⁴",
                plots.load_plot("load", run.edges_s, load, marks),
                f"The load rises to {shown('lumbar_dose_bw4', dose)}.",
                legend,
            )
        ]
        if run.known("lumbar_compression_bw"):
            pictures.append(run.picture("lumbar_compression_bw"))
    newtons = run.session.summary["lumbar_compression_n"]
    if newtons is not None:
        lines.append(
            f"The median lumbar load of a step, {shown('lumbar_compression_bw', run.session.summary['lumbar_compression_bw'])}, "
            f"is about {number(newtons, 0)} N at your body mass."
        )
    return Section(
        "load", "Load over time", tuple(lines), tuple(pictures),
        terms=_terms("lumbar_dose_bw4", "lumbar_compression_bw"),
    )  # fmt: skip


def _rhythm(run: Run) -> Section | None:
    columns = [name for name in ("cadence_spm", "contact_time_ms", "flight_time_ms") if run.known(name)]
    if not columns:
        return None
    if run.can_draw:
        lines = ("Line: the median. Band: eight in ten steps lie in it.",)
        pictures = tuple(run.picture(name) for name in columns)
    else:
        lines = (_too_few(run),)
        pictures = ()
    rows = tuple((TERMS[name].label, shown(name, run.session.summary[name])) for name in columns)
    table = Table(("", "median"), rows)
    return Section(
        "rhythm", "Cadence, contact and flight", lines, pictures, () if pictures else (table,),
        terms=_terms(*columns),
    )  # fmt: skip


def _sides(run: Run) -> Section | None:
    summary = run.session.summary
    rows: list[tuple[str, ...]] = []
    compared: list[str] = []
    for name in SIDED:
        stem, unit = name.rsplit("_", 1)
        left, right = summary[f"{stem}_left_{unit}"], summary[f"{stem}_right_{unit}"]
        difference = summary[f"{stem}_asymmetry_percent"]
        if left is None or right is None or difference is None:
            continue
        decimals = TERMS[name].decimals
        compared.append(name)
        percent = f"{'+' if difference > 0.05 else ''}{number(difference, 1)} %"
        rows.append((label_with_unit(name), number(left, decimals), number(right, decimals), percent))
    if not rows:
        return None
    known = summary["side_known_percent"]
    lines = ["The difference is left minus right: above 0, the left value is greater. No one is quite even."]
    if known is not None and known < 99.5:
        lines.append(
            f"The foot is known for {number(known, 0)} % of the running steps; the others are left out."
        )
    drawn = [name for name in ("contact_time_ms", "peak_impact_g") if name in compared]
    pictures = tuple(_renamed(run.picture(name, by_side=True), "sides") for name in drawn)
    return Section(
        "sides", "Left against right", tuple(lines), pictures if run.can_draw else (),
        (Table(("", "left", "right", "difference"), tuple(rows)),), _terms(*compared),
    )  # fmt: skip


def _impact(run: Run) -> Section | None:
    values = running_column(run.session.steps, "peak_impact_g")
    values = values[np.isfinite(values)]
    if len(values) < LEAST_STEPS_TO_DRAW:
        return None
    low, high = (float(v) for v in np.percentile(values, INSIDE))
    edges = np.linspace(low, max(high, low + 0.1), BINS + 1)
    by_side = {side: running_column(run.session.steps, "peak_impact_g", side) for side in SIDES}
    counts = {side: _counts(column, edges) for side, column in by_side.items() if np.isfinite(column).any()}
    median, hard = (float(v) for v in np.percentile(values, (50.0, 95.0)))
    sentence = f"Half of the steps were above {shown('peak_impact_g', median)}, one in twenty above {shown('peak_impact_g', hard)}."
    legend = tuple((side if side != "unknown" else "foot not known", SIDES[side]) for side in counts)
    picture = Picture(
        "Number of steps by impact peak", plots.histogram("impact", edges, counts, SIDES, "impact peak, g"),
        sentence, legend, across="", wide=True,
    )  # fmt: skip
    return Section(
        "impact", "How hard the steps were", (sentence, "The outermost bars hold what lies beyond them."),
        (picture,), terms=_terms("peak_impact_g"),
    )  # fmt: skip


def _sway(run: Run) -> Section | None:
    summary = run.session.summary
    columns = [n for n in ("lean_deg", "roll_rom_deg", "yaw_rom_deg", "ml_sway_ratio") if run.known(n)]
    lines: list[str] = []
    if not summary["gyroscope"]:
        lines.append(
            "Side tilt, forward tilt and rotation need a gyroscope; this recording has none, so they are left out."
        )
    rows: list[tuple[str, ...]] = []
    for name in FRESH_AND_TIRED:
        fresh, tired = summary[f"fresh_{name}"], summary[f"tired_{name}"]
        if fresh is None or tired is None:
            continue
        decimals = TERMS[name].decimals
        moved = change(fresh, tired, decimals, "")
        rows.append((label_with_unit(name), number(fresh, decimals), number(tired, decimals), moved))
    tables: tuple[Table, ...] = ()
    if rows:
        steps = count(int(FIFTH * run.n_steps), "step", "steps")
        lines.append(f"Fresh is the first fifth of the running steps, tired the last ({steps} each).")
        tables = (Table(("median of", "fresh", "tired", "change"), tuple(rows)),)
    else:
        lines.append(
            f"Fresh and tired are compared from {LEAST_STEPS_TO_COMPARE} running steps on; "
            f"this recording has {run.n_steps}."
        )
    if not columns and not tables:
        return None
    pictures = tuple(run.picture(name) for name in columns) if run.can_draw else ()
    terms = dict.fromkeys([*columns, *(name for name in FRESH_AND_TIRED if rows)])
    return Section(
        "sway", "Lean and sway, fresh against tired", tuple(lines), pictures, tables, _terms(*terms)
    )


def _bouts(run: Run) -> Section:
    session = run.session
    bouts = session.bouts
    spent = bouts.assign(length_s=bouts["end_s"] - bouts["start_s"]).groupby("kind")["length_s"].sum()
    legend = tuple(
        (f"{word} {lasting(float(spent[kind]))}", color)
        for kind, (color, word) in KINDS.items()
        if kind in spent.index and round(float(spent[kind])) > 0
    )
    picture = Picture(
        "Running, walking, standing", plots.timeline("bouts", bouts, run.duration_s),
        "In all: " + ", ".join(word for word, _ in legend) + ".", legend, wide=True,
    )  # fmt: skip
    tables: list[Table] = []
    if len(session.phases):
        rows = tuple(
            (str(phase["kind"]), run.clock(phase["start_s"]), run.clock(phase["end_s"] - phase["start_s"]))
            for phase in session.phases.to_dict("records")
        )
        tables.append(Table(("part", f"from, {run.clock_form}", f"length, {run.clock_form}"), rows))
    running = bouts[bouts["kind"] == "running"]
    if len(running) > 1:
        tables.append(
            _table_of_stretches(run, "run", list(zip(running["start_s"], running["end_s"], strict=True)))
        )
    lines = _phase_lines(session)
    return Section("bouts", "What was done when", lines, (picture,), tuple(tables))


def _phase_lines(session: Session) -> tuple[str, ...]:
    if not len(session.phases):
        return ()
    kinds = set(session.phases["kind"])
    missing = [kind for kind in ("warm-up", "cool-down") if kind not in kinds]
    lines = [
        "The main part is what was run at 80 % of the usual effort or more; what comes before is warm-up, after it cool-down."
    ]
    if missing:
        lines.append(f"No {' and no '.join(missing)} was seen in the recording.")
    return tuple(lines)


def _quality(run: Run) -> Section:
    summary = run.session.summary
    rows: list[tuple[str, ...]] = [("Samples", f"{number(summary['rate_hz'], 0)} a second")]
    rows.append(("Gyroscope", "yes" if summary["gyroscope"] else "no"))
    rows.append(("No data", f"{number(summary['gap_s'], 1)} s of {lasting(run.duration_s)}"))
    if summary["bridged_samples"]:
        rows.append(("Short holes filled in", count(summary["bridged_samples"], "sample", "samples")))
    if summary["clipped_samples"]:
        rows.append(("Cut off at full scale", count(summary["clipped_samples"], "sample", "samples")))
    if summary["mounting"] in MOUNTINGS:
        rows.append(("How the sensor sat", MOUNTINGS[summary["mounting"]]))
    pictures: list[Picture] = []
    values = running_column(run.session.steps, "quality")
    values = values[np.isfinite(values)]
    lines: list[str] = []
    if len(values):
        lines.append(_quality_line(float(np.median(values))))
        rows += _quality_shares(values)
    if run.can_draw and len(values):
        gaps = run.session.bouts[run.session.bouts["kind"] == "gap"][["start_s", "end_s"]].to_numpy(
            np.float64
        )
        legend = (("quality", ONE), *((("no data", plots.THIS_COLOR),) if len(gaps) else ()))
        picture = Picture(
            "Quality, 0 to 1", plots.quality_plot("quality", run.line("quality"), gaps, run.duration_s),
            lines[0], legend, wide=True,
        )  # fmt: skip
        pictures.append(picture)
    return Section(
        "quality", "How far to trust it", tuple(lines), tuple(pictures), (Table(("", ""), tuple(rows)),),
        _terms("quality") if len(values) else (),
    )  # fmt: skip


def _quality_line(median: float) -> str:
    error = next(word for lower, word in CONTACT_ERRORS_MS if median >= lower)
    return (
        f"Median quality {number(median, 2)}, where 1 is as clean as running gets. "
        f"In tests, contact times of such steps were off by {error}."
    )


def _quality_shares(values: FloatArray) -> list[tuple[str, ...]]:
    shares: list[tuple[str, ...]] = []
    upper = np.inf
    for lower, word in QUALITY_STEPS:
        share = 100.0 * float(np.mean((values >= lower) & (values < upper)))
        if share:
            shares.append((f"Steps of quality {word}", f"{number(share, 0)} %"))
        upper = lower
    low = 100.0 * float(np.mean(values < QUALITY_STEPS[-1][0]))
    if low:
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
        stretches = [(begin, end) for begin, end in pairwise(ends) if end - begin >= 1.0]
        tables.append(_table_of_stretches(run, "lap", stretches))
    lines = () if not pain else ("Pain from 0, none, to 10, the worst you can think of.",)
    return Section("markers", "What you noted on the way", lines, (), tuple(tables))


def _pain_table(run: Run, pain: list[Marker]) -> Table:
    rows = tuple(
        (run.clock(marker.time_s), f"{number(marker.value, 0)} of 10") for marker in pain[:MOST_ROWS]
    )
    return Table((f"at, {run.clock_form}", "pain"), rows, _more(len(pain) - MOST_ROWS))


def _table_of_stretches(run: Run, word: str, stretches: list[tuple[float, float]]) -> Table:
    """Steps, cadence, contact time and load of stretches of time; the first ones where there are many."""
    steps = run.session.steps[run.session.steps["gait"] == "running"]
    time_s = steps["initial_contact_s"].to_numpy(np.float64)
    rows: list[tuple[str, ...]] = []
    for index, (begin, end) in enumerate(stretches[:MOST_ROWS], 1):
        some = steps[(time_s >= begin) & (time_s < end)]
        load = some["lumbar_dose"].to_numpy(np.float64)
        rows.append(
            (
                f"{index}",
                run.clock(begin),
                run.clock(end - begin),
                number(median_of(some["cadence_spm"].to_numpy(np.float64)), 0),
                number(median_of(some["contact_time_ms"].to_numpy(np.float64)), 0),
                number(float(np.nansum(load)) if np.isfinite(load).any() else None, 0),
            )
        )
    head = (
        word,
        f"from, {run.clock_form}",
        f"length, {run.clock_form}",
        "cadence, steps/min",
        "contact, ms",
        "load, BW⁴",
    )
    return Table(head, tuple(rows), _more(len(stretches) - MOST_ROWS))


def _more(n: int) -> str:
    return f"And {n} more." if n > 0 else ""


def _counts(values: FloatArray, edges: FloatArray) -> FloatArray:
    known = np.clip(values[np.isfinite(values)], edges[0], edges[-1])
    return np.histogram(known, edges)[0].astype(np.float64)


def _renamed(picture: Picture, prefix: str) -> Picture:
    picture.plot.name = f"{prefix}_{picture.plot.name}"
    return picture


def _too_few(run: Run) -> str:
    return f"{count(run.n_steps, 'running step', 'running steps')}: too few to draw a line."


def _terms(*columns: str) -> tuple[tuple[str, str], ...]:
    return tuple((TERMS[name].label, plain(name)) for name in columns)


def glance(session: Session) -> tuple[tuple[str, ...], ...]:
    """Label, value and unit of the session's main numbers, those that are known."""
    summary = session.summary
    tiles: list[tuple[str, ...]] = [("Running", *lasting(summary["running_s"]).split(NO_BREAK))]
    if summary["running_steps"]:
        tiles.append(("Steps", number(summary["running_steps"], 0), "running"))
    elif summary["walking_steps"]:
        tiles.append(("Walking", *lasting(summary["walking_s"]).split(NO_BREAK)))
        tiles.append(("Walking steps", number(summary["walking_steps"], 0), ""))
        if summary["walking_cadence_spm"] is not None:
            tiles.append(("Walking cadence", number(summary["walking_cadence_spm"], 0), "steps/min"))
    for name in (
        "cadence_spm", "contact_time_ms", "peak_impact_g", "peak_vgrf_bw", "lumbar_compression_bw", "lumbar_dose_bw4",
    ):  # fmt: skip
        if summary[name] is not None:
            tiles.append((TERMS[name].label, number(summary[name], TERMS[name].decimals), unit_of(name)))
    return tuple(tiles)
