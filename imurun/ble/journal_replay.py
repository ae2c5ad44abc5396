"""Replays a journal: the same notifications through the same decoding give the same blocks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from imurun.ble.decoding import Settings, StreamDecoder, offering
from imurun.ble.devices import DeviceDriver, get_driver
from imurun.ble.journal import END, GIVE_UP, Journal, JournalEvent
from imurun.errors import FormatError, RecordingError, SettingsError
from imurun.model.sample_block import SampleBlock
from imurun.model.time_grid import check_rate
from imurun.reassembly.reassembler import LONGEST_GAP_S


def journal_header(
    driver: DeviceDriver, settings: Settings, *, name: str, address: str, start: datetime, clock_s: float
) -> dict[str, Any]:
    """Header of a journal, with which `Replay` can decode it.

    Args:
        start, clock_s: the same instant in UTC and on the monotonic clock of arrivals.
    """
    return {
        "profile": driver.name,
        **settings._asdict(),
        "name": name,
        "address": address,
        "start": start.astimezone(UTC).isoformat(),
        "clock_s": clock_s,
    }


class Replay:
    """Decodes the samples of a journal.

    Attributes:
        settings: the requested settings.
        ended_early: sentence with the reason where the end of the journal was omitted; else "".
        stream_decoder: counts of decoder and reassembler, clock and rate, up to the last item taken.

    Raises:
        FormatError: the header does not identify the sensor.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.ended_early = ""
        header = journal.header
        try:
            driver = get_driver(header["profile"])
            values = [header[name] for name in Settings._fields]
            if not all(isinstance(value, int) and 0 < value < 100_000 for value in values):
                raise SettingsError("rate and ranges are positive numbers.")
            self.settings = Settings(*values)
            check_rate(self.settings.rate_hz)
            self.stream_decoder = StreamDecoder(offering(driver, self.settings), self.settings)
        except (KeyError, TypeError, SettingsError, RecordingError) as error:
            raise FormatError(
                f"The header of this journal does not name its sensor ({error}); "
                "it cannot be decoded by this version."
            ) from error

    def blocks(self) -> Iterator[SampleBlock]:
        """All blocks in order; raises as `items` does."""
        return (item for item in self.items() if isinstance(item, SampleBlock))

    def items(self) -> Iterator[SampleBlock | JournalEvent]:
        """All blocks in order, and between them the events.

        Raises:
            FormatError: the file cannot be read.
        """
        before_s: float | None = None
        for record in self._journal.records():
            if isinstance(record, JournalEvent):
                yield from self._repeat(record.what)
                yield record
                continue
            elapsed_s = 0.0 if before_s is None else record.arrival_s - before_s
            if not math.isfinite(record.arrival_s) or not -1.0 <= elapsed_s <= LONGEST_GAP_S:
                self.ended_early = (
                    f"The times of this journal jump by {elapsed_s:.3g} s; the rest was omitted."
                )
                break
            before_s = record.arrival_s
            yield from self.stream_decoder.take(record.characteristic, record.data, record.arrival_s)
        yield from self.stream_decoder.reassembler.finish()

    def _repeat(self, what: dict[str, Any]) -> list[SampleBlock]:
        """Repeat the decision that the client made here: to give up samples, or to expect an end."""
        kind, stop, end = what.get("kind"), what.get("stop"), what.get("next_index")
        if kind == GIVE_UP and isinstance(stop, int):
            return self.stream_decoder.reassembler.give_up(stop)
        if kind == END and (end is None or isinstance(end, int)):
            self.stream_decoder.reassembler.expect(end)
        return []

    def utc(self, clock_s: float) -> datetime | None:
        """UTC of a time on the clock of arrivals; None where the header has no valid start."""
        try:
            start = datetime.fromisoformat(self._journal.header["start"])
            return start + timedelta(seconds=clock_s - self._journal.header["clock_s"])
        except (KeyError, TypeError, ValueError, OverflowError):
            return None
