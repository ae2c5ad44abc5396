"""The catalogue's tables, version by version."""

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
"""Statements from version k to k + 1 of the catalogue. What was released is never changed; add another."""


def migrate(connection: sqlite3.Connection, place: str) -> None:
    """Bring a catalogue to the version of this program; each step happens whole or not at all.

    Args:
        connection: without a transaction of its own.
        place: for messages.

    Raises:
        StoreError: the catalogue is of a version that this program does not know.
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
    """Refuse a file in which something else answers for the table of sessions, or answers to a change.

    Raises:
        StoreError: a view, a trigger, or a table without rows of its own.
    """
    found = connection.execute("SELECT type, name, rootpage FROM sqlite_schema").fetchall()
    is_plain = all(kind in ("table", "index") and page for kind, _, page in found)
    if not is_plain or ("table", "sessions") not in {(kind, name) for kind, name, _ in found}:
        raise StoreError(f"{place} holds tables that imurun did not make; choose another --store.")


def version_of(connection: sqlite3.Connection, place: str) -> int:
    """The catalogue's version; 0 of one without tables.

    Raises:
        StoreError: newer than this program, or none that there ever was.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version < 0:
        raise StoreError(f"{place} is no catalogue of imurun; choose another --store.")
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{place} was written by a newer imurun (version {version} of the store, this one knows up to "
            f"{len(MIGRATIONS)}); update imurun."
        )
    return version
