"""What had come by when, told from inside a command without its help: a line `MONOTONIC_S NEXT_INDEX` each.

The lines are handed to the system one by one, so that a kill takes none of them away.
"""

from __future__ import annotations

import os
import time
from pathlib import Path


def blocks(file: str) -> None:
    """Tell each block that a simulated run gives to whoever keeps it."""
    from imurun.blocks import SampleBlock
    from imurun.live.source import ReplaySource

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
    from imurun.ble.inbox import Inbox

    told = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    put = Inbox.put
    n = 0

    def put_told(self, notification):
        nonlocal n
        n += 1
        os.write(told, b"%.6f %d\n" % (time.monotonic(), n))
        put(self, notification)

    Inbox.put = put_told


def told_before(file: Path, moment_s: float) -> int:
    """The number that was told last before a moment; 0 where none was."""
    number = 0
    for line in file.read_text().splitlines() if file.exists() else ():
        at_s, n = line.split()
        if float(at_s) > moment_s:
            break
        number = int(n)
    return number


def first_after(file: Path, number: int) -> float | None:
    """When a number larger than this one was first told; None where none was."""
    for line in file.read_text().splitlines() if file.exists() else ():
        at_s, n = line.split()
        if int(n) > number:
            return float(at_s)
    return None
