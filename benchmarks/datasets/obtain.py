"""Lists the datasets on this machine, and downloads others."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.datasets.download import Progress, download, gunzip, unzip
from benchmarks.datasets.locate import cache_folder, how_to_get, locate, verify
from benchmarks.datasets.registry import Dataset, registry
from imurun.errors import FormatError, SettingsError
from imurun.files.text import sanitize

HERE, ALTERED, DOWNLOADABLE, ELSEWHERE = "here", "altered", "can be downloaded", "elsewhere"


@dataclass(frozen=True)
class State:
    """A dataset and its state on this machine.

    Attributes:
        dataset: its entry in the registry.
        state: "here", "altered", "can be downloaded" or "elsewhere".
        detail: its folder, the changed file, or how to get it.
    """

    dataset: Dataset
    state: str
    detail: str


def list_datasets(known: Mapping[str, Dataset] | None = None) -> list[State]:
    """All datasets of the registry; the files of present ones are checked."""
    return [_state(entry) for entry in (registry() if known is None else known).values()]


def fetch(
    name: str,
    progress: Progress | None = None,
    *,
    known: Mapping[str, Dataset] | None = None,
    schemes: tuple[str, ...] = ("https",),
) -> Path:
    """Download a dataset into the cache folder, unless it is on this machine; returns its folder.

    Args:
        name: of the dataset.
        progress: called with the share that is done, 0 to 1.
        known: the registry; the project's by default.
        schemes: allowed schemes of addresses.

    Raises:
        SettingsError: no such dataset, or it may not or cannot be downloaded; the message says where to get
            it.
        FormatError: a file cannot be reached or is not the expected one, and no file is kept; or the folder
            of local recordings, which takes precedence, has a changed file.
    """
    entries = registry() if known is None else known
    if name not in entries:
        raise SettingsError(f"There is no dataset {sanitize(name)!r}; choose from {', '.join(entries)}.")
    entry = entries[name]
    now = _state(entry)
    target = cache_folder() / name
    if now.state == HERE:
        return Path(now.detail)
    if now.state == ALTERED and locate(entry) != target:
        raise FormatError(now.detail)
    if not entry.downloadable:
        reason = (
            f"no address with a known hash is known for {name}"
            if entry.open
            else f"the licence of {name} is {entry.licence}"
        )
        raise SettingsError(f"Not downloaded: {reason}; {how_to_get(entry)}.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{name}."))
    except OSError as error:
        raise SettingsError(
            f"{target.parent} cannot be written ({error.strerror}); set IMURUN_CACHE to a folder that can."
        ) from error
    try:
        filled = _download_all(entry, stage, progress, schemes)
        verify(entry, filled)
        _move(filled, target)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return target


def _state(entry: Dataset) -> State:
    try:
        folder = locate(entry)
    except FormatError:
        return State(entry, DOWNLOADABLE if entry.downloadable else ELSEWHERE, how_to_get(entry))
    try:
        verify(entry, folder)
    except FormatError as error:
        return State(entry, ALTERED, str(error))
    return State(entry, HERE, str(folder))


def _download_all(entry: Dataset, stage: Path, progress: Progress | None, schemes: tuple[str, ...]) -> Path:
    """Download all files into a folder below `stage`; returns it."""
    filled = stage / "files"
    if entry.archive is not None:
        packed = stage / "archive"
        download(
            entry.archive.url,
            packed,
            sha256=entry.archive.sha256,
            max_bytes=entry.archive.size_bytes,
            progress=progress,
            schemes=schemes,
        )
        if entry.archive.url.endswith(".gz"):
            only = filled / entry.files[0].path
            only.parent.mkdir(parents=True)
            gunzip(packed, only)
        else:
            unzip(packed, filled)
        return filled
    total = sum(file.size_bytes for file in entry.files) or 1
    done = 0
    for file in entry.files:
        target = filled / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        share, before = file.size_bytes / total, done / total

        def report(part: float, before: float = before, share: float = share) -> None:
            if progress is not None:
                progress(before + part * share)

        download(
            file.url,
            target,
            sha256=file.sha256,
            max_bytes=file.size_bytes,
            progress=report,
            schemes=schemes,
        )
        done += file.size_bytes
    return filled


def _move(filled: Path, target: Path) -> None:
    """Rename the folder to its final name; if that exists, move each file atomically."""
    if not target.exists():
        filled.rename(target)
        return
    for file in sorted(path for path in filled.rglob("*") if path.is_file()):
        place = target / file.relative_to(filled)
        place.parent.mkdir(parents=True, exist_ok=True)
        file.replace(place)
