"""Checks the position that a packet states against the time that has elapsed since the last packet."""

from __future__ import annotations

from typing import Literal

Plausibility = Literal["fits", "implausible", "restart"]

SLACK_S = 10.0
"""How far a packet may be behind the newest one, and ahead of what the elapsed time allows."""
RATE_ERROR = 0.1
LONGEST_GAP_S = 86400.0
"""More than a day without samples ends a run, whatever position the next packet states."""


class PlausibilityCheck:
    """Classifies packets by comparing their position, in seconds of the device, with their arrival.

    A position that the elapsed time does not explain is implausible: a flipped bit, or a device that was
    restarted. One such packet is rejected; a second one that continues the first means a restart.
    """

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None
        self._suspect: tuple[float, float] | None = None

    def reset(self) -> None:
        """Forget all packets, after a restart of the device."""
        self._last = self._suspect = None

    def behind(self, position_s: float) -> bool:
        """Whether this position is not after the newest one, as that of backfilled samples is."""
        return self._last is not None and position_s <= self._last[0]

    def classify(self, position_s: float, arrival_s: float) -> Plausibility:
        """Classify a packet: it fits, is implausible, or confirms the one before as the start of a new
        run.
        """
        packet = position_s, arrival_s
        if self._last is None or _follows(self._last, packet):
            if self._last is None or position_s > self._last[0]:
                self._last = packet
            return "fits"
        if self._suspect is not None and position_s > self._suspect[0] and _follows(self._suspect, packet):
            self._last, self._suspect = packet, None
            return "restart"
        self._suspect = packet
        return "implausible"


def _follows(last: tuple[float, float], packet: tuple[float, float]) -> bool:
    advance = packet[0] - last[0]
    elapsed = max(packet[1] - last[1], 0.0)
    return -SLACK_S <= advance <= min(SLACK_S + (1.0 + RATE_ERROR) * elapsed, LONGEST_GAP_S)
