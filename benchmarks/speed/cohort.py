"""Time of a cohort with one worker and with two."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.speed.measure import Figure, in_turn
from benchmarks.speed.processes import Ran, run_imurun
from imurun.io import write_recording
from imurun.sim.presets import steady_run

N_RECORDINGS = 200
RECORDING_S = 1800.0
RATE_HZ = 100.0
SPEEDS_M_S = (2.5, 3.0, 3.5, 4.0)
"""Number of simulated runs; every recording is one of them with one sample changed."""
CHANGE_M_S2 = 1e-3
WORKERS = (1, 2)
TARGET = 1.8


def measure_cohort(*, quick: bool) -> list[Figure]:
    """`imurun cohort` of 200 recordings of half an hour, whole processes; one worker is the reference."""
    n, seconds, repeats = (8, 300.0, 1) if quick else (N_RECORDINGS, RECORDING_S, 3)
    numbers = count()
    with TemporaryDirectory() as name:
        folder = Path(name)
        recordings = folder / "recordings"
        write_cohort(recordings, n, seconds)

        def analysed(workers: int) -> Ran:
            out = folder / f"out-{next(numbers)}"
            return run_imurun("cohort", recordings, "--out", out, "--workers", workers)

        ran = in_turn([lambda workers=workers: analysed(workers) for workers in WORKERS], repeats, warm=False)
    wall_s = [tuple(one.wall_s for one in some) for some in ran]
    ratios = np.divide(*wall_s)
    what = f"{n} recordings of {seconds / 60.0:g} min"
    figures = [
        Figure("cohort", f"{what}: two workers", "times one worker", tuple(ratios.tolist()), (), TARGET, True)
    ]
    for workers, values, some in zip(WORKERS, wall_s, ran, strict=True):
        name = f"{what}, {workers} at work"
        figures.append(Figure("cohort", name, "s on the clock", values, wall_s[0]))
        figures.append(Figure("cohort", name, "s of processor time", tuple(one.cpu_s for one in some), ()))
    return figures


def write_cohort(folder: Path, n: int, seconds: float) -> None:
    """Write n different recordings."""
    folder.mkdir()
    runs = [
        steady_run(seconds, speed, rate_hz=RATE_HZ, seed=seed).recording
        for seed, speed in enumerate(SPEEDS_M_S, 1)
    ]
    for k in range(n):
        run = runs[k % len(runs)]
        acc = run.acc.copy()
        acc[k, 0] += CHANGE_M_S2
        write_recording(replace(run, acc=acc), folder / f"run-{k:03}.parquet")
