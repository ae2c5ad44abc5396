"""How long a caller waits for one push, once the mounting is found."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.speed.measure import Figure, in_turn
from benchmarks.speed.runs import RATE_HZ, blocks_of
from imurun.blocks import SampleBlock
from imurun.commands.warm import warm_up
from imurun.engine import RunAnalyzer
from imurun.frames import FloatArray
from imurun.recording import Recording
from imurun.sim.presets import steady_run

UNIT = "us on the clock"
SETTLED_S = 40.0
"""Of the run that is pushed before: by then the mounting is found."""
MEASURED_S = {10: 300.0, 1: 60.0}
"""Seconds of running, by the number of samples in a block."""
RANKS = {"median": 50.0, "99 of 100": 99.0}
TARGETS = {(10, "median"): 30.0, (10, "99 of 100"): 200.0}
Push = Callable[[FloatArray, FloatArray], object]


def measure_push(*, quick: bool) -> list[Figure]:
    """Pushes of ten samples and of one at 208 Hz; the garbage collector runs as it does for everybody.

    The reference copies the same blocks.
    """
    repeats = 2 if quick else 7
    warm_up()
    figures: list[Figure] = []
    for n_block, seconds in MEASURED_S.items():
        recording = steady_run(SETTLED_S + (10.0 if quick else seconds), rate_hz=RATE_HZ).recording
        blocks = blocks_of(recording, n_block)
        n_settled = round(SETTLED_S * RATE_HZ / n_block)
        before, measured = blocks[:n_settled], blocks[n_settled:]
        copies, pushes = in_turn(
            [lambda: waits_us(_copy, measured), lambda: waits_us(_running(recording, before), measured)],  # noqa: B023
            repeats,
        )
        for name, rank in RANKS.items():
            figures.append(
                Figure(
                    "push",
                    f"{n_block} a block: {name}",
                    UNIT,
                    tuple(float(np.percentile(waits, rank)) for waits in pushes),
                    tuple(float(np.percentile(waits, rank)) for waits in copies),
                    TARGETS.get((n_block, name)),
                )
            )
    return figures


def waits_us(push: Push, blocks: Sequence[SampleBlock]) -> FloatArray:
    """How long each call took, shape (n,)."""
    clock = time.perf_counter_ns
    waits = []
    for block in blocks:
        assert block.gyr is not None
        begin = clock()
        push(block.acc, block.gyr)
        waits.append(clock() - begin)
    return np.array(waits) / 1e3


def _running(recording: Recording, before: Sequence[SampleBlock]) -> Push:
    """The push of an analyzer that knows the mounting."""
    analyzer = RunAnalyzer(recording.rate_hz, acc_range_g=recording.acc_range_g)
    for block in before:
        analyzer.push(block.acc, block.gyr)
    assert analyzer.mounting is not None
    return analyzer.push


def _copy(acc: FloatArray, gyr: FloatArray) -> tuple[FloatArray, FloatArray]:
    return np.array(acc), np.array(gyr)
