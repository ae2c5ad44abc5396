"""Simulated data of the peers benchmark: an hour of running and one of walking with pauses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imurun.files.atomic import atomic_path
from imurun.sim import SensorModel, simulate
from imurun.sim.runner import Segment

RATE_HZ = 100.0
SEED = 7
HEIGHT_M = 1.75
HOUR_S = 3600.0
QUICK_S = 600.0

SENSOR = SensorModel(
    rate_hz=RATE_HZ,
    acc_range_g=16.0,
    gyr_range_deg_s=2000.0,
    acc_noise_g=0.005,
    gyr_noise_deg_s=0.1,
    acc_resolution_g=16.0 / 2**15,
    gyr_resolution_deg_s=2000.0 / 2**15,
)
"""Aligned and without gaps, because the peers do not estimate the mounting and do not accept gaps."""


@dataclass(frozen=True)
class Hour:
    """One recording for all packages.

    Attributes:
        name: "running" or "walking".
        path: of the arrays, as described in `adaptors/stopwatch.py`.
        duration_s: s.
        n_steps: true number of steps.
    """

    name: str
    path: Path
    duration_s: float
    n_steps: int


def write_hours(folder: Path, *, quick: bool = False) -> list[Hour]:
    """Simulate both into a folder; ten minutes instead of an hour if `quick`."""
    duration_s = QUICK_S if quick else HOUR_S
    plans = {"running": running(duration_s), "walking": walking(duration_s)}
    return [_write(name, segments, folder) for name, segments in plans.items()]


def running(duration_s: float) -> list[Segment]:
    """Standing, six segments at 2.6 to 3.8 m/s, some of them in a wide curve, standing."""
    stretch_s = (duration_s - 40.0) / 6.0
    plan = [(2.6, 0.0), (3.0, 1.0), (3.4, 0.0), (3.0, -1.0), (3.8, 0.0), (2.6, 0.0)]
    return [
        Segment("still", 20.0),
        *(Segment("running", stretch_s, speed_m_s=speed, turn_deg_s=turn) for speed, turn in plan),
        Segment("still", 20.0),
    ]


def walking(duration_s: float) -> list[Segment]:
    """Every five minutes a pause of 25 s, then walking at 1.1, 1.3 or 1.5 m/s with a half turn."""
    segments: list[Segment] = []
    for k in range(round(duration_s / 300.0)):
        segments += [
            Segment("still", 25.0),
            Segment("walking", 200.0, speed_m_s=(1.1, 1.3, 1.5)[k % 3]),
            Segment("walking", 6.0, speed_m_s=1.2, turn_deg_s=30.0),
            Segment("walking", 69.0, speed_m_s=1.3),
        ]
    return segments


def _write(name: str, segments: list[Segment], folder: Path) -> Hour:
    simulation = simulate(segments, sensor=SENSOR, seed=SEED)
    recording, truth = simulation.recording, simulation.truth
    of_gait = truth.bouts[truth.bouts["kind"] != "still"]
    bouts = np.round(np.column_stack([of_gait["begin_s"], of_gait["end_s"]]) * RATE_HZ).astype(np.int64)
    with atomic_path(folder / f"{name}.npz") as aside, aside.open("wb") as file:
        np.savez(
            file,
            acc=recording.acc,
            gyr=recording.gyr,
            bouts=np.clip(bouts, 0, len(recording)),
            rate_hz=RATE_HZ,
            height_m=HEIGHT_M,
        )
    return Hour(name, folder / f"{name}.npz", len(recording) / RATE_HZ, len(truth.steps))
