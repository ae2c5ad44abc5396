"""Exports a store of sessions as one ZIP archive (catalogue and step tables), and restores it."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO, NamedTuple

from imurun.errors import FormatError, ImurunError, SettingsError, StoreError
from imurun.files.atomic import atomic_path, write_error
from imurun.files.byte_streams import LimitedReader
from imurun.files.text import sanitize
from imurun.history.catalogue import DAMAGED, FILE
from imurun.history.rows import check_row
from imurun.history.store import STEPS, Store

MOST_TABLES = 100_000
"""Limit on the files of an archive: twenty sessions a day for more than ten years."""
_TABLE = re.compile(rf"{STEPS}/[0-9]{{8}}-[0-9a-f]{{6}}\.parquet")


class Restored(NamedTuple):
    """Number of sessions added from an archive, and of those the store had before."""

    n_new: int
    n_known: int


def export_store(store: Store, path: str | os.PathLike[str]) -> int:
    """Write a whole store to one file, atomically; returns the number of sessions.

    Raises:
        SettingsError: the file already exists, or cannot be written.
        StoreError: the store cannot be read.
    """
    target = Path(path)
    if target.exists():
        raise SettingsError(f"{sanitize(str(target))} is there already; give another name.")
    n = 0
    try:
        with (
            tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as folder,
            atomic_path(target) as aside,
        ):
            copy = Path(folder) / FILE
            store.catalogue.copy_to(copy)
            with zipfile.ZipFile(aside, "w", zipfile.ZIP_STORED) as archive:
                archive.write(copy, FILE, zipfile.ZIP_DEFLATED)
                for session_id in store.ids():
                    n += 1
                    table = store.steps_path(session_id)
                    if table.exists():  # Parquet is compressed already
                        archive.write(table, f"{STEPS}/{table.name}")
    except OSError as error:
        raise write_error(target, error) from error
    return n


def restore_store(store: Store, path: str | os.PathLike[str]) -> Restored:
    """Add the sessions of an archive that the store does not have; existing sessions are not changed.

    Raises:
        FormatError: not an archive of a store, or a damaged one; nothing is added.
        SettingsError: the store's disk is full or read-only; nothing is added.
        StoreError: a recording is stored for another runner, or the archive was written by a newer imurun;
            nothing is added.
    """
    file = Path(path)
    source = sanitize(file.name)
    try:
        with (
            _readable(file) as stream,
            tempfile.TemporaryDirectory(dir=store.folder, prefix=".restore-") as folder,
            zipfile.ZipFile(stream) as archive,
        ):
            _unpack(archive, Path(folder), source)
            with _open_checked(Path(folder), source) as other:
                return _merge(store, other, source)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, zlib.error) as error:
        if isinstance(error, ImurunError):
            raise
        raise _damaged(source) from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # a seek to before the start of the archive
            raise _damaged(source) from error
        raise write_error(store.folder, error) from error


def _damaged(source: str) -> FormatError:
    return FormatError(f"{source}: this is not an archive of a history, or it is damaged; export it again.")


def _readable(file: Path) -> BinaryIO:
    try:
        return file.open("rb")
    except OSError as error:
        raise FormatError(f"{sanitize(str(file))} could not be read: {error.strerror or error}.") from error


def _unpack(archive: zipfile.ZipFile, folder: Path, source: str) -> None:
    infos = archive.infolist()
    names = [info.filename for info in infos]
    if FILE not in names or len(set(names)) < len(names):
        raise FormatError(
            f"{source}: this is not an archive of a history; give a file that `imurun history export` wrote."
        )
    if len(names) > MOST_TABLES:
        raise FormatError(
            f"{source}: it holds more than {MOST_TABLES:,} files; give a file that `imurun history export` "
            "wrote."
        )
    (folder / STEPS).mkdir()
    for info in infos:
        name = info.filename
        if name != FILE and not _TABLE.fullmatch(name):
            raise FormatError(
                f"{source}: {sanitize(name)[:80]} does not belong in an archive of a history; "
                "export it again."
            )
        with archive.open(info) as packed, (folder / name).open("wb") as out:
            try:
                shutil.copyfileobj(LimitedReader(packed, lambda info=info: info.compress_size), out)
            except FormatError as error:
                raise FormatError(f"{source}: {error}") from error


def _open_checked(folder: Path, source: str) -> Store:
    """Open the unpacked store of an archive and check its catalogue; errors name the archive."""
    try:
        other = Store(folder)
    except StoreError as error:
        raise _about_archive(error, folder, source) from error
    try:
        other.catalogue.check()
    except StoreError as error:
        other.close()
        raise _about_archive(error, folder, source) from error
    return other


def _about_archive(error: StoreError, folder: Path, source: str) -> FormatError | StoreError:
    if any(folder.glob(f"{FILE}{DAMAGED}*")):
        return FormatError(f"{source}: its catalogue is damaged; export the history again.")
    return StoreError(str(error).replace(sanitize(str(folder / FILE)), source))


def _merge(store: Store, other: Store, source: str) -> Restored:
    rows = other.plain_rows()
    for row in rows:
        try:
            check_row(row)
        except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
            raise FormatError(f"{source}: a session in it is invalid; export the history again.") from error
    added = []
    for row in rows:
        known = store.holder(row["fingerprint"])
        if known is None:
            added.append(row)
        elif known[1] != row["runner"]:
            raise StoreError(
                f"{known[0]} belongs to {row['runner']} in the archive and to {known[1]} in the store; "
                f"transfer it with `imurun history tag {known[0]} --to NAME`, then restore."
            )
    for row in rows:
        table, target = other.steps_path(row["session_id"]), store.steps_path(row["session_id"])
        if table.exists() and not target.exists():
            with atomic_path(target) as aside:
                shutil.copyfile(table, aside)
    store.add_rows(added)
    return Restored(len(added), len(rows) - len(added))
