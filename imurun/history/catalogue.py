"""The SQLite catalogue of a store: its tables by version, transactions, and errors with advice."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from imurun.errors import StoreError
from imurun.files.atomic import atomic_path
from imurun.files.text import sanitize, shown

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE sessions (
        session_id TEXT PRIMARY KEY,
        runner TEXT NOT NULL,
        start_us INTEGER NOT NULL,
        fingerprint TEXT NOT NULL UNIQUE,
        source TEXT NOT NULL,
        summary TEXT NOT NULL,
        counts BLOB NOT NULL,
        shoes TEXT,
        surface TEXT,
        pain_before REAL CHECK (pain_before BETWEEN 0 AND 10),
        pain_during REAL CHECK (pain_during BETWEEN 0 AND 10),
        pain_after REAL CHECK (pain_after BETWEEN 0 AND 10),
        pain_morning REAL CHECK (pain_morning BETWEEN 0 AND 10),
        notes TEXT,
        distance_km REAL CHECK (distance_km > 0)
    );
    CREATE INDEX sessions_by_start ON sessions (runner, start_us, session_id);
    """,
    """
    ALTER TABLE sessions ADD COLUMN course TEXT;
    """,
)
"""Statements from version k to k + 1 of the catalogue. A released entry never changes; append a new one."""


def migrate(connection: sqlite3.Connection, place: str) -> None:
    """Bring a catalogue to the version of this program in one transaction.

    Args:
        connection: without an open transaction.
        place: for messages.

    Raises:
        StoreError: the catalogue has a version that this program does not support.
    """
    if version_of(connection, place) == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for k in range(version_of(connection, place), len(MIGRATIONS)):
            for statement in filter(str.strip, MIGRATIONS[k].split(";")):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {k + 1}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def refuse_other_tables(connection: sqlite3.Connection, place: str) -> None:
    """Refuse a file with views, triggers or virtual tables, which could run statements when it is used.

    Raises:
        StoreError: there is a view, a trigger or a virtual table, or no table of sessions.
    """
    found = connection.execute("SELECT type, name, rootpage FROM sqlite_schema").fetchall()
    is_plain = all(kind in ("table", "index") and page for kind, _, page in found)
    if not is_plain or ("table", "sessions") not in {(kind, name) for kind, name, _ in found}:
        raise StoreError(f"{place} holds tables that imurun did not create; choose another --store.")


def version_of(connection: sqlite3.Connection, place: str) -> int:
    """The catalogue's version; 0 for one without tables.

    Raises:
        StoreError: the version is newer than this program, or invalid.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version < 0:
        raise StoreError(f"{place} is not a catalogue of imurun; choose another --store.")
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{place} was written by a newer imurun (version {version} of the store, this one supports up to "
            f"{len(MIGRATIONS)}); update imurun."
        )
    return version


FILE = "catalogue.sqlite"
DAMAGED = ".damaged-"


class Catalogue:
    """A connection to the catalogue. Writers wait for each other; readers never wait (WAL).

    In a read-only folder the catalogue can still be read.

    Args:
        path: of the file; created if it is missing and `may_create` is set.
        may_create: False if the folder has step tables: a missing catalogue is then data loss, not a new
            store.
        wait_s: how long to wait for another process.

    Raises:
        StoreError: the file is newer than this program, damaged, locked, or cannot be opened.
    """

    def __init__(self, path: Path, *, may_create: bool, wait_s: float) -> None:
        self.path = path
        self._place = sanitize(str(path))
        if not may_create and (not path.exists() or path.stat().st_size == 0):
            raise StoreError(
                f"{self._place} is missing or empty, but there are step tables beside it; put the file back, "
                "or restore an export into another --store."
            )
        with self._sentences():
            may_write = os.access(path.parent, os.W_OK) or not path.exists()
            name = str(path) if may_write else self._immutable_address()
            self._connection = sqlite3.connect(name, timeout=wait_s, isolation_level=None, uri=not may_write)
            try:
                self._connection.execute("PRAGMA trusted_schema = OFF")
                version_of(self._connection, self._place)
                if may_write:
                    self._connection.execute("PRAGMA journal_mode = WAL")
                    self._connection.execute("PRAGMA synchronous = FULL")
                migrate(self._connection, self._place)
                refuse_other_tables(self._connection, self._place)
            except BaseException:
                self._connection.close()
                raise

    def _immutable_address(self) -> str:
        """URI of a catalogue in a read-only folder, where SQLite cannot create its lock and log files."""
        log = self.path.with_name(f"{self.path.name}-wal")
        if log.exists() and log.stat().st_size:
            raise StoreError(
                f"{self._place} is read-only, and is in use or was not closed by the last run; "
                "copy its folder to another place and give that as --store."
            )
        return f"{self.path.absolute().as_uri()}?immutable=1"

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def check(self) -> None:
        """Check the whole file.

        Raises:
            StoreError: damaged.
        """
        with self._sentences():
            _check(self._connection)

    def rows(self, query: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        """All rows of a query.

        Raises:
            StoreError: locked or damaged.
        """
        with self._sentences():
            return self._connection.execute(query, values).fetchall()

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction on a checked catalogue: the whole block is committed, or nothing.

        Raises:
            StoreError: locked or damaged.
        """
        with self._sentences():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                _check(self._connection)
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def copy_to(self, path: Path) -> None:
        """Write a consistent copy, even while other processes write."""
        with self._sentences():
            copy = sqlite3.connect(path)
            try:
                self._connection.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
            finally:
                copy.close()

    @contextlib.contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError as error:
            raise StoreError(
                f"{self._place} rejects this session ({error}); choose another --store."
            ) from error
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise StoreError(f"{self._place} is in use by another process; try again later.") from error
            if "malformed" in str(error):
                raise self._damage() from error
            if "readonly" in str(error):
                raise StoreError(f"{self._place} is read-only; choose another --store.") from error
            raise StoreError(
                f"{self._place} cannot be used: {shown(str(error), 200)}; free space on its disk, or choose "
                "another --store."
            ) from error
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # a name that is not valid UTF-8
            raise self._damage() from error

    def _damage(self) -> StoreError:
        """Copy the damaged catalogue aside, once for the same content; returns the error to raise."""
        advice = "move it away and restore an export, or import the recordings again"
        try:
            with self.path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()[:12]
            copy = self.path.with_name(f"{self.path.name}{DAMAGED}{digest}")
            if not copy.exists():
                log = self.path.with_name(f"{self.path.name}-wal")
                if log.exists():
                    shutil.copyfile(log, copy.with_name(f"{copy.name}-wal"))
                with atomic_path(copy) as aside:
                    shutil.copyfile(self.path, aside)
        except OSError as error:
            return StoreError(
                f"{self._place} is damaged, and no copy could be made ({error.strerror or error}); {advice}."
            )
        return StoreError(f"{self._place} is damaged; a copy is kept in {sanitize(copy.name)}; {advice}.")


def _check(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        raise sqlite3.DatabaseError("quick_check")
