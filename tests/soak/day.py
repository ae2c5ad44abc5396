"""A live run of hours over a bad connection, in virtual time.

    day ← judge ← __main__, test_soak

It runs the whole path: firmware in C, Bluetooth connection, client, pipeline with analyzer and recorder, page
and terminal. Results for `judge` go to files, so that memory growth is that of the run alone.
"""

from __future__ import annotations

import asyncio
import gc
import struct
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from imurun.engine import Step
from imurun.live.page.messages import UpdateFeed, Updates
from imurun.live.pipeline import Pipeline, run_all, sensor_pipeline
from imurun.live.runner_profile import RunnerProfile
from imurun.live.terminal import PlainLines
from imurun.live.terminal_view import TerminalView
from imurun.model.columns import STEP_COLUMNS
from imurun.sim.runner import RunnerModel, Segment
from imurun.sim.sensor import SensorModel
from imurun.sim.simulation import Simulation, simulate
from imurun.virtual.faults import BOOT_S, Faults, Spell
from imurun.virtual.feed import Feed
from imurun.virtual.sensor import VirtualSensor
from tests.virtual.virtual_board import library
from tests.virtual.virtual_loop import run_virtual
from tests.virtual.virtual_rig import FETCH, SETTINGS, START, offered

RATE_HZ = 208.0
LOSS = 0.05
DROP_EVERY_S, LONGEST_DROP_S = 600.0, 20.0
SAMPLE_EVERY_S = 600.0
LOOK_EVERY_S, TERMINAL_EVERY_S = 1.0, 10.0
SIDES, GAITS = ("left", "right", "unknown"), ("running", "walking")
WORDS = {"side": SIDES, "gait": GAITS}
COLUMNS = [column.name for column in STEP_COLUMNS]


@cache
def session() -> Simulation:
    """Ten minutes that start and end at rest, so that they can be repeated."""
    segments = [
        Segment("still", 6.0),
        Segment("walking", 40.0, speed_m_s=1.4),
        Segment("running", 240.0, speed_m_s=2.7),
        Segment("walking", 30.0, speed_m_s=1.4),
        Segment("running", 240.0, speed_m_s=3.3),
        Segment("walking", 36.0, speed_m_s=1.3),
        Segment("still", 8.0),
    ]
    sensor = SensorModel(rate_hz=RATE_HZ, acc_noise_g=0.003, gyr_noise_deg_s=0.1)
    return simulate(segments, RunnerModel(), sensor, seed=8)


def faults(seconds: float, seed: int) -> Faults:
    """One lost connection per ten minutes, random in time and length, and a reboot in the middle."""
    random = Random(seed)
    drops = [
        Spell(begin_s + random.uniform(60.0, 500.0), random.uniform(1.0, LONGEST_DROP_S))
        for begin_s in np.arange(0.0, seconds, DROP_EVERY_S).tolist()
    ]
    kept = tuple(drop for drop in drops if drop.at_s + drop.lasting_s < seconds - 30.0)
    middle_s = DROP_EVERY_S * (0.5 * seconds // DROP_EVERY_S) + 570.0
    return Faults(loss=LOSS, drops=kept, reboots=(Spell(min(middle_s, 0.6 * seconds), BOOT_S),))


class Fetch(NamedTuple):
    """A request for missing samples: number of the sensor's run, index range, next index at that time."""

    run: int
    first: int
    stop: int
    next_index: int


class LoggingSensor(VirtualSensor):
    """A virtual sensor that writes each request for missing samples into a file."""

    def __init__(self, *args, notes: Path, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.begins: list[int] = []
        self._notes = notes.open("wb")

    def write(self, request, now_s):
        """Log a request, then handle it as `VirtualSensor` does."""
        self.advance_clock(now_s)
        if request[0] == START:
            self.begins.append(self.next_sample)
        elif request[0] == FETCH:
            first, n = struct.unpack("<IH", request[2:])
            run = len(self.begins) - 1
            now = self.next_sample - self.begins[run]
            self._notes.write(array("q", Fetch(run, first, first + n, now)).tobytes())
        return super().write(request, now_s)

    def close(self) -> None:
        """Close the log and the sensor."""
        self._notes.close()
        super().close()


@dataclass
class Sample:
    """Size of the process and of its outputs at one time of the run."""

    time_s: float
    resident_mb: float
    document_kb: float
    n_tasks: int
    n_steps: int


@dataclass
class Ran:
    """Result of a run.

    Attributes:
        folder: folder of its files.
        journal: journal of the recording.
        n_samples: length of the stream, missing samples included.
        gaps: index ranges of missing samples, half open.
        second: index in the stream of the first sample after the reboot.
        begins: rows of the feed at which the sensor's runs begin.
        rate_hz: estimate of the sensor's rate at the end.
        samples: process sizes, one per ten minutes.
        faults: number of faults by kind.
        n_missed: blocks that an output did not take.
        notes: notes of the pipeline at the end.
    """

    folder: Path
    journal: Path = Path()
    n_samples: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)
    second: int = 0
    begins: list[int] = field(default_factory=list)
    rate_hz: float = RATE_HZ
    samples: list[Sample] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)
    n_missed: int = 0
    notes: tuple[str, ...] = ()

    def steps(self) -> pd.DataFrame:
        """Steps in the order of the live run."""
        values = np.fromfile(self.folder / "steps").reshape(-1, len(COLUMNS))
        table = pd.DataFrame(values, columns=COLUMNS)
        for name, words in WORDS.items():
            table[name] = np.array(words, dtype=object)[table[name].astype(int)]
        return table

    def fetches(self) -> np.ndarray:
        """Rows of `Fetch`, shape (n, 4)."""
        return np.fromfile(self.folder / "fetches", dtype=np.int64).reshape(-1, 4)


def feed() -> Feed:
    """Endless samples for the sensor."""
    return Feed(session().recording, loop=True)


def run(
    hours: float, folder: Path, *, seed: int = 1, report: Callable[[Sample], None] = lambda _: None
) -> Ran:
    """Simulate the run; its files go to the folder, which must be empty."""
    ran = Ran(folder)

    async def scenario(monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        sensor = LoggingSensor(
            library(),
            feed(),
            faults(3600.0 * hours, seed),
            seed=seed,
            clock_ppm=20.0,
            now_s=loop.time(),
            notes=folder / "fetches",
        )
        async with offered(monkeypatch, sensor) as found:
            pipeline = sensor_pipeline(found, SETTINGS, RunnerProfile(), folder / "run")
            loop.call_later(3600.0 * hours, pipeline.stop)
            taking = asyncio.create_task(_take(pipeline, ran))
            await run_all([pipeline], [_Faces(pipeline, ran, report)])
            await taking
            if pipeline.error is not None:
                raise pipeline.error
            assert pipeline.journal is not None
            ran.journal, ran.rate_hz = pipeline.journal, pipeline.best_rate_hz
            ran.second = pipeline._source._client.stream_decoder.reassembler.position_of(0)  # type: ignore[attr-defined]
            ran.begins = sensor.begins
            ran.faults = {**sensor.counts, **sensor.air.counts}
            ran.n_missed, ran.notes = pipeline.broadcast.n_missed, pipeline.state.notes

    with pytest.MonkeyPatch.context() as monkeypatch:
        run_virtual(scenario(monkeypatch))
    return ran


async def _take(pipeline: Pipeline, ran: Ran) -> None:
    """Write steps to a file, and collect the gaps."""
    with (ran.folder / "steps").open("wb") as file:
        async for block, steps in pipeline.broadcast.subscribe():
            missing = np.flatnonzero(np.diff(np.concatenate([[False], block.missing, [False]]).astype(int)))
            for first, stop in (missing.reshape(-1, 2) + block.first_index).tolist():
                if ran.gaps and ran.gaps[-1][1] == first:
                    ran.gaps[-1] = ran.gaps[-1][0], stop
                else:
                    ran.gaps.append((first, stop))
            ran.n_samples = max(ran.n_samples, block.next_index)
            for step in steps:
                file.write(array("d", map(_number, Step._fields, step)).tobytes())


def _number(name: str, value: float | str) -> float:
    return float(WORDS[name].index(value)) if isinstance(value, str) else value


class _Faces:
    """Page, terminal and plain lines, lap presses, and measurements of their size."""

    def __init__(self, pipeline: Pipeline, ran: Ran, report: Callable[[Sample], None]) -> None:
        self._pipeline, self._ran, self._report = pipeline, ran, report

    async def __call__(self, ended: asyncio.Event) -> None:
        loop, state = asyncio.get_running_loop(), self._pipeline.state
        updates = Updates([state], loop.time)
        feed = UpdateFeed(updates, 0)
        plain, view = PlainLines(state), TerminalView([state], None, "", keeps=True)
        begun_s = drawn_s = sampled_s = loop.time()
        while not ended.is_set():
            now_s = loop.time()
            feed.take()
            if now_s - drawn_s >= TERMINAL_EVERY_S:
                drawn_s = now_s
                plain.lines(now_s)
                view.lines(now_s, 100, 40)
            if now_s - sampled_s >= SAMPLE_EVERY_S:
                sampled_s = now_s
                self._pipeline.mark("lap", None)
                # what a browser gets that opens the page at this time
                first = UpdateFeed(updates, 0).take()
                assert first is not None
                sample = Sample(
                    now_s - begun_s,
                    resident_mb(),
                    len(first) / 1e3,
                    len(asyncio.all_tasks()),
                    state.n_trend,
                )
                self._ran.samples.append(sample)
                self._report(sample)
            await asyncio.sleep(LOOK_EVERY_S)


def resident_mb() -> float:
    """Resident memory of this process after a garbage collection, MB."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6
