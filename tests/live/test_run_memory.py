"""Memory of a live run is bounded: it grows neither with blocks nor with steps."""

from __future__ import annotations

import asyncio
import gc
import math
import tracemalloc

from imurun.live import source, state
from imurun.live.pipeline import replay_pipeline
from imurun.live.runner_profile import RunnerProfile
from imurun.sim.presets import steady_run

RUN_S = 420.0
BLOCK_S = 0.05
MOST_BYTES = 80_000
"""Of growth in the second half. One float a block would be 130 kB, one step a step 0.7 MB; numpy's caches,
which fill up slowly, are 15 to 50 kB."""


def test_the_second_half_of_a_run_takes_no_more_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "FASTEST_S", BLOCK_S)
    monkeypatch.setattr(state, "TREND_STEPS", 200)  # full within the first half
    monkeypatch.setattr(state, "CURVE_POINTS", 50)
    recording = steady_run(RUN_S).recording
    held: list[int] = []

    async def scenario():
        pipeline = replay_pipeline(recording, math.inf, RunnerProfile(), tmp_path / "run")
        slow = pipeline.broadcast.subscribe(limit=8)
        watching = pipeline.broadcast.subscribe()
        running = asyncio.create_task(pipeline.run())
        n_blocks = 0
        async for _ in watching:
            n_blocks += 1
            if n_blocks % 100 == 0:
                pipeline.state.snapshot(asyncio.get_running_loop().time())
            if n_blocks % round(RUN_S / BLOCK_S / 2 - 1) == 0:
                gc.collect()
                held.append(tracemalloc.get_traced_memory()[0])
        await running
        return pipeline, slow

    tracemalloc.start()
    try:
        pipeline, slow = asyncio.run(scenario())
    finally:
        tracemalloc.stop()
    assert slow.n_missed > 8000  # blocks are given out one by one
    assert pipeline.state.n_trend > 1100
    halfway, end = held
    assert end - halfway < MOST_BYTES
