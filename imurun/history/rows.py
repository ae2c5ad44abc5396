"""Stores bouts, phases and markers as JSON in the history's database; checks rows from an archive."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pandas as pd

from imurun.files.text import sanitize
from imurun.history.dose import N_BINS
from imurun.history.tags import TAG_NAMES, Tags, clean_runner
from imurun.model.recording import Marker

if TYPE_CHECKING:
    from imurun.session import Session

INTERVAL_COLUMNS = ("start_s", "end_s", "kind")
"""Of the tables of bouts and phases."""
SESSION_ID = re.compile(r"[0-9]{8}-[0-9a-f]{6}")
LATEST_US = 9_000_000_000_000_000
"""In the year 2255: pandas counts nanoseconds in 64 bits."""
NUMBERS = (
    "duration_s",
    "running_s",
    "running_steps",
    "lumbar_dose_bw4",
    "lumbar_dose_bw1",
    "lumbar_dose_bw10",
)
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


def course_text(session: Session) -> str:
    """Bouts, phases, markers, warnings and settings of a session as JSON."""
    return json.dumps(
        {
            "bouts": _intervals(session.bouts),
            "phases": _intervals(session.phases),
            "markers": [asdict(marker) for marker in session.markers],
            "warnings": list(session.warnings),
            "settings": session.settings,
        },
        allow_nan=False,
    )


def read_course(text: str) -> dict[str, Any]:
    """The fields of a `Session` that `course_text` wrote."""
    course = json.loads(text)
    return {
        "bouts": pd.DataFrame(course["bouts"], columns=list(INTERVAL_COLUMNS)),
        "phases": pd.DataFrame(course["phases"], columns=list(INTERVAL_COLUMNS)),
        "markers": tuple(Marker(**marker) for marker in course["markers"]),
        "warnings": tuple(course["warnings"]),
        "settings": course["settings"],
    }


def check_row(row: Mapping[str, Any]) -> None:
    """Check that `Store.add` could have written a row; rows of an archive come from outside.

    Raises:
        ValueError, TypeError, KeyError, OverflowError, RecursionError: the row is invalid.
    """
    _check(SESSION_ID.fullmatch(row["session_id"]) is not None)
    _check(_FINGERPRINT.fullmatch(row["fingerprint"]) is not None)
    _check(clean_runner(row["runner"]) == row["runner"])
    _check(sanitize(row["source"]) == row["source"])
    _check(isinstance(row["start_us"], int) and 0 <= row["start_us"] < LATEST_US)
    _check(isinstance(row["counts"], bytes) and len(row["counts"]) == 4 * N_BINS)
    tags = {name: row[name] for name in TAG_NAMES}
    _check(Tags(**tags).given() == {name: value for name, value in tags.items() if value is not None})
    summary = json.loads(row["summary"], parse_constant=_refuse_constant)
    _check(isinstance(summary, dict) and all(map(_is_plain, summary.values())))
    _check(all(summary.get(name) is None or _is_number(summary[name]) for name in NUMBERS))
    if row["course"] is not None:
        _check_course(row["course"])


def _check_course(text: str) -> None:
    json.loads(text, parse_constant=_refuse_constant)
    course = read_course(text)
    for name in ("bouts", "phases"):
        for start_s, end_s, kind in course[name].itertuples(index=False):
            _check(_is_number(start_s) and _is_number(end_s) and isinstance(kind, str))
    _check(all(isinstance(warning, str) for warning in course["warnings"]))
    _check(isinstance(course["settings"], dict) and all(map(_is_plain, course["settings"].values())))


def _is_plain(value: Any) -> bool:
    """Whether a value can be in a summary: a number, text, bool, None, or a list of texts."""
    if isinstance(value, list):
        return all(isinstance(text, str) for text in value)
    return value is None or isinstance(value, str | bool) or _is_number(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word} is not a JSON number")


def _check(holds: bool) -> None:
    if not holds:
        raise ValueError("a value of the wrong type or out of range")


def _intervals(frame: pd.DataFrame) -> list[tuple[float, float, str]]:
    return [
        (float(a), float(b), str(kind))
        for a, b, kind in zip(*(frame[name].tolist() for name in INTERVAL_COLUMNS), strict=True)
    ]
