"""Reads exports with one table a sensor, from a folder or a ZIP archive.

An archive is read member by member as a stream; nothing is written to disk.
"""

from __future__ import annotations

import contextlib
import fnmatch
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from imurun.errors import FormatError
from imurun.files.byte_streams import MAX_BYTES, LimitedReader, Progress
from imurun.files.text import shown
from imurun.io.convert import to_recording
from imurun.io.endings import TABLE_ENDINGS
from imurun.io.formats.file_format import FileFormat, shipped_formats
from imurun.io.samples import Samples, read_samples
from imurun.io.table import Table
from imurun.io.two_sensors import interpolate_at
from imurun.model.frames import FloatArray
from imurun.model.recording import Recording

MAX_MEMBERS = 10_000
ZIP_ERRORS = (zipfile.BadZipFile, EOFError, OSError, RuntimeError, ValueError)
"""Raised by `zipfile` for damage, encryption and unknown compression."""
_ANY_ACC = ("*accelerometer*.csv", "*acc*.csv", "*accelerometer*", "*acc*")
_ANY_GYR = ("*gyroscope*.csv", "*gyro*.csv", "*gyr*", "*gyro*")

Opener = Callable[[], Table]


def folder_members(path: Path, open_file: Callable[[Path], Table]) -> dict[str, Opener]:
    """The files of a folder by name.

    Raises:
        FormatError: more than 10,000 files.
    """
    members: dict[str, Opener] = {}
    for index, file in enumerate(sorted(path.iterdir())):
        if index > MAX_MEMBERS:
            raise FormatError(
                f"the folder holds more than {MAX_MEMBERS:,} files; give that of one recording."
            )
        if file.is_file() and not file.name.startswith("."):
            members[file.name] = lambda file=file: open_file(file)
    return members


def archive_members(
    stream: IO[bytes], open_stream: Callable[[IO[bytes], str, int], Table], stack: contextlib.ExitStack
) -> dict[str, Opener]:
    """The members of a ZIP archive by file name, without their folders.

    Opened streams are closed with `stack`.

    Raises:
        FormatError: damaged, or more than 10,000 members.
    """
    try:
        archive = stack.enter_context(zipfile.ZipFile(stream))
        infos = archive.infolist()
    except ZIP_ERRORS as error:
        raise FormatError("the ZIP archive is damaged; export it again.") from error
    if len(infos) > MAX_MEMBERS:
        raise FormatError(f"the archive holds more than {MAX_MEMBERS:,} files; give that of one recording.")
    members: dict[str, Opener] = {}
    for info in infos:
        name = info.filename.replace("\\", "/").rsplit("/", 1)[-1]
        if name and not name.startswith("."):
            members.setdefault(name, lambda info=info: _open_member(archive, info, open_stream, stack))
    return members


def _open_member(
    archive: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    open_stream: Callable[[IO[bytes], str, int], Table],
    stack: contextlib.ExitStack,
) -> Table:
    if info.file_size > MAX_BYTES:
        raise FormatError(
            f"{shown(info.filename)} unpacks to more than {MAX_BYTES >> 30} GiB; split the recording."
        )
    if info.flag_bits & 1:
        raise FormatError("the archive is encrypted; unpack it first.")
    try:
        stream = stack.enter_context(archive.open(info))
    except ZIP_ERRORS as error:
        raise FormatError(
            f"{shown(info.filename)} in the archive cannot be unpacked; unpack it first."
        ) from error
    reader = LimitedReader(stream, lambda: info.compress_size)
    return open_stream(io.BufferedReader(reader), info.filename, info.file_size)


def read_multi_table(
    members: Mapping[str, Opener],
    file_format: FileFormat | None,
    rate_hz: float | None,
    source: str,
    progress: Progress | None = None,
) -> Recording:
    """Read the accelerometer's table and, if there is one, the gyroscope's.

    Angular rates are interpolated at the accelerometer's time stamps; they are missing outside their span.

    Raises:
        FormatError: no acceleration table, several candidates, or no common time.
    """
    name, table, file_format, patterns = _acc_table(members, file_format)
    named = file_format is not None
    gyr_name = _find(members, patterns.get("gyr", _ANY_GYR))
    if gyr_name is None:
        samples = read_samples(table, file_format, named=named, progress=progress)
    else:
        samples = read_samples(table, file_format, named=named, part="acc", progress=progress)
    gravity = patterns.get("gravity", ())
    if gravity and name.lower() != patterns["acc"][0].lower():
        _add_gravity(samples, _gravity(members, gravity, file_format))
    if gyr_name is not None:
        other = read_samples(members[gyr_name](), file_format, named=named, part="gyr", progress=progress)
        samples.gyr = _at_times_of(samples, other, other.gyr)
        samples.gyr_unit = other.gyr_unit
        samples.warnings += other.warnings
    return to_recording(samples, file_format, rate_hz, source)


def _acc_table(
    members: Mapping[str, Opener], file_format: FileFormat | None
) -> tuple[str, Table, FileFormat | None, Mapping[str, Sequence[str]]]:
    candidates = [file_format] if file_format is not None else list(shipped_formats().values())
    for candidate in candidates:
        if candidate.files is None:
            continue
        name = _find(members, candidate.files.get("acc", ()))
        if name is not None:
            table = members[name]()
            if file_format is not None or candidate.score(table.names, table.preamble):
                return name, table, candidate, candidate.files
    name = _find({key: value for key, value in members.items() if "linear" not in key.lower()}, _ANY_ACC)
    if name is None:
        tables = [key for key in members if key.lower().endswith(TABLE_ENDINGS)]
        if len(tables) != 1:
            some = ", ".join(list(members)[:5]) or "nothing"
            raise FormatError(
                f"there is no table of acceleration with gravity among its files "
                f"({shown(some, 200)}); give the folder of one recording."
            )
        name = tables[0]
        return name, members[name](), file_format, {"gyr": ()}
    return name, members[name](), file_format, {}


def _find(members: Mapping[str, Opener], patterns: Sequence[str]) -> str | None:
    """The member that matches the first pattern of all that any member matches.

    Raises:
        FormatError: several members match this pattern.
    """
    for pattern in patterns:
        found = [name for name in members if fnmatch.fnmatchcase(name.lower(), pattern.lower())]
        if len(found) > 1:
            raise FormatError(
                f"several files could hold this sensor ({shown(', '.join(found[:5]), 200)}); "
                "keep those of one sensor."
            )
        if found:
            return found[0]
    return None


def _gravity(
    members: Mapping[str, Opener], patterns: Sequence[str], file_format: FileFormat | None
) -> Samples:
    name = _find(members, patterns)
    if name is None:
        raise FormatError((file_format or FileFormat(name="")).gravity_free_message())
    return read_samples(members[name](), file_format, named=file_format is not None, part="acc")


def _add_gravity(samples: Samples, gravity: Samples) -> None:
    assert samples.acc is not None
    samples.acc = samples.acc + _at_times_of(samples, gravity, gravity.acc)
    samples.warnings.append("The acceleration had gravity removed; it was added back from the gravity table.")


def _at_times_of(samples: Samples, other: Samples, values: FloatArray | None) -> FloatArray:
    """Values of another table at the stamps of `samples`."""
    assert values is not None
    assert samples.acc is not None
    if samples.stamps is None or other.stamps is None:
        if len(values) != len(samples.acc):
            raise FormatError("the tables have no time column and differ in length; export them with time.")
        return values
    at, start = samples.stamps, other.stamps
    if at.start_ns is not None and start.start_ns is not None:
        offset = (start.start_ns - at.start_ns) * 1e-9
    else:
        offset = start.first_s - at.first_s
    return interpolate_at(at.seconds, np.asarray(start.seconds + offset), values)
