"""Fits the force waveform of `imurun.vgrf`, with leave-one-runner-out scores.

    python -m benchmarks.accuracy.fit_vgrf

For a runner left out, contacts and peaks are from a model fitted without that runner too. All runners have
the same weight, and all trials within a runner; trials on slopes weigh less.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from benchmarks.accuracy.fit_contact import (
    AS_RECORDED,
    DATASETS,
    Shapes,
    all_runners,
    all_shapes,
    constants_from,
    constants_without,
)
from benchmarks.datasets import Trial, load
from imurun.core.contact import ContactConstants
from imurun.model.frames import FloatArray
from imurun.vgrf import WAVES_BW, force_bw, half_waves, step_descriptors

PHASES = (np.arange(40) + 0.5) / 40


class Steps:
    """The steps of a trial as recorded, with contacts from a model with given constants."""

    def __init__(self, trial: Trial, shapes: Shapes, constants: ContactConstants) -> None:
        found = shapes.estimated(constants)
        self.runner, self.weight, self.level = shapes.runner, shapes.weight, shapes.slope_percent == 0.0
        self.initial_s, self.final_s, self.peak_bw = found["initial"], found["final"], found["peak"]
        self.period_s = shapes.period_s
        self.duty = (self.final_s - self.initial_s) / (2.0 * self.period_s)
        assert trial.vgrf_bw is not None
        time_s = trial.recording.time_s
        within = (time_s >= shapes.initial_s[0]) & (time_s <= shapes.final_s[-1])
        known = within & np.isfinite(trial.vgrf_bw)
        self.time_s, self.true_bw = time_s[known], trial.vgrf_bw[known]

    def true_contacts(self) -> FloatArray:
        """True force at PHASES of each found contact, shape (k, 40)."""
        times = self.initial_s[:, None] + PHASES * (self.final_s - self.initial_s)[:, None]
        return np.interp(times, self.time_s, self.true_bw)

    def error_bw(self, waves_bw: FloatArray) -> float:
        """RMSE of the waveform over the trial."""
        found = force_bw(self.time_s, self.initial_s, self.final_s, self.duty, self.peak_bw, waves_bw)
        return float(np.sqrt(np.mean((found - self.true_bw) ** 2)))


def fit(trials: list[Steps]) -> FloatArray:
    """Least squares of WAVES_BW."""
    design, target = [], []
    for steps in trials:
        of_runner = sum(other.weight for other in trials if other.runner == steps.runner)
        weight = np.sqrt(steps.weight / (len(steps.duty) * of_runner))
        described = step_descriptors(steps.duty, steps.peak_bw, steps.period_s)
        waves = half_waves(PHASES)
        design.append(weight * np.einsum("kd,uw->kuwd", described, waves).reshape(-1, WAVES_BW.size))
        target.append(weight * steps.true_contacts().ravel())
    solution = np.linalg.lstsq(np.vstack(design), np.concatenate(target), rcond=None)[0]
    return solution.reshape(WAVES_BW.shape)


def seen_with(constants: ContactConstants) -> list[Steps]:
    """All trials, with contacts from a model with these constants."""
    return [
        Steps(_trials()[shapes.trial], shapes, constants)
        for shapes in all_shapes()
        if shapes.condition == AS_RECORDED and len(shapes.shape)
    ]


@cache
def waves_without(runner: str) -> FloatArray:
    """Constants of the waveform fitted on all runners but one, to score that one.

    Contacts and peaks are from a model fitted without the runner too.
    """
    return fit([steps for steps in seen_with(constants_without(runner)) if steps.runner != runner])


def main() -> None:
    """Print the constants, and the error for every runner left out."""
    every = fit(seen_with(constants_from(all_runners())))
    print(np.array2string(every, precision=4, separator=", ", suppress_small=True))
    errors: dict[str, float] = {}
    for runner in all_runners():
        waves = waves_without(runner)
        mine = [
            steps for steps in seen_with(constants_without(runner)) if steps.runner == runner and steps.level
        ]
        errors[runner] = float(np.sqrt(np.mean([steps.error_bw(waves) ** 2 for steps in mine])))
        print(f"{runner:12s} {errors[runner]:.3f}")
    print(
        f"waveform RMSE, every runner the same: {np.sqrt(np.mean(np.square(list(errors.values())))):.3f} BW"
    )


@cache
def _trials() -> dict[str, Trial]:
    return {trial.name: trial for name in DATASETS for trial in load(name)}


if __name__ == "__main__":
    main()
