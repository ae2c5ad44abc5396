"""One input of a cohort: a recording with its runner, session and settings, or why it cannot be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from imurun.cohort.addresses import Stamp, is_remote
from imurun.cohort.names import key_of, runner_label
from imurun.cohort.task import Settings
from imurun.files.text import sanitize
from imurun.io.endings import without_recording_ending


@dataclass(frozen=True)
class Source:
    """One recording with its labels and settings.

    Attributes:
        address: absolute path or fsspec URL.
        runner, session: labels.
        group: of the runner; "" for none.
        covariates: further columns of the manifest, as text.
        settings: of the cohort, overridden by values of the manifest for this recording.
        row: of the manifest, where the header is row 1; None without a manifest.
        stamp: of the file.
    """

    address: str
    runner: str
    session: str
    settings: Settings
    group: str = ""
    covariates: Mapping[str, str] = field(default_factory=dict)
    row: int | None = None
    stamp: Stamp = field(default_factory=Stamp)

    @property
    def key(self) -> str:
        """Key of the recording in the output."""
        return key_of(self.address)


@dataclass(frozen=True)
class Failure:
    """A row of the failures table."""

    address: str
    sentence: str
    row: int | None = None
    runner: str = ""
    session: str = ""


def labels(address: str, root: str | None) -> tuple[str, str]:
    """Runner and session from a path.

    The runner is the first folder below `root`, the session the rest of the path without the ending. For a
    recording directly in `root`, or without a root, the runner is the name of its folder.

    Args:
        address: path or address of the recording.
        root: folder that was searched; None, or one that does not contain the recording, for its own folder.

    Raises:
        SettingsError: the folder's name is too long.
    """
    parts = _parts(address)
    above = [] if root is None else _parts(root)
    inside = parts[len(above) :] if above and parts[: len(above)] == above else parts[-1:]
    session = without_recording_ending(inside[-1] if inside else parts[-1])
    if len(inside) > 1:
        return runner_label(inside[0]), sanitize("/".join([*inside[1:-1], session]))
    return runner_label(parts[-2] if len(parts) > 1 else ""), sanitize(session)


def _parts(address: str) -> list[str]:
    path = address.partition("://")[2] if is_remote(address) else address.replace("\\", "/")
    return [part for part in PurePosixPath(path).parts if part != "/"]
