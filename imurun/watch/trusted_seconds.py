"""Picks the seconds of a recording for which a watch's contact time can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imurun.errors import FormatError
from imurun.export.fit_contact import WatchContact
from imurun.export.fit_read import Track
from imurun.model.frames import FloatArray
from imurun.session import Session
from imurun.watch.align import align, at_times, is_running_sport
from imurun.watch.speed import steady_speed

LONGEST_CONTACT_MS = 380.0
"""Walking leaks into running dynamics at 450 ms and more."""
LEAST_STRIDES_A_MIN = 70.0
SHARE_PERCENT = (25.0, 48.0)
"""Contact time over the time of a stride."""
AFTER_S, BEFORE_S = 15, 3
"""Seconds are left out this long after, and before, walking, a stop, a pause or a hole."""
STEP_WITHIN_S = 0.6


@dataclass(frozen=True, eq=False)
class Compared:
    """Contact times of another device at times of a recording.

    Attributes:
        time_s: of the recording, rising, shape (m,).
        contact_ms: by the other device, shape (m,).
        speed_m_s: shape (m,); NaN where unknown.
        source: whose contact times they are: "your Stryd".
        notes: one sentence each.
    """

    time_s: FloatArray
    contact_ms: FloatArray
    speed_m_s: FloatArray
    source: str
    notes: tuple[str, ...] = ()

    def between(self, from_s: float, to_s: float) -> Compared:
        """The times in a half-open stretch of the recording."""
        rows = (self.time_s >= from_s) & (self.time_s < to_s)
        return Compared(
            self.time_s[rows], self.contact_ms[rows], self.speed_m_s[rows], self.source, self.notes
        )


def compare_watch(session: Session, track: Track) -> Compared:
    """The seconds in which a watch's contact time can be trusted.

    Of several devices in one file, the one with most values counts; the others are named in a note.

    Args:
        session: analysed, with a start.
        track: activity of the same run.

    Raises:
        SettingsError, FormatError: as `imurun.watch.align.align`; or the file has no contact times.
    """
    if not track.contacts:
        raise FormatError(
            f"{track.source} has no contact times; running dynamics come from a watch, strap or pod that "
            "measures them (Garmin, Stryd, COROS, RunScribe)."
        )
    contact = track.contacts[0]
    notes = list(track.warnings)
    if len(track.contacts) > 1:
        others = " and ".join(other.device for other in track.contacts[1:])
        notes.append(
            f"{track.source} has contact times of {contact.device} and {others}; {contact.device} was used."
        )
    alignment = align(session, track)
    n = max(int(session.summary["duration_s"]), 1)
    time_s = np.arange(n, dtype=np.float64) + 0.5
    speed = steady_speed(track, alignment, time_s)
    strides = 0.5 * alignment.steps_a_cycle * at_times(
        track.time_s, track.cadence_rpm, alignment.start_s + time_s
    )  # fmt: skip
    contact_ms = _delayed(track, contact, alignment.start_s, time_s)
    share = contact_ms * strides / 600.0
    good = (
        is_running_sport(track, alignment.start_s + time_s)
        & (contact_ms > 0.0)
        & (contact_ms < LONGEST_CONTACT_MS)
        & (strides >= LEAST_STRIDES_A_MIN)
        & (share >= SHARE_PERCENT[0])
        & (share <= SHARE_PERCENT[1])
    )
    trusted = settled(good & running_seconds(session, time_s))
    if np.isfinite(track.speed_m_s).any() and (trusted & np.isfinite(speed)).any():
        trusted &= np.isfinite(speed)
    return Compared(
        time_s[trusted], contact_ms[trusted], speed[trusted], f"your {contact.device}", tuple(notes)
    )


def running_seconds(session: Session, time_s: FloatArray) -> np.ndarray:
    """Whether a running step begins near each time, shape of `time_s`."""
    rows = np.asarray(session.steps["gait"] == "running")
    contacts_s = np.asarray(session.steps["initial_contact_s"], dtype=np.float64)[rows]
    first = np.searchsorted(contacts_s, time_s - STEP_WITHIN_S)
    stop = np.searchsorted(contacts_s, time_s + STEP_WITHIN_S)
    return stop > first


def settled(good: np.ndarray) -> np.ndarray:
    """Seconds that are good, as are the 15 before and the 3 after them, shape (n,)."""
    n = len(good)
    bad = np.concatenate([[0], np.cumsum(~good)])
    k = np.arange(n)
    first, stop = np.maximum(k - AFTER_S, 0), np.minimum(k + BEFORE_S + 1, n)
    return (bad[stop] - bad[first] == 0) & (k >= AFTER_S)


def _delayed(track: Track, contact: WatchContact, start_s: float, time_s: FloatArray) -> FloatArray:
    """What the device shows for times of the recording, after its delay."""
    return at_times(track.time_s, contact.contact_ms, start_s + contact.delay_s + time_s)
