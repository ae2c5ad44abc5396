"""Where notifications wait, between bleak's callback and whoever decodes them."""

from __future__ import annotations

import asyncio
from collections import deque

from imurun.ble.journal import Notification


class Inbox:
    """A bounded queue that never makes the callback wait.

    Attributes:
        n_dropped: notifications that found it full.
        is_closed: the link is gone; what came before can still be had.
    """

    def __init__(self, limit: int) -> None:
        self.n_dropped = 0
        self.is_closed = False
        self._limit = limit
        self._waiting: deque[Notification] = deque()
        self._stir = asyncio.Event()

    def put(self, notification: Notification) -> None:
        """Keep it, or count it where there is no room."""
        if len(self._waiting) >= self._limit:
            self.n_dropped += 1
            return
        self._waiting.append(notification)
        self._stir.set()

    def close(self) -> None:
        """Nothing more will come."""
        self.is_closed = True
        self._stir.set()

    def wake(self) -> None:
        """Let the one who waits look around."""
        self._stir.set()

    async def get(self, timeout_s: float) -> Notification | None:
        """The oldest one; None after `timeout_s`, when woken, and when closed and empty."""
        if not self._waiting and not self.is_closed:
            self._stir.clear()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._stir.wait()
            except TimeoutError:
                return None
        return self._waiting.popleft() if self._waiting else None
