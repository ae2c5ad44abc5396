"""Finds a dataset's files on this machine, and checks them against the registry."""

from __future__ import annotations

import hashlib
import os
import sys
from functools import cache
from pathlib import Path

from benchmarks.datasets.registry import Dataset
from imurun.errors import FormatError

_CHUNK_BYTES = 1 << 20


def data_folder() -> Path:
    """The folder of local recordings: IMURUN_DATA, otherwise `../shared/data` beside the checkout."""
    return Path(os.environ.get("IMURUN_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")


def cache_folder() -> Path:
    """The folder of downloads: IMURUN_CACHE, otherwise the system's cache folder."""
    given = os.environ.get("IMURUN_CACHE")
    if given:
        return Path(given)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "imurun"


def locate(dataset: Dataset) -> Path:
    """The dataset's folder: among the local recordings first, then among the downloads.

    An incomplete folder is skipped if another is complete.

    Raises:
        FormatError: it is missing or incomplete; the message says where to get it.
    """
    folders = [root / dataset.name for root in (data_folder(), cache_folder())]
    there = [folder for folder in folders if folder.is_dir()]
    for folder in there:
        if any(folder.iterdir()) and not missing_files(dataset, folder):
            return folder
    if not there:
        raise FormatError(f"The dataset {dataset.name} is not here; {how_to_get(dataset)}.")
    missing = missing_files(dataset, there[0])
    what = missing[0] if missing else "everything"
    raise FormatError(f"{dataset.name}: {what} is missing in {there[0]}; {how_to_get(dataset)}.")


def verify(dataset: Dataset, folder: Path) -> None:
    """Check that the folder holds every file of the dataset, unchanged.

    Hashes are cached in this process by size and time of change. A file without a hash in the registry must
    only exist.

    Raises:
        FormatError: a file is missing, unreadable or changed.
    """
    missing = missing_files(dataset, folder)
    if missing:
        raise FormatError(f"{dataset.name}: {missing[0]} is missing in {folder}; {how_to_get(dataset)}.")
    for file in dataset.files:
        if file.sha256:
            found = sha256_of(folder / file.path)
            if found != file.sha256:
                own = folder != cache_folder() / dataset.name
                remedy = f"put the true file into {folder}" if own else how_to_get(dataset)
                raise FormatError(
                    f"{dataset.name}: {file.path} was altered: its SHA-256 is {found} where {file.sha256} is "
                    f"expected; {remedy}."
                )


def missing_files(dataset: Dataset, folder: Path) -> list[str]:
    """Paths of the dataset's files that are not in the folder."""
    return [file.path for file in dataset.files if not (folder / file.path).is_file()]


def how_to_get(dataset: Dataset) -> str:
    """How to get the dataset, as the end of a sentence."""
    if dataset.downloadable:
        return f"get it with: python -m benchmarks.datasets {dataset.name} --download"
    return f"get it from {dataset.source} and put its files into {cache_folder() / dataset.name}"


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, cached while its size and time of change are the same.

    Raises:
        FormatError: the file cannot be read.
    """
    try:
        state = path.stat()
        return _sha256_of(path, state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise FormatError(
            f"{path} could not be read: {error.strerror or error}; give a readable file."
        ) from error


@cache
def _sha256_of(path: Path, _size_bytes: int, _changed_ns: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
