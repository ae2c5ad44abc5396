"""Calibrates the quality of a step: the expected error for each quality.

    python -m benchmarks.accuracy.quality

Uses steps of all trials under all conditions of `conditions`, because the errors differ between them. The
weights of `imurun.core.quality` are fitted on contact times without the scored runner: all runners have the
same weight, and all steps within a runner. The errors are those of the shipped contact formulas.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from benchmarks.accuracy.conditions import CONDITIONS, Condition
from benchmarks.accuracy.fit_contact import DATASETS
from benchmarks.accuracy.match import TOLERANCE_S
from benchmarks.accuracy.running_rows import running_rows
from benchmarks.datasets import Trial, load
from imurun.core import quality
from imurun.model.frames import FloatArray

PENALTIES = [f"doubt_{name}" for name in quality.PENALTIES]
ERRORS = ("contact_error_ms", "initial_error_ms", "final_error_ms", "peak_error_bw")
EDGES = (0.0, 0.3, 0.5, 0.7, 0.9, 1.0)


def matched_steps(trial: Trial, condition: Condition) -> pd.DataFrame:
    """Steps of the trial that are matched with a contact: quality, penalties, estimate minus truth."""
    steps = running_rows(condition.apply(trial).recording)
    inside = np.flatnonzero(trial.inside())
    away_s = np.abs(steps["initial_contact_s"][:, None] - trial.initial_contact_s[inside])
    nearest = inside[away_s.argmin(axis=1)] if len(steps) else np.zeros(0, dtype=int)
    near = away_s.min(axis=1, initial=np.inf) < TOLERANCE_S
    steps, nearest = steps[near], nearest[near]
    initial_ms = 1000.0 * (steps["initial_contact_s"] - trial.initial_contact_s[nearest])
    final_ms = 1000.0 * (steps["final_contact_s"] - trial.final_contact_s[nearest])
    return pd.DataFrame(
        {
            "runner": trial.runner,
            "trial": trial.name,
            "condition": condition.label,
            "quality": steps["quality"],
            **{name: steps[name] for name in PENALTIES},
            "initial_error_ms": initial_ms,
            "final_error_ms": final_ms,
            "contact_error_ms": final_ms - initial_ms,
            "peak_error_bw": steps["peak_vgrf_bw"] - trial.peak_bw[nearest],
        }
    )


def fit_weights(steps: pd.DataFrame) -> tuple[float, FloatArray]:
    """Expected contact error of a step without penalties, ms, and the weights of the penalties; none below 0.

    The most likely, if errors follow a Laplace distribution whose width follows the quality.
    """
    squares = steps[PENALTIES].to_numpy() ** 2
    error_ms = np.abs(steps["contact_error_ms"].to_numpy())
    share = 1.0 / steps.groupby("runner")["runner"].transform("size").to_numpy()

    def surprise(logs: FloatArray) -> float:
        width_ms = np.exp(logs[0]) * np.sqrt(1.0 + squares @ np.exp(logs[1:]))
        return float(np.sum(share * (np.log(width_ms) + error_ms / width_ms)))

    # as logarithms, so that none is below 0
    start = np.concatenate([[np.log(8.0)], -np.log(squares.mean(axis=0) + 1e-6)])
    limits = [(0.0, 5.0)] + [(-7.0, 14.0)] * len(PENALTIES)
    found = minimize(surprise, start, method="L-BFGS-B", bounds=limits).x
    return float(np.exp(found[0])), np.exp(found[1:])


def with_quality(steps: pd.DataFrame, weights: FloatArray) -> pd.DataFrame:
    """The steps with the quality from these weights."""
    return steps.assign(quality=1.0 / np.sqrt(1.0 + steps[PENALTIES].to_numpy() ** 2 @ weights))


def left_out(steps: pd.DataFrame) -> pd.DataFrame:
    """The steps with the quality from weights fitted on the other runners."""
    parts = []
    for runner, mine in steps.groupby("runner"):
        _, weights = fit_weights(steps[steps["runner"] != runner])
        parts.append(with_quality(mine, weights))
    return pd.concat(parts)


def calibration(steps: pd.DataFrame, edges: Sequence[float] = EDGES) -> pd.DataFrame:
    """A row for each bin of quality, without its lower edge: number of steps, RMSE and median absolute error.

    Args:
        steps: a row for each step with `quality` and the columns of `ERRORS`; an error may be NaN.
        edges: bin edges.
    """
    rows = []
    for low, high in pairwise(edges):
        mine = steps[(steps["quality"] > low) & (steps["quality"] <= high)]
        row: dict[str, float] = {"above": low, "to": high, "steps": len(mine)}
        for name in ERRORS:
            size = mine[name].abs().dropna().to_numpy()
            row[f"{name}_rmse"] = float(np.sqrt(np.mean(size**2))) if len(size) else np.nan
            row[f"{name}_median"] = float(np.median(size)) if len(size) else np.nan
        rows.append(row)
    return pd.DataFrame(rows)


def main() -> None:
    """Print the weights and the calibration table of runners left out."""
    steps = pd.concat(
        [
            matched_steps(trial, condition)
            for name in DATASETS
            for trial in load(name)
            for condition in CONDITIONS
            if condition.applies_to(trial)
        ],
        ignore_index=True,
    )
    floor_ms, weights = fit_weights(steps)
    print(f"mean contact error of a step without penalties: {floor_ms:.1f} ms")
    for name, weight, kept in zip(quality.PENALTIES, weights, quality.WEIGHTS, strict=True):
        print(f"{name:10s} fitted {weight:10.3f}  in the core {kept:g}")
    scored = left_out(steps)
    for title, table in (
        ("all conditions, runner left out", scored),
        ("as recorded, runner left out", scored[scored["condition"] == CONDITIONS[0].label]),
    ):
        print(f"\n{title}: RMSE / median size")
        print("quality       steps   contact ms   initial ms     final ms      peak BW")
        for row in calibration(table).to_dict("records"):
            print(
                f"{row['above']:.1f} to {row['to']:.1f}  {row['steps']:7d}"
                + "".join(
                    f"  {row[f'{name}_rmse']:5.{digits}f} /{row[f'{name}_median']:5.{digits}f}"
                    for name, digits in zip(ERRORS, (1, 1, 1, 2), strict=True)
                )
            )


if __name__ == "__main__":
    main()
