"""Fits the contact model of `imurun.core.contact`, and scores it on runners left out.

    python -m benchmarks.accuracy.fit_contact            prints the errors of every runner left out
    python -m benchmarks.accuracy.fit_contact --write    also writes imurun/core/contact_table.py, from all

The maps are ridge regressions on the shapes of steps. Every runner has the same weight, within a runner every
trial, within a trial every step. Each trial is seen as recorded and, with `OTHER_WEIGHT`, as other sensors
and straps would have recorded it (`TRAINING`). Truth: force plates, 5 % of body weight of unfiltered force
(`harmonised`).

Two settings of each map are chosen by leave-one-runner-out over the runners of the fit: the weight of the
ridge, and that of the deviations within a runner (`WITHIN`). Why the latter: how a runner as a whole deviates
from the mean runner is one observation, whatever the number of steps; the deviations within a runner (speed,
slope, foot, sensor) are many, and show better how the contact follows the shape. Where a runner is left out
to be scored, the choice is made without that runner too.

A fit needs means and second moments only, which are computed once for each trial and condition.
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

import imurun.core.contact_table
from benchmarks.accuracy.faults import Errors, moved, on_soft_strap, with_errors
from benchmarks.accuracy.harmonise import harmonised
from benchmarks.accuracy.running_rows import running_rows
from benchmarks.datasets import Trial, load
from imurun import Recording
from imurun.core.contact import CALIBRATED, N_SHAPE, PLAIN, WITH_SPEED, ContactConstants
from imurun.model.frames import FloatArray

DATASETS = ("running_speeds", "treadmill_run_grf", "sacral_grf", "rbds_speeds")
NEAR_S = 0.1
"""A step whose cycle peaks this close to the middle of a contact belongs to it."""
RIDGES = (0.1, 0.3, 1.0, 3.0)
WITHIN = (3.0, 10.0, 30.0)
AS_RECORDED = "as recorded"
OTHER_WEIGHT = 0.1
"""Weight of a trial under another condition, against 1 as recorded."""
SLOPE_WEIGHT = 0.3
"""Weight of a trial on a slope: those of the one runner reach 10 degrees, which is rare outdoors."""
COVERED = 0.92
"""Share of the residuals inside the interval.

A quantile of a few runners is too narrow for the next one: with 0.92, the interval of a fit on 18 holds 90
to 92 % of the trials of the runner left out, by harmonised truth; with 0.90, it holds 87 to 89 %."""
GROWTHS = (0.0, *np.geomspace(0.01, 3.0, 26))
INITIAL_SHARE, LOG_SHARE, PEAK_BW = 0, 1, 2

Change = Callable[[Trial], Trial]


def without_gyroscope(trial: Trial) -> Trial:
    """The trial as recorded by an accelerometer alone."""
    old = trial.recording
    return replace(trial, recording=Recording(old.acc, rate_hz=old.rate_hz, frame=old.frame))


_NEEDS_GYRO: dict[str, Change] = {
    "without gyroscope": without_gyroscope,
    **{
        f"5 cm {word}": partial(moved, offset_m=offset_m)
        for word, offset_m in {
            "up": (0.0, 0.0, 0.05),
            "down": (0.0, 0.0, -0.05),
            "left": (0.0, 0.05, 0.0),
            "right": (0.0, -0.05, 0.0),
            "forward": (0.05, 0.0, 0.0),
            "back": (-0.05, 0.0, 0.0),
        }.items()
    },
}
_ALWAYS: dict[str, Change] = {
    AS_RECORDED: lambda trial: trial,
    "noise": partial(with_errors, errors=Errors(acc_density_g=4e-3, gyr_density_deg_s=0.05)),
    "scale": partial(with_errors, errors=Errors(acc_offset_g=0.05, acc_scale=0.03)),
    **{f"strap {hz:g} Hz": partial(on_soft_strap, resonance_hz=hz) for hz in (10.0, 12.0, 15.0)},
}
TRAINING: dict[str, Change] = _ALWAYS | _NEEDS_GYRO
"""What real sensors add. A tilted mounting is not among them: the alignment takes it out before the shape is
read."""


# ------------------------------------------------------------------------------------ shapes with their truth


@dataclass(frozen=True, eq=False)
class Shapes:
    """The steps of one trial under one condition that belong to a true contact; arrays of one length k.

    Attributes:
        trial, runner, condition: names.
        speed_m_s, slope_percent: of the trial.
        shape: shape (k, N_SHAPE).
        peak_s: peak of the step cycle, from the first sample.
        period_s: of the step.
        initial_s, final_s: true contacts, harmonised.
        peak_bw: true peak, NaN where unknown.
    """

    trial: str
    runner: str
    condition: str
    speed_m_s: float
    slope_percent: float
    shape: FloatArray
    peak_s: FloatArray
    period_s: FloatArray
    initial_s: FloatArray
    final_s: FloatArray
    peak_bw: FloatArray

    @property
    def timing(self) -> FloatArray:
        """What the first two maps are fitted to, shape (k, 2): initial share, logarithm of the contact
        share."""
        initial = (self.initial_s - self.peak_s) / self.period_s
        return np.column_stack([initial, np.log((self.final_s - self.initial_s) / self.period_s)])

    @property
    def force(self) -> FloatArray:
        """What the third map is fitted to, shape (k, 1): the peak."""
        return self.peak_bw[:, None]

    def estimated(self, constants: ContactConstants) -> dict[str, FloatArray]:
        """Initial and final contact (s from the first sample) and peak (BW) by a model of unknown speed."""
        maps = constants.maps
        initial_share, log_share, peak_bw = maps[:, :1] + maps[:, 1:] @ self.shape.T
        initial_s = self.peak_s + self.period_s * initial_share
        return {"initial": initial_s, "final": initial_s + self.period_s * np.exp(log_share), "peak": peak_bw}

    @property
    def weight(self) -> float:
        """Weight of the trial within its runner."""
        weight = 1.0 if self.condition == AS_RECORDED else OTHER_WEIGHT
        return weight if self.slope_percent == 0.0 else weight * SLOPE_WEIGHT


def shapes_of(trial: Trial, condition: str) -> Shapes:
    """Pair the trial's true contacts, half a second inside, with the steps found under a condition."""
    truth = harmonised(trial)
    recording = TRAINING[condition](trial).recording
    steps = running_rows(recording)
    peak_s = steps["cycle"]["peak"] / recording.rate_hz
    middle_s = 0.5 * (truth.initial_contact_s + truth.final_contact_s)
    apart_s = np.abs(peak_s - middle_s[:, None])
    paired = truth.inside() & (apart_s.min(axis=1, initial=np.inf) < NEAR_S)
    nearest = apart_s[paired].argmin(axis=1) if paired.any() else np.zeros(0, dtype=int)
    shape = steps["shape"][nearest]
    initial_s, final_s = truth.initial_contact_s[paired], truth.final_contact_s[paired]
    return Shapes(
        trial.name,
        trial.runner,
        condition,
        trial.speed_m_s,
        trial.slope_percent,
        shape,
        peak_s[nearest],
        np.exp(shape[:, -1]),
        initial_s,
        final_s,
        truth.peak_bw[paired],
    )


@cache
def all_shapes() -> tuple[Shapes, ...]:
    """The steps of every trial with force plates under every condition.

    Raises:
        FormatError: a dataset is not here, or was altered.
    """
    return tuple(
        shapes_of(trial, condition)
        for name in DATASETS
        for trial in load(name)
        for condition in TRAINING
        if trial.recording.gyr is not None or condition in _ALWAYS
    )


# ------------------------------------------------------------------------------------------- ridge regression


class Moments(NamedTuple):
    """Of features and targets, side by side: mean, shape (m,), and second central moments, shape (m, m)."""

    mean: FloatArray
    second: FloatArray

    @staticmethod
    def of(rows: FloatArray) -> Moments:
        """Of rows of equal weight, shape (k, m)."""
        mean = rows.mean(axis=0)
        return Moments(mean, (rows - mean).T @ (rows - mean) / len(rows))


def pooled(parts: Sequence[tuple[float, Moments]]) -> Moments:
    """Moments of the union of parts with these weights."""
    weights = np.array([weight for weight, _ in parts])
    weights = weights / weights.sum()
    means = np.array([moments.mean for _, moments in parts])
    mean = weights @ means
    apart = means - mean
    within = np.einsum("i,ijk->jk", weights, np.array([moments.second for _, moments in parts]))
    return Moments(mean, within + np.einsum("i,ij,ik->jk", weights, apart, apart))


class Fit(NamedTuple):
    """One kind of maps: which targets on which features, from which steps.

    Attributes:
        with_speed: whether the logarithm of the speed is the last feature; trials of unknown speed are left
            out.
        of_force: the target is the peak force instead of the timing.
    """

    with_speed: bool
    of_force: bool

    def features(self, shapes: Shapes) -> FloatArray:
        """Shape (k, N_SHAPE), or one more with the speed."""
        if not self.with_speed:
            return shapes.shape
        return np.column_stack([shapes.shape, np.full(len(shapes.shape), np.log(shapes.speed_m_s))])

    def rows(self, shapes: Shapes) -> FloatArray:
        """Features and targets of the steps whose targets are known."""
        targets = shapes.force if self.of_force else shapes.timing
        rows = np.column_stack([self.features(shapes), targets])
        return rows[np.isfinite(rows).all(axis=1)]

    @property
    def n_features(self) -> int:
        """Number of features."""
        return N_SHAPE + self.with_speed


@cache
def trial_moments(fit: Fit) -> tuple[tuple[Shapes, Moments], ...]:
    """Moments of each trial and condition that has steps for this fit."""
    parts = ((shapes, fit.rows(shapes)) for shapes in all_shapes())
    return tuple((shapes, Moments.of(rows)) for shapes, rows in parts if len(rows))


@cache
def runner_moments(fit: Fit) -> dict[str, Moments]:
    """Moments of each runner over trials and conditions."""
    parts: dict[str, list[tuple[float, Moments]]] = {}
    for shapes, moments in trial_moments(fit):
        parts.setdefault(shapes.runner, []).append((shapes.weight, moments))
    return {runner: pooled(of_runner) for runner, of_runner in parts.items()}


@cache
def scored_moments(fit: Fit) -> dict[str, Moments]:
    """Moments of each runner's level trials as recorded, by which the settings are chosen."""
    parts: dict[str, list[tuple[float, Moments]]] = {}
    for shapes, moments in trial_moments(fit):
        if shapes.condition == AS_RECORDED and shapes.slope_percent == 0.0:
            parts.setdefault(shapes.runner, []).append((1.0, moments))
    return {runner: pooled(of_runner) for runner, of_runner in parts.items()}


def solve(fit: Fit, runners: Sequence[str], ridge: float, within: float) -> FloatArray:
    """Maps from these runners, shape (targets, 1 + features): a constant, then a coefficient a feature.

    Args:
        ridge: weight of the squared coefficients of standardised features, against their mean variance.
        within: weight of the deviations within a runner, against those of the runners' means.
    """
    moments = [runner_moments(fit)[runner] for runner in runners if runner in runner_moments(fit)]
    p = fit.n_features
    means = np.array([moment.mean for moment in moments])
    mean = means.mean(axis=0)
    between = (means - mean).T @ (means - mean) / len(means)
    inside = np.mean([moment.second for moment in moments], axis=0)
    spread = np.sqrt(np.diag(between + inside)[:p])
    weighted = between + within * inside
    squares = weighted[:p, :p] / np.outer(spread, spread)
    squares = squares + ridge * np.trace(squares) / p * np.eye(p)
    coefficients = np.linalg.solve(squares, weighted[:p, p:] / spread[:, None]) / spread[:, None]
    return np.column_stack([mean[p:] - mean[:p] @ coefficients, coefficients.T])


def mean_square(moments: Moments, maps: FloatArray) -> FloatArray:
    """Mean square error of maps over the rows of these moments; a value a target."""
    p = maps.shape[1] - 1
    errors = []
    for k, (constant, *coefficients) in enumerate(maps):
        combined = np.zeros(len(moments.mean))
        combined[:p] = coefficients
        combined[p + k] = -1.0
        bias = constant + moments.mean @ combined
        errors.append(bias * bias + combined @ moments.second @ combined)
    return np.array(errors)


@cache
def chosen_maps(fit: Fit, runners: tuple[str, ...]) -> FloatArray:
    """Maps from these runners, each with the settings that do best on the runners left out in turn."""
    scored = [runner for runner in runners if runner in scored_moments(fit)]
    best: list[tuple[float, FloatArray]] = []
    for ridge in RIDGES:
        for within in WITHIN:
            errors = np.mean(
                [
                    mean_square(
                        scored_moments(fit)[left],
                        solve(fit, [r for r in runners if r != left], ridge, within),
                    )
                    for left in scored
                ],
                axis=0,
            )
            maps = solve(fit, runners, ridge, within)
            best = best or [(np.inf, maps[0])] * len(maps)
            best = [
                (error, new) if error < old[0] else old
                for error, new, old in zip(errors, maps, best, strict=True)
            ]
    return np.array([maps for _, maps in best])


# ---------------------------------------------------------------------------------- intervals and calibration


class Residuals(NamedTuple):
    """Errors of the means of trials, each by maps from the other runners; a row a trial and condition.

    Attributes:
        shapes: the trial and condition.
        errors: shape (n, 4): initial and final contact as shares of the period, contact as a share of the
            contact, peak (BW).
        distances: of the shapes from the centre of the fit, shape (n,).
    """

    shapes: tuple[Shapes, ...]
    errors: FloatArray
    distances: FloatArray


def residuals(
    with_speed: bool, runners: tuple[str, ...], centre: FloatArray, spread: FloatArray
) -> Residuals:
    """Residuals of the trials of these runners, each runner left out of the fit in turn."""
    timing, force = Fit(with_speed, False), Fit(with_speed, True)
    forces = {(shapes.trial, shapes.condition): moments for shapes, moments in trial_moments(force)}
    kept: list[Shapes] = []
    errors: list[list[float]] = []
    distances: list[float] = []
    p = timing.n_features
    for shapes, moments in trial_moments(timing):
        if shapes.runner not in runners:
            continue
        others = tuple(runner for runner in runners if runner != shapes.runner)
        initial, log_share = (
            float(row[0] + moments.mean[:p] @ row[1:]) - moments.mean[p + k]
            for k, row in enumerate(chosen_maps(timing, others))
        )
        share = float(np.exp(moments.mean[p + LOG_SHARE]))
        peak = np.nan
        with_force = forces.get((shapes.trial, shapes.condition))
        if with_force is not None:
            row = chosen_maps(force, others)[0]
            peak = float(row[0] + with_force.mean[:p] @ row[1:]) - with_force.mean[p]
        kept.append(shapes)
        errors.append([initial, initial + share * np.expm1(log_share), np.expm1(log_share), peak])
        standard = (shapes.shape - centre) / spread
        distances.append(float(np.mean(standard**2)))
    return Residuals(tuple(kept), np.array(errors), np.array(distances))


def interval(found: Residuals, k: int) -> tuple[float, float]:
    """Half width at the centre, and its growth with distance, of error k.

    The growth is the most likely one of normal errors; the half width then covers `COVERED` of the trials as
    recorded, every runner with the same weight.
    """
    errors = found.errors[:, k]
    known = np.isfinite(errors)
    weights = np.array([shapes.weight for shapes in found.shapes])
    of_runner: dict[str, float] = {}
    for shapes, weight, there in zip(found.shapes, weights, known, strict=True):
        of_runner[shapes.runner] = of_runner.get(shapes.runner, 0.0) + weight * there
    weights = weights / np.array([of_runner[shapes.runner] for shapes in found.shapes])
    e2, d, w = errors[known] ** 2, found.distances[known], weights[known]

    def surprise(growth: float) -> float:
        variance = 1.0 + growth * d
        return float(w @ np.log(variance) / w.sum() + np.log(w @ (e2 / variance) / w.sum()))

    growth = min(GROWTHS, key=surprise)
    recorded = np.array(
        [shapes.condition == AS_RECORDED and shapes.slope_percent == 0.0 for shapes in found.shapes]
    )[known]
    scaled = np.sqrt(e2 / (1.0 + growth * d))[recorded]
    order = np.argsort(scaled)
    covered = np.cumsum(w[recorded][order]) / w[recorded].sum()
    return float(np.interp(COVERED, covered, scaled[order])), float(growth)


def calibrated_residuals(found: Residuals) -> tuple[FloatArray, float]:
    """What is left of the contact error at other speeds once it is known at the middle one.

    Returns:
        Shape (n, 3): errors of initial, final contact and contact of the level trials as recorded but the
        middle one of each runner; and the share of an error in contact time that lies in initial contact.
    """
    by_runner: dict[str, list[tuple[float, FloatArray, float, float]]] = {}
    for shapes, error in zip(found.shapes, found.errors, strict=True):
        if shapes.condition == AS_RECORDED and shapes.slope_percent == 0.0:
            period, contact = shapes.period_s.mean(), (shapes.final_s - shapes.initial_s).mean()
            row = (shapes.speed_m_s, error, float(period), float(contact))
            by_runner.setdefault(shapes.runner, []).append(row)
    trials = [sorted(rows, key=lambda row: row[0]) for rows in by_runner.values()]
    initial_s = np.array([error[0] * period for rows in trials for _, error, period, _ in rows])
    contact_s = np.array([error[2] * contact for rows in trials for _, error, _, contact in rows])
    part = float(-(initial_s @ contact_s) / (contact_s @ contact_s))
    left: list[list[float]] = []
    for rows in trials:
        if len(rows) < 2:
            continue
        middle = len(rows) // 2
        known_s = rows[middle][1][2] * rows[middle][3]
        for k, (_, error, period, contact) in enumerate(rows):
            if k != middle:
                left.append(
                    [
                        error[0] + part * known_s / period,
                        error[1] - (1.0 - part) * known_s / period,
                        error[2] - known_s / contact,
                    ]
                )
    return np.array(left), part


# -------------------------------------------------------------------------------------------------- constants


@cache
def constants_from(runners: tuple[str, ...]) -> ContactConstants:
    """The constants of the model by these runners."""
    used = [runner_moments(Fit(False, False))[runner] for runner in runners]
    together = pooled([(1.0, moments) for moments in used])
    centre, spread = together.mean[:N_SHAPE], np.sqrt(np.diag(together.second)[:N_SHAPE])
    maps, speed_maps = _maps(False, runners), _maps(True, runners)
    errors = np.zeros((3, 4, 2))
    plain = residuals(False, runners, centre, spread)
    for k in range(4):
        errors[PLAIN, k] = interval(plain, k)
        errors[WITH_SPEED, k] = interval(residuals(True, runners, centre, spread), k)
    left, part = calibrated_residuals(plain)
    errors[CALIBRATED] = errors[PLAIN]
    for k in range(3):
        growth = errors[PLAIN, k, 1]
        errors[CALIBRATED, k, 0] = np.quantile(np.abs(left[:, k]), COVERED) / np.sqrt(1.0 + growth)
    return ContactConstants(maps, speed_maps, centre, spread, errors, part)


def _maps(with_speed: bool, runners: tuple[str, ...]) -> FloatArray:
    timing = chosen_maps(Fit(with_speed, False), runners)
    return np.vstack([timing, chosen_maps(Fit(with_speed, True), runners)])


def all_runners() -> tuple[str, ...]:
    """Names of the runners with force plates."""
    return tuple(sorted(runner_moments(Fit(False, False))))


@cache
def constants_without(runner: str) -> ContactConstants:
    """Constants fitted, and everything in them chosen, on all runners but one, to score that one."""
    return constants_from(tuple(other for other in all_runners() if other != runner))


def write_table(constants: ContactConstants, file: Path) -> None:
    """Write the constants as the module `imurun.core.contact_table`."""
    entries = "".join(f'    "{name}": {_literal(value)},\n' for name, value in constants._asdict().items())
    file.write_text(TABLE_HEAD + "TABLE: dict[str, Any] = {\n" + entries + "}\n", encoding="utf-8")


TABLE_HEAD = '''"""Coefficients of the contact model `imurun.core.contact`.

Made by `python -m benchmarks.accuracy.fit_contact --write`; not to be edited by hand.
"""

# fmt: off

from __future__ import annotations

from typing import Any

'''


def _literal(value: object, indent: str = "    ") -> str:
    """Python text of a number or a nested array, in filled lines."""
    if not isinstance(value, np.ndarray):
        return f"{float(value):.6g}"  # pyright: ignore[reportArgumentType]
    inner = indent + "    "
    if value.ndim > 1:
        return "[\n" + "".join(f"{inner}{_literal(part, inner)},\n" for part in value) + f"{indent}]"
    numbers = ", ".join(_literal(number) for number in value)
    lines = textwrap.wrap(numbers, 108 - len(inner))
    return "[\n" + "".join(f"{inner}{line}\n" for line in lines) + f"{indent}]"


# ----------------------------------------------------------------------------------------------------- report


def left_out_errors(runner: str) -> dict[str, FloatArray]:
    """Estimate minus harmonised truth of a runner's steps on the level, by constants fitted without them."""
    constants = constants_without(runner)
    parts: list[tuple[FloatArray, ...]] = []
    for shapes in all_shapes():
        if shapes.runner == runner and shapes.condition == AS_RECORDED and shapes.slope_percent == 0.0:
            found = shapes.estimated(constants)
            true_s = shapes.final_s - shapes.initial_s
            parts.append(
                (
                    found["initial"] - shapes.initial_s,
                    found["final"] - shapes.final_s,
                    found["final"] - found["initial"] - true_s,
                    found["peak"] - shapes.peak_bw,
                )
            )
    names = ("initial", "final", "contact", "peak")
    return {name: np.concatenate([part[k] for part in parts]) for k, name in enumerate(names)}


def main(argv: Sequence[str] | None = None) -> None:
    """Print the errors of every runner left out; write the table if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy.fit_contact", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write imurun/core/contact_table.py")
    given = parser.parse_args(argv)
    print("left out      n   initial contact    final contact     contact time     peak force")
    print("                  bias  RMSE ms       bias  RMSE ms    bias  RMSE ms    bias  RMSE BW")
    every: list[dict[str, float]] = []
    for runner in all_runners():
        errors = left_out_errors(runner)
        print(_row(runner, errors))
        every.append({name: _rms(values) for name, values in errors.items()})
    print("all, every runner the same:", end="")
    for name in every[0]:
        print(f"  {name} {_rms(np.array([row[name] for row in every])) * _scale(name):.4g}", end="")
    print()
    if given.write:
        file = Path(imurun.core.contact_table.__file__)
        write_table(constants_from(all_runners()), file)
        print(f"Wrote {file.name}.")


def _scale(name: str) -> float:
    return 1.0 if name == "peak" else 1000.0


def _rms(values: FloatArray) -> float:
    return float(np.sqrt(np.nanmean(np.square(values))))


def _row(name: str, errors: dict[str, FloatArray]) -> str:
    parts = [f"{name:8s} {len(errors['initial']):6d}"]
    for what, values in errors.items():
        digits = 2 if what == "peak" else 1
        scaled = _scale(what) * values
        parts.append(f"{np.nanmean(scaled):8.{digits}f} {_rms(scaled):6.{digits}f}")
    return "   ".join(parts)


if __name__ == "__main__":
    main()
