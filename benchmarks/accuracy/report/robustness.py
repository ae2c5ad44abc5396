"""Errors under each condition, compared with the same trials as recorded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from benchmarks.accuracy.conditions import AS_RECORDED
from benchmarks.accuracy.match import f1_score
from benchmarks.accuracy.report.quantities import QUANTITIES
from benchmarks.accuracy.report.statistics import root_mean_square
from benchmarks.accuracy.results import Results

FIGURES = ("initial_error_ms", "final_error_ms", "contact_error_ms", "peak_error_bw", "side_right")
TRIAL = ["dataset", "trial"]


def robustness_table(results: Results) -> pd.DataFrame:
    """A row for each method and condition, in the order of the run, without the recorded ones.

    Columns: method, condition, family, value, unit, n_true, f1 and recorded_f1; for each of `FIGURES` its
    name and recorded_ with its name: RMSE with the same weight for every runner, or percent for sides. Trials
    that a condition cannot be applied to are left out on both sides.
    """
    rows: list[dict[str, Any]] = []
    trials, contacts = _parts(results.trials), _parts(results.contacts)
    for condition in results.run["conditions"]:
        if condition["label"] == AS_RECORDED.label:
            continue
        for method in results.run["methods"]:
            key, before = (method, condition["label"]), (method, AS_RECORDED.label)
            if key in trials:
                row = _row(trials[key], contacts.get(key), trials.get(before), contacts.get(before))
                rows.append({"method": method, "condition": condition["label"], **condition, **row})
    names = [prefix + name for name in ("f1", *FIGURES) for prefix in ("", "recorded_")]
    return pd.DataFrame(rows, columns=["method", "condition", "family", "value", "unit", "n_true", *names])


def _parts(rows: pd.DataFrame) -> dict[Any, pd.DataFrame]:
    """The rows of each method and condition."""
    return dict(iter(rows.groupby(["method", "condition"], sort=False))) if len(rows) else {}


def _row(
    trials: pd.DataFrame,
    contacts: pd.DataFrame | None,
    trials_before: pd.DataFrame | None,
    contacts_before: pd.DataFrame | None,
) -> dict[str, Any]:
    used = pd.MultiIndex.from_frame(trials[TRIAL])

    def same(rows: pd.DataFrame | None) -> pd.DataFrame | None:
        return None if rows is None else rows[pd.MultiIndex.from_frame(rows[TRIAL]).isin(used)]

    row: dict[str, Any] = {
        "n_true": int(trials["n_true"].sum()),
        "f1": _f1(trials),
        "recorded_f1": _f1(same(trials_before)),
    }
    before = same(contacts_before)
    for name in FIGURES:
        row[name], row[f"recorded_{name}"] = _headline(name, contacts), _headline(name, before)
    return row


def _f1(trials: pd.DataFrame | None) -> float:
    if trials is None:
        return float("nan")
    counts = trials[["n_true", "n_found", "n_invented"]].sum()
    return f1_score(*(int(counts[name]) for name in ("n_true", "n_found", "n_invented")))


def _headline(name: str, contacts: pd.DataFrame | None) -> float:
    if contacts is None:
        return float("nan")
    values = QUANTITIES[name].scale * contacts[name].to_numpy(dtype=np.float64)
    if QUANTITIES[name].headline != "mean":
        return root_mean_square(values, contacts["runner"])
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
