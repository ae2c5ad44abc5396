"""Number of runners that one core analyses in real time in one process."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.speed.measure import Figure, in_turn
from benchmarks.speed.runs import RATE_HZ
from imurun.cli.compile_core import warm_up
from imurun.engine import RunAnalyzer
from imurun.model.frames import FloatArray
from imurun.sim.presets import steady_run

N_STREAMS = 500
N_BLOCK = 10
SPEEDS_M_S = (2.4, 2.7, 3.0, 3.3, 3.6, 3.9, 4.2, 4.5)
"""Length of the runs from which the streams are cut."""
APART = 37
"""Samples by which each stream is ahead of the one before, so that their steps do not coincide."""


@dataclass(frozen=True)
class Taken:
    """One repeat.

    Attributes:
        share: of a core, over the whole time.
        busiest: largest share in a second.
    """

    share: float
    busiest: float


def measure_streams(*, quick: bool) -> list[Figure]:
    """500 runs at 208 Hz from their first sample on, ten samples of each in turn, with the alignment search.

    The reference copies the same blocks.
    """
    seconds, repeats, n = (20.0, 2, 20) if quick else (60.0, 5, N_STREAMS)
    ahead = n * APART
    runs = [
        steady_run(seconds + ahead / RATE_HZ, speed, rate_hz=RATE_HZ, seed=seed).recording
        for seed, speed in enumerate(SPEEDS_M_S, 1)
    ]
    warm_up()
    parts: list[tuple[FloatArray, FloatArray]] = []
    for k in range(n):
        run = runs[k % len(runs)]
        rows = slice(k * APART, k * APART + round(seconds * RATE_HZ))
        assert run.gyr is not None
        parts.append((run.acc[rows], run.gyr[rows]))
    copied, analysed = in_turn([lambda: _copied(parts), lambda: _analysed(parts)], repeats)

    in_real_time = tuple(n / taken.share for taken in analysed)
    figures = [
        Figure("streams", "real time on one core", "streams", in_real_time, (), N_STREAMS, at_least=True)
    ]
    shares: dict[str, Callable[[Taken], float]] = {
        f"{n} streams": lambda taken: 100.0 * taken.share,
        f"{n} streams, busiest second": lambda taken: 100.0 * taken.busiest,
    }
    for name, share in shares.items():
        values, reference = (tuple(share(taken) for taken in some) for some in (analysed, copied))
        figures.append(Figure("streams", name, "percent of a core", values, reference))
    return figures


def _analysed(parts: list[tuple[FloatArray, FloatArray]]) -> Taken:
    analyzers = [RunAnalyzer(RATE_HZ) for _ in parts]
    taken = _in_blocks([analyzer.push for analyzer in analyzers], parts)
    assert all(analyzer.mounting is not None for analyzer in analyzers)
    return taken


def _copied(parts: list[tuple[FloatArray, FloatArray]]) -> Taken:
    return _in_blocks([lambda acc, gyr: (np.array(acc), np.array(gyr))] * len(parts), parts)


def _in_blocks(
    pushes: list[Callable[[FloatArray, FloatArray], object]], parts: list[tuple[FloatArray, FloatArray]]
) -> Taken:
    """One block of every stream, then the next block of every stream."""
    n = len(parts[0][0])
    spent: list[float] = []
    for first in range(0, n, N_BLOCK):
        begin_s = time.process_time()
        stop = first + N_BLOCK
        for push, (acc, gyr) in zip(pushes, parts, strict=True):
            push(acc[first:stop], gyr[first:stop])
        spent.append(time.process_time() - begin_s)
    in_a_second = round(RATE_HZ / N_BLOCK)
    sums = np.convolve(spent, np.ones(in_a_second), mode="valid") / (in_a_second * N_BLOCK / RATE_HZ)
    return Taken(sum(spent) / (n / RATE_HZ), float(sums.max()))
