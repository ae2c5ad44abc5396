"""Addresses of recordings, local paths or fsspec URLs: listing, change detection and download."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imurun.errors import CohortError, FormatError
from imurun.files.optional import optional_module
from imurun.files.text import sanitize

_VERSION_KEYS = ("mtime", "LastModified", "last_modified", "updated", "ETag", "etag")
"""Keys under which fsspec file systems report the time of the last change, or a version."""


@dataclass(frozen=True)
class Stamp:
    """Size and time of a file, which show without reading it that it has not changed; None if unknown.

    Attributes:
        size: bytes.
        changed: time of the last change, or another version, as text.
    """

    size: int | None = None
    changed: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether both are known, so that equal stamps mean an unchanged file."""
        return self.size is not None and self.changed is not None


def is_remote(address: str) -> bool:
    """Whether this is an fsspec URL and not a path."""
    return "://" in address


def local_address(path: str | os.PathLike[str]) -> str:
    """The absolute path. Links are not resolved, because their names carry the runner and the session."""
    return os.path.abspath(path)


def join(base: str, relative: str) -> str:
    """`relative` resolved against the folder `base`; each is a path or a URL."""
    if is_remote(relative):
        return relative
    if is_remote(base):
        return f"{base.rstrip('/')}/{relative.lstrip('/')}"
    return local_address(Path(base) / relative)


def parent(address: str) -> str:
    """The folder of a path or URL."""
    if is_remote(address):
        return address.rstrip("/").rpartition("/")[0]
    return str(Path(local_address(address)).parent)


def local_stamp(path: Path) -> Stamp:
    """Stamp of a file, or of all files directly in a folder.

    Raises:
        OSError: there is no such file or folder.
    """
    if not path.is_dir():
        status = path.stat()
        return Stamp(status.st_size, str(status.st_mtime_ns))
    inside = [child.stat() for child in path.iterdir() if child.is_file()]
    newest = max((status.st_mtime_ns for status in inside), default=0)
    return Stamp(sum(status.st_size for status in inside), f"{newest}+{len(inside)}")


def list_files(address: str) -> tuple[str, dict[str, Stamp]] | None:
    """All files below a folder or matching a pattern, sorted by address, with the address that was searched.

    Returns:
        None if the address is one file.

    Raises:
        FormatError: the address cannot be listed.
    """
    system, path = _file_system(address)
    try:
        if any(sign in path for sign in "*?["):
            found = system.glob(path, detail=True)
        elif system.isfile(path) or not system.isdir(path):
            return None
        else:
            found = system.find(path, detail=True)
    except Exception as error:  # each file system raises other types
        raise FormatError(f"{sanitize(address)} cannot be listed: {sanitize(str(error))}.") from error
    files = {
        system.unstrip_protocol(name): _stamp(info)
        for name, info in sorted(found.items())
        if info.get("type") != "directory"
    }
    return system.unstrip_protocol(path), files


def remote_stamp(address: str) -> Stamp:
    """Stamp of one file.

    Raises:
        FormatError: there is no such file, or it cannot be reached.
    """
    system, path = _file_system(address)
    try:
        return _stamp(system.info(path))
    except FileNotFoundError as error:
        raise FormatError("there is no such file; check the address.") from error
    except Exception as error:  # each file system raises other types
        raise FormatError(f"it cannot be reached: {sanitize(str(error))}.") from error


def fetch(address: str, folder: Path) -> Path:
    """Copy one file into `folder` under its own name; returns the copy.

    Raises:
        FormatError: the file cannot be read, or the disk is full.
    """
    system, path = _file_system(address)
    copy = folder / (path.rstrip("/").rpartition("/")[2] or "recording")
    try:
        with system.open(path, "rb") as stream, copy.open("wb") as target:
            shutil.copyfileobj(stream, target, 1 << 20)
    except Exception as error:  # each file system raises other types
        raise FormatError(f"it could not be copied here: {sanitize(str(error))}.") from error
    return copy


def read_bytes(address: str) -> bytes:
    """All bytes of a small file.

    Raises:
        FormatError: the file cannot be read.
    """
    system, path = _file_system(address)
    try:
        return system.cat_file(path)
    except Exception as error:  # each file system raises other types
        raise FormatError(f"it could not be read: {sanitize(str(error))}.") from error


def _file_system(address: str) -> tuple[Any, str]:
    """The fsspec file system of an address, and the path in it.

    Raises:
        MissingExtraError: fsspec is not installed.
        CohortError: the package for this kind of address is not installed.
        FormatError: an unknown kind of address.
    """
    core: Any = optional_module("fsspec.core", extra="cohort", purpose=f"The address {sanitize(address)}")
    try:
        return core.url_to_fs(address)
    except ImportError as error:
        raise CohortError(f"{sanitize(address)} needs another package: {sanitize(str(error))}") from error
    except ValueError as error:
        raise FormatError(f"{sanitize(address)}: {sanitize(str(error))}; check the address.") from error


def _stamp(info: dict[str, Any]) -> Stamp:
    size = info.get("size")
    version = next((info[name] for name in _VERSION_KEYS if info.get(name) is not None), None)
    return Stamp(None if size is None else int(size), None if version is None else str(version))
