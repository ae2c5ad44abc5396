"""Time of one push after the mounting is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.speed.measure import Figure, in_turn
from benchmarks.speed.runs import RATE_HZ, blocks_of
from imurun.cli.compile_core import warm_up
from imurun.engine import RunAnalyzer
from imurun.model.frames import FloatArray
from imurun.model.recording import Recording
from imurun.model.sample_block import SampleBlock
from imurun.sim.presets import steady_run

ON_THE_CLOCK = "us on the clock"
CLOCKS = {ON_THE_CLOCK: time.perf_counter_ns, "us of a core": time.thread_time_ns}
"""The second does not include time of other programs."""
SETTLED_S = 40.0
"""Length of the run that is pushed before, after which the mounting is known."""
MEASURED_S = {10: 300.0, 1: 60.0}
"""Seconds of running, by number of samples in a block."""
RANKS = {"median": 50.0, "99 of 100": 99.0}
TARGETS = {"10 a block: median": 30.0, "10 a block: 99 of 100": 200.0}
"""On the clock."""
Push = Callable[[FloatArray, FloatArray], object]


def measure_push(*, quick: bool) -> list[Figure]:
    """Pushes of ten samples and of one at 208 Hz; the garbage collector is enabled, as for users.

    The reference copies the same blocks.
    """
    repeats = 2 if quick else 7
    warm_up()
    figures: list[Figure] = []
    for unit, clock in CLOCKS.items():
        for n_block, seconds in MEASURED_S.items():
            recording = steady_run(SETTLED_S + (10.0 if quick else seconds), rate_hz=RATE_HZ).recording
            blocks = blocks_of(recording, n_block)
            n_settled = round(SETTLED_S * RATE_HZ / n_block)
            before, measured = blocks[:n_settled], blocks[n_settled:]
            works = [
                lambda: latencies_us(_copy, measured, clock),  # noqa: B023
                lambda: latencies_us(_running(recording, before), measured, clock),  # noqa: B023
            ]
            copies, pushes = in_turn(works, repeats)
            for rank_name, rank in RANKS.items():
                name = f"{n_block} a block: {rank_name}"
                least, latencies = (
                    tuple(float(np.percentile(one, rank)) for one in some) for some in (copies, pushes)
                )
                target = TARGETS.get(name) if unit == ON_THE_CLOCK else None
                figures.append(Figure("push", name, unit, latencies, least, target))
    return figures


def latencies_us(
    push: Push, blocks: Sequence[SampleBlock], clock: Callable[[], int] = time.perf_counter_ns
) -> FloatArray:
    """Duration of each call, from a clock in ns; shape (n,)."""
    latencies = []
    for block in blocks:
        assert block.gyr is not None
        begin = clock()
        push(block.acc, block.gyr)
        latencies.append(clock() - begin)
    return np.array(latencies) / 1e3


def _running(recording: Recording, before: Sequence[SampleBlock]) -> Push:
    """The push method of an analyzer after its alignment search."""
    analyzer = RunAnalyzer(recording.rate_hz, acc_range_g=recording.acc_range_g)
    for block in before:
        analyzer.push(block.acc, block.gyr)
    assert analyzer.mounting is not None
    return analyzer.push


def _copy(acc: FloatArray, gyr: FloatArray) -> tuple[FloatArray, FloatArray]:
    return np.array(acc), np.array(gyr)
