"""Summary of a session: a flat, JSON-ready dictionary with units in the keys and None for unknown values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from imurun.core.bouts import Bout
from imurun.model.columns import BOUT_KINDS
from imurun.model.frames import FloatArray, G
from imurun.model.runner import Runner

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
    "contact_time_error_ms",
    "peak_vgrf_error_bw",
)
"""Columns whose median over the running steps is in the summary."""
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
LIKE_CADENCE = 0.04
"""Steps are compared whose cadence lies this close to the median of both fifths: contact, force and sway
follow the speed, and the cadence shows it. A runner holds the cadence within 2 % at a steady speed."""
LEAST_LIKE_STEPS = 10
SIDED = ("contact_time_ms", "peak_impact_g", "peak_vgrf_bw")

EFFORT_WINDOW_S = 30.0
MAIN_EFFORT = 0.8
"""The main part begins and ends where the effort of half a minute reaches this share of the median effort."""
SHORTEST_PHASE_S = 5.0
"""A shorter warm-up or cool-down is dropped: the runner only walks to the first step or from the last."""
EFFORT_EXPONENT = 4.0
"""Exponent of the peak force: easy and hard running differ little in force, more in tissue load."""


def find_phases(steps: pd.DataFrame, bouts: list[Bout]) -> list[Bout]:
    """Warm-up, main part and cool-down, from the first to the last movement; empty without running.

    Effort is the sum of peak force to the power 4 in half a minute. The main part reaches from the first
    to the last half minute with at least 80 % of the median effort of those that hold running.
    """
    moving = [bout for bout in bouts if bout.kind in ("running", "walking")]
    contacts = running_column(steps, "initial_contact_s")
    if not len(contacts) or not moving:
        return []
    begin, end = moving[0].start_s, max(moving[-1].end_s, contacts[-1])
    edges = np.arange(begin, end + 2 * EFFORT_WINDOW_S, EFFORT_WINDOW_S)
    effort, _ = np.histogram(
        contacts, edges, weights=running_column(steps, "peak_vgrf_bw") ** EFFORT_EXPONENT
    )
    hard = np.flatnonzero(effort >= MAIN_EFFORT * np.median(effort[effort > 0]))
    # the main part begins and ends with a running step inside its half minutes
    main_start = contacts[contacts >= edges[hard[0]]][0]
    main_end = contacts[contacts < edges[hard[-1] + 1]][-1]
    phases = [
        Bout(begin, float(main_start), "warm-up"),
        Bout(float(main_start), float(main_end), "main"),
        Bout(float(main_end), float(end), "cool-down"),
    ]
    return [phase for phase in phases if phase.end_s > phase.start_s + SHORTEST_PHASE_S]


def running_column(steps: pd.DataFrame, name: str, side: str | None = None) -> FloatArray:
    """Values of a column over the running steps, optionally of one side; shape (n,)."""
    rows = np.asarray(steps["gait"] == "running")
    if side is not None:
        rows = rows & np.asarray(steps["side"] == side)
    return np.asarray(steps[name], dtype=np.float64)[rows]


def summarise(
    steps: pd.DataFrame,
    bouts: list[Bout],
    phases: list[Bout],
    duration_s: float,
    runner: Runner,
    gaps_s: Sequence[tuple[float, float]] = (),
) -> dict[str, Any]:
    """Entries of the summary that follow from steps and bouts; `imurun.session` adds the others.

    `gaps_s` are all gaps, s: also those inside a bout, which count as gaps and not as that bout's time.
    """
    n_running = int(np.sum(steps["gait"] == "running"))
    summary: dict[str, Any] = {"duration_s": duration_s}
    for kind in BOUT_KINDS:
        summary[f"{kind}_s"] = _time(bouts, kind) - _inside(gaps_s, bouts, kind)
    summary["gap_s"] = float(sum(stop - start for start, stop in gaps_s))
    summary["running_steps"] = n_running
    summary["walking_steps"] = len(steps) - n_running
    walking = np.asarray(steps["gait"] == "walking")
    summary["walking_cadence_spm"] = median_of(np.asarray(steps["cadence_spm"], dtype=np.float64)[walking])
    for name in MEDIANS:
        summary[name] = median_of(running_column(steps, name))
    summary["peak_vgrf_n"] = _newtons(summary["peak_vgrf_bw"], runner)
    summary["lumbar_compression_n"] = _newtons(summary["lumbar_compression_bw"], runner)
    dose = running_column(steps, "lumbar_dose")
    summary["lumbar_dose_bw4"] = float(np.nansum(dose)) if np.isfinite(dose).any() else None
    for name in SIDED:
        stem, unit = name.rsplit("_", 1)
        left, right = (median_of(running_column(steps, name, side)) for side in ("left", "right"))
        summary[f"{stem}_left_{unit}"], summary[f"{stem}_right_{unit}"] = left, right
        summary[f"{stem}_asymmetry_percent"] = _asymmetry(left, right)
    unknown = len(running_column(steps, "quality", "unknown"))
    summary["side_known_percent"] = 100.0 * (1.0 - unknown / n_running) if n_running else None
    for kind in ("warm-up", "main", "cool-down"):
        summary[f"{kind.replace('-', '_')}_s"] = _time(phases, kind)
    return summary | fresh_and_tired(steps, n_running)


def fresh_and_tired(steps: pd.DataFrame, n_running: int) -> dict[str, float | None]:
    """Medians over the first and the last fifth of the running steps; None where they cannot be compared.

    All but the cadence are compared over steps of like cadence, see `LIKE_CADENCE`.
    """
    fifth = int(FIFTH * n_running) if n_running >= LEAST_STEPS_TO_COMPARE else 0
    cadence = running_column(steps, "cadence_spm")
    parts = {"fresh": np.arange(n_running) < fifth, "tired": np.arange(n_running) >= n_running - fifth}
    both = median_of(cadence[parts["fresh"] | parts["tired"]])
    alike = np.zeros(n_running, dtype=bool)
    if both is not None:
        alike = np.abs(cadence / both - 1.0) <= LIKE_CADENCE  # false for NaN
    enough = all(np.sum(part & alike) >= LEAST_LIKE_STEPS for part in parts.values())
    found: dict[str, float | None] = {}
    for name in FRESH_AND_TIRED:
        values = running_column(steps, name)
        for word, part in parts.items():
            if name == "cadence_spm":
                found[f"{word}_{name}"] = median_of(values[part])
            else:
                found[f"{word}_{name}"] = median_of(values[part & alike]) if enough else None
    return found


def median_of(values: FloatArray) -> float | None:
    """Median of the finite values; None without any."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None


def _time(bouts: list[Bout], kind: str) -> float:
    return float(sum(bout.end_s - bout.start_s for bout in bouts if bout.kind == kind))


def _inside(gaps_s: Sequence[tuple[float, float]], bouts: list[Bout], kind: str) -> float:
    """Time of the gaps that lie inside bouts of a kind."""
    starts = np.array([bout.start_s for bout in bouts])
    inside = 0.0
    for start_s, stop_s in gaps_s:
        around = bouts[int(np.searchsorted(starts, start_s, side="right")) - 1]
        if around.kind == kind:
            inside += stop_s - start_s
    return inside


def _newtons(body_weights: float | None, runner: Runner) -> float | None:
    if body_weights is None or runner.mass_kg is None:
        return None
    return body_weights * runner.mass_kg * G


def _asymmetry(left: float | None, right: float | None) -> float | None:
    """Left minus right in percent of their mean; None where either is unknown."""
    if left is None or right is None or left + right == 0:
        return None
    return 100.0 * (left - right) / (0.5 * (left + right))
