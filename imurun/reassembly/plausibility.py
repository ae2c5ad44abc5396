"""Whether a packet can belong where it says: nothing measured runs ahead of the time that has passed."""

from __future__ import annotations

from typing import Literal

Verdict = Literal["fits", "odd", "restart"]

SLACK_S = 10.0
"""How far behind the newest packet one may be, and ahead of what the elapsed time allows."""
RATE_ERROR = 0.1
LONGEST_S = 86400.0
"""A hole of more than a day is the end of a run, whatever the numbers say."""


class Plausible:
    """Judges the place of packets, in seconds of the device, against their arrivals.

    A place that no elapsed time explains is odd: a flipped bit, or a device that has started again. The
    second odd packet that continues the first means a new start.
    """

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None
        self._odd: tuple[float, float] | None = None

    def reset(self) -> None:
        """The device has started again."""
        self._last = self._odd = None

    def behind(self, place_s: float) -> bool:
        """Whether this is no later than what has come, as samples that are sent again are."""
        return self._last is not None and place_s <= self._last[0]

    def judge(self, place_s: float, arrival_s: float) -> Verdict:
        """Whether this packet fits, does not, or, after one that did not, begins a new run."""
        here = place_s, arrival_s
        if self._last is None or _follows(self._last, here):
            if self._last is None or place_s > self._last[0]:
                self._last = here
            return "fits"
        if self._odd is not None and place_s > self._odd[0] and _follows(self._odd, here):
            self._last, self._odd = here, None
            return "restart"
        self._odd = here
        return "odd"


def _follows(last: tuple[float, float], here: tuple[float, float]) -> bool:
    advance = here[0] - last[0]
    elapsed = max(here[1] - last[1], 0.0)
    return -SLACK_S <= advance <= min(SLACK_S + (1.0 + RATE_ERROR) * elapsed, LONGEST_S)
