"""Fit the contact formulas of `imurun.core.contact`, and score them on runners left out.

    python -m benchmarks.accuracy.fit_contact

Each runner has the same weight, and within a runner each trial. Truth: force plates, 5 % of body weight.
Constants that place a step around the typical one (`own` rise, fall and height) were set by the spread within
trials and are not fitted here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.datasets import Trial, load
from imurun.core import contact
from imurun.core.step import RUNNING
from imurun.core.typical import TYPICAL
from imurun.engine import RunAnalyzer
from imurun.frames import FloatArray

NEAR_S = 0.1
"""A pulse whose peak lies this close to the middle of a contact belongs to it."""


@dataclass(frozen=True)
class Contacts:
    """All contacts of one trial with the pulse each was measured on: arrays of one length."""

    runner: str
    level: bool
    anchors: dict[str, FloatArray]
    features: dict[str, FloatArray]
    truth: dict[str, FloatArray]
    inside: np.ndarray


def contacts_of(trial: Trial) -> Contacts:
    """Pair the trial's true contacts with the pulses that the engine finds."""
    recording = trial.recording
    rate = recording.rate_hz
    mounting = np.eye(3) if recording.frame == "anatomical" else "find"
    analyzer = RunAnalyzer(rate, mounting=mounting, has_gyro=recording.gyr is not None)
    steps = np.concatenate(
        [analyzer.push_arrays(recording.acc, recording.gyr)[0], analyzer.finish_arrays()[0]]
    )
    steps = steps[steps["gait"] == RUNNING]
    middle = 0.5 * (trial.initial_contact_s + trial.final_contact_s)
    nearest = np.abs(steps["pulse_peak"] / rate - middle[:, None]).argmin(axis=1)
    paired = np.abs(steps["pulse_peak"][nearest] / rate - middle) < NEAR_S
    rows = steps[nearest[paired]]
    pulse = {name: rows[f"pulse_{name}"] / rate for name in ("up", "peak", "down", "end")}
    typical = {name: rows[f"typical_{name}"] for name in TYPICAL.names or () if name != "n"}
    own_rise = pulse["up"] - pulse["peak"] - typical["up"]
    own_fall = 0.5 * (pulse["down"] + pulse["end"] - typical["down"] - typical["end"]) - pulse["peak"]
    one = np.ones(len(rows))
    return Contacts(
        trial.runner,
        trial.slope_percent == 0,
        {
            "initial": pulse["peak"] + own_rise,
            "final": pulse["peak"] + own_fall,
            "peak": contact.OWN_HEIGHT_BW * (rows["pulse_height"] - typical["height"]),
        },
        {
            "initial": np.column_stack(
                [one, typical["begin"], typical["height"] * rows["period_s"], typical["drive"]]
            ),
            "final": np.column_stack([one, typical["end"], typical["rise_rate"], typical["forward_share"]]),
            "peak": np.column_stack([one, typical["swing"], typical["fall"]]),
        },
        {
            "initial": trial.initial_contact_s[paired],
            "final": trial.final_contact_s[paired],
            "peak": trial.peak_bw[paired],
        },
        trial.inside()[paired],
    )


def fit(trials: list[Contacts], what: str) -> FloatArray:
    """Least squares; every runner and every trial of a runner counts the same."""
    used = [trial for trial in trials if len(trial.inside)]
    design, target = [], []
    for trial in used:
        of_runner = sum(other.runner == trial.runner for other in used)
        known = np.isfinite(trial.truth[what])
        weight = 1.0 / np.sqrt(known.sum() * of_runner)
        design.append(weight * trial.features[what][known])
        target.append(weight * (trial.truth[what] - trial.anchors[what])[known])
    return np.linalg.lstsq(np.vstack(design), np.concatenate(target), rcond=None)[0]


def errors(trials: list[Contacts], constants: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Estimate minus truth of the contacts half a second inside."""
    found: dict[str, FloatArray] = {}
    for what, values in constants.items():
        found[what] = np.concatenate(
            [(t.anchors[what] + t.features[what] @ values - t.truth[what])[t.inside] for t in trials]
        )
    found["contact"] = found["final"] - found["initial"]
    return found


def main() -> None:
    """Print the constants, and the errors of every runner left out."""
    trials = [
        contacts_of(trial)
        for name in ("running_speeds", "treadmill_run_grf", "sacral_grf")
        for trial in load(name)
    ]
    kept = {"initial": contact.IC_S, "final": contact.FC_S, "peak": contact.PEAK_BW}
    for what, values in kept.items():
        print(f"{what:8s} fitted {np.round(fit(trials, what), 5)}  in the core {np.array(values)}")
    print("\nleft out         n   initial contact    final contact     contact time     peak force")
    print("                     bias  RMSE ms       bias  RMSE ms    bias  RMSE ms    bias  RMSE BW")
    levels, slopes = [], []
    for runner in sorted({trial.runner for trial in trials}):
        others = [trial for trial in trials if trial.runner != runner]
        constants = {what: fit(others, what) for what in kept}
        for name, level, scored in (("level", True, levels), ("slopes", False, slopes)):
            mine = [trial for trial in trials if trial.runner == runner and trial.level == level]
            if mine:
                scored.append(errors(mine, constants))
                print(_row(f"{runner} {name}", scored[-1]))
    pooled = {what: np.concatenate([error[what] for error in levels]) for what in levels[0]}
    print(_row("all level", pooled))


def _row(name: str, error: dict[str, FloatArray]) -> str:
    parts = [f"{name:12s} {len(error['initial']):5d}"]
    for what in ("initial", "final", "contact", "peak"):
        scale, digits = (1.0, 2) if what == "peak" else (1000.0, 1)
        known = scale * error[what][np.isfinite(error[what])]
        parts.append(f"{known.mean():8.{digits}f} {np.sqrt(np.mean(known**2)):6.{digits}f}")
    return "   ".join(parts)


if __name__ == "__main__":
    main()
