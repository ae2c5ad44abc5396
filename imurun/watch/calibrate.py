"""Makes a calibration: the offset of a runner's contact times from those of another device, by speed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from imurun.core.contact import CONTACT_MODEL
from imurun.errors import FormatError, SettingsError
from imurun.model.calibration import (
    APART_M_S,
    LARGEST_OFFSET_MS,
    MOST_POINTS,
    MOST_SPANS,
    Calibration,
    CalibrationPoint,
)
from imurun.model.frames import FloatArray
from imurun.model.speed import SpeedTable
from imurun.session import Session
from imurun.watch.trusted_seconds import Compared

LEAST_STEPS = 100
"""Fewer steps at one speed are refused: blocks of 60 s scatter by 2.3 to 3.7 ms."""
ENOUGH_STEPS = 300
NEAR_S = 0.5
"""Steps this near to a second, or to a row of a table, belong to it."""
GIVEN = "given by hand"


def given_by_hand(
    session: Session, contact_ms: float, from_s: float, to_s: float, speed: SpeedTable | None
) -> Compared:
    """One contact time for a stretch of the recording, at each of its running steps.

    Raises:
        SettingsError: a contact time that is not possible, or a stretch outside the recording.
    """
    duration_s = float(session.summary["duration_s"])
    if not 100.0 <= contact_ms <= 450.0:
        raise SettingsError(
            f"A contact time of {contact_ms:g} ms is not one of running; give ms, such as 240."
        )
    if not 0.0 <= from_s < to_s:
        raise SettingsError("--from must be before --to.")
    if from_s >= duration_s:
        raise SettingsError(
            f"--from lies after the end of the recording, which lasts {duration_s:.0f} s; give less."
        )
    contacts_s, _, _ = running_steps(session)
    times = contacts_s[(contacts_s >= from_s) & (contacts_s < to_s)]
    speeds = np.full(len(times), np.nan) if speed is None else speed.at(times)
    return Compared(times, np.full(len(times), contact_ms), speeds, GIVEN)


def make_calibration(
    compared: Compared,
    plain: Session,
    with_speed: Session | None,
    *,
    date: str,
    recording: str = "",
    fingerprint: str = "",
) -> tuple[Calibration, tuple[str, ...]]:
    """Compare contact times, at one speed or at two that are 0.7 m/s apart.

    Args:
        compared: contact times of the other device.
        plain: the recording, analysed without calibration and without a known speed.
        with_speed: the same with the known speed; None where it is unknown.
        date: YYYY-MM-DD.
        recording, fingerprint: of the recording, so that a later model can repeat the comparison.

    Returns:
        The calibration, and notes, one sentence each.

    Raises:
        FormatError: too few steps, or an offset above 40 ms.
    """
    points = [_point(group, plain, with_speed) for group in _by_speed(compared, plain)]
    points = [point for point in points if point is not None]
    if not points:
        n = len(steps_near(plain, compared.time_s))
        raise FormatError(
            f"Only {n} running steps can be compared at a steady speed; {LEAST_STEPS} are needed, about "
            f"40 s, and {ENOUGH_STEPS} are better."
        )
    for point in points:
        if not abs(point.offset_ms) <= LARGEST_OFFSET_MS:
            raise FormatError(
                f"{_source_words(compared.source)} differ by {point.offset_ms:+.0f} ms from the recording's, "
                f"more than the {LARGEST_OFFSET_MS:g} ms that devices differ: check that it is the same run "
                "and runner."
            )
    points = [_checked(point) for point in points]
    notes = list(compared.notes)
    n_least = min(point.n_steps for point in points)
    if n_least < ENOUGH_STEPS:
        notes.append(f"{n_least} steps were compared; {ENOUGH_STEPS} at one speed are better.")
    calibration = Calibration(date, compared.source, CONTACT_MODEL, tuple(points), recording, fingerprint)
    return calibration, tuple(notes)


def joined(old: Calibration | None, new: Calibration) -> Calibration:
    """The new calibration, with the points of an old one of the same source and model at other speeds.

    Points without a speed, or within 0.7 m/s of a new one, are dropped.
    """
    if old is None or old.source != new.source or old.model != new.model:
        return new
    speeds = [point.speed_m_s for point in new.points]
    kept = [
        # another recording: its stretches mean nothing for this one
        point._replace(spans_s=())
        for point in old.points
        if all(abs(point.speed_m_s - speed) >= APART_M_S for speed in speeds)  # False for NaN
    ]
    points = sorted([*new.points, *kept], key=lambda point: point.speed_m_s)
    return replace(new, points=tuple(points[:MOST_POINTS])) if kept else new


def renewed(calibration: Calibration, analyse: Callable[[SpeedTable | None], Session]) -> Calibration | None:
    """A calibration of an older model for this one, from the same stretches of its recording.

    Args:
        calibration: made with an older contact model.
        analyse: analyses the recording without a calibration, with a known speed or None.

    Returns:
        None where a point has no stretches of this recording, or the offset is no longer possible.
    """
    if any(not point.spans_s or not math.isfinite(point.reference_ms) for point in calibration.points):
        return None
    speed = _speed_of(calibration.points)
    plain = analyse(None)
    with_speed = None if speed is None else analyse(speed)
    points: list[CalibrationPoint] = []
    for point in calibration.points:
        own = _own_mean(plain, point.spans_s)
        if own is None:
            return None
        offset = point.reference_ms - own[0]
        if abs(offset) > LARGEST_OFFSET_MS:
            return None
        other = None if with_speed is None else _own_mean(with_speed, point.spans_s)
        fresh = point._replace(
            offset_ms=offset,
            offset_with_speed_ms=math.nan if other is None else point.reference_ms - other[0],
        )
        points.append(_checked(fresh))
    return replace(calibration, model=CONTACT_MODEL, points=tuple(points))


def running_steps(session: Session) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Initial contact s, contact time ms and cadence steps/min of the running steps, shape (n,) each."""
    rows = np.asarray(session.steps["gait"] == "running") & np.isfinite(
        np.asarray(session.steps["contact_time_ms"], dtype=np.float64)
    )
    names = ("initial_contact_s", "contact_time_ms", "cadence_spm")
    contacts_s, contact_ms, spm = (np.asarray(session.steps[name], dtype=np.float64)[rows] for name in names)
    return contacts_s, contact_ms, spm


def steps_near(session: Session, time_s: FloatArray) -> np.ndarray:
    """Indices of the running steps within 0.5 s of any of the times."""
    contacts_s, _, _ = running_steps(session)
    first = np.searchsorted(time_s, contacts_s - NEAR_S)
    stop = np.searchsorted(time_s, contacts_s + NEAR_S)
    return np.flatnonzero(stop > first)


def _by_speed(compared: Compared, session: Session) -> list[Compared]:
    """One group, or two whose mean speeds are 0.7 m/s apart and have enough steps each."""
    known = np.isfinite(compared.speed_m_s)
    if not known.any():
        return [compared]
    some = _rows(compared, known)
    speeds = some.speed_m_s
    low, high = float(speeds.min()), float(speeds.max())
    for _ in range(20):  # two means in one dimension
        slow = np.abs(speeds - low) <= np.abs(speeds - high)
        if slow.all() or not slow.any():
            break
        low, high = float(speeds[slow].mean()), float(speeds[~slow].mean())
    slow = np.abs(speeds - low) <= np.abs(speeds - high)
    groups = [_rows(some, slow), _rows(some, ~slow)]
    enough = [len(steps_near(session, group.time_s)) >= LEAST_STEPS for group in groups]
    if high - low >= APART_M_S:
        return [group for group, is_enough in zip(groups, enough, strict=True) if is_enough]
    return [some]


def _point(group: Compared, plain: Session, with_speed: Session | None) -> CalibrationPoint | None:
    """The offset of one group; None with too few steps."""
    spans = _spans(group.time_s)
    if not spans:
        return None
    inside = np.zeros(len(group.time_s), dtype=bool)
    for begin, end in spans:
        inside |= (group.time_s >= begin) & (group.time_s <= end)
    reference_ms = float(group.contact_ms[inside].mean())
    own = _own_mean(plain, spans)
    if own is None:
        return None
    mean_ms, cadence_spm, n_steps = own
    speeds = group.speed_m_s[inside]
    speed_m_s = float(speeds.mean()) if np.isfinite(speeds).all() else math.nan
    other = None if with_speed is None or math.isnan(speed_m_s) else _own_mean(with_speed, spans)
    return CalibrationPoint(
        speed_m_s,
        cadence_spm,
        reference_ms - mean_ms,
        math.nan if other is None else reference_ms - other[0],
        reference_ms,
        n_steps,
        spans,
    )


def _own_mean(session: Session, spans: Sequence[tuple[float, float]]) -> tuple[float, float, int] | None:
    """Mean contact time ms, mean cadence and number of running steps in spans; None with too few."""
    contacts_s, contact_ms, spm = running_steps(session)
    inside = np.zeros(len(contacts_s), dtype=bool)
    for begin, end in spans:
        inside |= (contacts_s >= begin) & (contacts_s <= end)
    n = int(np.count_nonzero(inside))
    if n < LEAST_STEPS:
        return None
    return float(contact_ms[inside].mean()), float(np.nanmean(spm[inside])), n


def _spans(time_s: FloatArray) -> tuple[tuple[float, float], ...]:
    """Stretches around the times, those less than a second apart joined; the longest ones, in order."""
    if not len(time_s):
        return ()
    breaks = np.flatnonzero(np.diff(time_s) > 2.0 * NEAR_S + 0.1)
    first = np.concatenate([[0], breaks + 1])
    last = np.concatenate([breaks, [len(time_s) - 1]])
    spans = [
        (round(max(float(time_s[a]) - NEAR_S, 0.0), 3), round(float(time_s[b]) + NEAR_S, 3))
        for a, b in zip(first, last, strict=True)
    ]
    spans.sort(key=lambda span: span[0] - span[1])
    return tuple(sorted(spans[:MOST_SPANS]))


def _rows(compared: Compared, rows: np.ndarray) -> Compared:
    return replace(
        compared,
        time_s=compared.time_s[rows],
        contact_ms=compared.contact_ms[rows],
        speed_m_s=compared.speed_m_s[rows],
    )


def _checked(point: CalibrationPoint) -> CalibrationPoint:
    """Without an offset for known speeds that is not possible, while the other is."""
    if abs(point.offset_with_speed_ms) > LARGEST_OFFSET_MS:
        return point._replace(offset_with_speed_ms=math.nan)
    return point


def _speed_of(points: Sequence[CalibrationPoint]) -> SpeedTable | None:
    """The speeds of the points in their stretches; None where one is unknown."""
    if any(math.isnan(point.speed_m_s) for point in points):
        return None
    changes: dict[float, float] = {}
    for point in points:
        for begin, end in point.spans_s:
            changes.setdefault(end, math.nan)
            changes[begin] = point.speed_m_s
    starts = sorted(changes)
    return SpeedTable(np.array(starts), np.array([changes[start] for start in starts]), "calibration")


def _source_words(source: str) -> str:
    return "The contact times given" if source == GIVEN else f"The contact times of {source}"
