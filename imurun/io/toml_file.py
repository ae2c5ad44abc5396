"""Small TOML files that people write by hand, with limits on what they may be."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from imurun.errors import SettingsError
from imurun.io.printable import printable

MAX_BYTES = 65_536


def read_toml(path: Path, source: str) -> dict[str, Any]:
    """Read a TOML file of at most 64 KiB.

    Args:
        path: a regular file.
        source: its name for messages.

    Raises:
        SettingsError: no such file, a pipe or device, too long, or not TOML.
    """
    try:
        if path.exists() and not path.is_file():
            raise SettingsError(f"{source}: this is no regular file; give a TOML file.")
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise SettingsError(
            f"{printable(str(path))} could not be read: {error.strerror or error}; give a TOML file."
        ) from error
    if len(data) > MAX_BYTES:
        raise SettingsError(f"{source}: too long; give a TOML file of a few lines.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{source}: not valid TOML ({error}).") from error
    return parse_toml(text, source)


def parse_toml(text: str, source: str) -> dict[str, Any]:
    """The content of a TOML text.

    Raises:
        SettingsError: not TOML, nested too deep, or with a number of thousands of digits.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{source}: not valid TOML ({printable(str(error))}).") from error
    except RecursionError as error:
        raise SettingsError(f"{source}: its lists or tables are nested too deep; make it flat.") from error
    except ValueError as error:  # the limit on digits in Python's int
        raise SettingsError(f"{source}: a number in it has too many digits; correct it.") from error
