"""Targets, published values, and whether imurun reaches the targets on runners left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.accuracy.conditions import AS_RECORDED
from benchmarks.accuracy.methods import LEFT_OUT, SPEED_GIVEN
from benchmarks.accuracy.plan import WITHOUT_GYROSCOPE
from benchmarks.accuracy.report.derived import Measured
from benchmarks.accuracy.report.quantities import (
    CALIBRATED,
    CHANGE,
    DERIVED,
    F1,
    INSIDE,
    QUANTITIES,
    RANK,
    WIDTH,
    derived,
)
from benchmarks.accuracy.report.scores import pick

KIERNAN = "Kiernan et al. 2023, Sensors 23, 74 runners"
ALCANTARA = "Alcantara et al. 2022, PeerJ 10:e12752, 19 runners, a neural network"
PATOZ = "Patoz et al. 2022, one sacral sensor, 100 runners"
NONE_PUBLISHED, THIS_PROJECT = "none known", "a target of this project"
VQF = "orientation filters; VQF, Laidig & Seel 2023, Information Fusion 91"


@dataclass(frozen=True)
class Target:
    """One limit for one figure.

    Attributes:
        label: quantity and trials.
        quantity: name in `QUANTITIES` or `DERIVED`, or the F1.
        scope: trials: level, slopes or all.
        limit: worst value that reaches the target, in the unit of the quantity.
        published: best published value, as text.
        source: of the published value.
        at_least: whether the value must be at least the limit, instead of at most.
        at_most: a second, upper limit of a value that must be at least `limit`.
        condition: of the measurement.
        method: that is measured.
        worst_runner: whether the value is that of the worst runner, instead of all together.
    """

    label: str
    quantity: str
    scope: str
    limit: float
    published: str = NONE_PUBLISHED
    source: str = THIS_PROJECT
    at_least: bool = False
    at_most: float = np.inf
    condition: str = AS_RECORDED.label
    method: str = LEFT_OUT
    worst_runner: bool = False


def _both(
    label: str, quantity: str, level: float, slopes: float, published: str, source: str
) -> list[Target]:
    return [
        Target(f"{label}, {scope}", quantity, scope, limit, published, source)
        for scope, limit in (("level", level), ("slopes", slopes))
    ]


def _interval(error: str, label: str) -> list[Target]:
    return [
        Target(
            f"90 % interval, {label}: trials inside",
            derived(INSIDE, error),
            "level",
            85.0,
            at_least=True,
            at_most=95.0,
        ),
        Target(f"90 % interval, {label}: half width", derived(WIDTH, error), "level", 1.7),
        Target(
            f"90 % interval, {label}: rank with error",
            derived(RANK, error),
            "level",
            0.3,
            at_least=True,
        ),
    ]


TARGETS: tuple[Target, ...] = (
    Target(
        "Foot strikes found, F1 within 50 ms",
        F1,
        "all",
        0.999,
        "0.99 within 100 ms",
        "published rules, as implemented in this project, on sacral_grf",
        at_least=True,
    ),
    *_both(
        "Initial contact",
        "initial_error_ms",
        6.3,
        12.0,
        "13-15 ms around its own bias",
        "published rules, as implemented here, on sacral_grf",
    ),
    *_both(
        "Final contact",
        "final_error_ms",
        10.8,
        12.0,
        "15-25 ms",
        "published rules, as implemented here, on sacral_grf",
    ),
    *_both("Contact time", "contact_error_ms", 14.5, 12.9, "20 ms", PATOZ),
    Target("Contact time, worst runner", "contact_error_ms", "level", 29.0, worst_runner=True),
    Target("Contact time, speed given", "contact_error_ms", "level", 13.0, method=SPEED_GIVEN),
    Target("Contact time, calibrated at one speed", CALIBRATED, "level", 8.5),
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
    Target("Side known", "side_known", "all", 99.0, at_least=True),
    Target("Step frequency", "step_frequency_error_percent", "all", 0.1, "0.1 %", ALCANTARA),
    *_both("Active peak force", "peak_error_bw", 0.135, 0.154, "0.15 BW", PATOZ),
    *_both("Force waveform", "waveform_rmse_bw", 0.17, 0.233, "0.16-0.17 BW", ALCANTARA),
    Target("Pelvis, side tilt range", "roll_range_error_deg", "all", 1.0, "2-4 deg", VQF),
    Target("Pelvis, forward tilt range", "pitch_range_error_deg", "all", 1.0, "2-4 deg", VQF),
    *_interval("initial_error_ms", "initial contact"),
    *_interval("final_error_ms", "final contact"),
    *_interval("contact_error_ms", "contact time"),
    *_interval("peak_error_bw", "peak force"),
    *(
        Target(f"Contact time, change: {words}", derived(CHANGE, family), "all", 2.0)
        for family, words in (
            ("place", "sensor 5 cm off"),
            ("mounting", "tilted 30 deg"),
            ("rate", "50 to 400 Hz"),
            ("gyroscope", "no gyroscope"),
            ("strap", "soft strap, 15 Hz or more"),
        )
    ),
)
"""In the order of the table. The limits on slopes are what was reached before the model saw more runners."""

REACHED, MISSED, NOT_MEASURED = "reached", "not reached", "not measured"


@dataclass(frozen=True)
class Verdict:
    """A target and its measured value.

    Attributes:
        target: the target.
        value, interval: measured on runners left out, and its 95 % interval over runners (NaN: none).
        harmonised: the value against the harmonised truth (NaN: none).
        n, n_runners: number of values and of runners.
        missed_by: distance from the limit; 0 if it is reached, NaN if not measured.
        worst: runners on whom the target is not reached, worst first, with their values.
        best_rule: best published rule on these data, with its value; ("", NaN) for none.
        note: which of several conditions it is of, or "".
    """

    target: Target
    value: float
    harmonised: float
    interval: tuple[float, float]
    n: int
    n_runners: int
    missed_by: float
    worst: tuple[tuple[str, float], ...]
    best_rule: tuple[str, float]
    note: str = ""

    @property
    def word(self) -> str:
        """Reached, not reached, or not measured."""
        if not np.isfinite(self.value):
            return NOT_MEASURED
        return MISSED if self.missed_by > 0 else REACHED


def verdicts(scores: pd.DataFrame, figures: Mapping[str, Measured]) -> list[Verdict]:
    """Compare every target with the scores, or with the derived figures of `report.derived`."""
    return [
        _derived(target, figures.get(target.quantity))
        if target.quantity in DERIVED
        else _verdict(target, scores)
        for target in TARGETS
    ]


def shortfall(target: Target, value: float) -> float:
    """Distance of a value from the limit, 0 if the limit is kept."""
    if target.at_least:
        return max(target.limit - value, value - target.at_most, 0.0)
    return max(value - target.limit, 0.0)


def _derived(target: Target, measured: Measured | None) -> Verdict:
    if measured is None or not np.isfinite(measured.value):
        return Verdict(target, np.nan, np.nan, (np.nan, np.nan), 0, 0, np.nan, (), ("", np.nan))
    # a share of a runner's few trials is no share of 85 to 95 %
    by_runner = {} if np.isfinite(target.at_most) else measured.by_runner
    return Verdict(
        target,
        measured.value,
        measured.harmonised,
        (np.nan, np.nan),
        measured.n,
        measured.n_runners,
        shortfall(target, measured.value),
        _short_runners(target, by_runner),
        ("", np.nan),
        measured.note,
    )


def _verdict(target: Target, scores: pd.DataFrame) -> Verdict:
    where = {"quantity": target.quantity, "scope": target.scope, "condition": target.condition}
    rows = pick(scores, method=target.method, **where)
    others = [] if target.worst_runner else list(_others(pick(scores, **where)))
    best_rule = min(
        others, key=lambda other: -other[1] if target.at_least else other[1], default=("", np.nan)
    )
    if not len(rows) or not np.isfinite(rows["value"].iloc[0]):
        return Verdict(target, np.nan, np.nan, (np.nan, np.nan), 0, 0, np.nan, (), best_rule)
    row = rows.iloc[0]
    runners = pick(scores, method=target.method, group="runner", **where).set_index("member")
    value, harmonised, interval = float(row["value"]), float(row["harmonised"]), interval_of(row)
    if target.worst_runner:
        value, harmonised = float(runners["value"].max()), float(runners["harmonised"].max())
        interval = (np.nan, np.nan)
    return Verdict(
        target,
        value,
        harmonised,
        interval,
        int(row["n"]),
        int(row["n_runners"]),
        shortfall(target, value),
        _short_runners(target, runners["value"].to_dict()),
        best_rule,
    )


def _short_runners(target: Target, values: Mapping[Any, float]) -> tuple[tuple[str, float], ...]:
    """The runners on whom the target is not reached, worst first."""
    short = [
        (str(runner), float(value))
        for runner, value in values.items()
        if np.isfinite(value) and shortfall(target, value) > 0
    ]
    return tuple(sorted(short, key=lambda pair: -shortfall(target, pair[1])))


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
