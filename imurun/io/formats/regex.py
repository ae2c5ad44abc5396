"""Regular expressions of file formats, matched in linear time (RE2), so that none of them can hang."""

from __future__ import annotations

from functools import cache
from typing import Any

import re2

from imurun.errors import SettingsError
from imurun.files.text import encodable, shown

MOST_BYTES = 1 << 15
"""Size of a compiled expression: larger ones, such as `(.{0,200}){3}`, take seconds on a long text."""


def count_groups(regex: str) -> int:
    """The number of groups in a regular expression.

    Raises:
        SettingsError: it is not in the syntax of RE2, or too large.
    """
    return _compiled(regex).groups


def matches(regex: str, name: str) -> bool:
    """Whether a regular expression matches a whole column name; case and blanks around it do not matter."""
    return _compiled(regex).fullmatch(encodable(name.strip())) is not None


def occurs(regex: str, text: str) -> bool:
    """Whether a regular expression matches any part of the text; case does not matter."""
    return _compiled(regex).search(encodable(text)) is not None


def first_group(regex: str, text: str) -> str:
    """The group of the first match in the text; "" without a match or for an empty expression."""
    match = _compiled(regex).search(encodable(text)) if regex else None
    return match.group(1) or "" if match else ""


@cache
def _compiled(regex: str) -> Any:
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = MOST_BYTES
    try:
        return re2.compile(regex, options)
    except UnicodeEncodeError as error:
        raise SettingsError("contains half of a surrogate pair; write the character again.") from error
    except re2.error as error:
        reason = shown(error.args[0].decode(errors="replace") if error.args else "")
        raise SettingsError(f"is not a regular expression in RE2 syntax ({reason}); correct it.") from error
