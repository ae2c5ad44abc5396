"""Change a runner's TOML file and leave its comments, order and other keys as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from imurun.errors import SettingsError
from imurun.io.atomic import atomic_path
from imurun.io.printable import printable, shown
from imurun.io.toml_file import read_text
from imurun.io.unwritten import unwritten

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
