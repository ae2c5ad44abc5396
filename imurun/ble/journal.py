"""Reads and writes journals: files of raw notifications with their arrival times, appended as they arrive.

Notifications are stored byte for byte, so that decoding and clock fit can be repeated. Every record is passed
to the system as it arrives and never changed: a process that is killed loses at most the record it was
writing, and damage to the file affects only the records that contain it.

    file    = MAGIC, then records
    record  = SYNC (2 bytes), kind (u8), length of the body (u16), arrival (f64, s), body, CRC-32 (u32)

Little-endian. The checksum is over kind, length, arrival and body. Arrival is the host's monotonic clock. The
first record is the header; its body, like that of an event, is one JSON object in UTF-8. The body of a
notification is the characteristic's place in the header's list (u8), then the bytes as they came.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from imurun.errors import FormatError, RecordingError

MAGIC = b"imurun journal 1\n"
SYNC = b"\xa5\x5a"
HEADER, NOTIFICATION, EVENT = 0, 1, 2
KINDS = (HEADER, NOTIFICATION, EVENT)
GIVE_UP, END, MARKER, ANALYSED = "give up", "end", "marker", "analysed"
"""Kinds of events that readers use: missing samples before number `stop` will never arrive; the run ends
before number `next_index`; a marker of the runner; rate and runner of a live analysis."""
HEAD = struct.Struct("<2sBHd")
CRC = struct.Struct("<I")
LONGEST_BODY = 0xFFFF
CHUNK_BYTES = 1 << 20
WORK_PER_BYTE, WORK_PER_REFUSED, LEAST_WORK = 64, 2048, 1 << 24
"""Limit to the work on a hostile file, in bytes of checksums that turned out wrong: allowed per byte of the
file, counted per rejected position, and allowed in any case. A file with every other record damaged stays far
below."""
_BEGIN = re.compile(re.escape(SYNC) + b"[" + re.escape(bytes((NOTIFICATION, EVENT))) + b"]")


@dataclass(frozen=True)
class Notification:
    """A notification: arrival on the host's monotonic clock, UUID of the characteristic, bytes."""

    arrival_s: float
    characteristic: str
    data: bytes


@dataclass(frozen=True)
class JournalEvent:
    """An entry that is no notification: a JSON object with the key `kind`."""

    arrival_s: float
    what: dict[str, Any]


class Sink(Protocol):
    """Interface for storing notifications and events."""

    def notification(self, arrival_s: float, characteristic: str, data: bytes) -> None:
        """Store a notification."""
        ...

    def event(self, arrival_s: float, what: dict[str, Any]) -> None:
        """Store an event."""
        ...


class JournalWriter:
    """Appends notifications and events to a new journal; a context manager.

    Args:
        path: the file; it must not exist.
        header: JSON object that identifies sensor and driver; stored unchanged.
        characteristics: UUIDs of the characteristics that will notify.

    Raises:
        RecordingError: the file exists or cannot be written.
    """

    def __init__(
        self, path: str | os.PathLike[str], header: dict[str, Any], characteristics: list[str]
    ) -> None:
        self.path = Path(path)
        self._places = {uuid: place for place, uuid in enumerate(characteristics)}
        body = json.dumps({**header, "characteristics": characteristics}).encode()
        try:
            self._file = _begin_file(self.path, MAGIC + _record(HEADER, 0.0, body))
        except FileExistsError as error:
            raise RecordingError(f"{path} is there already; give another name.") from error
        except OSError as error:
            raise RecordingError(
                f"{path} cannot be written ({error.strerror}); make room there, or choose another place."
            ) from error

    def notification(self, arrival_s: float, characteristic: str, data: bytes) -> None:
        """Store a notification.

        Raises:
            RecordingError: the disk is full or removed; earlier records stay readable.
            KeyError: the characteristic was not given to the constructor.
        """
        self._append(NOTIFICATION, arrival_s, bytes([self._places[characteristic]]) + data)

    def event(self, arrival_s: float, what: dict[str, Any]) -> None:
        """Store an event.

        Raises:
            RecordingError: as for `notification`.
        """
        self._append(EVENT, arrival_s, json.dumps(what).encode())

    def close(self) -> None:
        """Flush to the disk and close.

        Raises:
            RecordingError: the disk is full or removed; the file is closed all the same.
        """
        if self._file.closed:
            return
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._broken(error) from error
        finally:
            self._file.close()

    def __enter__(self) -> JournalWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _append(self, kind: int, arrival_s: float, body: bytes) -> None:
        self._write(_record(kind, arrival_s, body))

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError as error:
            raise self._broken(error) from error

    def _broken(self, error: OSError) -> RecordingError:
        return RecordingError(
            f"{self.path} cannot be written any more ({error.strerror}); "
            "the data written so far stay readable."
        )


def _record(kind: int, arrival_s: float, body: bytes) -> bytes:
    if len(body) > LONGEST_BODY:
        raise RecordingError(f"A record of {len(body)} bytes is too long for a journal.")
    head = HEAD.pack(SYNC, kind, len(body), arrival_s)
    return head + body + CRC.pack(zlib.crc32(body, zlib.crc32(head[len(SYNC) :])))


def _begin_file(path: Path, content: bytes) -> FileIO:
    """Create a file with this content, open for appending; after a kill it has all of the content or none.

    On file systems without hard links, a kill between two calls may leave a part of the content.

    Raises:
        FileExistsError: the file exists.
        OSError: it cannot be written.
    """
    if path.exists():
        raise FileExistsError(path)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with aside.open("xb") as file:
            file.write(content)
        try:
            os.link(aside, path)  # unlike a rename, it replaces nothing
        except FileExistsError:
            raise
        except OSError:
            return _begin_in_place(path, content)
    finally:
        aside.unlink(missing_ok=True)
    return path.open("ab", buffering=0)


def _begin_in_place(path: Path, content: bytes) -> FileIO:
    file = path.open("xb", buffering=0)
    try:
        while content:
            content = content[file.write(content) :]
    except OSError:
        file.close()
        path.unlink()
        raise
    return file


@dataclass
class Journal:
    """A journal to read.

    Attributes:
        path: the file.
        header: the writer's header, with the key characteristics.
        start: offset of the first record after the header, bytes.
        progress: called with the bytes done and the total, while `records` runs.
        n_damaged_bytes: bytes outside whole records, counted while `records` runs.
    """

    path: Path
    header: dict[str, Any]
    start: int
    n_damaged_bytes: int = 0
    _work_left: int = 0
    progress: Callable[[int, int], None] | None = None

    def records(self) -> Iterator[Notification | JournalEvent]:
        """All records in order of writing; damaged parts are skipped and counted.

        Reading ends early in a file crafted from many false beginnings of records, so that the time stays in
        proportion to the size.

        Raises:
            FormatError: the file cannot be read.
        """
        uuids = self.header["characteristics"]
        self.n_damaged_bytes = 0
        for kind, arrival_s, body in self._whole_records():
            if kind == NOTIFICATION and body and body[0] < len(uuids):
                yield Notification(arrival_s, uuids[body[0]], body[1:])
            elif kind == EVENT:
                what = _json_object(body)
                if what is not None:
                    yield JournalEvent(arrival_s, what)

    def _whole_records(self) -> Iterator[tuple[int, float, bytes]]:
        try:
            with self.path.open("rb") as file:
                file.seek(self.start)
                buffer = b""
                size = os.fstat(file.fileno()).st_size
                self._work_left = LEAST_WORK + WORK_PER_BYTE * size
                while chunk := file.read(CHUNK_BYTES):
                    if self.progress is not None:
                        self.progress(file.tell(), size)
                    buffer += chunk
                    used = yield from self._take(buffer, last=False)
                    buffer = buffer[used:]
                    if self._work_left < 0:
                        self.n_damaged_bytes += size - file.tell()
                        break
                yield from self._take(buffer, last=True)
        except OSError as error:
            raise FormatError(f"{self.path} could not be read ({error.strerror}).") from error

    def _take(self, buffer: bytes, *, last: bool) -> Any:
        """Yield the whole records of the buffer; return how many bytes were consumed."""
        at = 0
        while True:
            match = _BEGIN.search(buffer, at) if self._work_left >= 0 else None
            if match is None:
                # the beginning of a record may be cut by the end of the buffer
                ends = buffer.endswith((SYNC, SYNC[:1]), at) and not last and self._work_left >= 0
                kept = buffer.endswith(SYNC, at) + 1 if ends else 0
                self.n_damaged_bytes += len(buffer) - kept - at
                return len(buffer) - kept
            found = match.start()
            self.n_damaged_bytes += found - at
            end = record_end(buffer, found)
            if end is None and not last:
                return found
            if end is None or not is_whole(buffer, found, end):
                self.n_damaged_bytes += 1
                self._work_left -= WORK_PER_REFUSED + (0 if end is None else end - found)
                at = found + 1
                continue
            _, kind, length, arrival_s = HEAD.unpack_from(buffer, found)
            start = found + HEAD.size
            yield kind, arrival_s, buffer[start : start + length]
            at = end


def record_end(buffer: bytes, start: int) -> int | None:
    """End of the record that begins at `start`; None where the buffer ends before."""
    if len(buffer) - start < HEAD.size:
        return None
    length = HEAD.unpack_from(buffer, start)[2]
    end = start + HEAD.size + length + CRC.size
    return end if end <= len(buffer) else None


def is_whole(buffer: bytes, start: int, end: int) -> bool:
    """Whether the bytes from start to end are a record of a known kind with a correct checksum."""
    kind = buffer[start + len(SYNC)]
    checksum = CRC.unpack_from(buffer, end - CRC.size)[0]
    return kind in KINDS and zlib.crc32(buffer[start + len(SYNC) : end - CRC.size]) == checksum


def open_journal(path: str | os.PathLike[str]) -> Journal:
    """Open a journal, also one whose writer was killed.

    Raises:
        FormatError: the file cannot be read, is no journal, or its header is damaged.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            first = file.read(len(MAGIC) + HEAD.size + LONGEST_BODY + CRC.size)
    except OSError as error:
        raise FormatError(f"{path} could not be read ({error.strerror}); give a readable file.") from error
    if not first.startswith(MAGIC):
        raise FormatError(
            f"{path.name} is no journal of imurun; give a file that `imurun record` or `imurun live` wrote."
        )
    start = len(MAGIC)
    end = record_end(first, start)
    header = None
    if end is not None and first.startswith(SYNC, start) and is_whole(first, start, end):
        header = _json_object(first[start + HEAD.size : end - CRC.size])
    if header is None or not isinstance(header.get("characteristics"), list):
        raise FormatError(f"{path.name}: the header of the journal is damaged, so it cannot be decoded.")
    assert end is not None
    return Journal(path, header, end)


def discard_empty(path: Path, characteristic: str) -> bool:
    """Delete a journal in which this characteristic never notified; returns whether it did."""
    came = (
        record.characteristic for record in open_journal(path).records() if isinstance(record, Notification)
    )
    if characteristic in came:
        return False
    path.unlink()
    return True


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
