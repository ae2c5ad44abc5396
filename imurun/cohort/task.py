"""Task, result and executor of a cohort: the messages between the command and its workers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from imurun.session import MountingWord

Status = Literal["done", "same", "failed"]


@dataclass(frozen=True)
class Settings:
    """How recordings are read and analysed; see `imurun.io.read` and `imurun.session.analyze`.

    Attributes:
        mounting, method: of `analyze`.
        profile: name of a shipped file format, or of the file of `profile_toml`.
        profile_toml: text of a format file that is not shipped, so that workers need no access to it.
        rate_hz: for files without a time column.
        mass_kg, height_m: of runners without their own in the manifest.
        treadmill: known speed as text, see `imurun.model.speed.SpeedTable.parse`; None if unknown.
    """

    mounting: MountingWord = "auto"
    method: str = "imurun"
    profile: str | None = None
    profile_toml: str | None = None
    rate_hz: float | None = None
    mass_kg: float | None = None
    height_m: float | None = None
    treadmill: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready. The hash of a format file's text replaces it, so that its file name does not count."""
        content = asdict(self)
        text = content.pop("profile_toml")
        if self.treadmill is None:  # so that settings of earlier versions stay equal
            del content["treadmill"]
        if text is not None:
            content["profile"] = f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        return content

    def as_text(self) -> str:
        """`as_dict` as one line of JSON; settings are compared by it."""
        return json.dumps(self.as_dict(), sort_keys=True)


@dataclass(frozen=True)
class Task:
    """One recording to analyse.

    Attributes:
        key: of its address, see `imurun.cohort.names.key_of`.
        address: path or fsspec address.
        session: written beside each step.
        settings: of reading and analysis.
        known: content hash of the last analysis with these settings; the same content is not
            analysed again.
    """

    key: str
    address: str
    session: str
    settings: Settings
    known: str = ""


@dataclass(frozen=True)
class Result:
    """Result of one task.

    Attributes:
        key: of the task.
        version: of imurun in the worker.
        status: done; same, if the content is that of `Task.known`; failed.
        content: SHA-256 of the file's bytes; "" if it could not be read.
        fingerprint: of the samples (`imurun.history.fingerprint`), independent of the file's format.
        steps: step table as Parquet.
        summary: `Session.summary`.
        sentence: reason of a failure.
        resident_bytes: memory of the worker after the task; 0 if unknown.
    """

    key: str
    version: str
    status: Status
    content: str = ""
    fingerprint: str = ""
    steps: bytes = b""
    summary: dict[str, Any] = field(default_factory=dict)
    sentence: str = ""
    resident_bytes: int = 0


class Executor(Protocol):
    """Runs tasks in workers and returns a result for each, in the order in which they finish."""

    @property
    def room(self) -> int:
        """Number of tasks that may be in progress at once."""
        ...

    def submit(self, task: Task) -> None:
        """Start a task, or queue it for a worker.

        Raises:
            CohortError: the workers are gone.
        """
        ...

    def wait(self, timeout_s: float) -> list[Result]:
        """Results that arrive within `timeout_s`; a task whose workers die repeatedly is a failure.

        Raises:
            CohortError: the workers are gone.
        """
        ...

    def close(self) -> None:
        """End all workers, also busy ones."""
        ...
