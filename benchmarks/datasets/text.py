"""Reads text files of a dataset."""

from __future__ import annotations

from pathlib import Path

from imurun.errors import FormatError


def lines_of(file: Path) -> list[str]:
    """The lines of a UTF-8 file, without their ends.

    Raises:
        FormatError: the file cannot be read, or is not UTF-8 text.
    """
    try:
        return file.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise FormatError(f"{file} could not be read; give the folder of the data set.") from error
    except UnicodeDecodeError as error:
        raise FormatError(f"{file.name}: this is no text; get the data set again.") from error
