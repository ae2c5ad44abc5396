"""The runner's TOML file: errors that name file, line and key, and the table [limits].

[limits]
session_load_bw4 = 40000      # most load of a session, as `imurun analyze` prints it
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NoReturn

from imurun.errors import SettingsError
from imurun.files.text import sanitize, shown
from imurun.files.toml import line_of, parse_toml, read_text

LIMITS, SESSION_LOAD = "limits", "session_load_bw4"
SESSION_LOAD_RANGE_BW4 = (1.0, 1e9)


class RunnerToml:
    """A parsed runner's file.

    Args:
        path: a TOML file.

    Attributes:
        source: the file's name, for messages.
        content: its tables and keys.

    Raises:
        SettingsError: no regular file, or not TOML.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        file = Path(path)
        self.source = sanitize(file.name)
        self._text = read_text(file, self.source)
        self.content: dict[str, Any] = parse_toml(self._text, self.source)

    def session_load_bw4(self) -> float | None:
        """The runner's limit for the load of a session, BW^4; None where the file has none.

        Raises:
            SettingsError: the table [limits] has another key, or a load that is not possible.
        """
        limits = self.table(self.content, LIMITS)
        for key in limits:
            if key != SESSION_LOAD:
                self.refuse((LIMITS, key), f"is unknown; use {SESSION_LOAD}")
        if SESSION_LOAD not in limits:
            return None
        at = (LIMITS, SESSION_LOAD)
        load_bw4 = self.number(at, limits[SESSION_LOAD])
        least, most = SESSION_LOAD_RANGE_BW4
        if not least <= load_bw4 <= most:
            self.refuse(at, f"is {load_bw4:g}; give a finite number from {least:g} to {most:g} BW^4")
        return load_bw4

    def table(self, content: dict[str, Any], key: str) -> dict[str, Any]:
        """A table of the file, empty where it is missing.

        Raises:
            SettingsError: the key holds something else.
        """
        table = content.get(key, {})
        if not isinstance(table, dict):
            self.refuse((key,), f"must be a table: [{key}]")
        return table

    def number(self, at: tuple[str, ...], value: Any) -> float:
        """A value as a float.

        Raises:
            SettingsError: the value is not a number, or too large for a float.
        """
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(at, f"is {shown(repr(value))}; give a number")
        try:
            return float(value)
        except OverflowError:
            self.refuse(at, "is far too large; give a number of the column's size")

    def refuse(self, at: tuple[str, ...], what: str) -> NoReturn:
        """Raise an error about the key `at`, such as ("limits", "session_load_bw4").

        Raises:
            SettingsError: always; "FILE, line N: KEY WHAT."
        """
        line = line_of(self._text, at) or line_of(self._text, at[:-1])  # a missing key: its table's
        place = self.source if line is None else f"{self.source}, line {line}"
        raise SettingsError(sanitize(f"{place}: {shown('.'.join(at))} {what}."))
