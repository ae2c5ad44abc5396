"""The sentence for a file that could not be written, with what to do about it."""

from __future__ import annotations

import errno
import os

from imurun.errors import SettingsError
from imurun.files.text import printable

_ROOM = "make room there, or choose another place"
_RIGHT = "choose a place that you may write to"
_WHAT_TO_DO = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: _ROOM,
    errno.EROFS: _RIGHT,
    errno.EACCES: _RIGHT,
    errno.EPERM: _RIGHT,
}


def reason(error: OSError) -> str:
    """What the system said and what to do, to stand at the end of a sentence, without its full stop."""
    what_to_do = _WHAT_TO_DO.get(error.errno or 0, "check the path, or choose another one")
    return f"{printable(str(error.strerror or error))}; {what_to_do}"


def unwritten(target: str | os.PathLike[str], error: OSError) -> SettingsError:
    """The error to raise when `target` could not be written."""
    return SettingsError(f"{printable(str(target))} could not be written: {reason(error)}.")
