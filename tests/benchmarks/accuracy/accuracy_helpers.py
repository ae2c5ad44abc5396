"""Synthetic trials and methods, to test the scoring without engine and recordings."""

from __future__ import annotations

import numpy as np

from benchmarks.accuracy.methods import Found, ScoredMethod
from benchmarks.datasets import Trial
from imurun import Recording
from imurun.model.frames import G

RATE_HZ = 100.0
STEP_S, CONTACT_S = 0.35, 0.24


def made_trial(
    runner="A",
    name=None,
    *,
    n=14,
    dataset="running_speeds",
    gyro=True,
    slope_percent=0.0,
    first_s=0.7,
    **truth,
) -> Trial:
    """A trial of n even contacts, sides in turn, peaks of 2.5 BW, half-sine force."""
    duration_s = 0.7 + max(n, 8) * STEP_S + 0.6
    acc = np.tile([0.0, 0.0, G], (int(duration_s * RATE_HZ), 1))
    recording = Recording(acc, np.zeros_like(acc) if gyro else None, rate_hz=RATE_HZ)
    initial_s = first_s + STEP_S * np.arange(n)
    u = (recording.time_s[:, None] - initial_s) / CONTACT_S
    force = np.where((u >= 0) & (u <= 1), 2.5 * np.sin(np.pi * u), 0.0).sum(axis=1)
    values = {
        "initial_contact_s": initial_s,
        "final_contact_s": initial_s + CONTACT_S,
        "side": tuple("left" if k % 2 else "right" for k in range(n)),
        "peak_bw": np.full(n, 2.5),
        "vgrf_bw": force,
        "speed_m_s": 3.0,
        **truth,
    }
    name = f"{runner}1" if name is None else name
    return Trial(dataset, name, runner, recording, slope_percent=slope_percent, **values)


def found(trial, *, initial_off_s=0.0, final_off_s=0.0, drop=(), extra_s=(), **columns) -> Found:
    """The true contacts, shifted, with some missing and some false ones."""
    kept = [k for k in range(len(trial.initial_contact_s)) if k not in drop]
    initial = np.r_[trial.initial_contact_s[kept] + initial_off_s, np.array(extra_s)]
    final = np.r_[trial.final_contact_s[kept] + final_off_s, np.array(extra_s) + CONTACT_S]
    side = np.array([*(trial.side[k] for k in kept), *["left"] * len(extra_s)], dtype="<U7")
    order = np.argsort(initial)
    nan = np.full(len(order), np.nan)
    return Found(
        initial[order],
        final[order],
        side[order],
        **{"peak_bw": nan, "quality": nan, "roll_range_deg": nan, "pitch_range_deg": nan, **columns},
    )


def method(run, name="made", **options) -> ScoredMethod:
    return ScoredMethod(name, f"Made {name}", "a test", run, **{"gives_side": True, **options})
