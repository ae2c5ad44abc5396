"""Short text for a terminal: durations and small bar charts of a series."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SPARKS = "▁▂▃▄▅▆▇█"
SPARK_WIDTH = 24


def sparkline(values: npt.ArrayLike, width: int = SPARK_WIDTH) -> str:
    """A line of bars: medians of `width` equal parts of a series; "" for fewer than 2 * `width` values."""
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    if len(known) < 2 * width:
        return ""
    parts = np.array([np.median(part) for part in np.array_split(known, width)])
    low, high = parts.min(), parts.max()
    share = (parts - low) / (high - low) if high > low else np.zeros(width)
    return "".join(SPARKS[round(float(s) * (len(SPARKS) - 1))] for s in share)


def clock(seconds: float) -> str:
    """Seconds as h:mm:ss or m:ss."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, secs = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{secs:02d}" if hours else f"{minutes}:{secs:02d}"


def bars(values: npt.ArrayLike) -> str:
    """One bar a value, scaled from the smallest to the largest; a blank for NaN."""
    array = np.asarray(values, dtype=np.float64)
    known = array[np.isfinite(array)]
    if not len(known):
        return " " * len(array)
    low, span = known.min(), np.ptp(known)
    share = (array - low) / span if span > 0 else np.zeros(len(array))
    return "".join(SPARKS[round(float(s) * (len(SPARKS) - 1))] if np.isfinite(s) else " " for s in share)
