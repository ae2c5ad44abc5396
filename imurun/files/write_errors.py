"""Error messages for files that could not be written, with advice by cause."""

from __future__ import annotations

import errno
import os

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
