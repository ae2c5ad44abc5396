"""The runner's description: a small TOML file, which may also say the usual shoes."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_config_path

from imurun.errors import SettingsError
from imurun.io.printable import printable, shown
from imurun.io.toml_file import read_toml
from imurun.recording import Runner

_KEYS = ("name", "mass_kg", "height_m", "shoes")
SECTIONS = ("alerts", "limits", "flags")
"""Tables of the same file about the runner's sessions; `imurun.live.rules_file` reads the first two,
`imurun.history.thresholds` the others."""
FILE = "runner.toml"


def default_runner_file() -> Path:
    """Where the runner of this machine is described, in the platform's folder of settings."""
    return user_config_path("imurun", appauthor=False) / FILE


def read_runner(path: str | os.PathLike[str]) -> Runner:
    """Read a runner from TOML with any of the keys name, mass_kg and height_m.

    The key `shoes` and the tables `alerts`, `limits` and `flags` may stand in the file; they are not looked
    at here.

    Raises:
        SettingsError: no regular file, not TOML, an unknown key, a wrong type, or a number out of range.
    """
    file = Path(path)
    source = printable(file.name)
    content = read_toml(file, source)
    for key in content:
        if key not in _KEYS + SECTIONS:
            known = ", ".join(_KEYS + SECTIONS)
            raise SettingsError(f"{source}: the key {shown(key)} is unknown; use {known}.")
    name = content.get("name", "runner")
    if not isinstance(name, str):
        raise SettingsError(f'{source}: name must be a text, such as name = "Kim".')
    try:
        return Runner(name, _number(content, "mass_kg"), _number(content, "height_m"))
    except SettingsError as error:
        raise SettingsError(f"{source}: {error}") from error


def read_shoes(path: str | os.PathLike[str]) -> str | None:
    """The shoes that sessions are tagged with when nothing else is said.

    Raises:
        SettingsError: no TOML file, or shoes that are no text.
    """
    source = printable(Path(path).name)
    shoes = read_toml(Path(path), source).get("shoes")
    if shoes is not None and not isinstance(shoes, str):
        raise SettingsError(f'{source}: shoes must be a text, such as shoes = "Blue".')
    return printable(shoes).strip() or None if shoes else None


def _number(content: dict[str, object], key: str) -> float | None:
    value = content.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SettingsError(f"{key} must be a number, not {shown(value)}.")
    try:
        return float(value)
    except OverflowError as error:
        raise SettingsError(f"{key} is far too large; give it in kg or m.") from error
