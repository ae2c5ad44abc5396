"""Atomic writes: a file is replaced completely or not at all; errors say why it could not be written."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from imurun.errors import SettingsError
from imurun.files.text import sanitize

_NO_SPACE = "make room there, or choose another place"
_NOT_ALLOWED = "choose a place that you may write to"
_ADVICE = {
    errno.ENOSPC: _NO_SPACE,
    errno.EDQUOT: _NO_SPACE,
    errno.EFBIG: _NO_SPACE,
    errno.EROFS: _NOT_ALLOWED,
    errno.EACCES: _NOT_ALLOWED,
    errno.EPERM: _NOT_ALLOWED,
}


def reason(error: OSError) -> str:
    """The system's message and advice, for the end of a sentence, without a full stop."""
    advice = _ADVICE.get(error.errno or 0, "check the path, or choose another one")
    return f"{sanitize(str(error.strerror or error))}; {advice}"


def write_error(target: str | os.PathLike[str], error: OSError) -> SettingsError:
    """The error to raise when `target` could not be written."""
    return SettingsError(f"{sanitize(str(target))} could not be written: {reason(error)}.")


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
