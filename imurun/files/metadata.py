"""Metadata of imurun's own tables: comment lines in text, schema metadata in Parquet."""

from __future__ import annotations

from collections.abc import Mapping

from imurun.files.text import encodable

_PREFIX = "# "
MARK = "imurun"
"""The first metadata key in every file written by imurun; its value is the kind of table."""


def to_comments(metadata: Mapping[str, str]) -> str:
    """Comment lines `# key: value` for the head of a text table."""
    lines = (f"{_PREFIX}{key}: {' '.join(value.split())}" for key, value in metadata.items())
    return "".join(encodable(line) + "\n" for line in lines)


def from_comments(text: str) -> dict[str, str]:
    """The metadata in the comment lines of `text`; empty unless imurun wrote them."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith(_PREFIX) and ": " in line:
            key, value = line[len(_PREFIX) :].split(": ", 1)
            found[key] = value
    return found if MARK in found else {}


def to_schema(metadata: Mapping[str, str]) -> dict[bytes, bytes]:
    """Metadata for the schema of a Parquet file."""
    return {encodable(f"{MARK}:{key}").encode(): encodable(value).encode() for key, value in metadata.items()}


def from_schema(metadata: Mapping[bytes, bytes] | None) -> dict[str, str]:
    """The metadata written with `to_schema`; empty for other files."""
    prefix = f"{MARK}:".encode()
    found = {
        key[len(prefix) :].decode("utf-8", "replace"): value.decode("utf-8", "replace")
        for key, value in (metadata or {}).items()
        if key.startswith(prefix)
    }
    return found if MARK in found else {}
