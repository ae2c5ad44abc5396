"""Files at fsspec addresses: listed, stamped, copied here."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from imurun.cohort.address import Stamp
from imurun.errors import CohortError, FormatError
from imurun.io.printable import printable

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
