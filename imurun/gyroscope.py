"""Whether a gyroscope does something, and whether what it says can be rad/s."""

from __future__ import annotations

import numpy as np

from imurun.engine import block_length
from imurun.model.frames import FloatArray
from imurun.model.recording_like import Recorded

FASTEST_RAD_S = 35.0
"""2000 deg/s, the full scale of common gyroscopes; a runner's pelvis stays below 10 rad/s."""
USUAL_SHARE = 0.95
"""This share of the samples of a body is slower; shocks may be faster."""


def is_dead(recording: Recorded) -> bool:
    """Whether the angular rate is the same in all samples, of which there are at least two."""
    first: FloatArray | None = None
    n = 0
    for _, gyr in recording.blocks(block_length(recording.rate_hz)):
        if gyr is None:
            return False
        known = gyr[np.isfinite(gyr[:, 0])]
        if first is None and len(known):
            first = known[0]
        if (known != first).any():
            return False
        n += len(known)
    return n > 1


class TurnWatch:
    """Looks at angular rates as they pass, for a unit that is not rad/s.

    The rates are too fast when their 95th percentile, as `numpy.percentile` interpolates it, exceeds
    `FASTEST_RAD_S`. It need not be known for that: only how many are faster, and the two sizes next to the
    limit, for when it falls between these.
    """

    def __init__(self) -> None:
        self._n = 0
        self._n_fast = 0
        self._largest_slow = -np.inf
        self._smallest_fast = np.inf

    def take(self, gyr: FloatArray) -> None:
        """The next angular rates, shape (n, 3), rad/s; rows of NaN are left out."""
        size = np.linalg.norm(gyr, axis=1)
        size = size[~np.isnan(size)]
        fast = size > FASTEST_RAD_S
        n_fast = int(np.count_nonzero(fast))
        self._n += len(size)
        self._n_fast += n_fast
        if n_fast:
            self._smallest_fast = min(self._smallest_fast, float(size[fast].min()))
        if n_fast < len(size):
            self._largest_slow = max(self._largest_slow, float(size[~fast].max()))

    @property
    def notes(self) -> list[str]:
        """A sentence when the rates are too fast."""
        if not self._is_too_fast():
            return []
        percent = 100.0 * self._n_fast / self._n
        return [
            f"The angular rate is above {FASTEST_RAD_S:.0f} rad/s in {percent:.0f} % of the samples, "
            "more than a body turns: its unit is probably deg/s."
        ]

    def _is_too_fast(self) -> bool:
        if not self._n:
            return False
        place = USUAL_SHARE * (self._n - 1)
        below = int(place)
        n_slow = self._n - self._n_fast
        if n_slow <= below:
            return True
        if n_slow > below + 1:
            return False
        beyond = self._largest_slow + (place - below) * (self._smallest_fast - self._largest_slow)
        return place > below and beyond > FASTEST_RAD_S
