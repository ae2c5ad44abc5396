"""Memory of a live run: two hours of data at sixty times the speed."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.speed.measure import Figure
from benchmarks.speed.runs import RATE_HZ, pipeline_of, screen_to
from imurun.cli.compile_core import warm_up
from imurun.live.pipeline import run_all
from imurun.live.source import ReplaySource
from imurun.live.terminal import show_terminal
from imurun.model.frames import FloatArray
from imurun.model.recording import Recording
from imurun.model.sample_block import SampleBlock
from imurun.sim.presets import steady_run

SETTLED_S = 600.0
"""In stream time; by then all bounded buffers are full."""
LOOK_S = 1.0
"""In wall time, between two samples of the memory."""
SLOW_S = 1.0
"""Time of the slow subscriber for a block, in which thirty blocks arrive."""
TARGET_MB_H = 1.0
"""Limit of a constant memory, about the fluctuation of the allocator."""
STATM = Path("/proc/self/statm")
"""On Linux; the second number is the resident memory in pages."""


def measure_memory(*, quick: bool) -> list[Figure]:
    """One run with recorder, terminal and a slow subscriber, in a separate process; Linux only."""
    if not STATM.exists():
        return []
    seconds, speed = (1200.0, 120.0) if quick else (7200.0, 60.0)
    # simulated in this process: memory freed by a simulation would hide the growth of the run
    recording = steady_run(seconds, rate_hz=RATE_HZ).recording
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
        time_s, resident_mb, n_missed = alone.submit(_watch, recording, speed).result()
    settled = time_s >= SETTLED_S
    late = time_s >= 0.5 * seconds
    name = f"{seconds / 60.0:g} min"

    def figure(what: str, unit: str, *values: float, target: float | None = None) -> Figure:
        return Figure("memory", f"{name}: {what}", unit, values, (), target)

    growth, late_growth = (_slope_mb_h(time_s[some], resident_mb[some]) for some in (settled, late))
    return [
        figure("growth after ten", "MB an hour", growth, target=TARGET_MB_H),
        figure("growth in the second half", "MB an hour", late_growth, target=TARGET_MB_H),
        figure("resident at the start", "MB", float(resident_mb[0])),
        figure("resident after ten", "MB", *resident_mb[settled].tolist()),
        figure("resident at most", "MB", float(resident_mb.max())),
        figure("missed by the slow subscriber", "blocks", float(n_missed)),
    ]


def _slope_mb_h(time_s: FloatArray, resident_mb: FloatArray) -> float:
    return float(3600.0 * np.polyfit(time_s, resident_mb, 1)[0])


class _OwnBlocks(ReplaySource):
    """Blocks with separate memory, like those of a sensor, so that a retained block retains its samples."""

    async def __anext__(self) -> SampleBlock:
        block = await super().__anext__()
        assert isinstance(block, SampleBlock)
        return replace(block, acc=block.acc.copy(), gyr=None if block.gyr is None else block.gyr.copy())


def _watch(recording: Recording, speed: float) -> tuple[FloatArray, FloatArray, int]:
    """Stream time and resident memory (MB) of each sample, and blocks that the slow subscriber missed."""
    warm_up()
    with TemporaryDirectory() as folder:
        return asyncio.run(_run(recording, speed, Path(folder) / "run.journal"))


async def _run(recording: Recording, speed: float, journal: Path) -> tuple[FloatArray, FloatArray, int]:
    pipeline = pipeline_of(_OwnBlocks(recording, speed), recording, journal)
    slow = pipeline.broadcast.subscribe()
    looks: list[tuple[float, float]] = []

    async def take(ended: asyncio.Event) -> None:
        async for _ in slow:
            await asyncio.sleep(0.0 if ended.is_set() else SLOW_S)

    async def look(ended: asyncio.Event) -> None:
        while not ended.is_set():
            looks.append((pipeline.elapsed_s, _resident_mb()))
            await asyncio.sleep(LOOK_S)

    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        screen = screen_to(nowhere)

        async def terminal(ended: asyncio.Event) -> None:
            await show_terminal([pipeline.state], stop=ended, console=screen)

        await run_all([pipeline], [take, look, terminal])
    time_s, resident_mb = np.array(looks).T
    return time_s, resident_mb, slow.n_missed


def _resident_mb() -> float:
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
