"""Publishes a live run's samples and steps as Lab Streaming Layer (LSL) outlets.

Two streams for each sensor: samples at their regular rate, and steps, irregular, stamped with the time of
the foot strike. Missing samples and unknown values are NaN. Each stream describes its channels as the
specification of XDF metadata defines (label, unit, type).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from imurun._version import __version__
from imurun.engine import Step
from imurun.errors import MissingExtraError, SettingsError
from imurun.files.optional import optional_module
from imurun.live.pipeline import LiveOutput, Pipeline
from imurun.model.columns import STEP_COLUMNS
from imurun.model.frames import FloatArray
from imurun.model.sample_block import SampleBlock

ACC = tuple((f"acc_{axis}", "m/s2", "Acceleration") for axis in "xyz")
GYR = tuple((f"gyr_{axis}", "rad/s", "AngularVelocity") for axis in "xyz")
STEP_CHANNELS = tuple((column.name, column.unit, "Gait") for column in STEP_COLUMNS)
"""All columns; `side` and `gait` as codes."""
SIDE_CODES = {"left": -1.0, "unknown": 0.0, "right": 1.0}
GAIT_CODES = {"walking": 0.0, "running": 1.0}
CODES = "side: -1 left, 0 unknown, 1 right; gait: 0 walking, 1 running"

CLOCK_READINGS = 20
BUFFERED_S = 60
"""Seconds of samples, and hundreds of steps, that liblsl buffers for a slow reader."""


class LslOutlets:
    """The two streams of one sensor, on the network until `close`.

    Args:
        name: of the sensor; the streams are "imurun NAME samples" and "imurun NAME steps".
        rate_hz: samples a second.
        has_gyro: whether blocks have angular rates.
        clock: the host's monotonic clock, on which `SampleBlock.time_s` is measured.

    Raises:
        MissingExtraError: the package pylsl is missing.
        SettingsError: its library is missing.
    """

    def __init__(self, name: str, rate_hz: float, *, has_gyro: bool, clock: Callable[[], float]) -> None:
        self._pylsl = load_pylsl()
        self._rate_hz = rate_hz
        self._clock = clock
        self._to_lsl_s = clock_offset_s(self._pylsl.local_clock, clock)
        channels = ACC + GYR if has_gyro else ACC
        self._samples: Any = self._outlet(
            f"imurun {name} samples", "IMU", channels, rate_hz, "axes: the sensor's"
        )
        self._steps: Any = self._outlet(f"imurun {name} steps", "Gait", STEP_CHANNELS, 0.0, CODES)
        self._start_s = math.nan

    def samples(self, block: SampleBlock) -> None:
        """Publish the next samples."""
        if not len(block):
            return
        last_s = block.time_s if math.isfinite(block.time_s) else self._clock()
        self._start_s = last_s - (block.next_index - 1) / self._rate_hz
        rows = block.acc if block.gyr is None else np.hstack([block.acc, block.gyr])
        self._samples.push_chunk(np.ascontiguousarray(rows, dtype=np.float64), self._stamp(last_s))

    def steps(self, steps: Sequence[Step]) -> None:
        """Publish steps, after the samples that they are found in."""
        start_s = self._start_s if math.isfinite(self._start_s) else self._clock()
        for step in steps:
            self._steps.push_sample(step_values(step).tolist(), self._stamp(start_s + step.initial_contact_s))

    def close(self) -> None:
        """Remove both streams from the network."""
        self._samples = self._steps = None

    def _stamp(self, time_s: float) -> float:
        return time_s + self._to_lsl_s

    def _outlet(
        self, name: str, kind: str, channels: Sequence[tuple[str, str, str]], rate_hz: float, note: str
    ) -> Any:
        info = self._pylsl.StreamInfo(name, kind, len(channels), rate_hz, "double64", name)
        about = info.desc()
        about.append_child_value("manufacturer", "imurun")
        about.append_child_value("imurun_version", __version__)
        about.append_child_value("note", note)
        listed = about.append_child("channels")
        for label, unit, what in channels:
            channel = listed.append_child("channel")
            channel.append_child_value("label", label)
            channel.append_child_value("unit", unit or "1")
            channel.append_child_value("type", what)
        return self._pylsl.StreamOutlet(info, max_buffered=BUFFERED_S)


def clock_offset_s(clock: Callable[[], float], reference: Callable[[], float]) -> float:
    """How far a clock is ahead of a reference clock, s.

    The process may be interrupted between two readings, so the quickest of several pairs counts.
    """
    readings: list[tuple[float, float]] = []
    for _ in range(CLOCK_READINGS):
        before_s = reference()
        there_s = clock()
        after_s = reference()
        readings.append((after_s - before_s, there_s - 0.5 * (before_s + after_s)))
    return min(readings)[1]


def step_values(step: Step) -> FloatArray:
    """A step as numbers in the order of `STEP_CHANNELS`, shape (n_columns,)."""
    coded = step._replace(side=SIDE_CODES[step.side], gait=GAIT_CODES[step.gait])  # type: ignore[arg-type]
    return np.array(coded, dtype=np.float64)


def load_pylsl() -> ModuleType:
    """The package pylsl, with its library.

    Raises:
        MissingExtraError: the package is missing.
        SettingsError: its library is missing.
    """
    try:
        return optional_module("pylsl", extra="lsl", purpose="Lab Streaming Layer")
    except MissingExtraError as error:
        cause = error.__cause__
        if isinstance(cause, ModuleNotFoundError) and cause.name != "pylsl":  # pylsl is there, but broken
            raise cause from None
        raise
    except (RuntimeError, OSError) as error:  # pylsl loads its library when it is imported
        raise SettingsError(
            "pylsl, of the extra lsl, finds no library liblsl; install liblsl, or set PYLSL_LIB to its file."
        ) from error


def publisher(pipeline: Pipeline) -> LiveOutput:
    """An output that publishes a run; it subscribes in this call, so that no sample is missed.

    Raises:
        MissingExtraError, SettingsError: as `load_pylsl`.
    """
    load_pylsl()
    updates = pipeline.broadcast.subscribe()

    async def publish(_ended: asyncio.Event) -> None:
        outlets: LslOutlets | None = None
        try:
            async for update in updates:
                if outlets is None:
                    outlets = LslOutlets(
                        pipeline.state.name,
                        pipeline.best_rate_hz,
                        has_gyro=pipeline.has_gyro,
                        clock=asyncio.get_running_loop().time,
                    )
                outlets.samples(update.block)
                outlets.steps(update.steps)
        finally:
            if outlets is not None:
                outlets.close()

    return publish
