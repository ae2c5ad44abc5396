"""The runner's description: a small TOML file."""

from __future__ import annotations

import os
from pathlib import Path

from imurun.errors import SettingsError
from imurun.io.printable import printable
from imurun.io.toml_file import read_toml
from imurun.recording import Runner

_KEYS = ("name", "mass_kg", "height_m")
SECTIONS = ("alerts", "limits")
"""Tables of the same file about the runner's sessions; `imurun.live.rules_file` reads them."""


def read_runner(path: str | os.PathLike[str]) -> Runner:
    """Read a runner from TOML with any of the keys name, mass_kg and height_m.

    The tables `alerts` and `limits` may stand in the file; they are not looked at here.

    Raises:
        SettingsError: no regular file, not TOML, an unknown key, a wrong type, or a number out of range.
    """
    file = Path(path)
    source = printable(file.name)
    content = read_toml(file, source)
    for key in content:
        if key not in _KEYS + SECTIONS:
            known = ", ".join(_KEYS + SECTIONS)
            raise SettingsError(f"{source}: the key {printable(key)} is unknown; use {known}.")
    name = content.get("name", "runner")
    if not isinstance(name, str):
        raise SettingsError(f'{source}: name must be a text, such as name = "Kim".')
    try:
        return Runner(name, _number(content, "mass_kg"), _number(content, "height_m"))
    except SettingsError as error:
        raise SettingsError(f"{source}: {error}") from error


def _number(content: dict[str, object], key: str) -> float | None:
    value = content.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SettingsError(f"{key} must be a number, not {value!r}.")
    try:
        return float(value)
    except OverflowError as error:
        raise SettingsError(f"{key} is far too large; give it in kg or m.") from error
