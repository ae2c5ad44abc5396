"""Pick the reader of a file by its content."""

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
from imurun.files.text import printable
from imurun.io.convert import to_recording
from imurun.io.device_log_file import HEAD_BYTES, is_device_log, read_device_log
from imurun.io.formats.file_format import Profile, load_profile, shipped_profiles
from imurun.io.journal_file import read_journal
from imurun.io.multi_table import archive_members, folder_members, read_bundle
from imurun.io.recording_file import KIND, restore_recording
from imurun.io.samples import load_samples
from imurun.io.table import Table
from imurun.io.text_table import TextTable
from imurun.model.recording import Recording, check_rate
from imurun.model.recording_like import Recorded

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

    The format is told by content: text tables (CSV, TSV, semicolons, blanks; any of them in gzip),
    Parquet, folders or ZIP archives with a table for each sensor, journals of raw notifications, and logs
    that a sensor wrote. Units
    that the file does not state are decided by physics and said in `Recording.warnings`. Dates without a zone
    are taken as UTC.

    Args:
        path: file or folder.
        profile: name of a shipped profile or path of a TOML file; None to recognise it by content.
        rate_hz: samples a second, for files that do not tell the time.
        progress: called with the bytes done and the bytes in all.

    Returns:
        The recording: specific force in m/s2 and angular rate in rad/s, shape (n, 3) each.

    Raises:
        FormatError: the content is not understood; the message says why and what to do.
        RecordingError: the samples cannot be a recording, such as time running backwards.
        SettingsError: the profile makes no sense or does not fit the file.
    """
    wanted = load_profile(profile) if profile is not None else None
    with _errors_of(Path(path)) as file:
        rate = check_rate(rate_hz) if rate_hz is not None else None
        return _read(file, wanted, rate, progress)


def open_recording(
    path: str | os.PathLike[str],
    *,
    profile: str | os.PathLike[str] | None = None,
    rate_hz: float | None = None,
    progress: Progress | None = None,
) -> Recorded:
    """A recording to analyse: as `read`, but what imurun wrote as Parquet stays in its file.

    Such a file is looked through once, and read again whenever its samples are asked for, so that a day of
    them takes no more memory than an hour; it must stay as it is until then.

    Args:
        path, profile, rate_hz, progress: as for `read`.

    Raises:
        FormatError, RecordingError, SettingsError: as `read`.
    """
    wanted = load_profile(profile) if profile is not None else None
    with _errors_of(Path(path)) as file:
        rate = check_rate(rate_hz) if rate_hz is not None else None
        stored = _open_stored(file, progress) if wanted is None else None
        return _read(file, wanted, rate, progress) if stored is None else stored


def _read(file: Path, wanted: Profile | None, rate: float | None, progress: Progress | None) -> Recording:
    source = printable(file.name)
    with contextlib.ExitStack() as stack:
        if file.is_dir():

            def open_file(member: Path) -> Table:
                stream = stack.enter_context(_open_binary(member))
                return _open_table(stream, member.name, member.stat().st_size, wanted)

            return read_bundle(folder_members(file, open_file), wanted, rate, source, progress)
        stream = stack.enter_context(_open_binary(file))
        head = stream.read(HEAD_BYTES)
        stream.seek(0)
        told = _told_by_head(head)
        if told is not None:
            if wanted is not None or rate is not None:
                raise SettingsError("this file tells its sensor and rate; leave profile and rate out.")
            return told(file, source, progress)
        if head[:4] in (ZIP, EMPTY_ZIP):
            members = archive_members(stream, _open_member, stack)
            return read_bundle(members, wanted, rate, source, progress)
        table = _open_table(stream, source, file.stat().st_size, wanted)
        return _read_table(table, wanted, rate, progress)


def _open_stored(file: Path, progress: Progress | None) -> StoredRecording | None:
    """The recording that stays in its file, if imurun wrote it as Parquet."""
    if not file.is_file():
        return None
    with file.open("rb") as stream:
        if stream.read(len(PARQUET)) != PARQUET:
            return None
        stream.seek(0)
        from imurun.io.lazy_recording import open_stored, version_of
        from imurun.io.parquet_table import ParquetTable

        version = version_of(stream)
        table = ParquetTable(stream, printable(file.name), size=version.n_bytes)
        if table.metadata.get(MARK) != KIND:
            return None
        return open_stored(table, file, version, progress)


@contextlib.contextmanager
def _errors_of(file: Path) -> Iterator[Path]:
    """The file, with its name put before what is wrong with it."""
    source = printable(file.name)
    try:
        yield file
    except ImurunError as error:
        raise type(error)(f"{source or printable(str(file))}: {printable(str(error))}") from error
    except MemoryError as error:
        raise FormatError(f"{source} is too large for this computer's memory; split it.") from error
    except OSError as error:
        raise FormatError(f"{printable(str(file))} could not be read: {error.strerror or error}.") from error


def _told_by_head(head: bytes) -> Callable[[Path, str, Progress | None], Recording] | None:
    """The reader of what sensors sent or logged, if the file is that."""
    if head.startswith(JOURNAL):
        return read_journal
    return read_device_log if is_device_log(head) else None


def _open_binary(file: Path) -> IO[bytes]:
    if not file.exists():
        raise FormatError("there is no such file; check the path.")
    if not file.is_file():
        raise FormatError("this is neither a file nor a folder; copy the data to a file first.")
    return file.open("rb")


def _open_table(stream: IO[bytes], source: str, size: int, profile: Profile | None) -> Table:
    """A table from a file on disk, of any kind and in gzip or not."""
    packed = stream.read(2) == GZIP
    stream.seek(0)
    inner = unpack(stream)
    if read_head(inner, 4) == PARQUET:
        from imurun.io.parquet_table import ParquetTable

        return ParquetTable(_in_memory(inner) if packed else stream, source, size=size)
    stream.seek(0)
    inner = unpack(stream)
    return _text_table(inner, source, size, stream, profile)


def _in_memory(rest: IO[bytes]) -> IO[bytes]:
    data = io.BytesIO(PARQUET + read_head(rest, MAX_IN_MEMORY))
    if rest.read(1):
        raise FormatError("the Parquet data unpack to more than 1 GiB; unpack the file first.")
    return data


def _open_member(stream: IO[bytes], source: str, size: int) -> Table:
    """A table from a stream that cannot seek and is unpacked already."""
    return _text_table(stream, source, size, None, None)


def _text_table(
    stream: IO[bytes], source: str, size: int, file: IO[bytes] | None, profile: Profile | None
) -> TextTable:
    def unnamed(preamble: str) -> Sequence[str]:
        known = profile or detect_profile((), preamble, above_only=True)
        return known.unnamed if known else ()

    named = profile.names_acc_in if profile else None
    return TextTable(
        stream, source, done=file.tell if file else None, size=size, unnamed=unnamed, named=named
    )


def detect_profile(names: Sequence[str], preamble: str, *, above_only: bool = False) -> Profile | None:
    """The shipped profile whose marks the file bears; the one with most marks if several fit.

    Args:
        names: column names.
        preamble: text above them.
        above_only: look only at profiles that are told by the text above the table.
    """
    candidates = [p for p in shipped_profiles().values() if not (above_only and p.detect_header)]
    best = max(candidates, key=lambda p: p.matches(names, preamble), default=None)
    return best if best is not None and best.matches(names, preamble) else None


def _read_table(
    table: Table, wanted: Profile | None, rate_hz: float | None, progress: Progress | None
) -> Recording:
    if table.metadata.get(MARK) == KIND and wanted is None:
        return restore_recording(table, progress)
    known = wanted or detect_profile(table.names, table.preamble)
    samples = load_samples(table, known, named=wanted is not None, progress=progress)
    return to_recording(samples, known, rate_hz, table.source)
