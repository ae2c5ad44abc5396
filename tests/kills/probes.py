"""Logs, from inside a command, when each block or packet arrived: lines `MONOTONIC_S NEXT_INDEX`.

Each line is written with one system call, so that a kill loses none.
"""

from __future__ import annotations

import os
import time
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path


def blocks(file: str) -> None:
    """Log each block that a simulated run yields."""
    from imurun.live.source import ReplaySource
    from imurun.model.sample_block import SampleBlock

    log = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    original = ReplaySource.__anext__

    async def logged_anext(self):
        item = await original(self)
        if isinstance(item, SampleBlock):
            os.write(log, b"%.6f %d\n" % (time.monotonic(), item.next_index))
        return item

    ReplaySource.__anext__ = logged_anext


def packets(file: str) -> None:
    """Log each notification from bleak, counted from one."""
    from imurun.ble.connection import NotificationQueue

    log = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    original = NotificationQueue.put
    n = 0

    def logged_put(self, notification):
        nonlocal n
        n += 1
        os.write(log, b"%.6f %d\n" % (time.monotonic(), n))
        original(self, notification)

    NotificationQueue.put = logged_put


@dataclass
class ArrivalLog:
    """Increasing numbers, each with its arrival time on the monotonic clock."""

    numbers: list[int] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)

    def add(self, number: int) -> None:
        """Add a number that arrives at this moment."""
        self.times_s.append(time.monotonic())
        self.numbers.append(number)

    def n_after(self, number: int) -> int:
        """Number of entries above this one."""
        return len(self.numbers) - bisect_right(self.numbers, number)

    def first_after(self, number: int, moment_s: float) -> float:
        """Arrival time of the first entry above this one, at most `moment_s`."""
        k = bisect_right(self.numbers, number)
        return min(self.times_s[k], moment_s) if k < len(self.numbers) else moment_s


def read_log(file: Path) -> ArrivalLog:
    """The log that a probe wrote; empty if there is none."""
    lines = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
    return ArrivalLog([int(n) for _, n in lines], [float(at_s) for at_s, _ in lines])
