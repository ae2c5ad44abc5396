"""What had come by when, told from inside a command without its help: a line `MONOTONIC_S NEXT_INDEX` each.

The lines are handed to the system one by one, so that a kill takes none of them away.
"""

from __future__ import annotations

import os
import time
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path


def blocks(file: str) -> None:
    """Tell each block that a simulated run gives to whoever keeps it."""
    from imurun.live.source import ReplaySource
    from imurun.model.sample_block import SampleBlock

    told = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    given = ReplaySource.__anext__

    async def anext_told(self):
        item = await given(self)
        if isinstance(item, SampleBlock):
            os.write(told, b"%.6f %d\n" % (time.monotonic(), item.next_index))
        return item

    ReplaySource.__anext__ = anext_told


def packets(file: str) -> None:
    """Tell each notification that bleak hands over, counted from one."""
    from imurun.ble.connection import Inbox

    told = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    put = Inbox.put
    n = 0

    def put_told(self, notification):
        nonlocal n
        n += 1
        os.write(told, b"%.6f %d\n" % (time.monotonic(), n))
        put(self, notification)

    Inbox.put = put_told


@dataclass
class Told:
    """Numbers that grow, and when each was told on the monotonic clock."""

    numbers: list[int] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)

    def tell(self, number: int) -> None:
        """Add a number, at this moment."""
        self.times_s.append(time.monotonic())
        self.numbers.append(number)

    def n_after(self, number: int) -> int:
        """How many numbers above this one were told."""
        return len(self.numbers) - bisect_right(self.numbers, number)

    def first_after(self, number: int, moment_s: float) -> float:
        """When the first number above this one was told, if it was before a moment; else the moment."""
        k = bisect_right(self.numbers, number)
        return min(self.times_s[k], moment_s) if k < len(self.numbers) else moment_s


def read_told(file: Path) -> Told:
    """What a probe wrote."""
    lines = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
    return Told([int(n) for _, n in lines], [float(at_s) for at_s, _ in lines])
