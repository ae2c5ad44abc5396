"""Fits the force waveform of `imurun.vgrf`, with leave-one-runner-out scores.

    python -m benchmarks.accuracy.fit_vgrf

For a runner left out, contacts and peaks are from formulas fitted without that runner too. All runners have
the same weight, and all trials within a runner.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from benchmarks.accuracy.fit_contact import DATASETS, Contacts, constants_without, fitted, true_contacts
from benchmarks.datasets import Trial, load
from imurun.core.contact import ContactConstants
from imurun.model.frames import FloatArray
from imurun.vgrf import WAVES_BW, force_bw, half_waves, step_descriptors

PHASES = (np.arange(40) + 0.5) / 40


class Steps:
    """A trial with contacts from the formulas with given constants."""

    def __init__(self, trial: Trial, contacts: Contacts, constants: ContactConstants) -> None:
        found = contacts.estimated(constants)
        inside = contacts.inside
        self.runner, self.level = contacts.runner, contacts.level
        self.initial_s, self.final_s, self.peak_bw = (
            found[what][inside] for what in ("initial", "final", "peak")
        )
        period_s = np.median(np.diff(trial.initial_contact_s))
        self.duty = (self.final_s - self.initial_s) / (2.0 * period_s)
        assert trial.vgrf_bw is not None
        time_s = np.arange(len(trial.vgrf_bw)) / trial.recording.rate_hz
        within = (time_s >= contacts.truth["initial"][inside][0]) & (
            time_s <= contacts.truth["final"][inside][-1]
        )
        known = within & np.isfinite(trial.vgrf_bw)
        self.time_s, self.true_bw = time_s[known], trial.vgrf_bw[known]

    def true_pushes(self) -> FloatArray:
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
        of_runner = sum(other.runner == steps.runner for other in trials)
        weight = 1.0 / np.sqrt(len(steps.duty) * of_runner)
        described = step_descriptors(steps.duty, steps.peak_bw)
        waves = half_waves(PHASES)
        design.append(weight * np.einsum("kd,uw->kuwd", described, waves).reshape(-1, WAVES_BW.size))
        target.append(weight * steps.true_pushes().ravel())
    solution = np.linalg.lstsq(np.vstack(design), np.concatenate(target), rcond=None)[0]
    return solution.reshape(WAVES_BW.shape)


def seen_with(constants: ContactConstants) -> list[Steps]:
    """All trials, with contacts from the formulas with these constants."""
    return [Steps(t, c, constants) for t, c in zip(_trials(), true_contacts(), strict=True)]


@cache
def waves_without(runner: str) -> FloatArray:
    """Constants of the waveform fitted on all runners but one, to score that one.

    Contacts and peaks are from formulas fitted without the runner too.
    """
    return fit([steps for steps in seen_with(constants_without(runner)) if steps.runner != runner])


def main() -> None:
    """Print the constants, and the error for every runner left out."""
    every = fit(seen_with(fitted(true_contacts())))
    print(np.array2string(every, precision=4, separator=", ", suppress_small=True))
    errors: list[tuple[str, bool, float]] = []
    for runner in sorted({contacts.runner for contacts in true_contacts()}):
        waves = waves_without(runner)
        mine = [steps for steps in seen_with(constants_without(runner)) if steps.runner == runner]
        errors += [(runner, steps.level, steps.error_bw(waves)) for steps in mine]
    print("left out   waveform RMSE BW, root mean square over trials")
    for name in sorted({runner for runner, _, _ in errors}):
        print(f"{name} level    {_pooled(errors, name, True):.3f}")
    print(f"all level  {_pooled(errors, None, True):.3f}\nS slopes   {_pooled(errors, 'S', False):.3f}")


@cache
def _trials() -> tuple[Trial, ...]:
    return tuple(trial for name in DATASETS for trial in load(name))


def _pooled(errors: list[tuple[str, bool, float]], runner: str | None, level: bool) -> float:
    chosen = [error for name, flat, error in errors if flat == level and runner in (None, name)]
    return float(np.sqrt(np.mean(np.square(chosen))))


if __name__ == "__main__":
    main()
