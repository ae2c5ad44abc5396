"""The runner's earlier sessions and this session's own row of the history, for the report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from imurun.files.text import sanitize
from imurun.model.frames import FloatArray

RECENT_DAYS = 180
"""Span of the pictures before the session."""
SAME_S = 1.0
"""A stored session whose start differs by less is this session."""


class Sessions:
    """Rows of the history in order of their start, read by column.

    Attributes:
        start: UTC, shape (n,).
    """

    def __init__(self, frame: Any) -> None:
        self._frame: Any = frame
        self.start: npt.NDArray[np.datetime64] = np.asarray(frame["start"], dtype="datetime64[ns]")

    def __len__(self) -> int:
        return len(self.start)

    def numbers(self, name: str) -> FloatArray:
        """A numeric column, shape (n,); NaN where a value is not known."""
        if name not in self._frame:
            return np.full(len(self), np.nan)
        return np.asarray(pd.to_numeric(self._frame[name], errors="coerce"), dtype=np.float64)

    def texts(self, name: str) -> list[str]:
        """A text column; "" where there is no text."""
        if name not in self._frame:
            return [""] * len(self)
        return [sanitize(v).strip() if isinstance(v, str) else "" for v in self._frame[name]]

    def where(self, chosen: npt.NDArray[np.bool_] | Sequence[bool]) -> Sessions:
        """The rows where `chosen` is true."""
        return Sessions(self._frame[np.asarray(chosen, dtype=bool)])


class Past:
    """The sessions before a session, and its own row.

    Attributes:
        start: of the session, UTC without a zone; None when it is not known.
        earlier: sessions before it, the oldest first; all of them when it has no date.
        own: the session's own row, with its tags; empty where the history does not have it.
        with_own: both.
        recent: the earlier ones of the last months.
    """

    def __init__(self, rows: Sessions, start: np.datetime64 | None) -> None:
        self.start = start
        if start is None:
            is_own = np.zeros(len(rows), dtype=bool)
            is_earlier = ~is_own
        else:
            apart_s = (rows.start - start) / np.timedelta64(1, "s")
            is_own, is_earlier = np.abs(apart_s) < SAME_S, apart_s <= -SAME_S
        self.earlier = rows.where(is_earlier)
        self.own = rows.where(is_own)
        self.with_own = rows.where(is_earlier | is_own)
        self.recent = self.days_before(RECENT_DAYS)

    def days_before(self, days: int) -> Sessions:
        """Earlier sessions of the `days` before this one; before the last earlier one if it has no date."""
        if not len(self.earlier):
            return self.earlier
        last = self.start if self.start is not None else self.earlier.start[-1]
        return self.earlier.where(self.earlier.start >= last - np.timedelta64(days, "D"))

    def own_number(self, name: str) -> float | None:
        """A number of the session's own row; None where it is not known."""
        known = [float(value) for value in self.own.numbers(name) if np.isfinite(value)]
        return known[-1] if known else None

    def own_text(self, name: str) -> str:
        """A tag of the session's own row; "" where it has none."""
        return next(reversed(self.own.texts(name)), "")


def make_past(history: Any, start: datetime | None) -> Past | None:
    """The past of a session that began at `start`; None without a history.

    Args:
        history: a pandas table with `start` (UTC) and one row for each session, or None.
        start: UTC, with or without a time zone.
    """
    if history is None or not len(history):
        return None
    utc = pd.to_datetime(history["start"], utc=True).dt.tz_localize(None)
    rows = history.assign(start=utc).dropna(subset="start").sort_values("start", kind="stable")
    return Past(Sessions(rows), None if start is None else utc_of(start))


def utc_of(time: datetime) -> np.datetime64:
    """A time as UTC without a zone; a time without a zone is taken as UTC."""
    return pd.to_datetime([time], utc=True).tz_localize(None).to_numpy()[0]


def day_of(time: np.datetime64) -> str:
    """Such as "3 May 2025"."""
    return f"{time.astype('datetime64[s]').astype(datetime):%d %b %Y}".lstrip("0")


def ms_of(times: Any) -> Any:
    """Milliseconds since 1970, bokeh's unit of time; of one time or an array."""
    return (times - np.datetime64(0, "ms")) / np.timedelta64(1, "ms")
