"""Decides which missing samples to request from the sensor again, and when to give up."""

from __future__ import annotations

from imurun.ble.control import Fetching, Response, Status

RETRY_S = 1.0
"""A request is repeated after so long without progress."""
TRIES = 8
"""Requests without any progress after which a range is given up."""
MAX_SAMPLES = 0xFFFF
"""The most samples of one request: the protocol counts them in 16 bits."""

SampleRange = tuple[int, int]
"""Sample numbers of the device, half-open."""


class Backfill:
    """Schedules requests for pending ranges: one at a time, the oldest range first.

        idle --- a range is pending ---> requested --- it was filled ---> idle
                                          |   ^   |
            no progress for `retry_s`, or |   |   | not held by the sensor, or `tries` requests in vain
            all that was promised arrived +---+   v
                                                given up

    Args:
        retry_s: time without progress before a request is repeated.
        tries: requests without progress before a range is given up.
    """

    def __init__(self, retry_s: float = RETRY_S, tries: int = TRIES) -> None:
        self._retry_s = retry_s
        self._tries = tries
        self._requested: SampleRange | None = None
        self._n_missing = 0
        self._tried = 0
        self._progress_s = 0.0
        self._promised_end: int | None = None
        self._is_complete = False

    def reset(self) -> None:
        """Forget the current request, on a new connection."""
        self._requested = None

    def next(self, pending: list[SampleRange], now_s: float) -> SampleRange | None:
        """The range to request now; None where no request is due."""
        if not pending:
            self._requested = None
            return None
        if self._requested is not None:
            first, stop = self._requested
            left = sum(max(0, min(b, stop) - max(a, first)) for a, b in pending)
            if left < self._n_missing:
                self._n_missing, self._progress_s, self._tried = left, now_s, 0
            if left and not self._is_complete and now_s - self._progress_s < self._retry_s:
                return None
            if not left:
                self._requested = None
        first, stop = pending[0]
        wanted = first, min(stop, first + MAX_SAMPLES)
        if self._requested is None or wanted[0] != self._requested[0]:
            self._tried = 0
        self._requested, self._n_missing, self._progress_s = wanted, wanted[1] - wanted[0], now_s
        self._promised_end, self._is_complete = None, False
        self._tried += 1
        return wanted

    def received(self, stop: int) -> None:
        """Record that backfilled samples up to number `stop` arrived; the last ones complete the request."""
        if self._requested is not None and self._promised_end is not None and stop >= self._promised_end:
            self._is_complete = True

    def answered(self, response: Response) -> int | None:
        """Record the sensor's response to the request.

        Returns:
            The number before which missing samples will never arrive; None where they may.
        """
        if self._requested is None:
            return None
        first, stop = self._requested
        if response.status == Status.NOT_HELD or self._tried >= self._tries:
            self._requested = None
            return stop
        if not isinstance(response.payload, Fetching):
            return None
        promised = response.payload
        self._promised_end = promised.first_index + promised.n_samples
        return min(promised.first_index, stop) if promised.first_index > first else None
