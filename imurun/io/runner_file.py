"""The runner's description: a small TOML file."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from imurun.errors import SettingsError
from imurun.recording import Runner

_KEYS = ("name", "mass_kg", "height_m")
_MAX_BYTES = 65_536


def read_runner(path: str | os.PathLike[str]) -> Runner:
    """Read a runner from TOML with any of the keys name, mass_kg and height_m.

    Raises:
        SettingsError: no such file, not TOML, an unknown key, a wrong type, or a number out of range.
    """
    file = Path(path)
    try:
        with file.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise SettingsError(f"{file.name}: too long for a runner file; give a TOML file of a few lines.")
        content = tomllib.loads(data.decode("utf-8"))
    except OSError as error:
        raise SettingsError(f"{file} could not be read: {error.strerror or error}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file.name}: not valid TOML ({error}).") from error
    for key in content:
        if key not in _KEYS:
            raise SettingsError(f"{file.name}: the key {key} is unknown; use {', '.join(_KEYS)}.")
    name = content.get("name", "runner")
    if not isinstance(name, str):
        raise SettingsError(f'{file.name}: name must be a text, such as name = "Kim".')
    try:
        return Runner(name, _number(content, "mass_kg"), _number(content, "height_m"))
    except SettingsError as error:
        raise SettingsError(f"{file.name}: {error}") from error


def _number(content: dict[str, object], key: str) -> float | None:
    value = content.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SettingsError(f"{key} must be a number, not {value!r}.")
    return float(value)
