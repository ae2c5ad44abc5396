"""Reads a recording from any known kind of file; the reader is chosen by the file's content."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from imurun.ble.journal import MAGIC as JOURNAL
from imurun.errors import FormatError, ImurunError, SettingsError
from imurun.files.byte_streams import (
    EMPTY_ZIP,
    GZIP,
    MAX_IN_MEMORY,
    PARQUET,
    ZIP,
    Progress,
    read_head,
    unpack,
)
from imurun.files.metadata import MARK
from imurun.files.text import sanitize
from imurun.io.convert import to_recording
from imurun.io.device_log_file import HEAD_BYTES, is_device_log, read_device_log
from imurun.io.formats.file_format import FileFormat, load_format, shipped_formats
from imurun.io.journal_file import read_journal
from imurun.io.multi_table import archive_members, folder_members, read_multi_table
from imurun.io.recording_file import KIND, read_own_recording
from imurun.io.samples import read_samples
from imurun.io.table import Table
from imurun.io.text_table import TextTable
from imurun.model.recording import Recording
from imurun.model.recording_like import Recorded
from imurun.model.time_grid import check_rate

if TYPE_CHECKING:
    from imurun.io.lazy_recording import StoredRecording


def read(
    path: str | os.PathLike[str],
    *,
    profile: str | os.PathLike[str] | None = None,
    rate_hz: float | None = None,
    progress: Progress | None = None,
) -> Recording:
    """Read a recording of one sensor.

    The content decides on the format, not the name: text tables (CSV, TSV, semicolons, blanks; any of them
    in gzip), Parquet, folders or ZIP archives with one table a sensor, journals of raw notifications, and
    logs that a sensor wrote. Missing units are inferred (at rest, gravity must read 1 g), and
    `Recording.warnings` says so. Dates without a time zone are taken as UTC.

    Args:
        path: file or folder.
        profile: name of a shipped file format or path of a TOML file; None to detect it by content.
        rate_hz: samples a second, for files without times.
        progress: called with the bytes done and the bytes in all.

    Returns:
        The recording: specific force in m/s2 and angular rate in rad/s, shape (n, 3) each.

    Raises:
        FormatError: the content cannot be read; the message says why and what to do.
        RecordingError: the samples are not a valid recording, for example time runs backwards.
        SettingsError: the profile is invalid or does not fit the file.
    """
    wanted = load_format(profile) if profile is not None else None
    with _named_errors(Path(path)) as file:
        rate = check_rate(rate_hz) if rate_hz is not None else None
        return _read(file, wanted, rate, progress)


def open_recording(
    path: str | os.PathLike[str],
    *,
    profile: str | os.PathLike[str] | None = None,
    rate_hz: float | None = None,
    progress: Progress | None = None,
) -> Recorded:
    """Open a recording for analysis: as `read`, but a Parquet file written by imurun is read lazily.

    Such a file is scanned once, and read again block by block for each analysis, so that a day of samples
    takes no more memory than an hour. The file must not change in between.

    Args:
        path, profile, rate_hz, progress: as for `read`.

    Raises:
        FormatError, RecordingError, SettingsError: as `read`.
    """
    wanted = load_format(profile) if profile is not None else None
    with _named_errors(Path(path)) as file:
        rate = check_rate(rate_hz) if rate_hz is not None else None
        stored = _open_stored(file, progress) if wanted is None else None
        return _read(file, wanted, rate, progress) if stored is None else stored


def _read(file: Path, wanted: FileFormat | None, rate: float | None, progress: Progress | None) -> Recording:
    source = sanitize(file.name)
    with contextlib.ExitStack() as stack:
        if file.is_dir():

            def open_file(member: Path) -> Table:
                stream = stack.enter_context(_open_binary(member))
                return _open_table(stream, member.name, member.stat().st_size, wanted)

            return read_multi_table(folder_members(file, open_file), wanted, rate, source, progress)
        stream = stack.enter_context(_open_binary(file))
        head = stream.read(HEAD_BYTES)
        stream.seek(0)
        read_sensor_file = _reader_by_head(head)
        if read_sensor_file is not None:
            if wanted is not None or rate is not None:
                raise SettingsError("this file states its sensor and rate; leave profile and rate out.")
            return read_sensor_file(file, source, progress)
        if head[:4] in (ZIP, EMPTY_ZIP):
            members = archive_members(stream, _open_member, stack)
            return read_multi_table(members, wanted, rate, source, progress)
        table = _open_table(stream, source, file.stat().st_size, wanted)
        return _read_table(table, wanted, rate, progress)


def _open_stored(file: Path, progress: Progress | None) -> StoredRecording | None:
    """A lazy recording, if imurun wrote the file as Parquet; None otherwise."""
    if not file.is_file():
        return None
    with file.open("rb") as stream:
        if stream.read(len(PARQUET)) != PARQUET:
            return None
        stream.seek(0)
        from imurun.io.lazy_recording import open_stored, version_of
        from imurun.io.parquet_table import ParquetTable

        version = version_of(stream)
        table = ParquetTable(stream, sanitize(file.name), size=version.n_bytes)
        if table.metadata.get(MARK) != KIND:
            return None
        return open_stored(table, file, version, progress)


@contextlib.contextmanager
def _named_errors(file: Path) -> Iterator[Path]:
    """Prefix errors about a file with its name, and turn OSError and MemoryError into FormatError."""
    source = sanitize(file.name)
    try:
        yield file
    except ImurunError as error:
        raise type(error)(f"{source or sanitize(str(file))}: {sanitize(str(error))}") from error
    except MemoryError as error:
        raise FormatError(f"{source} is too large for this computer's memory; split it.") from error
    except OSError as error:
        raise FormatError(f"{sanitize(str(file))} could not be read: {error.strerror or error}.") from error


def _reader_by_head(head: bytes) -> Callable[[Path, str, Progress | None], Recording] | None:
    """The reader of a journal or of a sensor's log; None for other files."""
    if head.startswith(JOURNAL):
        return read_journal
    return read_device_log if is_device_log(head) else None


def _open_binary(file: Path) -> IO[bytes]:
    if not file.exists():
        raise FormatError("there is no such file; check the path.")
    if not file.is_file():
        raise FormatError("this is neither a file nor a folder; copy the data to a file first.")
    return file.open("rb")


def _open_table(stream: IO[bytes], source: str, size: int, file_format: FileFormat | None) -> Table:
    """A Parquet or text table from a file on disk, in gzip or not."""
    packed = stream.read(2) == GZIP
    stream.seek(0)
    inner = unpack(stream)
    if read_head(inner, 4) == PARQUET:
        from imurun.io.parquet_table import ParquetTable

        return ParquetTable(_in_memory(inner) if packed else stream, source, size=size)
    stream.seek(0)
    inner = unpack(stream)
    return _text_table(inner, source, size, stream, file_format)


def _in_memory(rest: IO[bytes]) -> IO[bytes]:
    data = io.BytesIO(PARQUET + read_head(rest, MAX_IN_MEMORY))
    if rest.read(1):
        raise FormatError("the Parquet data unpack to more than 1 GiB; unpack the file first.")
    return data


def _open_member(stream: IO[bytes], source: str, size: int) -> Table:
    """A text table from an unpacked stream that cannot seek."""
    return _text_table(stream, source, size, None, None)


def _text_table(
    stream: IO[bytes], source: str, size: int, file: IO[bytes] | None, file_format: FileFormat | None
) -> TextTable:
    def unnamed(preamble: str) -> Sequence[str]:
        known = file_format or detect_format((), preamble, preamble_only=True)
        return known.unnamed if known else ()

    is_header = file_format.names_acc_in if file_format else None
    return TextTable(
        stream, source, done=file.tell if file else None, size=size, unnamed=unnamed, is_header=is_header
    )


def detect_format(names: Sequence[str], preamble: str, *, preamble_only: bool = False) -> FileFormat | None:
    """The shipped file format that matches a table with the highest score; None when none matches.

    Args:
        names: column names.
        preamble: text above them.
        preamble_only: consider only formats that are recognised by the text above the table.
    """
    candidates = [p for p in shipped_formats().values() if not (preamble_only and p.detect_header)]
    best = max(candidates, key=lambda p: p.score(names, preamble), default=None)
    return best if best is not None and best.score(names, preamble) else None


def _read_table(
    table: Table, wanted: FileFormat | None, rate_hz: float | None, progress: Progress | None
) -> Recording:
    if table.metadata.get(MARK) == KIND and wanted is None:
        return read_own_recording(table, progress)
    known = wanted or detect_format(table.names, table.preamble)
    samples = read_samples(table, known, named=wanted is not None, progress=progress)
    return to_recording(samples, known, rate_hz, table.source)
