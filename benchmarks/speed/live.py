"""Share of a core for one live run: the analyzer, and each further stage of the pipeline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.speed.measure import Figure, compare
from benchmarks.speed.runs import RATE_HZ, ReadySource, blocks_of, pipeline_of
from imurun.cli.compile_core import warm_up
from imurun.engine import RunAnalyzer
from imurun.model.recording import Recording
from imurun.model.sample_block import SampleBlock
from imurun.sim.presets import steady_run

UNIT = "percent of a core"
TARGET = 2.0
BLOCKS = (19, 10, 1)
"""Samples in a block: at MTU 247, in a replay, at MTU 23."""
SNAPSHOT_S = 0.1
"""As often as the page is updated."""


def measure_live(*, quick: bool) -> list[Figure]:
    """Each stage together with all before it, at 208 Hz and six axes, from the first sample on."""
    seconds, repeats = (30.0, 2) if quick else (120.0, 7)
    recording = steady_run(seconds, rate_hz=RATE_HZ).recording
    warm_up()
    figures: list[Figure] = []
    for n_block in BLOCKS:
        blocks = blocks_of(recording, n_block)
        with TemporaryDirectory() as folder:
            journals = (Path(folder) / f"{k}.journal" for k in range(10**6))
            stages: dict[str, Callable[[], Callable[[], None]]] = {
                "analyzer": lambda: _analyzer(blocks, recording),  # noqa: B023
                "pipeline": lambda: _pipeline(blocks, recording),  # noqa: B023
                "with recorder": lambda: _pipeline(blocks, recording, journals),  # noqa: B023
                "with snapshots": lambda: _pipeline(blocks, recording, journals, shown=True),  # noqa: B023
            }
            for stage, make in stages.items():
                took, least = compare(_views(blocks), make, repeats)
                figures.append(
                    Figure(
                        "live",
                        f"{n_block} a block: {stage}",
                        UNIT,
                        tuple(100.0 * s / seconds for s in took),
                        tuple(100.0 * s / seconds for s in least),
                        TARGET,
                    )
                )
    return figures


def _views(blocks: Sequence[SampleBlock]) -> Callable[[], None]:
    """The reference: one `numpy.frombuffer` for each block."""
    packets = [block.acc.tobytes() for block in blocks]

    def work() -> None:
        view, u8 = np.frombuffer, np.uint8
        for data in packets:
            view(data, u8)

    return work


def _analyzer(blocks: Sequence[SampleBlock], recording: Recording) -> Callable[[], None]:
    analyzer = RunAnalyzer(recording.rate_hz, acc_range_g=recording.acc_range_g)

    def work() -> None:
        n_steps = 0
        for block in blocks:
            n_steps += len(analyzer.push_arrays(block.acc, block.gyr)[0])
        assert n_steps

    return work


def _pipeline(
    blocks: Sequence[SampleBlock],
    recording: Recording,
    journals: Iterator[Path] | None = None,
    *,
    shown: bool = False,
) -> Callable[[], None]:
    async def run() -> None:
        source = ReadySource(blocks, recording)
        pipeline = pipeline_of(source, recording, None if journals is None else next(journals))
        if shown:
            updates = pipeline.broadcast.subscribe()
            running = asyncio.create_task(pipeline.run())
            shown_s = 0.0
            async for _ in updates:
                if pipeline.elapsed_s - shown_s >= SNAPSHOT_S:
                    shown_s = pipeline.elapsed_s
                    pipeline.state.snapshot(asyncio.get_running_loop().time())
            await running
        else:
            await pipeline.run()
        assert pipeline.state.n_trend

    return lambda: asyncio.run(run())
