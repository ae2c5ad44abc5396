"""Atomic writes: a file is replaced completely or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path in the same folder, and rename it to `path` when the block succeeds.

    The content is flushed to disk before the rename. When the block raises, the temporary file is removed and
    the old file stays.

    Raises:
        OSError: the folder does not exist or cannot be written. Its `filename` is `path` where the error
            names the temporary file or no file.
    """
    target = Path(path)
    try:
        with _aside(target) as aside:
            yield aside
    except OSError as error:
        named = error.filename
        if error.errno is not None and (
            named is None or (isinstance(named, str) and Path(named).name.startswith(_prefix(target)))
        ):
            error.filename = str(target)
        raise


@contextlib.contextmanager
def _aside(target: Path) -> Iterator[Path]:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=_prefix(target), suffix=".part")
    os.close(handle)
    aside = Path(name)
    try:
        yield aside
        _fsync(aside, os.O_RDWR)
        aside.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
        aside.replace(target)
        if os.name == "posix":
            _fsync(target.parent, os.O_RDONLY)
    finally:
        aside.unlink(missing_ok=True)


def _prefix(target: Path) -> str:
    return f".{target.name}."


def _fsync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    """The permission mask of this process; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
