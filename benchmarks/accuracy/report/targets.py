"""Targets, published values, and whether imurun reaches the targets on runners left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.accuracy.conditions import AS_RECORDED
from benchmarks.accuracy.methods import LEFT_OUT
from benchmarks.accuracy.plan import WITHOUT_GYROSCOPE
from benchmarks.accuracy.report.quantities import F1, QUANTITIES
from benchmarks.accuracy.report.scores import pick

KIERNAN = "Kiernan et al. 2023, Sensors 23, 74 runners"
ALCANTARA = "Alcantara et al. 2022, PeerJ 10:e12752, 19 runners, a neural network"
PATOZ = "Patoz et al. 2022, one sacral sensor, 100 runners"
VQF = "orientation filters; VQF, Laidig & Seel 2023, Information Fusion 91"


@dataclass(frozen=True)
class Target:
    """One limit for one figure.

    Attributes:
        label: quantity and trials.
        quantity: name in `QUANTITIES`, or the F1.
        scope: trials: level, slopes or all.
        limit: worst value that reaches the target, in the unit of the quantity.
        published: best published value, as text.
        source: of the published value.
        at_least: whether the value must be at least the limit, instead of at most.
        condition: of the measurement.
    """

    label: str
    quantity: str
    scope: str
    limit: float
    published: str
    source: str
    at_least: bool = False
    condition: str = AS_RECORDED.label


def _both(
    label: str, quantity: str, level: float, slopes: float, published: str, source: str
) -> list[Target]:
    return [
        Target(f"{label}, {scope}", quantity, scope, limit, published, source)
        for scope, limit in (("level", level), ("slopes", slopes))
    ]


TARGETS: tuple[Target, ...] = (
    Target(
        "Foot strikes found, F1 within 50 ms",
        F1,
        "all",
        0.995,
        "0.99 within 100 ms",
        "published rules, as implemented in this project, on sacral_grf",
        at_least=True,
    ),
    *_both(
        "Initial contact",
        "initial_error_ms",
        7.0,
        12.0,
        "13-15 ms around its own bias",
        "published rules, as implemented here, on sacral_grf",
    ),
    *_both(
        "Final contact",
        "final_error_ms",
        10.0,
        12.0,
        "15-25 ms",
        "published rules, as implemented here, on sacral_grf",
    ),
    *_both("Contact time", "contact_error_ms", 11.0, 16.0, "20 ms", PATOZ),
    Target("Side, six axes", "side_right", "all", 99.5, "81.9 %", KIERNAN, at_least=True),
    Target(
        "Side, without gyroscope",
        "side_right",
        "all",
        96.0,
        "81.9 %",
        KIERNAN,
        at_least=True,
        condition=WITHOUT_GYROSCOPE.label,
    ),
    Target("Step frequency", "step_frequency_error_percent", "all", 0.1, "0.1 %", ALCANTARA),
    *_both("Active peak force", "peak_error_bw", 0.12, 0.12, "0.15 BW", PATOZ),
    *_both("Force waveform", "waveform_rmse_bw", 0.15, 0.15, "0.16-0.17 BW", ALCANTARA),
    Target(
        "Pelvis, side tilt range",
        "roll_range_error_deg",
        "all",
        1.0,
        "2-4 deg",
        VQF,
    ),
    Target(
        "Pelvis, forward tilt range",
        "pitch_range_error_deg",
        "all",
        1.0,
        "2-4 deg",
        VQF,
    ),
)
"""In the order of the table."""

REACHED, MISSED, NOT_MEASURED = "reached", "not reached", "not measured"


@dataclass(frozen=True)
class Verdict:
    """A target and its measured value.

    Attributes:
        target: the target.
        value, interval: measured on runners left out, and its 95 % interval over runners (NaN: none).
        n, n_runners: number of values and of runners.
        missed_by: distance from the limit; 0 if it is reached, NaN if not measured.
        worst: runners on whom the target is not reached, worst first, with their values.
        best_rule: best published rule on these data, with its value; ("", NaN) for none.
    """

    target: Target
    value: float
    interval: tuple[float, float]
    n: int
    n_runners: int
    missed_by: float
    worst: tuple[tuple[str, float], ...]
    best_rule: tuple[str, float]

    @property
    def word(self) -> str:
        """Reached, not reached, or not measured."""
        if not np.isfinite(self.value):
            return NOT_MEASURED
        return MISSED if self.missed_by > 0 else REACHED


def verdicts(scores: pd.DataFrame, method: str = LEFT_OUT) -> list[Verdict]:
    """Compare every target with the scores of one method."""
    return [_verdict(target, scores, method) for target in TARGETS]


def shortfall(target: Target, value: float) -> float:
    """Distance of a value from the limit, 0 if the limit is kept."""
    return max(target.limit - value if target.at_least else value - target.limit, 0.0)


def _verdict(target: Target, scores: pd.DataFrame, method: str) -> Verdict:
    where = {"quantity": target.quantity, "scope": target.scope, "condition": target.condition}
    rows = pick(scores, method=method, **where)
    others = list(_others(pick(scores, **where)))
    best_rule = min(
        others, key=lambda other: -other[1] if target.at_least else other[1], default=("", np.nan)
    )
    if not len(rows) or not np.isfinite(rows["value"].iloc[0]):
        return Verdict(target, np.nan, (np.nan, np.nan), 0, 0, np.nan, (), best_rule)
    row = rows.iloc[0]
    runners = pick(scores, method=method, group="runner", **where)
    worst = [
        (runner, value)
        for runner, value in zip(runners["member"], runners["value"], strict=True)
        if np.isfinite(value) and shortfall(target, value) > 0
    ]
    worst.sort(key=lambda pair: -shortfall(target, pair[1]))
    return Verdict(
        target,
        float(row["value"]),
        interval_of(row),
        int(row["n"]),
        int(row["n_runners"]),
        shortfall(target, float(row["value"])),
        tuple(worst),
        best_rule,
    )


def _others(rows: pd.DataFrame) -> Iterator[tuple[str, float]]:
    """The published rules with this quantity."""
    for method, value in zip(rows["method"], rows["value"], strict=True):
        if not method.startswith("imurun") and np.isfinite(value):
            yield method, float(value)


def interval_of(row: pd.Series) -> tuple[float, float]:
    """The 95 % interval of the headline value of a row; NaN for none."""
    quantity = QUANTITIES.get(row["quantity"])
    if quantity is None:
        return np.nan, np.nan
    stem = quantity.statistic
    return float(row[f"{stem}_low"]), float(row[f"{stem}_high"])
