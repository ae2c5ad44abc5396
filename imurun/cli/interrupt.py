"""The first Ctrl-C, SIGTERM or SIGHUP stops a command cleanly; the second ends it at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def on_first_signal(react: Callable[[], object]) -> Iterator[None]:
    """Call `react` in the signal handler at the first signal inside the block.

    Previous handlers are restored then, or at the end of the block.
    """
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def handle(_number: int, _frame: FrameType | None) -> None:
        restore()
        react()

    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        restore()


@contextmanager
def on_interrupt(stop: Callable[[], object]) -> Iterator[None]:
    """Call `stop` in the running event loop at the first signal inside the block."""
    loop = asyncio.get_running_loop()
    # a handler runs between any two instructions, so the loop calls `stop` between two callbacks instead
    with on_first_signal(lambda: loop.call_soon_threadsafe(stop)):
        yield
