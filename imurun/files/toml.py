"""Reads small hand-written TOML files, with limits on size, nesting and length of keys."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imurun.errors import SettingsError
from imurun.files.text import sanitize

MAX_BYTES = 65_536
MOST_DOTS = 200
"""In one line: the parser's time and memory grow with the square of the parts of a key."""
LINE_SEARCHES = 60
"""Most prefixes of a file that are parsed to find a line; an ordinary file takes a dozen."""


def read_toml(path: Path, source: str) -> dict[str, Any]:
    """Read a TOML file of at most 64 KiB.

    Args:
        path, source: as for `read_text`.

    Raises:
        SettingsError: as `read_text` and `parse_toml`.
    """
    return parse_toml(read_text(path, source), source)


def read_text(path: Path, source: str) -> str:
    """The text of a TOML file of at most 64 KiB.

    Args:
        path: a regular file.
        source: its name for messages.

    Raises:
        SettingsError: no such file, a pipe or device, too long, or not UTF-8.
    """
    try:
        if path.exists() and not path.is_file():
            raise SettingsError(f"{source}: this is not a regular file; give a TOML file.")
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise SettingsError(
            f"{sanitize(str(path))} could not be read: {error.strerror or error}; give a TOML file."
        ) from error
    except SettingsError:
        raise
    except ValueError as error:  # a null character in the name
        raise SettingsError(f"{source}: this is not a possible file name; give a TOML file.") from error
    if len(data) > MAX_BYTES:
        raise SettingsError(f"{source}: too long; give a TOML file of a few lines.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{source}: not valid TOML ({error}); save it as UTF-8.") from error


def parse_toml(text: str, source: str) -> dict[str, Any]:
    """The content of a TOML text.

    Raises:
        SettingsError: not TOML, nested too deep, or with a number of thousands of digits.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > MOST_DOTS:
            raise SettingsError(f"{source}: line {number} has more than {MOST_DOTS} dots; shorten it.")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{source}: not valid TOML ({sanitize(str(error))}); correct it.") from error
    except RecursionError as error:
        raise SettingsError(f"{source}: its lists or tables are nested too deep; make it flat.") from error
    except ValueError as error:  # the limit on digits in Python's int
        raise SettingsError(f"{source}: a number in it has too many digits; correct it.") from error


def line_of(text: str, keys: Sequence[str]) -> int | None:
    """The line, from 1, at which a key or table of a valid TOML text begins.

    The parser returns no line numbers. So this searches, by bisection, for the shortest prefix of the text
    that is valid and has the key; quotes, dots and values over several lines are left to the parser.

    Args:
        text: valid TOML.
        keys: the path to the key, from the root, such as ("alerts", "impact", "steps").

    Returns:
        None when the text has no such key, or when the search took more than `LINE_SEARCHES` attempts.
    """
    lines = text.split("\n")
    searches = 0

    def holds(n: int) -> bool | None:
        """Whether the first n lines have the key; None when they end within a value."""
        nonlocal searches
        searches += 1
        try:
            return _has(tomllib.loads("\n".join(lines[:n]) + "\n"), keys)
        except (ValueError, RecursionError):
            return None

    low, high = 0, len(lines)
    if not _has(tomllib.loads(text), keys):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        # outwards from the middle, which may be within a value over several lines
        for n in sorted(range(low + 1, high), key=lambda n: abs(n - middle)):
            if searches >= LINE_SEARCHES:
                return None
            held = holds(n)
            if held is not None:
                low, high = (low, n) if held else (n, high)
                break
        else:
            break
    return low + 1


def _has(content: Any, keys: Sequence[str]) -> bool:
    for key in keys:
        if not isinstance(content, dict) or key not in content:
            return False
        content = content[key]
    return True
