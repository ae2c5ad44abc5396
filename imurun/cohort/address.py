"""Addresses of recordings: paths of this machine, and fsspec addresses, told apart by `://`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


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
