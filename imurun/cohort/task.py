"""What a worker is asked, and what it answers: small, and the same on this machine and on a cluster."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from imurun.session import MountingWord

Status = Literal["done", "same", "failed"]


@dataclass(frozen=True)
class Settings:
    """How recordings are read and analysed; see `imurun.io.read` and `imurun.session.analyze`.

    Attributes:
        mounting, method: of `analyze`.
        profile: name of a shipped profile, or what the file of `profile_toml` is called.
        profile_toml: text of a profile that is not shipped; workers need not see its file.
        rate_hz: for files that do not tell the time.
        mass_kg, height_m: of runners for whom the manifest gives none.
    """

    mounting: MountingWord = "auto"
    method: str = "imurun"
    profile: str | None = None
    profile_toml: str | None = None
    rate_hz: float | None = None
    mass_kg: float | None = None
    height_m: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; a profile's text stands as its hash, and what it is called does not count."""
        content = asdict(self)
        text = content.pop("profile_toml")
        if text is not None:
            content["profile"] = f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        return content

    def as_text(self) -> str:
        """`as_dict` as one line of JSON, by which settings are compared."""
        return json.dumps(self.as_dict(), sort_keys=True)


@dataclass(frozen=True)
class Task:
    """One recording to analyse.

    Attributes:
        key: of its address, see `imurun.cohort.names.key_of`.
        address: path or fsspec address.
        session: what to write beside each step.
        settings: of reading and analysis.
        known: content hash of what was done with these settings; the same content is not done again.
    """

    key: str
    address: str
    session: str
    settings: Settings
    known: str = ""


@dataclass(frozen=True)
class Result:
    """What came of one task.

    Attributes:
        key: of the task.
        version: of imurun that did it.
        status: done; same, when the content is that of `Task.known`; failed.
        content: SHA-256 of the file's bytes; "" when it could not be read.
        fingerprint: of the samples (`imurun.history.fingerprint`), whatever the file's format.
        steps: step table as Parquet.
        summary: `Session.summary`.
        sentence: why it failed.
        resident_bytes: memory of the worker afterwards; 0 where that is not known.
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
