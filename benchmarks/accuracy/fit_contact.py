"""Fit the contact formulas of `imurun.core.contact`, and score them on runners left out.

    python -m benchmarks.accuracy.fit_contact

Each runner has the same weight, and within a runner each trial. Truth: force plates, 5 % of body weight.
Constants that place a step around the average one (`own` rise, fall and height) were set by the spread within
trials and are not fitted here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from benchmarks.accuracy.running_rows import running_rows
from benchmarks.datasets import Trial, load
from imurun.core.contact import CONSTANTS, OWN_HEIGHT_BW, ContactConstants
from imurun.model.frames import FloatArray

DATASETS = ("running_speeds", "treadmill_run_grf", "sacral_grf")
FEATURES = {
    "initial_s": ("one", "force_begin", "impulse", "load"),
    "step_share": ("one", "per_height", "forward_per_height"),
    "peak_bw": ("one", "force_peak_to_peak_g", "net_impulse"),
}
"""The factors of the ContactConstants, by the names of `imurun.core.contact`."""
NEAR_S = 0.1
"""A step cycle whose peak lies this close to the middle of a contact belongs to it."""


@dataclass(frozen=True)
class Contacts:
    """All contacts of one trial with the step cycle each was measured on: arrays of one length.

    Attributes:
        runner, level: whose trial it is, and whether on the level.
        period_s: of the average step.
        own: initial and final contact (s) and peak (BW) as far as the step's own cycle gives them.
        features: what each of the ContactConstants is multiplied with, by its name, shape (k, constants).
        truth: initial and final contact (s) and peak (BW) by the force plate.
        inside: which lie half a second inside the recording.
    """

    runner: str
    level: bool
    period_s: FloatArray
    own: dict[str, FloatArray]
    features: dict[str, FloatArray]
    truth: dict[str, FloatArray]
    inside: np.ndarray

    def estimated(self, constants: ContactConstants) -> dict[str, FloatArray]:
        """Initial and final contact (s) and peak (BW) as formulas with these constants give them."""
        part = {name: self.features[name] @ values for name, values in constants._asdict().items()}
        return {
            "initial": self.own["initial"] + part["initial_s"],
            "final": self.own["final"] + part["initial_s"] + self.period_s * part["step_share"],
            "peak": self.own["peak"] + part["peak_bw"],
        }

    def wanted(self, name: str) -> FloatArray:
        """What the formula with these constants should give."""
        beyond = {what: self.truth[what] - self.own[what] for what in self.truth}
        return {
            "initial_s": beyond["initial"],
            "step_share": (beyond["final"] - beyond["initial"]) / self.period_s,
            "peak_bw": beyond["peak"],
        }[name]


def contacts_of(trial: Trial) -> Contacts:
    """Pair the trial's true contacts with the step cycles that the engine finds."""
    rate = trial.recording.rate_hz
    steps = running_rows(trial.recording)
    middle = 0.5 * (trial.initial_contact_s + trial.final_contact_s)
    nearest = np.abs(steps["cycle"]["peak"] / rate - middle[:, None]).argmin(axis=1)
    paired = np.abs(steps["cycle"]["peak"][nearest] / rate - middle) < NEAR_S
    rows = steps[nearest[paired]]
    cycle = {name: rows["cycle"][name] / rate for name in ("up_crossing", "peak", "down_crossing", "end")}
    average = {name: rows["average"][name] for name in rows["average"].dtype.names or ()}
    average["load"] = average["force_peak_g"] * average["period"]
    average["impulse"] = average["propulsion_g"] * average["period"]
    average["net_impulse"] = (average["propulsion_g"] + average["braking_g"]) * average["period"]
    average["per_height"] = 1.0 / average["force_peak_g"]
    average["forward_per_height"] = average["forward_rms_g"] / average["force_peak_g"]
    average["one"] = np.ones(len(rows))
    return Contacts(
        trial.runner,
        trial.slope_percent == 0,
        average["period"],
        {
            "initial": cycle["up_crossing"] - average["up_crossing"],
            "final": 0.5
            * (cycle["down_crossing"] + cycle["end"] - average["down_crossing"] - average["end"]),
            "peak": OWN_HEIGHT_BW * (rows["cycle"]["peak_g"] - average["peak_g"]),
        },
        {name: np.column_stack([average[word] for word in words]) for name, words in FEATURES.items()},
        {
            "initial": trial.initial_contact_s[paired],
            "final": trial.final_contact_s[paired],
            "peak": trial.peak_bw[paired],
        },
        trial.inside()[paired],
    )


def fit(trials: Sequence[Contacts], name: str) -> FloatArray:
    """Least squares; every runner and every trial of a runner counts the same."""
    used = [trial for trial in trials if len(trial.inside)]
    design, target = [], []
    for trial in used:
        of_runner = sum(other.runner == trial.runner for other in used)
        wanted = trial.wanted(name)
        known = np.isfinite(wanted)
        weight = 1.0 / np.sqrt(known.sum() * of_runner)
        design.append(weight * trial.features[name][known])
        target.append(weight * wanted[known])
    return np.linalg.lstsq(np.vstack(design), np.concatenate(target), rcond=None)[0]


def errors(trials: Sequence[Contacts], constants: ContactConstants) -> dict[str, FloatArray]:
    """Estimate minus truth of the contacts half a second inside."""
    estimates = [trial.estimated(constants) for trial in trials]
    found = {
        what: np.concatenate(
            [(e[what] - t.truth[what])[t.inside] for e, t in zip(estimates, trials, strict=True)]
        )
        for what in ("initial", "final", "peak")
    }
    found["contact"] = found["final"] - found["initial"]
    return found


@cache
def true_contacts() -> tuple[Contacts, ...]:
    """The contacts of every trial with force plates.

    Raises:
        FormatError: a dataset is not here, or was altered.
    """
    return tuple(contacts_of(trial) for name in DATASETS for trial in load(name))


def fitted(trials: Sequence[Contacts]) -> ContactConstants:
    """Constants of all three formulas by these trials."""
    return ContactConstants(*(tuple(fit(trials, name).tolist()) for name in ContactConstants._fields))


@cache
def constants_without(runner: str) -> ContactConstants:
    """Constants fitted on all runners but one, to score that one."""
    return fitted([trial for trial in true_contacts() if trial.runner != runner])


def main() -> None:
    """Print the constants, and the errors of every runner left out."""
    trials = true_contacts()
    for name, values in fitted(trials)._asdict().items():
        print(f"{name:10s} fitted {np.round(values, 5)}  in the core {np.array(getattr(CONSTANTS, name))}")
    print("\nleft out         n   initial contact    final contact     contact time     peak force")
    print("                     bias  RMSE ms       bias  RMSE ms    bias  RMSE ms    bias  RMSE BW")
    levels: list[dict[str, FloatArray]] = []
    for runner in sorted({trial.runner for trial in trials}):
        constants = constants_without(runner)
        for name, level in (("level", True), ("slopes", False)):
            mine = [trial for trial in trials if trial.runner == runner and trial.level == level]
            if mine:
                found = errors(mine, constants)
                print(_row(f"{runner} {name}", found))
                levels += [found] if level else []
    print(_row("all level", {what: np.concatenate([e[what] for e in levels]) for what in levels[0]}))


def _row(name: str, error: dict[str, FloatArray]) -> str:
    parts = [f"{name:12s} {len(error['initial']):5d}"]
    for what in ("initial", "final", "contact", "peak"):
        scale, digits = (1.0, 2) if what == "peak" else (1000.0, 1)
        known = scale * error[what][np.isfinite(error[what])]
        parts.append(f"{known.mean():8.{digits}f} {np.sqrt(np.mean(known**2)):6.{digits}f}")
    return "   ".join(parts)


if __name__ == "__main__":
    main()
