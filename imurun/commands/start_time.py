"""When a recording began, as a person types it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from imurun.errors import SettingsError
from imurun.io.printable import printable
from imurun.recording import Recording


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


def begun_at(recording: Recording, start: datetime | None) -> Recording:
    """The recording with the start that was said."""
    return recording if start is None else replace(recording, start=start)
