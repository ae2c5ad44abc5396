"""Processes notifications of a sensor: journal, decoding, and a queue of blocks and events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeAlias

from imurun.ble.decoding import Settings, StreamDecoder
from imurun.ble.events import Dropped, Event, GapDetector, SignalDetector
from imurun.ble.journal import Notification, Sink
from imurun.model.sample_block import SampleBlock

Item: TypeAlias = SampleBlock | Event


class StreamOutput:
    """Turns notifications into queued items, for the life of a recording.

    Args:
        stream_decoder: decodes and reassembles.
        settings: the requested settings.
        has_flags: whether packets carry flags for clipping.
        journal: receives every notification before it is decoded.
        clock: the host's monotonic clock, s.
        limit: size of the queue; a full queue blocks, and notifications are then dropped on arrival.

    Attributes:
        items: blocks and events in order; None marks the end.
    """

    def __init__(
        self,
        stream_decoder: StreamDecoder,
        settings: Settings,
        *,
        has_flags: bool,
        journal: Sink | None,
        clock: Callable[[], float],
        limit: int,
    ) -> None:
        self.items: asyncio.Queue[Item | None] = asyncio.Queue(limit)
        self._stream_decoder = stream_decoder
        self._journal = journal
        self._clock = clock
        self._gaps = GapDetector()
        self._signal = SignalDetector(settings, has_flags=has_flags)
        self._n_dropped_reported = 0

    async def process(self, taken: Notification, n_dropped: int) -> None:
        """Journal and decode a notification; queue its blocks and the events that follow from it.

        Args:
            taken: the notification.
            n_dropped: notifications dropped since the recording began.

        Raises:
            RecordingError: the journal cannot be written.
        """
        if self._journal is not None:
            self._journal.notification(taken.arrival_s, taken.characteristic, taken.data)
        await self.emit(self._stream_decoder.take(taken.characteristic, taken.data, taken.arrival_s))
        if n_dropped > self._n_dropped_reported:
            await self.report(Dropped(self._clock(), n_dropped - self._n_dropped_reported))
            self._n_dropped_reported = n_dropped
        await self.report(
            *self._signal.examine(self._stream_decoder.chunks, self._stream_decoder.reassembler)
        )

    async def emit(self, blocks: list[SampleBlock]) -> None:
        """Queue blocks, and the gap events that they cause."""
        for block in blocks:
            await self.items.put(block)
        reassembler = self._stream_decoder.reassembler
        self._gaps.add_pending(
            [
                (reassembler.position_of(a), reassembler.position_of(b))
                for a, b in reassembler.pending_ranges()
            ]
        )
        await self.report(*self._gaps.add_blocks(blocks, self._clock()))

    async def report(self, *events: Event) -> None:
        """Queue events."""
        for event in events:
            await self.items.put(event)

    async def finish(self) -> None:
        """Queue the blocks that are still held, and the last gap."""
        await self.emit(self._stream_decoder.reassembler.finish())
        await self.report(*self._gaps.finish(self._clock()))

    def note(self, **what: Any) -> None:
        """Write an event to the journal.

        Raises:
            RecordingError: the journal cannot be written.
        """
        if self._journal is not None:
            self._journal.event(self._clock(), what)
