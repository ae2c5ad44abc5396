"""What happened when in a session, beside its steps, as text for the catalogue and back."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pandas as pd

from imurun.recording import Marker

if TYPE_CHECKING:
    from imurun.session import Session

COLUMNS = ("start_s", "end_s", "kind")


def course_text(session: Session) -> str:
    """Bouts, phases, markers, warnings and settings of a session as JSON."""
    return json.dumps(
        {
            "bouts": _rows(session.bouts),
            "phases": _rows(session.phases),
            "markers": [asdict(marker) for marker in session.markers],
            "warnings": list(session.warnings),
            "settings": session.settings,
        },
        allow_nan=False,
    )


def read_course(text: str) -> dict[str, Any]:
    """The fields of a `Session` that `course_text` kept."""
    course = json.loads(text)
    return {
        "bouts": pd.DataFrame(course["bouts"], columns=list(COLUMNS)),
        "phases": pd.DataFrame(course["phases"], columns=list(COLUMNS)),
        "markers": tuple(Marker(**marker) for marker in course["markers"]),
        "warnings": tuple(course["warnings"]),
        "settings": course["settings"],
    }


def _rows(frame: pd.DataFrame) -> list[tuple[float, float, str]]:
    return [
        (float(a), float(b), str(kind))
        for a, b, kind in zip(*(frame[name].tolist() for name in COLUMNS), strict=True)
    ]
