"""From one stream to several takers, each as fast as it can and no faster."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

T = TypeVar("T")
LIMIT = 256


class Subscription(Generic[T]):
    """What one taker has not yet taken; an async iterator that ends when the stream does.

    Attributes:
        n_missed: the oldest items that were dropped because it was too slow.
    """

    def __init__(self, limit: int | None) -> None:
        self.n_missed = 0
        self._waiting: deque[T] = deque()
        self._limit = limit
        self._ended = False
        self._stir = asyncio.Event()

    def put(self, item: T) -> None:
        """Never waits: where there is no room, the oldest goes."""
        if self._limit is not None and len(self._waiting) >= self._limit:
            self._waiting.popleft()
            self.n_missed += 1
        self._waiting.append(item)
        self._stir.set()

    def end(self) -> None:
        """Nothing more will come."""
        self._ended = True
        self._stir.set()

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            self._stir.clear()
            await self._stir.wait()
        return self._waiting.popleft()


class Fan(Generic[T]):
    """Gives every item to every subscription."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription[T]] = []

    def subscribe(self, limit: int | None = LIMIT) -> Subscription[T]:
        """All items from here on; `limit` of them may wait, None for any number."""
        subscription: Subscription[T] = Subscription(limit)
        self._subscriptions.append(subscription)
        return subscription

    @property
    def n_missed(self) -> int:
        """What all subscriptions together have missed."""
        return sum(subscription.n_missed for subscription in self._subscriptions)

    def publish(self, item: T) -> None:
        """Give it to all; never waits."""
        for subscription in self._subscriptions:
            subscription.put(item)

    def end(self) -> None:
        """Nothing more will be published."""
        for subscription in self._subscriptions:
            subscription.end()
