"""When a recording began, as a person types it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeVar

from imurun.errors import SettingsError
from imurun.files.text import printable
from imurun.model.recording_like import Recorded

AnyRecorded = TypeVar("AnyRecorded", bound=Recorded)


def parse_start(text: str) -> datetime:
    """A start in ISO 8601, as UTC; without a zone, in that of this machine.

    Raises:
        SettingsError: no date and time.
    """
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise SettingsError(
            f"--start {printable(text)} is no start; write it as 2026-05-01T07:30, in this machine's zone, "
            "or with a zone as 2026-05-01T07:30:00Z."
        ) from error


def begun_at(recording: AnyRecorded, start: datetime | None) -> AnyRecorded:
    """The recording with the start that was said."""
    return recording if start is None else recording.with_start(start)
