"""Tables of the page, with all cells as text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from benchmarks.accuracy.methods import LEFT_OUT
from benchmarks.accuracy.quality import ERRORS
from benchmarks.accuracy.report import words
from benchmarks.accuracy.report.quantities import F1, F1_WIDE, QUANTITIES, SCOPES
from benchmarks.accuracy.report.robustness import FIGURES
from benchmarks.accuracy.report.scores import pick
from benchmarks.accuracy.report.targets import Verdict
from benchmarks.accuracy.results import Results

Table = dict[str, Any]
"""head: titles; rows: cells as text; left: number of text columns."""


def labels_of(results: Results) -> dict[str, str]:
    """The label of each method."""
    return {name: about["label"] for name, about in results.run["methods"].items()}


def verdict_row(verdict: Verdict) -> dict[str, str]:
    """One line of the table of targets."""
    target = verdict.target
    method, value = verdict.best_rule
    return {
        "label": target.label,
        "value": words.with_unit(verdict.value, target.quantity),
        "harmonised": words.with_unit(verdict.harmonised, target.quantity),
        "interval": words.interval(*verdict.interval, verdict.n_runners, target.quantity),
        "n": f"{verdict.n} / {verdict.n_runners}",
        "limit": words.limit_words(verdict),
        "word": verdict.word,
        "verdict": words.verdict_words(verdict),
        "published": f"{target.published} ({target.source})",
        "rule": f"{words.with_unit(value, target.quantity)} ({method})" if method else words.NOTHING,
    }


def methods_table(results: Results, scores: pd.DataFrame, scope: str) -> Table | None:
    """Every method, all runners pooled; None without such trials."""
    rows = pick(scores, scope=scope)
    if not len(rows):
        return None
    values = rows.pivot_table(index="method", columns="quantity", values="value", aggfunc="first")
    names = [name for name in (F1, F1_WIDE, *QUANTITIES) if name in values]
    contacts = rows[rows["quantity"] == F1].set_index("method")["n"]
    found = rows[rows["quantity"] == "initial_error_ms"].set_index("method")["n"]
    cells = [
        [
            label,
            f"{int(found[method])} of {int(contacts[method])}",
            *(words.number(values[name].get(method, np.nan), words.decimals_of(name)) for name in names),
        ]
        for method, label in labels_of(results).items()
        if method in contacts.index
    ]
    head = ["method", "contacts found", *(_title(name) for name in names)]
    return {"head": head, "rows": cells, "left": 1}


def detail_table(scores: pd.DataFrame, group: str) -> Table:
    """Bias, SD, RMSE, limits of agreement and intervals of imurun, left out."""
    cells = []
    rows = pick(scores, method=LEFT_OUT, group=group)
    for _, row in rows[(rows["n"] > 0) & rows["quantity"].isin(QUANTITIES)].iterrows():
        about = QUANTITIES[row["quantity"]]
        if group != "pooled" and row["scope"] == "all":
            continue
        known = [words.number(row[name], about.decimals) if about.signed else "" for name in ("bias", "sd")]
        limits = words.span(row["limit_low"], row["limit_high"], about.decimals) if about.signed else ""
        n_runners = int(row["n_runners"])
        biases = (
            words.interval(row["bias_low"], row["bias_high"], n_runners, about.name) if about.signed else ""
        )
        share = about.headline == "mean"
        rmse = "" if share else words.number(row["rmse"], about.decimals)
        rmse_95 = "" if share else words.interval(row["rmse_low"], row["rmse_high"], n_runners, about.name)
        other = "" if about.headline == "rmse" else words.with_unit(row["value"], about.name)
        where = [row["member"]] if group != "pooled" else []
        counts = [str(int(row["n"])), str(n_runners)]
        named = [*where, SCOPES[row["scope"]], f"{about.label}, {about.unit}", *counts]
        cells.append([*named, *known, limits, biases, rmse, rmse_95, other])
    head = [group] if group != "pooled" else []
    head += ["trials", "figure", "n", "runners", "bias", "SD", "95 % limits of agreement"]
    head += ["bias, 95 % interval", "RMSE", "RMSE, 95 % interval", "mean absolute, or share"]
    title = {
        "pooled": "All runners, each with the same weight",
        "dataset": "By dataset",
        "runner": "By runner",
    }[group]
    return {"title": title, "head": head, "rows": cells, "left": len(head) - 9}


def robustness_rows(table: pd.DataFrame, labels: dict[str, str]) -> Table:
    """Every condition, with the value as recorded in brackets."""
    names = ("f1", *FIGURES)
    cells = []
    for _, row in table.iterrows():
        pairs = [
            f"{words.number(row[name], _short(name))} ({words.number(row[f'recorded_{name}'], _short(name))})"
            for name in names
        ]
        empty = f"{words.NOTHING} ({words.NOTHING})"
        shown = ["" if pair == empty else pair for pair in pairs]
        cells.append([row["condition"], labels[row["method"]], str(row["n_true"]), *shown])
    head = ["condition", "method", "contacts", *(_title(name) for name in names)]
    return {"head": head, "rows": cells, "left": 2}


def calibration_rows(table: pd.DataFrame) -> Table:
    """Non-empty bins of `benchmarks.accuracy.quality.calibration`: RMSE / median absolute error."""
    names = [name for name in ERRORS if name in QUANTITIES]
    cells = [
        [
            f"{row['above']:g} to {row['to']:g}",
            str(row["steps"]),
            *(
                f"{words.number(row[f'{name}_rmse'], words.decimals_of(name))} / "
                f"{words.number(row[f'{name}_median'], words.decimals_of(name))}"
                for name in names
            ),
        ]
        for row in table[table["steps"] > 0].to_dict("records")
    ]
    return {"head": ["quality", "contacts", *(_title(name) for name in names)], "rows": cells, "left": 1}


def _title(name: str) -> str:
    if name in QUANTITIES:
        return f"{QUANTITIES[name].label}, {QUANTITIES[name].unit}"
    return "F1 within 100 ms" if name == F1_WIDE else "F1 within 50 ms"


def _short(name: str) -> int:
    return 3 if name == "f1" else words.decimals_of(name)
