"""Reads and edits the runner's TOML file: name, mass, height, usual shoes, calibration of contact times."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from platformdirs import user_config_path

from imurun.errors import SettingsError
from imurun.files.atomic import atomic_path, write_error
from imurun.files.text import sanitize, shown
from imurun.files.toml import read_text, read_toml
from imurun.model.calibration import Calibration
from imurun.model.runner import Runner

_KEYS = ("name", "mass_kg", "height_m", "shoes")
LIMITS = "limits"
CALIBRATION = "calibration"
SECTIONS = ("alerts", LIMITS, "flags", CALIBRATION)
"""Tables of the same file; `imurun.live.runner_profile` reads alerts and limits, `imurun.history.thresholds`
limits and flags."""
FILE = "runner.toml"


def default_runner_file() -> Path:
    """Path of the runner file in the platform's settings folder."""
    return user_config_path("imurun", appauthor=False) / FILE


def read_runner(path: str | os.PathLike[str]) -> Runner:
    """Read a runner from TOML with any of the keys name, mass_kg and height_m.

    The table `calibration` is what `imurun calibrate` has written. The key `shoes` and the tables `alerts`,
    `limits` and `flags` are allowed and ignored.

    Raises:
        SettingsError: no regular file, not TOML, an unknown key, a wrong type, or a number out of range.
    """
    file = Path(path)
    source = sanitize(file.name)
    content = read_toml(file, source)
    for key in content:
        if key not in _KEYS + SECTIONS:
            known = ", ".join(_KEYS + SECTIONS)
            raise SettingsError(f"{source}: the key {shown(key)} is unknown; use {known}.")
    name = content.get("name", "runner")
    if not isinstance(name, str):
        raise SettingsError(f'{source}: name must be a string, such as name = "Kim".')
    try:
        return Runner(name, _number(content, "mass_kg"), _number(content, "height_m"), _calibration(content))
    except SettingsError as error:
        raise SettingsError(f"{source}: {error}") from error


def read_shoes(path: str | os.PathLike[str]) -> str | None:
    """The usual shoes, with which sessions are tagged by default; None when not stated.

    Raises:
        SettingsError: not a TOML file, or shoes that are not a string.
    """
    source = sanitize(Path(path).name)
    shoes = read_toml(Path(path), source).get("shoes")
    if shoes is not None and not isinstance(shoes, str):
        raise SettingsError(f'{source}: shoes must be a string, such as shoes = "Blue".')
    return sanitize(shoes).strip() or None if shoes else None


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


def _calibration(content: dict[str, object]) -> Calibration | None:
    table = content.get(CALIBRATION)
    if table is None:
        return None
    if not isinstance(table, dict):
        raise SettingsError(f"{CALIBRATION} must be a table that `imurun calibrate` wrote.")
    return Calibration.from_dict(table)


def set_calibration(path: Path, calibration: Calibration | None, check: Callable[[Path], object]) -> None:
    """Write the calibration into a runner file, or remove it, atomically; a missing file is created.

    Args:
        path: the runner file.
        calibration: None removes it.
        check: as of `edit_runner`.

    Raises:
        SettingsError: as of `edit_runner`.
    """

    def change(document: Any) -> None:
        document.pop(CALIBRATION, None)
        if calibration is not None:
            document[CALIBRATION] = calibration.as_dict()

    _edit(path, change, check)


def edit_runner(
    path: Path, values: Mapping[str, Any], limits: Mapping[str, Any], check: Callable[[Path], object]
) -> None:
    """Set keys of a runner file atomically; a missing file is created.

    Args:
        path: the runner file.
        values: new values of top-level keys.
        limits: new values of the table `limits`.
        check: reads the changed file and raises SettingsError when it is invalid; then the old file stays.

    Raises:
        SettingsError: from `check`, or the file is not TOML or cannot be written.
    """
    import tomlkit

    def change(document: Any) -> None:
        for key, value in values.items():
            document[key] = value
        if limits:
            if LIMITS not in document:
                document[LIMITS] = tomlkit.table()
            document[LIMITS].update(limits)

    _edit(path, change, check)


def _edit(path: Path, change: Callable[[Any], None], check: Callable[[Path], object]) -> None:
    """Change a parsed runner file and write it atomically, if `check` passes it."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    source = sanitize(path.name)
    try:
        document = tomlkit.parse(read_text(path, source)) if path.exists() else tomlkit.document()
        change(document)
    except (TOMLKitError, AttributeError, ValueError) as error:
        if isinstance(error, SettingsError):
            raise
        raise SettingsError(f"{source}: not valid TOML ({shown(str(error))}); correct it.") from error
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as aside:
            aside.write_text(tomlkit.dumps(document), encoding="utf-8")
            try:
                check(aside)
            except SettingsError as error:
                raise SettingsError(str(error).replace(aside.name, source)) from error
    except OSError as error:
        raise write_error(path, error) from error
