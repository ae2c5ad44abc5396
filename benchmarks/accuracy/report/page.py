"""Builds one self-contained HTML page: tables by jinja2, plots and their script by bokeh."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from bokeh.embed import components
from bokeh.resources import Resources
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmarks.accuracy.methods import LEFT_OUT
from benchmarks.accuracy.quality import calibration as calibration_table
from benchmarks.accuracy.report import plots
from benchmarks.accuracy.report.derived import derive
from benchmarks.accuracy.report.quantities import QUANTITIES, SCOPES
from benchmarks.accuracy.report.robustness import robustness_table
from benchmarks.accuracy.report.scores import pick
from benchmarks.accuracy.report.tables import (
    calibration_rows,
    detail_table,
    labels_of,
    methods_table,
    robustness_rows,
    verdict_row,
)
from benchmarks.accuracy.report.targets import verdicts
from benchmarks.accuracy.results import Results
from imurun.files.atomic import atomic_path

PLOTTED = ("initial_error_ms", "final_error_ms", "contact_error_ms")
TEMPLATE = "page.html.jinja"


def write_page(results: Results, scores: pd.DataFrame, path: Path) -> None:
    """Write the page atomically.

    Raises:
        OSError: the folder cannot be written.
    """
    text = page(results, scores)
    with atomic_path(path) as aside:
        aside.write_text(text, encoding="utf-8")


def page(results: Results, scores: pd.DataFrame) -> str:
    """The page as HTML text."""
    robustness = robustness_table(results)
    mine = results.contacts[results.contacts["method"] == LEFT_OUT]
    made_worse = len(results.run["conditions"]) > 2
    # without degraded conditions quality has no relation to the error, which then depends on the runner
    calibration = calibration_table(mine if made_worse else mine.iloc[:0])
    drawn = draw(results, scores, robustness, calibration)
    script, divs = components(drawn) if drawn else ("", {})
    labels = labels_of(results)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(TEMPLATE).render(
        run=results.run,
        notes=results.notes,
        counts=counts_of(results),
        verdicts=[verdict_row(verdict) for verdict in verdicts(scores, derive(results, robustness))],
        methods=[
            (words_, table)
            for scope, words_ in SCOPES.items()
            if (table := methods_table(results, scores, scope))
        ],
        details=[detail_table(scores, group) for group in ("pooled", "dataset", "runner")],
        robustness=robustness_rows(robustness, labels),
        calibration=calibration_rows(calibration),
        quantities=QUANTITIES.values(),
        plots=divs,
        families=[name for name in divs if name.startswith("family ")],
        bokeh=Resources(mode="inline", components=["bokeh"]).render_js() if drawn else "",
        script=script,
        labels=labels,
    )


def draw(
    results: Results, scores: pd.DataFrame, robustness: pd.DataFrame, calibration: pd.DataFrame
) -> dict[str, Any]:
    """Plots with data, by name."""
    labels = labels_of(results)
    drawn: dict[str, Any] = {}
    for scope in ("level", "slopes"):
        for quantity in PLOTTED:
            if len(pick(scores, quantity=quantity, scope=scope)):
                drawn[f"methods {scope} {quantity}"] = plots.methods_plot(scores, labels, quantity, scope)
    contacts = results.contacts
    mine = contacts[(contacts["method"] == LEFT_OUT) & contacts["contact_error_ms"].notna()]
    if len(mine):
        drawn["bland-altman"] = plots.bland_altman_plot(results)
        for quantity in PLOTTED:
            drawn[f"speed {quantity}"] = plots.trial_plot(results, "speed_m_s", "speed, m/s", quantity)
            if (mine["slope_percent"] != 0).any():
                drawn[f"slope {quantity}"] = plots.trial_plot(
                    results, "slope_percent", "slope, %, uphill positive", quantity
                )
    for family, rows in robustness.groupby("family", sort=False):
        if len(rows["value"].unique()) > 1:
            drawn[f"family {family}: contact time"] = plots.family_plot(
                rows, labels, "contact_error_ms", "contact time RMSE, ms"
            )
            drawn[f"family {family}: F1"] = plots.family_plot(rows, labels, "f1", "F1 within 50 ms")
    if (calibration["steps"] > 0).sum() > 1:
        drawn["calibration"] = plots.calibration_plot(calibration)
    return drawn


def counts_of(results: Results) -> dict[str, int]:
    """How much was run as recorded."""
    trials = results.trials[results.trials["condition"] == "as recorded"].drop_duplicates(
        ["dataset", "trial"]
    )
    return {
        "runners": int(trials["runner"].nunique()),
        "trials": len(trials),
        "contacts": int(trials["n_true"].sum()),
    }
