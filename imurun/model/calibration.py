"""Calibration: a runner's own correction of contact times, as another device counts them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, cast

import numpy as np

from imurun.errors import SettingsError
from imurun.model.frames import FloatArray

LARGEST_OFFSET_MS = 40.0
"""A device that is further off counts something else, or was worn by another runner."""
NEAR_M_S = 0.5
"""An offset holds this near to its speed; set by hand, as devices differ by 15 to 24 ms more for each m/s."""
NEAR_SPM = 8.0
"""The same where only the cadence is known; set by hand."""
APART_M_S = 0.7
"""Two speeds at least this far apart give a slope."""
APART_SPM = 6.0
"""The same for cadences, for runs whose speed is not known; set by hand."""
MOST_POINTS = 6
MOST_SPANS = 40

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class CalibrationPoint(NamedTuple):
    """The offset at one speed.

    Attributes:
        speed_m_s: m/s; NaN if unknown.
        cadence_spm: mean of the steps, steps/min.
        offset_ms: what is added to a contact time that was computed without a known speed, ms.
        offset_with_speed_ms: the same for one computed with a known speed; NaN where the speed was unknown.
        reference_ms: mean contact time by the other device, ms.
        n_steps: number of steps.
        spans_s: stretches of the recording that were compared, (from, to) in s, to compute the offset again.
    """

    speed_m_s: float
    cadence_spm: float
    offset_ms: float
    offset_with_speed_ms: float = math.nan
    reference_ms: float = math.nan
    n_steps: int = 0
    spans_s: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Calibration:
    """Offsets of a runner's contact times.

    Attributes:
        date: day on which it was made, YYYY-MM-DD.
        source: what it makes contact times like: "your Stryd", "given by hand".
        model: version of the contact model that the offsets belong to (`imurun.core.contact.CONTACT_MODEL`).
        points: one or more, by rising speed; several only with known speeds at least `APART_M_S` apart.
        recording: path of the recording that was compared; "" if unknown.
        fingerprint: of its samples; "" if unknown.

    Raises:
        SettingsError: a value that is not possible.
    """

    date: str
    source: str
    model: str
    points: tuple[CalibrationPoint, ...]
    recording: str = ""
    fingerprint: str = ""

    def __post_init__(self) -> None:
        if _DATE.fullmatch(self.date) is None:
            raise SettingsError("The date of the calibration must be written as 2026-05-01.")
        if not self.source or not self.model:
            raise SettingsError("The calibration lacks its source or the version of its model.")
        if not 1 <= len(self.points) <= MOST_POINTS:
            raise SettingsError(f"A calibration has 1 to {MOST_POINTS} points.")
        for point in self.points:
            _check_point(point)
        speeds = [point.speed_m_s for point in self.points]
        if len(speeds) > 1 and not all(b - a >= APART_M_S - 1e-9 for a, b in pairwise(speeds)):
            raise SettingsError(f"The speeds of a calibration must rise by {APART_M_S:g} m/s at least.")

    @property
    def words(self) -> str:
        """What contact times are like with it, such as "as your Stryd counts, at 10.8 km/h, 2026-05-01"."""
        how = self.source if self.source.startswith("given") else f"as {self.source} counts"
        speeds = [f"{3.6 * p.speed_m_s:.1f}" for p in self.points if math.isfinite(p.speed_m_s)]
        at = f"at {' and '.join(speeds)} km/h" if speeds else f"at {self.points[0].cadence_spm:.0f} steps/min"
        return f"{how}, {at}, {self.date}"

    def as_dict(self) -> dict[str, Any]:
        """The calibration as plain values for JSON and TOML; unknown numbers are left out."""
        return {
            "date": self.date,
            "source": self.source,
            "model": self.model,
            **({"recording": self.recording} if self.recording else {}),
            **({"fingerprint": self.fingerprint} if self.fingerprint else {}),
            "points": [_point_dict(point) for point in self.points],
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Calibration:
        """The calibration that `as_dict` gave.

        Raises:
            SettingsError: something else.
        """
        texts: dict[str, str] = {}
        for name in ("date", "source", "model", "recording", "fingerprint"):
            value = content.get(name, "")
            texts[name] = value if isinstance(value, str) else str(value)
        rows = content.get("points")
        if not isinstance(rows, list | tuple):
            raise SettingsError("The calibration has no list of points.")
        unknown = set(content) - {*texts, "points"}
        if unknown:
            raise SettingsError(f"The calibration has an unknown key {sorted(map(str, unknown))[0]!r:.40}.")
        some = cast("Sequence[object]", rows)[: MOST_POINTS + 1]
        return cls(
            texts["date"],
            texts["source"],
            texts["model"],
            tuple(_point(row) for row in some),
            texts["recording"],
            texts["fingerprint"],
        )


def tables(calibration: Calibration | None) -> tuple[FloatArray, FloatArray]:
    """Offsets of contact time as the core uses them: by speed (m/s), and by cadence (steps/min).

    `imurun.core.contact.calibration_of` reads them: the table by speed for a contact time that was computed
    with a known speed, else the table by cadence. An offset is linear between two points, and constant beyond
    the outer ones. It holds up to `NEAR_M_S` or `NEAR_SPM` beyond them.

    Returns:
        Each of shape (k, 2): places in increasing order, and offsets in s. Empty without a calibration; that
        by speed is empty too where a point's speed is unknown, and has the offsets of an unknown speed where
        a point has no other. Where the cadences of two points are less than `APART_SPM` apart, that by
        cadence has the mean offset of all at both ends of the range.
    """
    empty = np.zeros((0, 2))
    if calibration is None:
        return empty, empty
    points = sorted(calibration.points, key=lambda point: point.cadence_spm)
    cadences, offsets = [p.cadence_spm for p in points], [p.offset_ms for p in points]
    if not all(b - a >= APART_SPM for a, b in pairwise(cadences)):
        cadences = sorted({cadences[0], cadences[-1]})
        offsets = [sum(offsets) / len(offsets)] * len(cadences)
    by_cadence = np.column_stack([cadences, np.array(offsets) / 1000.0])
    by_speed = [point for point in calibration.points if math.isfinite(point.speed_m_s)]
    if len(by_speed) < len(calibration.points):
        return empty, by_cadence
    known = [point.offset_with_speed_ms for point in by_speed]
    if not all(map(math.isfinite, known)):
        known = [point.offset_ms for point in by_speed]
    return np.column_stack([[p.speed_m_s for p in by_speed], np.array(known) / 1000.0]), by_cadence


def _check_point(point: CalibrationPoint) -> None:
    if not (math.isnan(point.speed_m_s) or 0.0 < point.speed_m_s <= 12.0):
        raise SettingsError("The speed of a calibration must lie above 0 and up to 12 m/s.")
    if not 60.0 <= point.cadence_spm <= 320.0:
        raise SettingsError("The cadence of a calibration must lie between 60 and 320 steps/min.")
    offsets = [point.offset_ms]
    if not math.isnan(point.offset_with_speed_ms):
        offsets.append(point.offset_with_speed_ms)
    if not all(abs(offset) <= LARGEST_OFFSET_MS for offset in offsets):
        raise SettingsError(
            f"The offset of a calibration must lie within {LARGEST_OFFSET_MS:g} ms; calibrate again."
        )
    if len(point.spans_s) > MOST_SPANS or not all(begin < end for begin, end in point.spans_s):
        raise SettingsError("The stretches of a calibration are not possible.")


def _point_dict(point: CalibrationPoint) -> dict[str, Any]:
    content: dict[str, Any] = {
        name: round(value, 4)
        for name, value in point._asdict().items()
        if isinstance(value, float) and math.isfinite(value)
    }
    content["n_steps"] = point.n_steps
    if point.spans_s:
        content["spans_s"] = [[round(begin, 3), round(end, 3)] for begin, end in point.spans_s]
    return content


def _point(content: object) -> CalibrationPoint:
    if not isinstance(content, Mapping):
        raise SettingsError("A point of the calibration is not a table of its known numbers.")
    row = cast("Mapping[str, Any]", content)
    if not set(row) <= set(CalibrationPoint._fields):
        raise SettingsError("A point of the calibration is not a table of its known numbers.")
    for name in ("cadence_spm", "offset_ms"):
        if name not in row:
            raise SettingsError(f"A point of the calibration lacks {name}.")
    try:
        numbers = {
            name: float(row.get(name, math.nan))
            for name in ("speed_m_s", "cadence_spm", "offset_ms", "offset_with_speed_ms", "reference_ms")
        }
        spans = tuple((float(begin), float(end)) for begin, end in row.get("spans_s", ()))
        return CalibrationPoint(**numbers, n_steps=int(row.get("n_steps", 0)), spans_s=spans)
    except (TypeError, ValueError, OverflowError) as error:
        raise SettingsError("A point of the calibration has something else than numbers.") from error
