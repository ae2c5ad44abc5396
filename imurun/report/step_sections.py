"""Sections of the report on the running steps: load, rhythm, left and right, impact, sway."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from imurun.model.columns import COLUMNS
from imurun.model.frames import FloatArray
from imurun.plot_style import LOAD_COLOR, SIDES
from imurun.report import plots
from imurun.report.parts import Picture, Section, Table
from imurun.report.plots import adding_up
from imurun.report.running_steps import LEAST_STEPS_TO_DRAW, Run
from imurun.report.words import (
    NO_BREAK,
    change,
    count,
    explained,
    heading,
    label_with_unit,
    lasting,
    number,
    shown,
    unit_of,
)
from imurun.session import Session
from imurun.summary import FIFTH, FRESH_AND_TIRED, LEAST_STEPS_TO_COMPARE, SIDED, running_column

GLANCE = (
    "cadence_spm",
    "contact_time_ms",
    "peak_impact_g",
    "peak_vgrf_bw",
    "lumbar_compression_bw",
    "lumbar_dose_bw4",
)
"""Quantities of the summary shown at the top."""
BINS = 30
INSIDE = 0.5, 99.5
"""Percentiles between which the bars of a distribution lie; the outermost bars hold the values beyond."""


def step_sections(run: Run) -> Iterator[Section]:
    """The sections in reading order; those that the recording has no values for are left out."""
    if not run.n_steps:
        return
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
        legend = (("load so far", LOAD_COLOR), *((("pain marked", plots.THIS_COLOR),) if marks else ()))
        pictures = [
            Picture(
                f"Load so far, {unit_of('lumbar_dose_bw4')}",
                plots.load_plot("load", run.edges_s, load, marks),
                f"The load rises to {shown('lumbar_dose_bw4', dose)}.",
                legend,
            )
        ]
        if run.known("lumbar_compression_bw"):
            pictures.append(run.picture("lumbar_compression_bw"))
    summary = run.session.summary
    newtons = summary["lumbar_compression_n"]
    if newtons is not None:
        lines.append(f"At your body mass the median lumbar load of a step is about {number(newtons, 0)} N.")
    return Section(
        "load",
        "Load over time",
        tuple(lines),
        tuple(pictures),
        terms=explained("lumbar_dose_bw4", "lumbar_compression_bw"),
    )


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
    error_ms = run.session.summary.get("contact_time_error_ms")
    if error_ms is not None:
        contact = number(run.session.summary["contact_time_ms"], 0)
        lines = (
            *lines,
            f"Contact time is {contact} ms, plus or minus {number(error_ms, 0)}: for nine runners in ten the "
            "true median lies inside. Single steps scatter more.",
        )
    rows = tuple((COLUMNS[name].label, shown(name, run.session.summary[name])) for name in columns)
    table = Table(("", "median"), rows)
    return Section(
        "rhythm",
        "Cadence, contact and flight",
        lines,
        pictures,
        () if pictures else (table,),
        terms=explained(*columns),
    )


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
        decimals = COLUMNS[name].decimals
        compared.append(name)
        percent = f"{'+' if difference > 0.05 else ''}{number(difference, 1)} %"
        rows.append((label_with_unit(name), number(left, decimals), number(right, decimals), percent))
    if not rows:
        return None
    known = summary["side_known_percent"]
    lines = ["The difference is left minus right; above 0, left is greater. Small differences are normal."]
    if known is not None and known < 99.5:
        lines.append(
            f"The foot is known for {number(known, 0)} % of the running steps; the others are left out."
        )
    drawn = [name for name in ("contact_time_ms", "peak_impact_g") if name in compared]
    pictures = tuple(run.picture(name, by_side=True, prefix="sides_") for name in drawn)
    return Section(
        "sides",
        "Left and right",
        tuple(lines),
        pictures if run.can_draw else (),
        (Table(("", "left", "right", "difference"), tuple(rows)),),
        explained(*compared),
    )


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
    usual, rare = (shown("peak_impact_g", value) for value in (median, hard))
    sentence = f"Half of the steps were above {usual}, one in twenty above {rare}."
    legend = tuple((side if side != "unknown" else "foot not known", SIDES[side]) for side in counts)
    picture = Picture(
        f"Number of steps by {COLUMNS['peak_impact_g'].label.lower()}",
        plots.histogram("impact", edges, counts, SIDES, heading("peak_impact_g")),
        sentence,
        legend,
        x_label="",
        wide=True,
    )
    return Section(
        "impact",
        "Impact of the steps",
        (sentence, "The outermost bars hold all values beyond them."),
        (picture,),
        terms=explained("peak_impact_g"),
    )


def _sway(run: Run) -> Section | None:
    summary = run.session.summary
    columns = [n for n in ("lean_deg", "roll_rom_deg", "yaw_rom_deg", "ml_sway_ratio") if run.known(n)]
    lines: list[str] = []
    if not summary["gyroscope"]:
        lines.append(
            f"{COLUMNS['roll_rom_deg'].label}, {COLUMNS['pitch_rom_deg'].label.lower()} and "
            f"{COLUMNS['yaw_rom_deg'].label.lower()} need a gyroscope; this recording has none, so they are "
            "left out."
        )
    rows: list[tuple[str, ...]] = []
    for name in FRESH_AND_TIRED:
        fresh, tired = summary[f"fresh_{name}"], summary[f"tired_{name}"]
        if fresh is None or tired is None:
            continue
        decimals = COLUMNS[name].decimals
        moved = change(fresh, tired, decimals, "")
        rows.append((label_with_unit(name), number(fresh, decimals), number(tired, decimals), moved))
    tables: tuple[Table, ...] = ()
    if rows:
        steps = count(int(FIFTH * run.n_steps), "step", "steps")
        lines.append(
            f"Fresh is the first fifth of the running steps, tired the last ({steps} each); all but the "
            "cadence are compared over steps of like cadence."
        )
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
        "sway", "Lean and sway, fresh and tired", tuple(lines), pictures, tables, explained(*terms)
    )


def _counts(values: FloatArray, edges: FloatArray) -> FloatArray:
    known = np.clip(values[np.isfinite(values)], edges[0], edges[-1])
    return np.histogram(known, edges)[0].astype(np.float64)


def _too_few(run: Run) -> str:
    return f"{count(run.n_steps, 'running step', 'running steps')}: too few to draw a line."


def glance(session: Session) -> tuple[tuple[str, ...], ...]:
    """Label, value and unit of the session's main quantities that are known."""
    summary = session.summary
    tiles: list[tuple[str, ...]] = [("Running", *lasting(summary["running_s"]).split(NO_BREAK))]
    if summary["running_steps"]:
        tiles.append(("Steps", number(summary["running_steps"], 0), "running"))
    elif summary["walking_steps"]:
        tiles.append(("Walking", *lasting(summary["walking_s"]).split(NO_BREAK)))
        tiles.append(("Walking steps", number(summary["walking_steps"], 0), ""))
        if summary["walking_cadence_spm"] is not None:
            tiles.append(("Walking cadence", number(summary["walking_cadence_spm"], 0), "steps/min"))
    for name in GLANCE:
        if summary[name] is not None:
            tiles.append((COLUMNS[name].label, number(summary[name], COLUMNS[name].decimals), unit_of(name)))
    return tuple(tiles)
