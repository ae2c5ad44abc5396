"""Reads and edits the runner's TOML file: name, mass, height, usual shoes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from platformdirs import user_config_path

from imurun.errors import SettingsError
from imurun.files.atomic import atomic_path
from imurun.files.text import printable, shown
from imurun.files.toml import read_text, read_toml
from imurun.files.write_errors import unwritten
from imurun.model.recording import Runner

_KEYS = ("name", "mass_kg", "height_m", "shoes")
SECTIONS = ("alerts", "limits", "flags")
"""Tables of the same file about the runner's sessions; `imurun.live.runner_profile` reads the first two,
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


LIMITS = "limits"


def edit_runner(
    path: Path, values: Mapping[str, Any], limits: Mapping[str, Any], check: Callable[[Path], object]
) -> None:
    """Set keys of a runner's file, which is made where it is missing; whole or not at all.

    Args:
        path: of the file.
        values: of its own keys.
        limits: of its table `limits`.
        check: reads the changed file and raises SettingsError when it makes no sense; then the file stays as
            it was.

    Raises:
        SettingsError: what `check` raises, a file that is no TOML, or one that cannot be written.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    source = printable(path.name)
    try:
        document = tomlkit.parse(read_text(path, source)) if path.exists() else tomlkit.document()
        for key, value in values.items():
            document[key] = value
        if limits:
            if LIMITS not in document:
                document[LIMITS] = tomlkit.table()
            document[LIMITS].update(limits)  # pyright: ignore[reportAttributeAccessIssue]
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
        raise unwritten(path, error) from error
