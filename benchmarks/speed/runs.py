"""Sources without delay and pipelines with recorder, for the benchmarks of live runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from rich.console import Console

from imurun.ble.block_journal import BLOCKS, block_header
from imurun.ble.journal import JournalWriter
from imurun.live.pipeline import Pipeline
from imurun.live.recorder import Recorder
from imurun.live.runner_profile import RunnerProfile
from imurun.live.source import Source
from imurun.model.recording import Recording
from imurun.model.sample_block import SampleBlock

RATE_HZ = 208.0


def blocks_of(recording: Recording, n_block: int) -> list[SampleBlock]:
    """A recording in blocks, each with separate memory like the blocks of a sensor."""
    assert recording.gyr is not None
    return [
        SampleBlock(
            first,
            recording.acc[first : first + n_block].copy(),
            recording.gyr[first : first + n_block].copy(),
        )
        for first in range(0, len(recording), n_block)
    ]


class ReadySource:
    """A source whose blocks are available without delay.

    Args:
        blocks: of the recording.
        recording: from which they are.
    """

    filling_s = 0.0

    def __init__(self, blocks: Sequence[SampleBlock], recording: Recording) -> None:
        self.name = "ready"
        self.has_gyro = recording.gyr is not None
        self.acc_range_g = recording.acc_range_g
        self.rate_hz: float | None = recording.rate_hz
        self.best_rate_hz = recording.rate_hz
        self._blocks: Iterator[SampleBlock] = iter(blocks)

    async def __aenter__(self) -> ReadySource:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop()

    def __aiter__(self) -> ReadySource:
        return self

    async def __anext__(self) -> SampleBlock:
        for block in self._blocks:
            return block
        raise StopAsyncIteration

    def stop(self) -> None:
        """See `Source`."""
        self._blocks = iter(())


def pipeline_of(source: Source, recording: Recording, journal: Path | None = None) -> Pipeline:
    """A pipeline with the default rules, and with a recorder if a journal is given."""
    recorder = None
    if journal is not None:
        header = block_header(recording, name=source.name)
        recorder = Recorder(JournalWriter(journal, header, [BLOCKS]), BLOCKS)
    return Pipeline(source, RunnerProfile(), recorder=recorder, records_blocks=True)


def screen_to(file: TextIO) -> Console:
    """A terminal of fixed size."""
    return Console(file=file, force_terminal=True, width=120, height=40, _environ={"TERM": "xterm-256color"})
