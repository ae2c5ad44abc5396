"""Append-only ledger of a cohort: one line of JSON for each finished recording.

The last line of a recording counts. A line is complete if it ends with a line feed; an incomplete one, left
by a killed process, is cut off before the next is written.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from imurun.cohort.addresses import Stamp

Status = Literal["done", "failed", "duplicate", "gone"]
LARGEST = 2**62
"""Limit of numbers in a summary; NaN and infinity are invalid."""
_KEY = re.compile(r"[0-9a-f]{16}")
_TEXTS = ("key", "address", "content", "fingerprint", "runner", "session", "group", "settings", "sentence")


@dataclass(frozen=True)
class Entry:
    """Result of one recording.

    Attributes:
        key, address: of the recording.
        stamp: of the file when it was read, see `imurun.cohort.addresses.Stamp`.
        content: SHA-256 of its bytes.
        fingerprint: of its samples.
        runner, session, group, covariates, row: of its source.
        settings: as from `imurun.cohort.task.Settings.as_text`.
        status: done, failed, duplicate (of `first`), or gone: the same recording as another, whose file does
            not exist.
        sentence: reason if it is not done.
        first: key of the recording that it is a duplicate of.
        duration_s: of the recording.
    """

    key: str
    address: str
    stamp: Stamp
    content: str
    fingerprint: str
    runner: str
    session: str
    group: str
    settings: str
    status: Status
    covariates: Mapping[str, str] = field(default_factory=dict)
    row: int | None = None
    sentence: str = ""
    first: str = ""
    duration_s: float = 0.0

    @property
    def is_done(self) -> bool:
        """Whether its steps and summary are in the cohort."""
        return self.status == "done"


class Ledger:
    """The ledger file of an output folder, created if it is missing.

    Summaries stay on disk and are read on request, so that memory does not grow with them.

    Args:
        path: of the ledger file.

    Attributes:
        entries: the last line of each recording, by key.
        n_damaged: complete lines that are invalid; their recordings are analysed again.

    Raises:
        OSError: the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.entries: dict[str, Entry] = {}
        self.n_damaged = 0
        self._at: dict[str, int] = {}
        self._file = path.open("a+b")
        self._load()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def append(self, entry: Entry, summary: Mapping[str, Any] | None = None) -> None:
        """Append a line and sync it to the disk.

        Args:
            entry: of a recording.
            summary: of its session; None for that of its last line.
        """
        if summary is None:
            summary = self.summary(entry.key)
        content = asdict(entry) | {"summary": dict(summary)}
        self._file.seek(0, os.SEEK_END)
        at = self._file.tell()
        self._file.write(json.dumps(content, ensure_ascii=True, allow_nan=False).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._keep(entry, at)

    def summary(self, key: str) -> dict[str, Any]:
        """The summary of a recording; empty if there is none."""
        if key not in self._at:
            return {}
        self._file.seek(self._at[key])
        return json.loads(self._file.readline())["summary"]

    def _keep(self, entry: Entry, at: int) -> None:
        if entry.status == "gone":
            self.entries.pop(entry.key, None)
            self._at.pop(entry.key, None)
        else:
            self.entries[entry.key] = entry
            self._at[entry.key] = at

    def _load(self) -> None:
        self._file.seek(0)
        at = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                self._file.truncate(at)
                break
            entry = _entry(line)
            if entry is None:
                self.n_damaged += 1
            else:
                self._keep(entry, at)
            at += len(line)


def _entry(line: bytes) -> Entry | None:
    """The entry of a line; None if `append` could not have written it."""
    try:
        content = json.loads(line)
        summary = content.pop("summary")
        content["stamp"] = Stamp(**content["stamp"])
        content["settings"] = sys.intern(content["settings"])  # most entries share it
        entry = Entry(**content)
        is_valid = _is_entry(entry) and isinstance(summary, dict) and all(map(_is_plain, summary.values()))
        if is_valid and entry.is_done:
            is_valid = _is_texts(summary["warnings"])
            if summary["start"] is not None:
                datetime.fromisoformat(summary["start"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return entry if is_valid else None


def _is_entry(entry: Entry) -> bool:
    return (
        all(isinstance(getattr(entry, name), str) for name in _TEXTS)
        # the key becomes a file name
        and _KEY.fullmatch(entry.key) is not None
        and entry.status in ("done", "failed", "duplicate", "gone")
        and isinstance(entry.covariates, dict)
        and _is_texts(list(entry.covariates.values()))
        and _is_count(entry.row)
        and _is_count(entry.stamp.size)
        and isinstance(entry.stamp.changed, str | None)
        and _is_number(entry.duration_s)
    )


def _is_plain(value: Any) -> bool:
    """Whether a value can be in a summary."""
    return value is None or isinstance(value, str | bool) or _is_number(value) or _is_texts(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -LARGEST < value < LARGEST


def _is_count(value: Any) -> bool:
    return value is None or (_is_number(value) and isinstance(value, int))


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)
