"""SpeedTable: the known running speed over a recording, from a treadmill or a watch."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from imurun.errors import SettingsError
from imurun.model.frames import FloatArray

FASTEST_M_S = 12.0
FASTEST_BARE_M_S = 7.0
"""A faster number without a unit is taken as a forgotten km/h."""
MOST_CHANGES = 1_000
KMH_PER_M_S = 3.6
TREADMILL = "treadmill"

_SPEED = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*(km/h|kmh|kph|m/s|)", re.IGNORECASE)
_MINUTE = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+")


@dataclass(frozen=True, eq=False)
class SpeedTable:
    """Known speed, constant from each start to the next; unknown before the first.

    Attributes:
        start_s: stream time, s, from which a speed holds, rising, shape (k,).
        speed_m_s: m/s, above 0 to 12, NaN where unknown, shape (k,).
        source: where it comes from: "treadmill", or the name of a watch's file.

    Raises:
        SettingsError: different shapes, times that do not rise or are not finite, impossible speeds.
    """

    start_s: FloatArray
    speed_m_s: FloatArray
    source: str = TREADMILL

    def __post_init__(self) -> None:
        starts = np.array(self.start_s, dtype=np.float64)
        speeds = np.array(self.speed_m_s, dtype=np.float64)
        if starts.ndim != 1 or starts.shape != speeds.shape or not len(starts):
            raise SettingsError("A speed table needs as many times as speeds, and at least one.")
        if not np.isfinite(starts).all() or (np.diff(starts) <= 0.0).any():
            raise SettingsError("The times of a speed table must rise.")
        known = speeds[~np.isnan(speeds)]
        if ((known <= 0.0) | (known > FASTEST_M_S)).any():
            raise SettingsError(f"A running speed must lie above 0 and up to {FASTEST_M_S:g} m/s.")
        starts.flags.writeable = speeds.flags.writeable = False
        object.__setattr__(self, "start_s", starts)
        object.__setattr__(self, "speed_m_s", speeds)

    @classmethod
    def constant(cls, speed_m_s: float, source: str = TREADMILL) -> SpeedTable:
        """One speed, m/s, for the whole recording.

        Raises:
            SettingsError: a speed that is not possible.
        """
        return cls(np.zeros(1), np.array([speed_m_s], dtype=np.float64), source)

    @classmethod
    def parse(cls, text: str) -> SpeedTable:
        """The table of `--treadmill`: one speed, or `minute:speed` pairs.

        `10.5km/h`, `2.9m/s` or `2.9` (m/s) hold for the whole recording; `0:3.0,5:3.5` holds from these
        minutes of the recording on, and 0 as a speed is a belt that stands.

        Raises:
            SettingsError: another text, or a speed that is not possible.
        """
        parts = [part.strip() for part in text.split(",")]
        if len(parts) > MOST_CHANGES:
            raise SettingsError(f"A treadmill's speed may change {MOST_CHANGES} times; give fewer pairs.")
        if ":" not in text:
            return cls.constant(_speed(text.strip(), text))
        starts: list[float] = []
        speeds: list[float] = []
        for part in parts:
            minute, colon, speed = part.partition(":")
            if not colon or _MINUTE.fullmatch(minute.strip()) is None:
                raise _unreadable(text)
            starts.append(60.0 * float(minute))
            speeds.append(_speed(speed.strip(), text, may_stand=True))
        if not all(a < b for a, b in pairwise(starts)):
            raise SettingsError(f"The minutes of the treadmill's speed {_short(text)!r} must rise.")
        return cls(np.array(starts), np.array(speeds))

    def at(self, time_s: FloatArray) -> FloatArray:
        """Speed at stream times, m/s, shape of `time_s`; NaN where unknown."""
        times = np.asarray(time_s, dtype=np.float64)
        rows = np.searchsorted(self.start_s, times, side="right") - 1
        return np.where(rows >= 0, self.speed_m_s[np.maximum(rows, 0)], np.nan)

    @property
    def is_known(self) -> bool:
        """Whether any part of the recording has a speed."""
        return bool(np.isfinite(self.speed_m_s).any())

    @property
    def words(self) -> str:
        """The speed in a few words, such as "10.5 km/h (treadmill)"."""
        known = self.speed_m_s[np.isfinite(self.speed_m_s)]
        if not len(known):
            return f"unknown ({self.source})"
        low, high = KMH_PER_M_S * float(known.min()), KMH_PER_M_S * float(known.max())
        span = f"{low:.1f}" if f"{low:.1f}" == f"{high:.1f}" else f"{low:.1f} to {high:.1f}"
        return f"{span} km/h ({self.source})"

    def as_dict(self) -> dict[str, Any]:
        """The table as plain values for JSON; None stands for an unknown speed."""
        return {
            "start_s": self.start_s.tolist(),
            "speed_m_s": [None if math.isnan(speed) else speed for speed in self.speed_m_s.tolist()],
            "source": self.source,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> SpeedTable:
        """The table that `as_dict` gave.

        Raises:
            SettingsError: something else.
        """
        try:
            speeds = [math.nan if speed is None else float(speed) for speed in content["speed_m_s"]]
            starts = [float(start) for start in content["start_s"]]
            return cls(np.array(starts), np.array(speeds), str(content["source"]))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise SettingsError("This is not a speed table.") from error


def _speed(part: str, text: str, *, may_stand: bool = False) -> float:
    """A speed in m/s; NaN for a belt that stands."""
    found = _SPEED.fullmatch(part)
    if found is None:
        raise _unreadable(text)
    number, unit = float(found[1]), found[2].lower()
    if number == 0.0 and may_stand:
        return math.nan
    if not unit and number > FASTEST_BARE_M_S:
        raise SettingsError(
            f"A treadmill's speed of {_short(part)} without a unit would be m/s; "
            f"write {_short(part)}km/h or {_short(part)}m/s."
        )
    speed = number if unit in ("m/s", "") else number / KMH_PER_M_S
    if not 0.0 < speed <= FASTEST_M_S:
        raise SettingsError(
            f"A treadmill's speed of {_short(part)} is not possible; "
            f"it must lie above 0 and up to {FASTEST_M_S:g} m/s."
        )
    return speed


def _unreadable(text: str) -> SettingsError:
    return SettingsError(
        f"The treadmill's speed {_short(text)!r} cannot be read; write 10.5km/h, 2.9m/s, or 0:3.0,5:3.5 "
        "for changes by minute."
    )


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}..."
