"""Progress of `imurun record`: one updating line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.status import Status
from rich.text import Text

from imurun.ble.events import Battery, Connected, ConnectionLost, sentence
from imurun.model.sample_block import SampleBlock
from imurun.terminal_text import clock

if TYPE_CHECKING:
    from imurun.ble.reconnecting_client import Item, SensorClient

EVERY_S = 0.25
PLAIN_EVERY_S = 10.0


class RecordScreen:
    """Shows each item that the client yields; a context manager.

    Args:
        waiting_for: text before the first item.

    Attributes:
        client: source of the sampling rate; None until the sensor was found.
        n_samples: samples so far, received and missing.
        n_connections: connections so far.
    """

    def __init__(self, waiting_for: str) -> None:
        self.client: SensorClient | None = None
        self._console = Console(stderr=True, highlight=False)
        self._status = Status(Text(waiting_for), console=self._console)
        self._plain = not self._console.is_terminal
        self._shown_s = -PLAIN_EVERY_S
        self.n_samples = self.n_connections = 0
        self._missing = 0
        self._battery: int | None = None
        self._state = waiting_for

    def __enter__(self) -> RecordScreen:
        if self._plain:
            self._console.print(Text(self._state))
        else:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._status.stop()

    def show(self, item: Item) -> None:
        """Count a block of samples, or print an event; update the line when it is due."""
        if isinstance(item, SampleBlock):
            self.n_samples = item.next_index
            self._missing += int(item.missing.sum())
            self._state = "recording"
        else:
            words = sentence(item)
            if isinstance(item, Battery):
                self._battery = item.percent
            if isinstance(item, Connected):
                self.n_connections = item.count
                self._state = "waiting for samples"
            if isinstance(item, ConnectionLost):
                self._state = "connection lost, reconnecting"
            if words:
                self._console.print(Text(f"{clock(self._seconds)}  {words}"))
        now_s = time.monotonic()
        if now_s - self._shown_s >= (PLAIN_EVERY_S if self._plain else EVERY_S):
            self._shown_s = now_s
            self._update()

    @property
    def _rate_hz(self) -> float:
        return self.client.stream_decoder.reassembler.rate_hz if self.client else 0.0

    @property
    def _seconds(self) -> float:
        return self.n_samples / self._rate_hz if self._rate_hz else 0.0

    def _update(self) -> None:
        parts = [clock(self._seconds), self._state, f"{self.n_samples} samples at {self._rate_hz:.2f} Hz"]
        if self._missing:
            parts.append(f"{self._missing} missing")
        if self._battery is not None:
            parts.append(f"battery {self._battery} %")
        if self.client is not None and self.client.is_logged:
            parts.append("the sensor writes a log too")
        line = " · ".join(parts)
        if self._plain:
            self._console.print(Text(line))
        else:
            self._status.update(Text(f"{line}   Ctrl-C ends"))
