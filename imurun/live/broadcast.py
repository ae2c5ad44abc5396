"""Gives every item of one stream to several subscribers; a slow subscriber loses its oldest items."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

T = TypeVar("T")
LIMIT = 256
"""Items that may wait for a subscriber."""


class Subscription(Generic[T]):
    """Items that wait for one subscriber; an async iterator that ends when the stream ends.

    Args:
        limit: most items that may wait; None for any number.

    Attributes:
        n_missed: items dropped because the subscriber was too slow.
    """

    def __init__(self, limit: int | None) -> None:
        self.n_missed = 0
        self._waiting: deque[T] = deque()
        self._limit = limit
        self._ended = False
        self._changed = asyncio.Event()

    def put(self, item: T) -> None:
        """Append an item without waiting; the oldest is dropped where the queue is full."""
        if self._limit is not None and len(self._waiting) >= self._limit:
            self._waiting.popleft()
            self.n_missed += 1
        self._waiting.append(item)
        self._changed.set()

    def end(self) -> None:
        """End the iteration after the items that still wait."""
        self._ended = True
        self._changed.set()

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._waiting.popleft()


class Broadcast(Generic[T]):
    """Gives every item to every subscription."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription[T]] = []

    def subscribe(self, limit: int | None = LIMIT) -> Subscription[T]:
        """A subscription to all items published from this call on; see `Subscription` for `limit`."""
        subscription: Subscription[T] = Subscription(limit)
        self._subscriptions.append(subscription)
        return subscription

    @property
    def n_missed(self) -> int:
        """Items dropped, summed over all subscriptions."""
        return sum(subscription.n_missed for subscription in self._subscriptions)

    def publish(self, item: T) -> None:
        """Give an item to all subscriptions without waiting."""
        for subscription in self._subscriptions:
            subscription.put(item)

    def end(self) -> None:
        """End all subscriptions."""
        for subscription in self._subscriptions:
            subscription.end()
