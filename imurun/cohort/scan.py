"""Finds recordings in folders, patterns and remote addresses, and skips files that imurun wrote."""

from __future__ import annotations

import fnmatch
import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from imurun.cohort.addresses import Stamp, is_remote, list_files, local_address, local_stamp
from imurun.errors import FormatError
from imurun.files.text import sanitize
from imurun.io.endings import RECORDING_ENDINGS
from imurun.io.formats.file_format import shipped_formats

MARK = "cohort.json"
"""A folder that holds this is the output of a cohort."""
STEP_TABLES = ("-steps.parquet", "-steps.csv", "-steps.csv.gz")
JOURNAL = ".journal"

Found = tuple[str, str | None, Stamp | None]
"""Address, the folder that was searched, stamp if known."""


def is_pattern(word: str) -> bool:
    """Whether an argument contains *, ? or [...]."""
    return any(sign in word for sign in "*?[")


def find(word: str, skip: Sequence[Path] = ()) -> Iterator[Found]:
    """Recordings that a command-line argument names, sorted by name.

    A file that is named is taken, whatever it is. Of folders and patterns are taken files with the endings
    `RECORDING_ENDINGS` and folders that are exports of one recording. Not taken are hidden files, step tables
    (`STEP_TABLES`), journals whose recording lies beside them, outputs of cohorts and `skip`.

    Args:
        word: file, folder, pattern, or an address of these.
        skip: files and folders to leave out.

    Raises:
        FormatError, CohortError: an address cannot be listed.
        OSError: a folder cannot be listed.
    """
    if is_remote(word):
        listed = list_files(word)
        if listed is None:
            yield word, None, None
            return
        root, files = listed
        yield from _remote(files, None if is_pattern(word) else root)
        return
    path = Path(word)
    if not path.exists() and is_pattern(word):
        seen: set[Path] = set()
        is_export = cache(is_one_recording)  # once for all files of a folder
        for match in _candidates(sorted(glob.glob(word, recursive=True))):
            here = Path(local_address(match))
            if here.is_file() and is_export(here.parent):
                here = here.parent
            if here in seen or (here.is_dir() and not is_export(here)):
                continue
            seen.add(here)
            if not _is_skipped(here, skip) and not any((up / MARK).exists() for up in here.parents):
                yield local_address(here), None, _stamp(here)
    elif path.is_dir() and not is_one_recording(path):
        root = local_address(path)
        for file in _below(Path(root), skip):
            yield str(file), root, _stamp(file)
    else:
        yield local_address(path), None, None


def is_one_recording(folder: Path) -> bool:
    """Whether a folder is the export of one recording: one of its files is named like that of a known app.

    If the app puts the name of the recording first, all recordings in the folder must be named like that.
    """
    return _are_one_recording([child.name for child in folder.iterdir() if child.is_file()])


def _are_one_recording(file_names: Iterable[str]) -> bool:
    names = [name.lower() for name in file_names]
    for profile in shipped_formats().values():
        if profile.files is None:
            continue
        patterns = [pattern.lower() for some in profile.files.values() for pattern in some]
        others = [name for name in names if name.endswith(RECORDING_ENDINGS) and not _fits(name, patterns)]
        for pattern in (pattern.lower() for pattern in profile.files["acc"]):
            is_named = sum(fnmatch.fnmatchcase(name, pattern) for name in names) == 1
            if is_named and not (others and pattern.startswith("*")):
                return True
    return False


def _fits(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _stamp(file: Path) -> Stamp | None:
    """Stamp of a file; None if it does not exist, such as a broken link, which the caller reports."""
    try:
        return local_stamp(file)
    except OSError:
        return None


def _remote(files: dict[str, Stamp], root: str | None) -> Iterator[Found]:
    """Recordings among the files at an address.

    Raises:
        FormatError: one recording is exported as several files; raised after all others.
    """
    folders: dict[str, list[str]] = {}
    for address in files:
        folder, _, name = address.rpartition("/")
        folders.setdefault(folder, []).append(name)
    outputs = [f"{folder}/" for folder, names in folders.items() if MARK in names]
    exports = [folder for folder, names in folders.items() if _are_one_recording(names)]
    for address in _candidates(files):
        folder = address.rpartition("/")[0]
        below = address.removeprefix(root or "")
        if folder in exports or "/." in below or any(address.startswith(output) for output in outputs):
            continue
        yield address, root, files[address]
    if exports:
        raise FormatError(
            f"{sanitize(exports[0])} is one recording in several files; pack it as .zip, or copy it here."
        )


def _below(root: Path, skip: Sequence[Path]) -> Iterator[Path]:
    """Recordings below a folder; each linked folder is followed once.

    Raises:
        OSError: a folder could not be listed; raised after all others.
    """
    unlisted: list[OSError] = []
    seen: set[str] = set()
    for folder, inner, names in os.walk(root, onerror=unlisted.append, followlinks=True):
        here = Path(folder)
        real = os.path.realpath(folder)
        if real in seen:
            inner.clear()
            continue
        seen.add(real)
        if MARK in names or _is_skipped(here, skip):
            inner.clear()
            continue
        if here != root and is_one_recording(here):
            inner.clear()
            yield here
            continue
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in _candidates(sorted(names)):
            if not _is_skipped(here / name, skip):
                yield here / name
    if unlisted:
        raise unlisted[0]


def _candidates(names: Sequence[str] | dict[str, Stamp]) -> Iterator[str]:
    """Names that may be recordings."""
    there = set(names)
    for name in names:
        last = name.replace("\\", "/").rpartition("/")[2].lower()
        if last.startswith(".") or last.endswith(STEP_TABLES):
            continue
        if last.endswith(JOURNAL):
            recording = name[: -len(JOURNAL)]
            if recording in there or f"{recording}.parquet" in there:
                continue
        if last.endswith(RECORDING_ENDINGS) or Path(name).is_dir():
            yield name


def _is_skipped(path: Path, skip: Sequence[Path]) -> bool:
    return any(path == other for other in skip)
