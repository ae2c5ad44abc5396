"""Malicious archives are refused in one sentence; the store is unchanged, nothing is written beside it."""

from __future__ import annotations

import json
import sqlite3
import warnings
import zipfile

import pytest

from imurun.errors import FormatError, ImurunError, StoreError
from imurun.history.archive import export_store, restore_store
from imurun.history.catalogue import FILE
from imurun.history.store import Store
from tests.history.made_sessions import YEAR_START, Run, session_of

OUTSIDE = "../../../escaped"


@pytest.fixture
def made(tmp_path):
    """An archive of one session."""
    with Store(tmp_path / "other") as store:
        store.add(session_of(Run(YEAR_START, 0.3, name="a.csv")), runner="Kim", fingerprint="1" * 64)
        export_store(store, tmp_path / "made.zip")
    return tmp_path / "made.zip"


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "deep" / "store") as store:
        store.add(session_of(Run(YEAR_START, 0.3, name="b.csv"), 2), runner="Kim", fingerprint="2" * 64)
        yield store


def repacked(archive, change, more=()):
    """The archive with its catalogue changed and more members."""
    with zipfile.ZipFile(archive) as old:
        content = {name: old.read(name) for name in old.namelist()}
    connection = sqlite3.connect(":memory:")
    connection.deserialize(content[FILE])
    change(connection)
    connection.commit()
    content[FILE] = connection.serialize()
    connection.close()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as new, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, data in (*content.items(), *more):
            new.writestr(name, data)
    return archive


def refused(store, archive, says, kind=FormatError):
    before = {file: file.read_bytes() for file in store.folder.rglob("*.parquet")}
    around = set(store.folder.parent.parent.iterdir()) | set(store.folder.parent.iterdir())
    with pytest.raises(kind, match=says) as caught:
        restore_store(store, archive)
    assert str(caught.value).isprintable()
    assert len(store.sessions()) == 1
    assert {file: file.read_bytes() for file in store.folder.rglob("*.parquet")} == before
    assert set(store.folder.parent.parent.iterdir()) | set(store.folder.parent.iterdir()) == around
    assert not list(store.folder.glob(".restore-*"))


@pytest.mark.parametrize("name", [FILE, "steps/20240101-abcdef.parquet"])
def test_decompression_bombs_are_refused(made, store, name):
    def nothing(connection):
        pass

    if name == FILE:
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(FILE, bytes(200 << 20))
    else:
        repacked(made, nothing, [(name, bytes(200 << 20))])
    refused(store, made, "unpacks to over 50 times its size")


def test_an_encrypted_archive_is_refused(made, store):
    data = bytearray(made.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + place] |= 1
    made.write_bytes(bytes(data))
    refused(store, made, "not an archive of a history, or it is damaged")


def test_an_archive_without_its_beginning_is_refused(made, store):
    made.write_bytes(made.read_bytes()[10:])
    refused(store, made, "damaged")


def test_damaged_compressed_data_is_refused(made, store):
    data = bytearray(made.read_bytes())
    data[60:90] = b"\xff" * 30
    made.write_bytes(bytes(data))
    refused(store, made, "damaged")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("session_id", OUTSIDE),
        ("session_id", "/tmp/escaped"),
        ("session_id", "20240101-abcdef\n"),
        ("fingerprint", "x"),
        ("runner", "\x1b[31mKim"),
        ("runner", ""),
        ("source", "a\nb"),
        ("start_us", 2**62),
        ("start_us", "soon"),
        ("summary", "[" * 5000),
        ("summary", "[]"),
        ("summary", '{"duration_s": NaN}'),
        ("summary", '{"duration_s": "long"}'),
        ("summary", '{"duration_s": {"a": 1}}'),
        ("counts", b"\0" * 7),
        ("shoes", "x" * 3000),
        ("course", "{}"),
        (
            "course",
            json.dumps({"bouts": [["a", 1, 2]], "phases": [], "markers": [], "warnings": [], "settings": {}}),
        ),
        ("course", json.dumps({"bouts": [], "phases": [], "markers": [{}], "warnings": [], "settings": {}})),
    ],
)
def test_invalid_rows_are_refused(made, store, column, value):
    """In the store, any of them would make it unreadable or lead to a path outside it."""

    def change(connection):
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(f"UPDATE sessions SET {column} = ?", (value,))

    refused(store, repacked(made, change), "a session in it is invalid")


@pytest.mark.parametrize(
    "statements",
    [
        "CREATE TRIGGER t AFTER INSERT ON sessions BEGIN DELETE FROM sessions; END",
        "CREATE VIEW v AS SELECT 1",
        "DROP TABLE sessions; CREATE VIEW sessions AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
        "SELECT i + 1 FROM n) SELECT i AS session_id FROM n",
    ],
)
def test_foreign_tables_views_and_triggers_are_refused(made, store, statements):
    refused(
        store,
        repacked(made, lambda connection: connection.executescript(statements)),
        "did not create",
        StoreError,
    )


def test_values_outside_the_constraints_of_the_catalogue_are_refused(made, store):
    def change(connection):
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE sessions SET pain_after = 99")

    refused(store, repacked(made, change), r"^made.zip: its catalogue is damaged; export the history again")


def test_invalid_versions_are_refused(made, store):
    refused(
        store, repacked(made, lambda c: c.execute("PRAGMA user_version = -1")), "not a catalogue", StoreError
    )


def test_an_export_is_restored_unchanged(made, store):
    assert restore_store(store, made) == (1, 0)
    assert len(store.sessions()) == 2


@pytest.mark.parametrize(
    ("column", "value"),
    [("summary", "{"), ("summary", "3"), ("counts", b"1"), ("start_us", 2**62), ("session_id", OUTSIDE)],
)
def test_an_invalid_value_in_the_store_is_reported(tmp_path, store, column, value):
    """SQLite has no checksums, so it does not notice a changed value."""
    with sqlite3.connect(store.folder / FILE) as connection:
        connection.execute(f"UPDATE sessions SET {column} = ?", (value,))
    connection.close()

    def use():
        store.sessions()
        for session_id in store.ids():
            store.with_past(session_id)
            store.steps(session_id)

    with pytest.raises(ImurunError, match="holds an invalid session"):
        use()
