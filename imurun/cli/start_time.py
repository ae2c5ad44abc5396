"""The option `--start`: when a recording began, for files without a start time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeVar

from imurun.errors import SettingsError
from imurun.files.text import sanitize
from imurun.model.recording_like import Recorded

AnyRecorded = TypeVar("AnyRecorded", bound=Recorded)


def parse_start(text: str) -> datetime:
    """An ISO 8601 date and time as UTC; without a zone, it is in the zone of this machine.

    Raises:
        SettingsError: the text is no date and time.
    """
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise SettingsError(
            f"--start {sanitize(text)} is no date and time; write it as 2026-05-01T07:30, in this machine's "
            "zone, or with a zone as 2026-05-01T07:30:00Z."
        ) from error


def with_start(recording: AnyRecorded, start: datetime | None) -> AnyRecorded:
    """The recording with this start; unchanged if it is None."""
    return recording if start is None else recording.with_start(start)
