"""Waveform of the vertical ground reaction force, computed from the steps.

Between a step's initial and final contact the force is a sum of half waves, whose sizes follow from three
numbers of
the step: duty factor, peak force and period. They determine the shape of the waveform: a long soft contact is
skewed towards its beginning, a short hard one is nearly symmetric.

    force(u) = sum over k of (WAVES_BW[k-1] . (1, duty factor - 0.35, peak force - 2.4 BW, period - 0.36 s))
    sin(k pi u)

with u from 0 at initial to 1 at final contact; in flight the force is 0. Alcantara et al. 2022 show that
sacral accelerations carry the waveform (a neural network on one sacral sensor, 0.16 BW). The constants here
are a least-squares fit to the force plates of 19 runners; the error on left-out runners and the command that
fits are in benchmarks/accuracy/README.md. The impact transient in the first 30 ms is not modelled.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from imurun.model.frames import FloatArray

WAVES_BW = np.array(
    [
        [2.2289, -2.8366, 0.5771, -0.6262],
        [0.4024, 5.0071, 0.9015, 0.6468],
        [-0.0268, -2.9363, -0.5336, -0.2422],
        [0.1253, -3.8454, -0.4737, -0.3065],
        [0.0606, -2.4957, -0.3858, 0.2249],
        [0.0723, -2.0730, -0.3283, 0.3938],
        [0.0320, -0.2891, -0.0945, 0.4490],
        [-0.0060, 0.1443, -0.0279, 0.4319],
    ]
)
"""BW; BW per duty factor; BW per BW of peak force; BW per s of period."""
MIDDLE_DUTY = 0.35
MIDDLE_PEAK_BW = 2.4
MIDDLE_PERIOD_S = 0.36


def step_descriptors(
    duty_factor: npt.ArrayLike, peak_bw: npt.ArrayLike, period_s: npt.ArrayLike
) -> FloatArray:
    """Regressors of the wave sizes, shape (k, 4): 1; duty factor, peak force and period about their
    middle.
    """
    duty, peak, period = (np.asarray(values, dtype=np.float64) for values in (duty_factor, peak_bw, period_s))
    return np.column_stack(
        [np.ones(len(duty)), duty - MIDDLE_DUTY, peak - MIDDLE_PEAK_BW, period - MIDDLE_PERIOD_S]
    )


def half_waves(u: npt.ArrayLike) -> FloatArray:
    """The half waves at the phases u of the contact, shape (len(u), 8)."""
    orders = np.arange(1, len(WAVES_BW) + 1)
    return np.sin(np.pi * np.outer(np.asarray(u, dtype=np.float64), orders))


def force_bw(
    time_s: FloatArray,
    initial_contact_s: FloatArray,
    final_contact_s: FloatArray,
    duty_factor: FloatArray,
    peak_bw: FloatArray,
    waves_bw: FloatArray = WAVES_BW,
) -> FloatArray:
    """Vertical ground reaction force of running steps.

    Args:
        time_s: times to evaluate, ascending, shape (n,).
        initial_contact_s, final_contact_s, duty_factor, peak_bw: one value a step, shape (k,).
        waves_bw: constants, shape (8, 4).

    Returns:
        Body weights, shape (n,); 0 outside the contacts, never negative, NaN where a step's peak is unknown.
        Overlapping contacts add up.
    """
    force = np.zeros(len(time_s))
    period_s = (final_contact_s - initial_contact_s) / (2.0 * duty_factor)
    sizes = step_descriptors(duty_factor, peak_bw, period_s) @ waves_bw.T
    for start_s, end_s, size in zip(initial_contact_s, final_contact_s, sizes, strict=True):
        if not start_s < end_s:  # also for NaN
            continue
        part = slice(*np.searchsorted(time_s, [start_s, end_s]))
        wave = half_waves((time_s[part] - start_s) / (end_s - start_s)) @ size
        force[part] += np.maximum(wave, 0.0)
    return force


def running_force_bw(
    steps: pd.DataFrame,
    bouts: pd.DataFrame,
    rate_hz: float,
    duration_s: float,
    waves_bw: FloatArray = WAVES_BW,
) -> FloatArray:
    """Force at the samples of a session, from its tables of steps and bouts; NaN outside running."""
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    running = steps[steps["gait"] == "running"]
    names = ("initial_contact_s", "final_contact_s", "duty_factor", "peak_vgrf_bw")
    force = force_bw(
        time_s, *(np.asarray(running[name], dtype=np.float64) for name in names), waves_bw=waves_bw
    )
    inside = np.zeros(len(time_s), dtype=bool)
    runs = bouts[bouts["kind"] == "running"]
    for first, stop in np.searchsorted(time_s, np.column_stack([runs["start_s"], runs["end_s"]])):
        inside[first:stop] = True
    return np.where(inside, force, np.nan)
