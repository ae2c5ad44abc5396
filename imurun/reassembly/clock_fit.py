"""Maps device time to host time, fitted to the arrival times of packets.

A packet is delayed by the transmission schedule, by retransmissions and by a busy host, and never early. So
the line from device to host time runs below all (device time, arrival) points, touching those that were
delayed least: it is the edge of their lower convex hull that lies below the mean of the points, which of all
lines below them leaves the least sum of delays (a linear programme; Moon, Skelly & Towsley 1999, INFOCOM, for
network clocks). Least squares through the same points is late by the mean delay.

The constant part of the delay cannot be estimated from arrivals: times are late by the smallest delay of the
transmission, about a millisecond.
"""

from __future__ import annotations

import math
from bisect import bisect_right

WINDOW_S = 300.0
"""Points older than this are dropped: the rate of a crystal changes with temperature."""
BUCKET_S = 1.0
"""Of each second only the packet with the least delay is kept. Another of the same second could be on the
hull only if its delay differs by less than the drift within a second: 40 us at 40 ppm."""
MAX_RATE_ERROR = 500e-6
"""Crystals are off by less; the bound limits the slope in the first seconds, when it rests on few points."""
BACKWARD_S = 2.0
"""A device clock that jumps back by more was restarted; a smaller step back means swapped packets."""
AHEAD_S = 1.0
"""A device clock that runs ahead of arrivals by more has been set."""
LATE_S, LATE_FOR_S = 0.25, 10.0
"""A device clock that is behind by more than the first for all of the second was set back or paused."""


class ClockFit:
    """Fits host time against device time, packet by packet, in constant memory.

    At most one point for each second of the last `window_s` is kept; the hull is recomputed when a second
    ends or a point falls below the line.

    Args:
        max_rate_error: bound on the device clock's rate, as a fraction.
        window_s: how far back points are used, at least 2 s.

    Attributes:
        resets: how often the device clock restarted.
    """

    def __init__(self, max_rate_error: float = MAX_RATE_ERROR, window_s: float = WINDOW_S) -> None:
        self.resets = 0
        self._max_rate_error = max_rate_error
        self._window_s = window_s
        self._points: list[tuple[float, float]] = []  # (device, arrival), one for each bucket, in order
        self._bucket: int | None = None
        self._last: tuple[float, float] | None = None
        self._origin = (0.0, 0.0)
        self._slope = 1.0
        self._offset = 0.0
        self._late_since: float | None = None

    def reset(self) -> None:
        """Drop all points, after a restart of the device."""
        self._points = []
        self._bucket = None
        self._last = None
        self._late_since = None

    @property
    def known(self) -> bool:
        """Whether any packet was added since the last reset."""
        return self._last is not None

    @property
    def rate_ppm(self) -> float:
        """How much faster than the host's the device clock runs, parts per million; NaN while unknown."""
        return (1.0 / self._slope - 1.0) * 1e6 if self.known else math.nan

    def host_s(self, device_s: float) -> float:
        """Host time of a device time; NaN while unknown."""
        if self._last is None:
            return math.nan
        return self._origin[1] + self._offset + self._slope * (device_s - self._origin[0])

    def add(self, device_s: float, arrival_s: float) -> bool:
        """Add a packet whose last sample was measured at `device_s` and which arrived at `arrival_s`.

        Backfilled packets must not be added: their delay says nothing about the clock.

        Returns:
            Whether the device clock was restarted; then all earlier points were dropped.
        """
        if not (math.isfinite(device_s) and math.isfinite(arrival_s)):
            return False
        restarted = self._has_restarted(device_s, arrival_s)
        if restarted:
            self.reset()
            self.resets += 1
        if self._last is None:
            self._origin = device_s, arrival_s
            self._slope, self._offset = 1.0, 0.0
        elif device_s < self._last[0]:
            return False
        self._last = device_s, arrival_s
        x, y = device_s - self._origin[0], arrival_s - self._origin[1]
        bucket = math.floor(x / BUCKET_S)
        if bucket != self._bucket:
            self._bucket = bucket
            self._points.append((x, y))
            first = bisect_right(self._points, (x - self._window_s, -math.inf))
            del self._points[:first]
            self._fit()
        elif y - x < self._points[-1][1] - self._points[-1][0]:
            self._points[-1] = x, y
            if y < self._offset + self._slope * x:
                self._fit()
        return restarted

    def _has_restarted(self, device_s: float, arrival_s: float) -> bool:
        if self._last is None:
            return False
        advance = device_s - self._last[0]
        ahead = AHEAD_S + self._max_rate_error * abs(advance)
        if advance < -BACKWARD_S or arrival_s < self.host_s(device_s) - ahead:
            return True
        if arrival_s < self.host_s(device_s) + LATE_S:
            self._late_since = None
        elif self._late_since is None:
            self._late_since = arrival_s
        return self._late_since is not None and arrival_s - self._late_since > LATE_FOR_S

    def _fit(self) -> None:
        """Take as line the edge of the lower hull that lies below the mean of the points; bound its slope."""
        hull: list[tuple[float, float]] = []
        for x, y in self._points:
            while len(hull) > 1:
                (x0, y0), (x1, y1) = hull[-2], hull[-1]
                if (x1 - x0) * (y - y0) > (y1 - y0) * (x - x0):
                    break
                hull.pop()
            hull.append((x, y))
        slope = self._slope  # one point alone, as after a long pause, keeps the slope
        if len(hull) > 1:
            mean = sum(x for x, _ in self._points) / len(self._points)
            k = min(max(bisect_right(hull, (mean, math.inf)) - 1, 0), len(hull) - 2)
            (x0, y0), (x1, y1) = hull[k], hull[k + 1]
            slope = (y1 - y0) / (x1 - x0)
        bound = self._max_rate_error
        self._slope = min(max(slope, 1.0 - bound), 1.0 + bound)
        self._offset = min(y - self._slope * x for x, y in hull)
