"""Builds a long table of scores: every quantity of every method, by group, trials and condition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from benchmarks.accuracy.conditions import AS_RECORDED
from benchmarks.accuracy.match import f1_score
from benchmarks.accuracy.plan import WITHOUT_GYROSCOPE
from benchmarks.accuracy.report.quantities import F1, F1_WIDE, QUANTITIES, SCOPES, Quantity
from benchmarks.accuracy.report.statistics import root_mean_square, summarise
from benchmarks.accuracy.results import Results

POOLED = "all"
KEYS = ("method", "condition", "group", "member", "scope", "quantity")
VALUES = (
    "n",
    "n_runners",
    "bias",
    "sd",
    "rmse",
    "mean_abs",
    "limit_low",
    "limit_high",
    "bias_low",
    "bias_high",
    "rmse_low",
    "rmse_high",
    "mean_abs_low",
    "mean_abs_high",
)


def score_table(results: Results) -> pd.DataFrame:
    """Columns `KEYS` and `VALUES`, `value`, the statistic for short tables, and `harmonised`.

    harmonised is the RMSE against the harmonised truth, where the quantity has one.

    Trials as recorded and without gyroscope; `robustness` has the other conditions.

    group is "pooled", "dataset" or "runner", member the dataset's or runner's name. Errors are in the unit
    of the figure, and every runner has the same weight (`statistics`). F1 counts contacts of all runners
    alike, has only its value, and n is the number of true contacts.
    """
    rows: list[dict[str, Any]] = []
    used = results.trials[results.trials["condition"].isin([AS_RECORDED.label, WITHOUT_GYROSCOPE.label])]
    for (method, condition), trials in used.groupby(["method", "condition"], sort=False):
        contacts = results.contacts[
            (results.contacts["method"] == method) & (results.contacts["condition"] == condition)
        ]
        for group, member, scope, some_trials, some_contacts in _parts(trials, contacts):
            where = dict(zip(KEYS, (method, condition, group, member, scope), strict=False))
            rows += [{**where, **row} for row in _scores(some_trials, some_contacts)]
    return pd.DataFrame(rows, columns=[*KEYS, "value", "harmonised", *VALUES])


def pick(scores: pd.DataFrame, **keys: str) -> pd.DataFrame:
    """The rows with these keys; by default as recorded and pooled."""
    wanted = {"condition": AS_RECORDED.label, **keys}
    if "group" not in keys and "member" not in keys:
        wanted["group"] = "pooled"
    for name, value in wanted.items():
        scores = scores[scores[name] == value]
    return scores


def _parts(
    trials: pd.DataFrame, contacts: pd.DataFrame
) -> Iterator[tuple[str, str, str, pd.DataFrame, pd.DataFrame]]:
    """Group, member, scope and rows of each."""
    for scope in SCOPES:
        some_trials, some_contacts = in_scope(trials, scope), in_scope(contacts, scope)
        if len(some_trials):
            yield "pooled", POOLED, scope, some_trials, some_contacts
        for group in ("dataset", "runner"):
            for member in some_trials[group].unique() if len(some_trials) else ():
                yield (
                    group,
                    member,
                    scope,
                    some_trials[some_trials[group] == member],
                    some_contacts[some_contacts[group] == member],
                )


def in_scope(rows: pd.DataFrame, scope: str) -> pd.DataFrame:
    """The rows on level ground, on slopes, or all."""
    if scope == "all" or not len(rows):
        return rows
    level = rows["slope_percent"] == 0
    return rows[level if scope == "level" else ~level]


def _scores(trials: pd.DataFrame, contacts: pd.DataFrame) -> Iterator[dict[str, Any]]:
    n_runners = trials["runner"].nunique()
    counts = trials[["n_true", "n_found", "n_invented", "n_found_wide", "n_invented_wide"]].sum()
    for name, suffix in ((F1, ""), (F1_WIDE, "_wide")):
        value = f1_score(
            int(counts["n_true"]), int(counts[f"n_found{suffix}"]), int(counts[f"n_invented{suffix}"])
        )
        yield {"quantity": name, "value": value, "n": int(counts["n_true"]), "n_runners": n_runners}
    for quantity in QUANTITIES.values():
        yield {"quantity": quantity.name, **_row(quantity, trials if quantity.per_trial else contacts)}


def _row(quantity: Quantity, rows: pd.DataFrame) -> dict[str, Any]:
    summary = summarise(quantity.scale * rows[quantity.name].astype(float), rows["runner"])
    bias, rmse, mean_abs = summary.bias_95, summary.rmse_95, summary.mean_abs_95
    numbers = (
        summary.n,
        summary.n_runners,
        summary.bias,
        summary.sd,
        summary.rmse,
        summary.mean_abs,
        *summary.limits,
        *bias,
        *rmse,
        *mean_abs,
    )
    row = dict(zip(VALUES, numbers, strict=True))
    harmonised = float("nan")
    if quantity.harmonised and len(rows):
        harmonised = root_mean_square(rows[quantity.harmonised].astype(float), rows["runner"])
    return {"value": row[quantity.statistic], "harmonised": harmonised, **row}
