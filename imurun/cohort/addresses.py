"""Addresses of recordings: local paths and fsspec addresses; listing, stamping and copying remote files."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imurun.errors import CohortError, FormatError
from imurun.files.text import printable


@dataclass(frozen=True)
class Stamp:
    """What tells without reading that a file is as it was; None where it is not known.

    Attributes:
        size: bytes.
        changed: when it was changed, or another mark of its version, as text.
    """

    size: int | None = None
    changed: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether both are known, so that equal stamps can be trusted."""
        return self.size is not None and self.changed is not None


def is_remote(address: str) -> bool:
    """Whether this is an address rather than a path."""
    return "://" in address


def local_address(path: str | os.PathLike[str]) -> str:
    """The absolute path, with links left as they are: their names say more than what they point at."""
    return os.path.abspath(path)


def join(base: str, relative: str) -> str:
    """`relative` as seen from the folder `base`, each a path or an address."""
    if is_remote(relative):
        return relative
    if is_remote(base):
        return f"{base.rstrip('/')}/{relative.lstrip('/')}"
    return local_address(Path(base) / relative)


def parent(address: str) -> str:
    """The folder that holds it."""
    if is_remote(address):
        return address.rstrip("/").rpartition("/")[0]
    return str(Path(local_address(address)).parent)


def local_stamp(path: Path) -> Stamp:
    """Of a file, or of all files directly in a folder.

    Raises:
        OSError: there is none.
    """
    if not path.is_dir():
        status = path.stat()
        return Stamp(status.st_size, str(status.st_mtime_ns))
    inside = [child.stat() for child in path.iterdir() if child.is_file()]
    newest = max((status.st_mtime_ns for status in inside), default=0)
    return Stamp(sum(status.st_size for status in inside), f"{newest}+{len(inside)}")


_MARKS = ("mtime", "LastModified", "last_modified", "updated", "ETag", "etag")
"""What file systems call the time of the last change, or a mark of the version."""


def _open(address: str) -> tuple[Any, str]:
    """The file system and the path in it.

    Raises:
        CohortError: fsspec, or its part for this kind of address, is not installed.
        FormatError: no such kind of address.
    """
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise CohortError(
            f"{printable(address)} is no path of this machine; install the extra for addresses: "
            "pip install 'imurun[cohort]'"
        ) from error
    try:
        return url_to_fs(address)
    except ImportError as error:
        raise CohortError(f"{printable(address)} needs another package: {printable(str(error))}") from error
    except ValueError as error:
        raise FormatError(f"{printable(address)}: {printable(str(error))}; check the address.") from error


def list_files(address: str) -> tuple[str, dict[str, Stamp]] | None:
    """All files below a folder or matched by a pattern, sorted, with the folder they were looked for in.

    Returns:
        None when the address is one file.

    Raises:
        FormatError: it cannot be listed.
    """
    system, path = _open(address)
    try:
        if any(sign in path for sign in "*?["):
            found = system.glob(path, detail=True)
        elif system.isfile(path) or not system.isdir(path):
            return None
        else:
            found = system.find(path, detail=True)
    except Exception as error:  # each file system raises errors of its own
        raise FormatError(f"{printable(address)} cannot be listed: {printable(str(error))}.") from error
    files = {
        system.unstrip_protocol(name): _stamp(info)
        for name, info in sorted(found.items())
        if info.get("type") != "directory"
    }
    return system.unstrip_protocol(path), files


def remote_stamp(address: str) -> Stamp:
    """Of one file.

    Raises:
        FormatError: it is not there, or cannot be reached.
    """
    system, path = _open(address)
    try:
        return _stamp(system.info(path))
    except FileNotFoundError as error:
        raise FormatError("there is no such file; check the address.") from error
    except Exception as error:  # each file system raises errors of its own
        raise FormatError(f"it cannot be reached: {printable(str(error))}.") from error


def fetch(address: str, folder: Path) -> Path:
    """Copy one file into `folder` under its own name.

    Raises:
        FormatError: it cannot be read, or there is no room for it.
    """
    system, path = _open(address)
    copy = folder / (path.rstrip("/").rpartition("/")[2] or "recording")
    try:
        with system.open(path, "rb") as stream, copy.open("wb") as target:
            shutil.copyfileobj(stream, target, 1 << 20)
    except Exception as error:  # each file system raises errors of its own
        raise FormatError(f"it could not be copied here: {printable(str(error))}.") from error
    return copy


def read_bytes(address: str) -> bytes:
    """All bytes of a small file.

    Raises:
        FormatError: it cannot be read.
    """
    system, path = _open(address)
    try:
        return system.cat_file(path)
    except Exception as error:  # each file system raises errors of its own
        raise FormatError(f"it could not be read: {printable(str(error))}.") from error


def _stamp(info: dict[str, Any]) -> Stamp:
    size = info.get("size")
    mark = next((info[name] for name in _MARKS if info.get(name) is not None), None)
    return Stamp(None if size is None else int(size), None if mark is None else str(mark))
