"""An event loop whose time jumps to the next thing that is due, for minutes in seconds. No sockets."""

from __future__ import annotations

import asyncio
import selectors


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """`time` begins at 1000 s and passes only while nothing is to be done."""

    def __init__(self) -> None:
        self._now_s = 1000.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self._now_s

    def jump(self, seconds: float) -> None:
        self._now_s += seconds


class _Jumping(selectors.SelectSelector):
    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout=None):
        if timeout is None:
            raise RuntimeError("Nothing will ever happen again: a future that nobody completes is awaited.")
        if timeout > 0:
            self._loop.jump(timeout)
        return []


def run_virtual(coroutine):
    """Run it to its end, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(coroutine)
