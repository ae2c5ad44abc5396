"""SQL schema of the catalogue and its migrations."""

from __future__ import annotations

import sqlite3

from imurun.errors import StoreError

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
        StoreError: the catalogue has a version that this program does not know.
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
            f"{place} was written by a newer imurun (version {version} of the store, this one knows up to "
            f"{len(MIGRATIONS)}); update imurun."
        )
    return version
