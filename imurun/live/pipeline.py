"""The pipeline of one sensor's live run: source, recorder, analyzer, alerts, state and broadcast.

`sensor_pipeline` and `replay_pipeline` build one; `run_all` runs those of several sensors together with the
outputs: terminal, page, Lab Streaming Layer.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from imurun.ble.block_journal import BLOCKS, block_header
from imurun.ble.decoding import Settings
from imurun.ble.events import (
    Battery,
    Connected,
    ConnectionLost,
    Dropped,
    Event,
    NotLogged,
    NotStopped,
    RateOff,
    sentence,
)
from imurun.ble.journal import JournalWriter
from imurun.ble.scan import DiscoveredSensor
from imurun.core.seconds import STILL_G
from imurun.engine import Output, RunAnalyzer, Step, as_steps
from imurun.errors import ImurunError
from imurun.live.alerts import AlertWatch
from imurun.live.broadcast import Broadcast
from imurun.live.recorder import Recorder, sensor_journal, session_files
from imurun.live.runner_profile import RunnerProfile
from imurun.live.source import ReplaySource, SensorSource, Source
from imurun.live.state import Controls, RunState
from imurun.model.recording import Marker, Recording
from imurun.model.sample_block import SampleBlock

FILLING_S = 0.5
"""Shorter backfills are not shown: they end before the display is redrawn."""
SEARCHING = (
    "Steps appear after about ten seconds of running, once the sensor's orientation on the back is found."
)
LiveOutput = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""An output: shows or publishes the run until the event is set, then closes what it opened and returns."""


class Update(NamedTuple):
    """A block of samples, and the steps found with it."""

    block: SampleBlock
    steps: list[Step]


class Pipeline:
    """Records, analyses and publishes the items of a source, one by one.

    The whole run is analysed at one rate, so samples are held until the sensor's rate is known well enough:

        held          until the source knows its rate (a sensor: 12 s; a recording: at once)
         |  rate      the held samples are pushed through a new analyzer
        analysing     each block is pushed as it arrives
         |  source ends or fails
        ended         the analyzer is finished, the recorder and the broadcast are closed

    Args:
        source: of samples and events.
        runner_profile: the runner, whose height scales the lumbar model and whose calibration corrects
            contact times, with rules and limits, and the known speed.
        recorder: writes the run's journal; None for no files.
        records_blocks: whether samples are recorded as blocks, for a source that does not write them itself.
        frame: of the samples; anatomical samples need no alignment search.

    Attributes:
        state: current values, for the outputs.
        broadcast: publishes each block with its steps.
        error: why the run failed; None while it runs and after a normal end.
        journal: the journal's path, once the run has ended; None where nothing was recorded.
        failure: why the recording is not complete, in a sentence; "" where it is.
    """

    def __init__(
        self,
        source: Source,
        runner_profile: RunnerProfile,
        *,
        recorder: Recorder | None = None,
        records_blocks: bool = False,
        frame: Literal["sensor", "anatomical"] = "sensor",
    ) -> None:
        limits = runner_profile.limits
        self.state = RunState(source.name, load_limit_bw4=limits.session_load_bw4)
        self.broadcast: Broadcast[Update] = Broadcast()
        self.error: ImurunError | None = None
        self.journal: Path | None = None
        self.failure = ""
        self._source = source
        self._runner = runner_profile.runner
        self._speed = runner_profile.speed
        self._watch = AlertWatch(limits.rules, limits.session_load_bw4)
        self._recorder = recorder
        self._records_blocks = records_blocks
        self._frame = frame
        self._analyzer: RunAnalyzer | None = None
        self._held: list[SampleBlock] = []
        self._measured_s = math.nan
        self._n_dropped = 0
        self._n_missing = 0
        self._remarks: dict[type[Event], str] = {}
        self._noticed: tuple[str, ...] = ()

    @property
    def elapsed_s(self) -> float:
        """Stream time of the newest sample."""
        if self._analyzer is not None:
            return self._analyzer.time_s
        return self._held[-1].next_index / self._source.best_rate_hz if self._held else 0.0

    @property
    def has_gyro(self) -> bool:
        """Whether samples have angular rates."""
        return self._source.has_gyro

    @property
    def best_rate_hz(self) -> float:
        """The current estimate of the sensor's rate."""
        return self._source.best_rate_hz

    async def run(self) -> None:
        """Process items until the source ends or fails; `error` holds the reason of a failure."""
        try:
            async with self._source:
                async for item in self._source:
                    if isinstance(item, SampleBlock):
                        self._take(item)
                    else:
                        self._handle(item)
                    await asyncio.sleep(0)  # lets other tasks run while items are queued
        except ImurunError as error:
            self.error = error
            self.state.trouble = str(error)
        finally:
            self._end()

    def stop(self) -> None:
        """End the run after the current item."""
        self._source.stop()

    def close(self) -> None:
        """Close the recorder; `run` calls this at its end."""
        if self._recorder is not None:
            self.journal, self.failure = self._recorder.close(), self._recorder.failure
            self._recorder = None

    def mark(self, kind: Literal["lap", "pain"], value: float | None) -> Marker:
        """Store a marker at the present time of the stream, also in the journal."""
        now_s = asyncio.get_running_loop().time()
        behind_s = now_s - self._measured_s if math.isfinite(self._measured_s) else 0.0
        marker = Marker(self.elapsed_s + max(behind_s, 0.0), kind, value)
        self.state.markers.append(marker)
        self.state.version += 1
        if self._recorder is not None:
            self._recorder.marker(marker, now_s)
        return marker

    # -- items -----------------------------------------------------------------------------------------------

    def _take(self, block: SampleBlock) -> None:
        now_s = asyncio.get_running_loop().time()
        if self._recorder is not None and self._records_blocks:
            self._recorder.block(block, now_s)
        self._n_missing += np.count_nonzero(block.missing)
        self._measured_s = block.time_s if math.isfinite(block.time_s) else now_s
        steps: list[Step] = []
        if self._analyzer is None:
            self._held.append(block)
            self.state.link = "learning"
            if self._source.rate_hz is not None:
                steps = self._begin(self._source.rate_hz)
        else:
            steps = self._analyse(self._analyzer.push_arrays(block.acc, block.gyr))
        self._show(now_s)
        self.broadcast.publish(Update(block, steps))

    def _begin(self, rate_hz: float) -> list[Step]:
        """Start the analyzer at the sensor's rate, and analyse the held samples."""
        if self._recorder is not None:
            self._recorder.analysed(rate_hz, self._runner, self._speed, asyncio.get_running_loop().time())
        self._analyzer = RunAnalyzer(
            rate_hz,
            runner=self._runner,
            mounting=np.eye(3) if self._frame == "anatomical" else "find",
            has_gyro=self._source.has_gyro,
            acc_range_g=self._source.acc_range_g,
            speed=self._speed,
        )
        held, self._held = self._held, []
        return [
            step for block in held for step in self._analyse(self._analyzer.push_arrays(block.acc, block.gyr))
        ]

    def _analyse(self, found: Output) -> list[Step]:
        rows, seconds = found
        steps = as_steps(rows)
        self.state.steps(steps)
        self._watch.steps(steps)
        if len(seconds):
            self.state.second(bool(seconds["motion_g"][-1] < STILL_G))
            assert self._analyzer is not None
            self._noticed = self._analyzer.warnings  # once a second is often enough for people
        return steps

    def _show(self, now_s: float) -> None:
        state, source = self.state, self._source
        state.filling_s = source.filling_s
        if self._analyzer is not None:
            state.link = "filling" if state.filling_s > FILLING_S else "streaming"
            state.alerts = self._watch.active_at(self.elapsed_s)
        state.notes = self._notes()
        state.trouble = ""
        state.rate_hz = source.best_rate_hz
        state.missing_s = self._n_missing / source.best_rate_hz
        state.n_dropped = self._n_dropped + self.broadcast.n_missed
        state.samples(self.elapsed_s, self._measured_s, now_s)

    def _handle(self, event: Event) -> None:
        state = self.state
        state.version += 1
        match event:
            case Connected():
                state.trouble = ""
                state.link = "waiting" if self._analyzer is None else "filling"
            case ConnectionLost():
                state.link, state.trouble = "lost", event.reason
            case Battery():
                state.battery_percent = event.percent
            case Dropped():
                self._n_dropped += event.n_notifications
            case NotLogged() | NotStopped() | RateOff():
                self._remarks[type(event)] = sentence(event)
                state.notes = self._notes()
            case _:
                pass

    def _notes(self) -> tuple[str, ...]:
        failure = self._recorder.failure if self._recorder is not None else self.failure
        searching = SEARCHING if self._is_searching() else ""
        return (*filter(None, (failure, searching)), *self._remarks.values(), *self._noticed)

    def _is_searching(self) -> bool:
        """Whether the alignment search is still running, so that there are no steps yet."""
        if self._analyzer is None or self.state.link == "ended":
            return False
        mounting = self._analyzer.mounting
        return mounting is None or mounting.source == "level"

    def _end(self) -> None:
        if self._analyzer is None and self._held:
            self._begin(self._source.best_rate_hz)
        if self._analyzer is not None:
            steps = self._analyse(self._analyzer.finish_arrays())
            if steps:
                self.broadcast.publish(Update(SampleBlock(0, np.zeros((0, 3))), steps))
        self.close()
        self.state.link = "ended"
        self.state.filling_s = 0.0
        self.state.notes = self._notes()
        self.state.version += 1
        self.broadcast.end()


def sensor_pipeline(
    found: DiscoveredSensor, settings: Settings, runner_profile: RunnerProfile, stem: Path | None
) -> Pipeline:
    """A pipeline that streams from a sensor; call it in a running event loop.

    Args:
        found: as `imurun.ble.scan` returns it.
        settings: rate and ranges to set.
        runner_profile: the runner, with rules and limits.
        stem: path of the session's files without ending; None to write no files.

    Raises:
        WrongSensorError, SettingsError: a sensor of unknown kind, or settings that it does not have.
        SettingsError, RecordingError: files that exist already or cannot be written.
    """
    recorder = None
    if stem is not None:
        now_s = asyncio.get_running_loop().time()
        journal = sensor_journal(session_files(stem)[0], found, settings, now_s)
        recorder = Recorder(journal, found.known_driver.data_characteristic)
    return Pipeline(
        SensorSource(found, settings, journal=recorder, keep_log=True), runner_profile, recorder=recorder
    )


def replay_pipeline(
    recording: Recording,
    speed: float,
    runner_profile: RunnerProfile,
    stem: Path | None = None,
    *,
    name: str = "",
) -> Pipeline:
    """A pipeline that replays a recording as a live run; call it in a running event loop.

    Args:
        recording: whose samples are replayed.
        speed: how much faster than they were measured.
        runner_profile, stem: as for `sensor_pipeline`.
        name: shown by the outputs; the recording's source if left out.

    Raises:
        SettingsError, RecordingError: files that exist already or cannot be written.
    """
    source = ReplaySource(recording, speed, name)
    recorder = None
    if stem is not None:
        header = block_header(recording, name=source.name)
        recorder = Recorder(JournalWriter(session_files(stem)[0], header, [BLOCKS]), BLOCKS)
    return Pipeline(source, runner_profile, recorder=recorder, records_blocks=True, frame=recording.frame)


def controls_of(pipelines: Sequence[Pipeline]) -> Controls:
    """Controls that mark and stop these pipelines."""

    def mark(name: str | None, kind: Literal["lap", "pain"], value: float | None) -> None:
        for pipeline in pipelines:
            if name in (None, pipeline.state.name):
                pipeline.mark(kind, value)

    def stop() -> None:
        for pipeline in pipelines:
            pipeline.stop()

    return Controls(mark, stop)


async def run_all(pipelines: Sequence[Pipeline], outputs: Sequence[LiveOutput]) -> None:
    """Run until every source has ended, then end the outputs and wait for them.

    Raises:
        BaseException: the first error of an output, after the run: a failing output must not stop the
            recording.
    """
    ended = asyncio.Event()
    tasks = [asyncio.create_task(output(ended)) for output in outputs]
    try:
        await asyncio.gather(*(pipeline.run() for pipeline in pipelines))
    finally:
        ended.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
