"""One session in one flat dictionary: units in the keys, ready for JSON, None for what is not known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from imurun.core.bouts import Bout
from imurun.frames import G
from imurun.recording import Runner

MEDIANS = (
    "cadence_spm",
    "contact_time_ms",
    "flight_time_ms",
    "duty_factor",
    "vertical_oscillation_mm",
    "peak_impact_g",
    "loading_rate_g_s",
    "braking_g",
    "peak_vgrf_bw",
    "lumbar_compression_bw",
    "lumbar_shear_bw",
    "lean_deg",
    "roll_rom_deg",
    "pitch_rom_deg",
    "yaw_rom_deg",
    "ml_sway_ratio",
    "step_regularity",
    "stride_regularity",
    "quality",
)
"""Columns whose median over the running steps is given."""
FRESH_AND_TIRED = (
    "cadence_spm",
    "contact_time_ms",
    "peak_impact_g",
    "lumbar_compression_bw",
    "lean_deg",
    "roll_rom_deg",
    "ml_sway_ratio",
    "step_regularity",
)
"""Columns compared between the first and the last fifth of the running."""
FIFTH = 0.2
LEAST_STEPS_TO_COMPARE = 100
SIDED = ("contact_time_ms", "peak_impact_g", "peak_vgrf_bw")

EFFORT_WINDOW_S = 30.0
MAIN_EFFORT = 0.8
"""The main part begins and ends where the effort of half a minute reaches this share of the usual one."""
EFFORT_EXPONENT = 4.0
"""Of the peak force: easy and hard running differ little in force, more in what it does."""


def find_phases(steps: pd.DataFrame, bouts: list[Bout]) -> list[Bout]:
    """Warm-up, main part and cool-down, from the first to the last movement; empty without running.

    Effort is the sum of peak force to the power 4 in half a minute. The main part reaches from the first
    to the last half minute with at least 80 % of the median effort of those that hold running.
    """
    moving = [bout for bout in bouts if bout.kind in ("running", "walking")]
    running = steps[steps["gait"] == "running"]
    if running.empty or not moving:
        return []
    begin, end = moving[0].start_s, moving[-1].end_s
    edges = np.arange(begin, max(end, begin + EFFORT_WINDOW_S) + EFFORT_WINDOW_S, EFFORT_WINDOW_S)
    effort, _ = np.histogram(
        running["initial_contact_s"], edges, weights=running["peak_vgrf_bw"] ** EFFORT_EXPONENT
    )
    hard = np.flatnonzero(effort >= MAIN_EFFORT * np.median(effort[effort > 0]))
    # within the half minute, the main part begins with its first running step and ends with its last
    contacts = running["initial_contact_s"].to_numpy()
    main_start = contacts[contacts >= edges[hard[0]]][0]
    main_end = min(contacts[contacts < edges[hard[-1] + 1]][-1] + 1.0, end)
    phases = [
        Bout(begin, main_start, "warm-up"),
        Bout(main_start, main_end, "main"),
        Bout(main_end, end, "cool-down"),
    ]
    return [Bout(float(a), float(b), kind) for a, b, kind in phases if b > a]


def summarise(
    steps: pd.DataFrame, bouts: list[Bout], phases: list[Bout], duration_s: float, runner: Runner
) -> dict[str, Any]:
    """The summary's entries that follow from steps and bouts."""
    running = steps[steps["gait"] == "running"]
    summary: dict[str, Any] = {"duration_s": duration_s}
    for kind in ("running", "walking", "still", "other", "gap"):
        summary[f"{kind}_s"] = sum(bout.end_s - bout.start_s for bout in bouts if bout.kind == kind)
    summary["running_steps"] = len(running)
    summary["walking_steps"] = len(steps) - len(running)
    summary["walking_cadence_spm"] = _median(steps.loc[steps["gait"] == "walking", "cadence_spm"])
    for name in MEDIANS:
        summary[name] = _median(running[name])
    summary["peak_vgrf_n"] = _newtons(summary["peak_vgrf_bw"], runner)
    summary["lumbar_compression_n"] = _newtons(summary["lumbar_compression_bw"], runner)
    dose = running["lumbar_dose"].sum(min_count=1)
    summary["lumbar_dose_bw4"] = None if np.isnan(dose) else float(dose)
    for name in SIDED:
        stem, unit = name.rsplit("_", 1)
        left, right = (_median(running.loc[running["side"] == side, name]) for side in ("left", "right"))
        summary[f"{stem}_left_{unit}"], summary[f"{stem}_right_{unit}"] = left, right
        summary[f"{stem}_asymmetry_percent"] = _asymmetry(left, right)
    known = (running["side"] != "unknown").mean() if len(running) else np.nan
    summary["side_known_percent"] = _number(100.0 * known)
    for kind in ("warm-up", "main", "cool-down"):
        key = f"{kind.replace('-', '_')}_s"
        summary[key] = sum(phase.end_s - phase.start_s for phase in phases if phase.kind == kind)
    fifth = int(FIFTH * len(running))
    for name in FRESH_AND_TIRED:
        enough = len(running) >= LEAST_STEPS_TO_COMPARE
        summary[f"fresh_{name}"] = _median(running[name].iloc[:fifth]) if enough else None
        summary[f"tired_{name}"] = _median(running[name].iloc[-fifth:]) if enough else None
    return summary


def _number(value: float) -> float | None:
    return None if not np.isfinite(value) else float(value)


def _median(values: pd.Series) -> float | None:
    known = values.dropna()
    return None if known.empty else float(known.median())


def _newtons(body_weights: float | None, runner: Runner) -> float | None:
    if body_weights is None or runner.mass_kg is None:
        return None
    return body_weights * runner.mass_kg * G


def _asymmetry(left: float | None, right: float | None) -> float | None:
    """Left minus right in percent of their mean."""
    if left is None or right is None or left + right == 0:
        return None
    return 100.0 * (left - right) / (0.5 * (left + right))
