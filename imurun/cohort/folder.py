"""The output folder: whose settings it has, where things lie in it, and that one run at a time writes it.

DIR/cohort.json                         settings
DIR/ledger.jsonl                        what was done
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
from imurun.files.atomic import atomic_path
from imurun.files.text import printable
from imurun.files.write_errors import reason

SCHEMA = 1
LOCK = ".lock"
LEDGER = "ledger.jsonl"
STEPS = "steps"
SESSIONS = "sessions"


class OutputFolder:
    """An output folder in the hands of this process; made where it is missing.

    Args:
        path: of the folder.
        settings: that it has, or gets when it is empty.

    Raises:
        CohortError: something else lies in it, it is of other settings, another run writes it, or it cannot
            be written.
    """

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path = path
        self._lock = FileLock(path / LOCK)
        name = printable(str(path))
        wanted = {"schema": SCHEMA, "version": __version__, "settings": settings.as_dict()}
        try:
            self._refuse_other_things()
            path.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise CohortError(
                f"Another run writes to {name}; wait for its end or choose another --out."
            ) from error
        except OSError as error:
            raise CohortError(f"{name} cannot be used: {reason(error)}.") from error
        try:
            self._refuse_other_things()
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
        """Let another run write."""
        self._lock.release()

    def __enter__(self) -> OutputFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def ledger(self) -> Path:
        """Of what was done."""
        return self.path / LEDGER

    def steps_file(self, runner: str, key: str) -> Path:
        """Step table of a recording."""
        return self.path / STEPS / partition(runner) / f"{key}.parquet"

    def _refuse_other_things(self) -> None:
        if not self.path.exists() or (self.path / MARK).exists():
            return
        if any(child.name != LOCK and not _is_aside(child.name) for child in self.path.iterdir()):
            raise CohortError(
                f"{printable(str(self.path))} is not empty and holds no cohort; choose another --out."
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
        raise CohortError(f"{printable(str(file))} is damaged; choose another --out.")


def _is_aside(name: str) -> bool:
    """Whether a file is what a killed process left of the first write."""
    return name.startswith(f".{MARK}.")


def _refuse_other_settings(name: str, there: dict[str, Any], wanted: dict[str, Any]) -> None:
    if there.get("schema") != SCHEMA:
        raise CohortError(f"{name} was written by another version of imurun; choose another --out.")
    before = {"version of imurun": there.get("version"), **there["settings"]}
    asked = {"version of imurun": wanted["version"], **wanted["settings"]}
    for key in {**before, **asked}:
        if before.get(key) != asked.get(key):
            raise CohortError(
                f"{name} is a cohort of other settings: {_said(key)} is {_said(before.get(key))} there "
                f"and {_said(asked.get(key))} here; give the same, or choose another --out."
            )


def _said(value: Any) -> str:
    return "not set" if value is None else printable(str(value))[:80]


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, and the folder where it is missing.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as aside:
        aside.write_bytes(data)
