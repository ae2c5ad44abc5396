"""Tags that a runner gives a session (shoes, surface, pain, distance, notes), and limits on their values."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from imurun.errors import SettingsError
from imurun.files.text import sanitize

PAIN = ("pain_before", "pain_during", "pain_after", "pain_morning")
WORST_PAIN = 10.0
LONGEST_KM = 500.0
LONGEST_WORD, LONGEST_NOTES = 80, 2000


@dataclass(frozen=True)
class Tags:
    """Tags of a session; None for those not given.

    Attributes:
        shoes, surface: free text, up to 80 characters.
        pain_before, pain_during, pain_after, pain_morning: 0 (none) to 10 (worst); the last is that of the
            next morning.
        notes: up to 2000 characters.
        distance_km: more than 0 and up to 500.

    Raises:
        SettingsError: a number outside its range, or a text that is too long.
    """

    shoes: str | None = None
    surface: str | None = None
    pain_before: float | None = None
    pain_during: float | None = None
    pain_after: float | None = None
    pain_morning: float | None = None
    notes: str | None = None
    distance_km: float | None = None

    def __post_init__(self) -> None:
        for name in PAIN:
            value = getattr(self, name)
            if value is not None and not 0.0 <= value <= WORST_PAIN:
                raise SettingsError(f"{name} must be 0 (no pain) to 10 (worst pain), got {value:g}.")
        if self.distance_km is not None and not 0.0 < self.distance_km <= LONGEST_KM:
            raise SettingsError(
                f"distance_km must be more than 0 and at most {LONGEST_KM:g} km, got {self.distance_km:g}."
            )
        for name, longest in (("shoes", LONGEST_WORD), ("surface", LONGEST_WORD), ("notes", LONGEST_NOTES)):
            text = getattr(self, name)
            if text is not None:
                object.__setattr__(self, name, clean_text(name, text, longest))

    def given(self) -> dict[str, Any]:
        """The tags that were given, by name."""
        return {name: getattr(self, name) for name in TAG_NAMES if getattr(self, name) is not None}


TAG_NAMES = tuple(field.name for field in fields(Tags))


def clean_text(name: str, text: str, longest: int) -> str:
    """User text as it is stored: printable, without leading and trailing blanks.

    Raises:
        SettingsError: too long.
    """
    kept = sanitize(text).strip()
    if len(kept) > longest:
        raise SettingsError(f"{name} must be at most {longest} characters long, got {len(kept)}.")
    return kept


def clean_runner(name: str) -> str:
    """A runner's name as it is stored.

    Raises:
        SettingsError: empty or longer than 80 characters.
    """
    kept = clean_text("The runner's name", name, LONGEST_WORD)
    if not kept:
        raise SettingsError("The runner's name is empty; give one, such as Kim.")
    return kept
