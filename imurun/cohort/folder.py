"""Output folder of a cohort: layout, settings, and a lock so that one run at a time writes it.

DIR/cohort.json                         settings
DIR/ledger.jsonl                        finished recordings
DIR/steps/runner=NAME/KEY.parquet       step tables
DIR/sessions/runner=NAME/sessions.parquet
DIR/failures.parquet, DIR/failures.csv
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from imurun._version import __version__
from imurun.cohort.names import partition
from imurun.cohort.scan import MARK
from imurun.cohort.task import Settings
from imurun.errors import CohortError
from imurun.files.atomic import atomic_path, reason
from imurun.files.text import sanitize

SCHEMA = 1
LOCK = ".lock"
LEDGER = "ledger.jsonl"
STEPS = "steps"
SESSIONS = "sessions"


class OutputFolder:
    """An output folder locked by this process; created if it is missing.

    Args:
        path: of the folder.
        settings: of the cohort; an existing folder must have the same.

    Raises:
        CohortError: the folder holds other files, has other settings, is used by another run, or cannot be
            written.
    """

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path = path
        self._lock = FileLock(path / LOCK)
        name = sanitize(str(path))
        wanted = {"schema": SCHEMA, "version": __version__, "settings": settings.as_dict()}
        try:
            self._refuse_other_files()
            path.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise CohortError(
                f"Another run writes to {name}; wait for its end or choose another --out."
            ) from error
        except OSError as error:
            raise CohortError(f"{name} cannot be used: {reason(error)}.") from error
        try:
            self._refuse_other_files()
            there = self._read()
            if there is None:
                write_whole(path / MARK, json.dumps(wanted, indent=2).encode() + b"\n")
            else:
                _refuse_other_settings(name, there, wanted)
        except OSError as error:
            self.close()
            raise CohortError(f"{name} cannot be used: {reason(error)}.") from error
        except CohortError:
            self.close()
            raise

    def close(self) -> None:
        """Release the lock."""
        self._lock.release()

    def __enter__(self) -> OutputFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def ledger(self) -> Path:
        """Path of the ledger."""
        return self.path / LEDGER

    def steps_file(self, runner: str, key: str) -> Path:
        """Path of the step table of a recording."""
        return self.path / STEPS / partition(runner) / f"{key}.parquet"

    def _refuse_other_files(self) -> None:
        if not self.path.exists() or (self.path / MARK).exists():
            return
        if any(child.name != LOCK and not _is_temporary(child.name) for child in self.path.iterdir()):
            raise CohortError(
                f"{sanitize(str(self.path))} is not empty and holds no cohort; choose another --out."
            )

    def _read(self) -> dict[str, Any] | None:
        file = self.path / MARK
        if not file.exists():
            return None
        try:
            content = json.loads(file.read_bytes())
            if isinstance(content["settings"], dict):
                return content
        except (ValueError, KeyError, TypeError, RecursionError):
            pass
        raise CohortError(f"{sanitize(str(file))} is damaged; choose another --out.")


def _is_temporary(name: str) -> bool:
    """Whether a file is the temporary file of a first write that was killed."""
    return name.startswith(f".{MARK}.")


def _refuse_other_settings(name: str, there: dict[str, Any], wanted: dict[str, Any]) -> None:
    if there.get("schema") != SCHEMA:
        raise CohortError(f"{name} was written by another version of imurun; choose another --out.")
    before = {"version of imurun": there.get("version"), **there["settings"]}
    asked = {"version of imurun": wanted["version"], **wanted["settings"]}
    for key in {**before, **asked}:
        if before.get(key) != asked.get(key):
            raise CohortError(
                f"{name} is a cohort with other settings: {_shown(key)} is {_shown(before.get(key))} there "
                f"and {_shown(asked.get(key))} here; give the same, or choose another --out."
            )


def _shown(value: Any) -> str:
    return "not set" if value is None else sanitize(str(value))[:80]


def write_whole(path: Path, data: bytes) -> None:
    """Write a file atomically, and create its folder if it is missing.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as aside:
        aside.write_bytes(data)
