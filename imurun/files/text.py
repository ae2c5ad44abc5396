"""Makes text from outside, such as file names, safe for files, terminals and messages."""

from __future__ import annotations

import re

LONGEST_WORD = 80
"""Bytes of a word in a file name; file systems allow 255 in all."""
_SURROGATE = re.compile("[\ud800-\udfff]")


def encodable(text: str) -> str:
    """`text` with U+FFFD for what UTF-8 cannot encode, such as undecodable bytes of a file name."""
    return _SURROGATE.sub("\ufffd", text)


def sanitize(text: str) -> str:
    """`encodable` text without control characters, with every white space as a plain blank."""
    kept = (char if char.isprintable() else " " * char.isspace() for char in encodable(text))
    return "".join(kept)


def shown(value: object, longest: int = 80) -> str:
    """A value from a file for use in a message: clean text, or the `repr` of anything else, shortened."""
    text = sanitize(value if isinstance(value, str) else repr(value))
    return text if len(text) <= longest else f"{text[:longest]}..."


def file_word(text: str) -> str:
    """Text as a part of a file name: letters, digits, - and _, at most `LONGEST_WORD` bytes."""
    word = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in encodable(text))
    return word.encode()[:LONGEST_WORD].decode(errors="ignore") or "-"
