"""Text from outside, such as names of files, in a form that every file and terminal can take."""

from __future__ import annotations

import re

LONGEST_WORD = 80
"""Bytes of a word in a file's name, of which file systems allow 255."""
_SURROGATE = re.compile("[\ud800-\udfff]")


def encodable(text: str) -> str:
    """`text` with U+FFFD in the place of what UTF-8 cannot hold, such as bytes of a foreign file name."""
    return _SURROGATE.sub("\ufffd", text)


def printable(text: str) -> str:
    """`encodable` text without control characters, every blank a plain one."""
    kept = (char if char.isprintable() else " " * char.isspace() for char in encodable(text))
    return "".join(kept)


def shown(value: object, longest: int = 80) -> str:
    """A value from a file as a message repeats it: text as it is, all else as Python writes it, cut short."""
    text = printable(value if isinstance(value, str) else repr(value))
    return text if len(text) <= longest else f"{text[:longest]}..."


def file_word(text: str) -> str:
    """Text of any length as part of a file's name, at most `LONGEST_WORD` bytes."""
    word = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in encodable(text))
    return word.encode()[:LONGEST_WORD].decode(errors="ignore") or "-"
