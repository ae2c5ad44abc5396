"""Many live runs in one process in real time: share of a core, latency, losses."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.speed.measure import Figure, cpu_s
from benchmarks.speed.runs import RATE_HZ, screen_to
from imurun.cli.compile_core import warm_up
from imurun.io import read
from imurun.live.broadcast import Subscription
from imurun.live.page.messages import MIN_INTERVAL_S, Updates
from imurun.live.page.trends import Cursor
from imurun.live.pipeline import LiveOutput, Update, replay_pipeline, run_all
from imurun.live.recorder import JOURNAL
from imurun.live.runner_profile import RunnerProfile
from imurun.live.source import ReplaySource
from imurun.live.terminal import show_terminal
from imurun.model.recording import Recording
from imurun.session import analyze
from imurun.sim.presets import steady_run

N_RUNS = 50
BARE_S = 5.0
"""For the reference: latency of blocks that are not processed."""
PERCENTILES = {"median": 50.0, "95 of 100": 95.0, "worst": 100.0}


@dataclass(frozen=True)
class Taken:
    """Result of a repeat."""

    share_percent: float
    late_s: Sequence[float]
    n_missed: int
    n_lost: int
    n_steps_wrong: int


def measure_team(*, quick: bool) -> list[Figure]:
    """50 runs that start together, so that every block is due together with those of all others.

    Each has a pipeline with recorder. In addition there are the terminal's view four times a second and the
    page's numbers ten times a second. The alignment searches of all finish in the same second, after about
    ten seconds, which causes the largest latency.
    """
    seconds, repeats = (15.0, 1) if quick else (45.0, 3)
    recording = steady_run(seconds, rate_hz=RATE_HZ).recording
    warm_up()
    n_steps = int(np.count_nonzero(analyze(recording).steps["gait"] == "running"))
    views = [recording.acc[first : first + 10].tobytes() for first in range(0, len(recording), 10)]
    taken: list[Taken] = []
    bare: list[Sequence[float]] = []
    least: list[float] = []
    for _ in range(repeats):
        least.append(100.0 / seconds * cpu_s(lambda: [np.frombuffer(v, np.uint8) for v in N_RUNS * views]))
        bare.append(asyncio.run(_late_without_subscribers(recording)))
        with TemporaryDirectory() as folder:
            taken.append(asyncio.run(_run(recording, Path(folder), n_steps)))

    def figure(
        name: str,
        unit: str,
        values: Sequence[float],
        reference: Sequence[float] = (),
        target: float | None = None,
    ) -> Figure:
        return Figure("team", f"{N_RUNS} runs: {name}", unit, tuple(values), tuple(reference), target)

    figures = [figure("all", "percent of a core", [t.share_percent for t in taken], least, target=100.0)]
    for name, rank in PERCENTILES.items():
        late_ms = [1000.0 * float(np.percentile(t.late_s, rank)) for t in taken]
        bare_ms = [1000.0 * float(np.percentile(late_s, rank)) for late_s in bare]
        figures.append(figure(f"block late, {name}", "ms", late_ms, bare_ms))
    figures.append(
        figure("blocks that a subscriber missed", "a repeat", [t.n_missed for t in taken], target=0.0)
    )
    figures.append(figure("samples not in the journals", "a repeat", [t.n_lost for t in taken], target=0.0))
    figures.append(figure("runs with other steps", "a repeat", [t.n_steps_wrong for t in taken], target=0.0))
    return figures


async def _run(recording: Recording, folder: Path, n_steps: int) -> Taken:
    pipelines = [
        replay_pipeline(recording, 1.0, RunnerProfile(), folder / f"{k}", name=f"runner {k}")
        for k in range(N_RUNS)
    ]
    states = [pipeline.state for pipeline in pipelines]
    loop = asyncio.get_running_loop()
    late_s: list[float] = []

    def subscriber(updates: Subscription[Update]) -> LiveOutput:
        async def take(_ended: asyncio.Event) -> None:
            async for update in updates:
                if math.isfinite(update.block.time_s):
                    late_s.append(loop.time() - update.block.time_s)

        return take

    async def numbers(ended: asyncio.Event) -> None:
        updates, cursor = Updates(states, loop.time), Cursor()
        while not ended.is_set():
            _, cursor = updates.message(0, cursor)
            await asyncio.sleep(MIN_INTERVAL_S)

    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        screen = screen_to(nowhere)

        async def terminal(ended: asyncio.Event) -> None:
            await show_terminal(states, stop=ended, console=screen)

        subscribers = [subscriber(pipeline.broadcast.subscribe()) for pipeline in pipelines]
        cpu, wall = time.process_time(), loop.time()
        await run_all(pipelines, [terminal, numbers, *subscribers])
        share = (time.process_time() - cpu) / (loop.time() - wall)
    return Taken(
        100.0 * share,
        late_s,
        sum(pipeline.broadcast.n_missed for pipeline in pipelines),
        sum(_n_lost(recording, folder / f"{k}") for k in range(N_RUNS)),
        sum(state.n_trend != n_steps for state in states),
    )


def _n_lost(recording: Recording, stem: Path) -> int:
    """Number of samples that are missing or changed in the journal of a session."""
    kept = read(stem.with_name(stem.name + JOURNAL))
    n = min(len(kept), len(recording))
    assert kept.gyr is not None
    assert recording.gyr is not None
    same = (kept.acc[:n] == recording.acc[:n]).all(axis=1) & (kept.gyr[:n] == recording.gyr[:n]).all(axis=1)
    return len(recording) - int(same.sum())


async def _late_without_subscribers(recording: Recording) -> list[float]:
    """The reference: latency of the same number of sources whose blocks are not processed."""
    clock = asyncio.get_running_loop().time
    late_s: list[float] = []

    async def take() -> None:
        begin_s = clock()
        async with ReplaySource(recording) as source:
            async for block in source:
                late_s.append(clock() - block.time_s)
                if clock() - begin_s > BARE_S:
                    source.stop()

    await asyncio.gather(*(take() for _ in range(N_RUNS)))
    return late_s
