"""Checks of a gyroscope's data: constant output, and rad/s against deg/s."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from imurun.model.frames import FloatArray, G
from imurun.model.recording_like import Recorded

FASTEST_RAD_S = 35.0
"""2000 deg/s, the full scale of common gyroscopes; a runner's pelvis stays below 10 rad/s."""
USUAL_SHARE = 0.95
"""Angular rates are judged by this quantile of their magnitude: impacts may be faster."""
SLOWEST_DEG_S = 25.0
"""Without a stated unit, a quantile above this is not rad/s; below it, deg/s would mean hardly any motion."""
SLOWEST_MDEG_S = 4000.0
"""Without a stated unit, a quantile above this is mdeg/s: a pelvis does not turn at 4000 deg/s."""
_LEAST_RUN_RAD_S = 0.2
_LEAST_RUN_ACC_SD = 0.1 * G
"""Standard deviation of the specific force, m/s2, above which the sensor moves as in walking or running."""
_LEAST_AGREEMENT = 0.3
"""Correlation of measured and predicted turning of gravity from which their ratio decides on the unit."""
_TURN_WINDOW_S = 0.5
_DEG_S = np.pi / 180.0
_BLOCK_SAMPLES = 1 << 16
_ADVICE = "faster than a body turns: its unit is probably deg/s, not rad/s."


def is_dead(recording: Recorded) -> bool:
    """Whether the angular rate is the same in all samples, of which there are at least two."""
    first: FloatArray | None = None
    n = 0
    for _, gyr in recording.blocks(_BLOCK_SAMPLES):
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
    """Checks angular rates block by block for a unit that is not rad/s.

    The rates are too fast when the 95th percentile of their magnitude, as `numpy.percentile` interpolates it,
    exceeds `FASTEST_RAD_S`. This takes no sorting: the number of faster samples decides, and where the
    percentile lies between the two magnitudes next to the limit, these are interpolated.

    Args:
        known: warnings given before. When the reader of the file found this fault, `notes` stays empty.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._is_known = any(text.endswith(_ADVICE) for text in known)
        self._n = 0
        self._n_fast = 0
        self._largest_slow = -np.inf
        self._smallest_fast = np.inf

    def take(self, gyr: FloatArray) -> None:
        """Add angular rates, shape (n, 3), rad/s; rows of NaN are left out."""
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
        """One warning when the rates are too fast."""
        if self._is_known or not self._is_too_fast():
            return []
        percent = 100.0 * self._n_fast / self._n
        return [
            f"The angular rate is above {FASTEST_RAD_S:.0f} rad/s in {percent:.0f} % of the samples, "
            f"{_ADVICE}"
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


def infer_gyr_unit(gyr: FloatArray, acc_si: FloatArray, rate_hz: float) -> tuple[str, bool]:
    """Infer the unit of an angular rate (rad/s, deg/s or mdeg/s), and whether the data decide on it.

    A pelvis in walking or running turns at 1 to 8 rad/s, which is 60 to 450 deg/s. Slow rates are compared
    with how fast the direction of gravity turns in the accelerometer.

    Args:
        gyr: shape (n, 3), unit unknown.
        acc_si: shape (n, 3), m/s2.
        rate_hz: samples a second.
    """
    good = np.isfinite(gyr).all(axis=1) & np.isfinite(acc_si).all(axis=1)
    size = np.linalg.norm(gyr[good], axis=1)
    if not len(size):
        return "rad/s", False
    usual = float(np.percentile(size, 100.0 * USUAL_SHARE))
    if usual > SLOWEST_MDEG_S:
        return "mdeg/s", True
    if usual > SLOWEST_DEG_S:
        return "deg/s", True
    moves = float(np.std(np.linalg.norm(acc_si[good], axis=1))) > _LEAST_RUN_ACC_SD
    if moves and usual > _LEAST_RUN_RAD_S:
        return "rad/s", True
    return _unit_by_turning_gravity(gyr[good], acc_si[good], rate_hz)


def _unit_by_turning_gravity(gyr: FloatArray, acc: FloatArray, rate_hz: float) -> tuple[str, bool]:
    """Regress the turning of the smoothed acceleration on the angular rate (du/dt = -rate x u)."""
    width = max(1, round(_TURN_WINDOW_S * rate_hz))
    n = len(acc) // width
    if n < 3:
        return "rad/s", False
    up = acc[: n * width].reshape(n, width, 3).mean(axis=1)
    up /= np.linalg.norm(up, axis=1, keepdims=True) + 1e-12
    rate = gyr[: n * width].reshape(n, width, 3).mean(axis=1)
    between = 0.5 * (rate[1:] + rate[:-1]) * (width / rate_hz)
    predicted = -np.cross(between, 0.5 * (up[1:] + up[:-1]))
    turned = np.diff(up, axis=0)
    power = float((predicted**2).sum())
    if power == 0.0:
        return "rad/s", False
    slope = float((predicted * turned).sum()) / power
    agreement = slope * np.sqrt(power / (float((turned**2).sum()) + 1e-12))
    if slope <= 0 or agreement < _LEAST_AGREEMENT:
        return "rad/s", False
    # a slope of 1 means rad/s and one of pi/180 deg/s; their geometric mean divides them
    return ("rad/s" if slope > np.sqrt(_DEG_S) else "deg/s"), True
