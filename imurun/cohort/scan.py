"""Which files of a folder or pattern are recordings; what imurun itself wrote beside them is not."""

from __future__ import annotations

import fnmatch
import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from imurun.cohort.address import Stamp, is_remote, local_address, local_stamp
from imurun.cohort.remote import list_files
from imurun.io.profile import shipped_profiles

MARK = "cohort.json"
"""A folder that holds this is the output of a cohort."""
RECORDINGS = (
    *(".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz"),
    *(".parquet", ".parquet.gz", ".zip", ".journal", ".imulog"),
)
STEP_TABLES = ("-steps.parquet", "-steps.csv", "-steps.csv.gz")
JOURNAL = ".journal"

Found = tuple[str, str | None, Stamp | None]
"""Address, the folder in which it was looked for, stamp if it is known already."""


def is_pattern(word: str) -> bool:
    """Whether a word that names no file is a pattern with *, ? or [...]."""
    return any(sign in word for sign in "*?[")


def find(word: str, skip: Sequence[Path] = ()) -> Iterator[Found]:
    """The recordings that a word on the command line means, sorted by name.

    A file that is named is taken, whatever it is. Of folders and patterns are taken files with the endings
    `RECORDINGS` and folders that are exports of one recording. Not taken are hidden files, step tables
    (`STEP_TABLES`), journals whose recording lies beside them, outputs of cohorts and `skip`.

    Args:
        word: file, folder, pattern, or an address of these.
        skip: files and folders to leave out.

    Raises:
        FormatError, CohortError: an address that cannot be listed.
        OSError: a folder that cannot be listed.
    """
    if is_remote(word):
        listed = list_files(word)
        if listed is None:
            yield word, None, None
            return
        root, files = listed
        for address in _worth_reading(files):
            yield address, None if is_pattern(word) else root, files[address]
        return
    path = Path(word)
    if not path.exists() and is_pattern(word):
        for match in _worth_reading(sorted(glob.glob(word, recursive=True))):
            here = Path(local_address(match))
            if here.is_dir() and not is_one_recording(here):
                continue
            if not _is_skipped(here, skip) and not any((up / MARK).exists() for up in here.parents):
                yield local_address(here), None, local_stamp(here)
    elif path.is_dir() and not is_one_recording(path):
        root = local_address(path)
        for file in _below(Path(root), skip):
            yield str(file), root, local_stamp(file)
    else:
        yield local_address(path), None, None


def is_one_recording(folder: Path) -> bool:
    """Whether a folder is the export of one recording: one file of it is named like a known app's."""
    names = [child.name.lower() for child in folder.iterdir() if child.is_file()]
    known = [profile.files["acc"] for profile in shipped_profiles().values() if profile.files is not None]
    return any(
        sum(fnmatch.fnmatchcase(name, pattern.lower()) for name in names) == 1
        for patterns in known
        for pattern in patterns
    )


def _below(root: Path, skip: Sequence[Path]) -> Iterator[Path]:
    for folder, inner, names in os.walk(root):
        here = Path(folder)
        if MARK in names or _is_skipped(here, skip):
            inner.clear()
            continue
        if here != root and is_one_recording(here):
            inner.clear()
            yield here
            continue
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in _worth_reading(sorted(names)):
            if not _is_skipped(here / name, skip):
                yield here / name


def _worth_reading(names: Sequence[str] | dict[str, Stamp]) -> Iterator[str]:
    """Those of some files that may be recordings."""
    there = set(names)
    for name in names:
        last = name.replace("\\", "/").rpartition("/")[2].lower()
        if last.startswith(".") or last.endswith(STEP_TABLES):
            continue
        if last.endswith(JOURNAL):
            recording = name[: -len(JOURNAL)]
            if recording in there or f"{recording}.parquet" in there:
                continue
        if last.endswith(RECORDINGS) or Path(name).is_dir():
            yield name


def _is_skipped(path: Path, skip: Sequence[Path]) -> bool:
    return any(path == other for other in skip)
