"""Which missing samples to ask the sensor for again, and when to stop asking."""

from __future__ import annotations

from imurun.ble.control import Fetching, Response, Status

RETRY_S = 1.0
"""A fetch of which nothing came for so long is asked for again."""
TRIES = 8
"""A hole that was asked for so often without gaining a sample is given up."""
MOST = 0xFFFF
"""A fetch asks for no more samples: the protocol counts them in 16 bits."""

Hole = tuple[int, int]


class Backfill:
    """One fetch at a time, the oldest hole first. Holes are half-open intervals of the device's numbers."""

    def __init__(self, retry_s: float = RETRY_S, tries: int = TRIES) -> None:
        self._retry_s = retry_s
        self._tries = tries
        self._hole: Hole | None = None
        self._missing = 0
        self._tried = 0
        self._progress_s = 0.0
        self._end: int | None = None
        self._over = False

    def reset(self) -> None:
        """The link is new or the run is: nothing is under way."""
        self._hole = None

    def next(self, holes: list[Hole], now_s: float) -> Hole | None:
        """What to ask for now, if anything."""
        if not holes:
            self._hole = None
            return None
        if self._hole is not None:
            left = sum(max(0, min(b, self._hole[1]) - max(a, self._hole[0])) for a, b in holes)
            if left < self._missing:
                self._missing, self._progress_s, self._tried = left, now_s, 0
            if left and not self._over and now_s - self._progress_s < self._retry_s:
                return None
            if not left:
                self._hole = None
        first, stop = holes[0]
        hole = first, min(stop, first + MOST)
        if self._hole is None or hole[0] != self._hole[0]:
            self._tried = 0
        self._hole, self._missing, self._progress_s = hole, hole[1] - hole[0], now_s
        self._end, self._over = None, False
        self._tried += 1
        return hole

    def came(self, stop: int) -> None:
        """Samples before number `stop` came again: of a fetch they are the last ones where it ends there."""
        if self._hole is not None and self._end is not None and stop >= self._end:
            self._over = True

    def answered(self, response: Response) -> int | None:
        """Take the answer to the fetch.

        Returns:
            The number before which missing samples will never come; None where they may.
        """
        if self._hole is None:
            return None
        first, stop = self._hole
        if response.status == Status.NOT_HELD or self._tried >= self._tries:
            self._hole = None
            return stop
        if not isinstance(response.payload, Fetching):
            return None
        will_come = response.payload
        self._end = will_come.first_index + will_come.n_samples
        return min(will_come.first_index, stop) if will_come.first_index > first else None
