"""One sensor's run, from its source through the analyzer to what is shown and kept."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from imurun.ble.events import (
    Battery,
    Connected,
    Dropped,
    Event,
    Lost,
    NotLogged,
    NotStopped,
    RateOff,
    sentence,
)
from imurun.core.seconds import STILL_G
from imurun.engine import Output, RunAnalyzer, Step, as_steps
from imurun.errors import ImurunError
from imurun.live.alerts import AlertWatch
from imurun.live.broadcast import Fan
from imurun.live.recorder import Recorder
from imurun.live.runner_profile import Wearer
from imurun.live.source import Source
from imurun.live.state import RunState
from imurun.model.recording import Marker
from imurun.model.sample_block import SampleBlock

FILLING_S = 0.5
"""Missing samples of less than this are fetched before anybody could look."""
SEARCHING = "Steps come after ten seconds of running: then it is known how the sensor sits."


class Moment(NamedTuple):
    """A block of samples, and the steps that became known with it."""

    block: SampleBlock
    steps: list[Step]


class Pipeline:
    """Takes the items of a source one by one: analyses, keeps and publishes them.

    Samples are held until the sensor's rate is known well enough, for all of a run is analysed at one rate.

    Args:
        source: where samples come from.
        wearer: whose height scales the lumbar model, and whose rules are watched.
        recorder: keeps the run; None for none.
        records_blocks: whether samples are kept as blocks, for a source that does not keep them itself.
        frame: of the samples; anatomical ones need no search for the mounting.

    Attributes:
        state: for the faces.
        fan: publishes each `Moment`.
        error: why it ended before its time; None in good order.
        journal: what was recorded, once it has ended; None where nothing was.
        failure: why not all of it is there, in a sentence; "" where it is.
    """

    def __init__(
        self,
        source: Source,
        wearer: Wearer,
        *,
        recorder: Recorder | None = None,
        records_blocks: bool = False,
        frame: Literal["sensor", "anatomical"] = "sensor",
    ) -> None:
        limits = wearer.limits
        self.state = RunState(source.name, load_limit_bw4=limits.session_load_bw4)
        self.fan: Fan[Moment] = Fan()
        self.error: ImurunError | None = None
        self.journal: Path | None = None
        self.failure = ""
        self._source = source
        self._runner = wearer.runner
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
        """The best that is known of the sensor's rate."""
        return self._source.best_rate_hz

    async def run(self) -> None:
        """Until the source ends, or fails: then `error` says why."""
        try:
            async with self._source:
                async for item in self._source:
                    if isinstance(item, SampleBlock):
                        self._take(item)
                    else:
                        self._happened(item)
                    await asyncio.sleep(0)  # others get their turn also when much comes at once
        except ImurunError as error:
            self.error = error
            self.state.trouble = str(error)
        finally:
            self._end()

    def stop(self) -> None:
        """End the run in good order."""
        self._source.stop()

    def close(self) -> None:
        """Close what keeps the run; `run` does it at its end."""
        if self._recorder is not None:
            self.journal, self.failure = self._recorder.close(), self._recorder.failure
            self._recorder = None

    def mark(self, kind: Literal["lap", "pain"], value: float | None) -> Marker:
        """The runner notes something now."""
        now_s = asyncio.get_running_loop().time()
        behind_s = now_s - self._measured_s if math.isfinite(self._measured_s) else 0.0
        marker = Marker(self.elapsed_s + max(behind_s, 0.0), kind, value)
        self.state.markers.append(marker)
        self.state.version += 1
        if self._recorder is not None:
            self._recorder.marker(marker, now_s)
        return marker

    # -- what comes -----------------------------------------------------------------------------------------

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
        self.fan.publish(Moment(block, steps))

    def _begin(self, rate_hz: float) -> list[Step]:
        """The rate is known: analyse what was held."""
        if self._recorder is not None:
            self._recorder.analysed(rate_hz, self._runner, asyncio.get_running_loop().time())
        self._analyzer = RunAnalyzer(
            rate_hz,
            runner=self._runner,
            mounting=np.eye(3) if self._frame == "anatomical" else "find",
            has_gyro=self._source.has_gyro,
            acc_range_g=self._source.acc_range_g,
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
            self._noticed = self._analyzer.warnings  # more than once a second nobody could read them
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
        state.n_dropped = self._n_dropped + self.fan.n_missed
        state.samples(self.elapsed_s, self._measured_s, now_s)

    def _happened(self, event: Event) -> None:
        state = self.state
        state.version += 1
        match event:
            case Connected():
                state.trouble = ""
                state.link = "waiting" if self._analyzer is None else "filling"
            case Lost():
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
        waiting = SEARCHING if self._is_searching() else ""
        return (*filter(None, (failure, waiting)), *self._remarks.values(), *self._noticed)

    def _is_searching(self) -> bool:
        """Whether steps wait until it is known how the sensor sits."""
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
                self.fan.publish(Moment(SampleBlock(0, np.zeros((0, 3))), steps))
        self.close()
        self.state.link = "ended"
        self.state.filling_s = 0.0
        self.state.notes = self._notes()
        self.state.version += 1
        self.fan.end()
