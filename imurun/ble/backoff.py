"""How long to wait before a link is tried again."""

from __future__ import annotations

from random import Random

FACTOR = 2.0


class Backoff:
    """Waits that double up to a limit, each shortened at random by up to a half, so that several sensors that
    went at once are not all tried at once.

    Args:
        first_s: the first wait before it is shortened.
        longest_s: the limit.
        random: where chance comes from.
    """

    def __init__(self, first_s: float, longest_s: float, random: Random) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._random = random
        self._wait_s = first_s

    def reset(self) -> None:
        """It worked."""
        self._wait_s = self._first_s

    def next_s(self) -> float:
        """The next wait."""
        wait_s = min(self._wait_s, self._longest_s)
        self._wait_s = wait_s * FACTOR
        return wait_s * self._random.uniform(0.5, 1.0)
