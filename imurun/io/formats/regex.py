"""Patterns of a profile: regular expressions whose time grows with the text only, whoever wrote them."""

from __future__ import annotations

from functools import cache
from typing import Any

import re2

from imurun.errors import SettingsError
from imurun.files.text import encodable, shown

MOST_BYTES = 1 << 15
"""Of a compiled pattern: larger ones, such as `(.{0,200}){3}`, take seconds for a long text."""


def check_pattern(pattern: str) -> int:
    """How many groups a pattern has.

    Raises:
        SettingsError: it is no regular expression in the syntax of RE2, or too large a one.
    """
    return _compiled(pattern).groups


def is_named(pattern: str, name: str) -> bool:
    """Whether a pattern describes all of a column's name; case and blanks around it do not matter."""
    return _compiled(pattern).fullmatch(encodable(name.strip())) is not None


def occurs(pattern: str, text: str) -> bool:
    """Whether a pattern describes a part of the text; case does not matter."""
    return _compiled(pattern).search(encodable(text)) is not None


def group_in(pattern: str, text: str) -> str:
    """What the group of a pattern describes in the text; "" where that is nothing, or without a pattern."""
    match = _compiled(pattern).search(encodable(text)) if pattern else None
    return match.group(1) or "" if match else ""


@cache
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = MOST_BYTES
    try:
        return re2.compile(pattern, options)
    except UnicodeEncodeError as error:
        raise SettingsError("holds half a character; write it again.") from error
    except re2.error as error:
        reason = shown(error.args[0].decode(errors="replace") if error.args else "")
        raise SettingsError(
            f"is not a regular expression of the syntax RE2 ({reason}); correct it."
        ) from error
