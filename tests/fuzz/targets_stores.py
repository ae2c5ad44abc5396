"""Targets: stored state (history and its archives; ledger, settings and tables of a cohort)."""

from __future__ import annotations

import io
import json
import random
import shutil
import sqlite3
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imurun.cohort.addresses import Stamp
from imurun.cohort.folder import OutputFolder
from imurun.cohort.ledger import Entry, Ledger
from imurun.cohort.plan import find_duplicates, make_plan
from imurun.cohort.results import read_sessions
from imurun.cohort.source import Failure, Source
from imurun.cohort.tables import covariate_columns, sessions_bytes, sessions_schema, write_failures
from imurun.cohort.task import Settings
from imurun.history.archive import export_store, restore_store
from imurun.history.catalogue import FILE
from imurun.history.store import Store
from imurun.history.tags import Tags
from tests.cohort.summary_folder import Made, write_cohort
from tests.fuzz.harness import Target
from tests.fuzz.mutate import MOST_BYTES, TOKENS, mutate
from tests.history.made_sessions import YEAR_START, Run, session_of

# -- history -------------------------------------------------------------------------------------------------


def _store(folder: Path) -> Path:
    place = folder / "store"
    shutil.rmtree(place, ignore_errors=True)
    with Store(place) as store:
        for k in range(2):
            run = Run(YEAR_START.replace(day=1 + k), 0.3, name=f"run-{k}.csv")
            store.add(
                session_of(run, k),
                runner="Kim",
                fingerprint=f"{k + 1:064x}"[::-1],
                tags=Tags(shoes="Blue", pain_after=2.0),
            )
    return place


def catalogues(folder: Path) -> Sequence[bytes]:
    place = _store(folder)
    with Store(place) as store:
        store.catalogue.copy_to(folder / "copy.sqlite")
    return [(folder / "copy.sqlite").read_bytes()]


def _use(store: Store) -> str:
    """Read everything that commands read from a store."""
    found = [str(sorted(store.runners().items()))[:40], str(len(store.sessions()))]
    for session_id in store.ids():
        assert store.steps_path(session_id).resolve().parent == (store.folder / "steps").resolve()
        store.summary(session_id)
        store.with_past(session_id)
        if store.steps_path(session_id).exists():
            store.session(session_id)
    return ", ".join(found)


def open_catalogue(data: bytes, folder: Path) -> str:
    place = folder / "store"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    (place / FILE).write_bytes(data)
    with Store(place) as store:
        return _use(store)


def archives(folder: Path) -> Sequence[bytes]:
    with Store(_store(folder)) as store:
        export_store(store, folder / "store.zip")
    return [(folder / "store.zip").read_bytes()]


def restore(data: bytes, folder: Path) -> str:
    """Restore the archive; the store stays usable, and no file is written outside it."""
    place = folder / "store"
    shutil.rmtree(place, ignore_errors=True)
    (folder / "archive.zip").write_bytes(data)
    with Store(place) as store:
        try:
            found = restore_store(store, folder / "archive.zip")
        finally:
            _use(store)
            beside = {child.name for child in folder.iterdir()} | {child.name for child in place.iterdir()}
            left = beside - {"store", "archive.zip", "steps", FILE, f"{FILE}-wal", f"{FILE}-shm"}
            assert not left, left
    return str(found)


_HOSTILE: tuple[Any, ...] = (
    None,
    0,
    -1,
    1.5,
    2**62,
    -(2**62),
    float("inf"),
    b"",
    b"\0" * 7,
    "",
    "../../../escaped",
    "/tmp/escaped",
    "20240101-abcdef\n",
    "x" * 3000,
    "\x1b[31m",
    "{}",
    "[]",
    "null",
    '{"duration_s": "x"}',
    '{"duration_s": 1e999}',
    '{"duration_s": NaN, "running_s": [1]}',
    "[" * 5000,
    '{"bouts": [], "phases": [], "markers": [{"time_s": "x"}], "warnings": [], "settings": {}}',
    '{"bouts": [[1]], "phases": 3, "markers": {}, "warnings": "x", "settings": []}',
)
_SQL = (
    "CREATE VIEW sessions AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
    "CREATE TRIGGER t AFTER INSERT ON sessions BEGIN DELETE FROM sessions; END",
    "DROP TABLE sessions",
    "ALTER TABLE sessions DROP COLUMN notes",
    "ALTER TABLE sessions ADD COLUMN more TEXT",
    "PRAGMA user_version = 0",
    "PRAGMA user_version = 1",
    "PRAGMA user_version = 99",
    "PRAGMA user_version = -1",
    "PRAGMA encoding",
    "CREATE TABLE other (x)",
    "INSERT INTO sessions SELECT * FROM sessions",
)


def _other_rows(data: bytes, rng: random.Random) -> bytes:
    """An archive whose catalogue is a valid SQLite file with invalid values and tables."""
    rng = random.Random(zlib.crc32(data))
    out = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            small = [info for info in archive.infolist() if info.file_size < MOST_BYTES]
            content = {info.filename: archive.read(info) for info in small}
    except Exception:  # zipfile raises many types for a damaged archive
        return data
    if FILE in content:
        content[FILE] = _other_catalogue(content[FILE], rng)
    if rng.random() < 0.01:
        content[rng.choice(["steps/20240101-abcdef.parquet", FILE])] = bytes(1 << rng.randrange(20, 27))
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, inside in content.items():
            if rng.random() < 0.05:
                name = rng.choice(["../x", "/tmp/x", "steps/../../x.parquet", f"{name}\n", name.upper()])
            archive.writestr(name, mutate(inside, rng) if rng.random() < 0.05 else inside)
    return out.getvalue()


def _other_catalogue(data: bytes, rng: random.Random) -> bytes:
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(data)
        for _ in range(rng.choice((1, 1, 2, 4))):
            if rng.random() < 0.2:
                connection.execute(rng.choice(_SQL))
                continue
            names = [row[1] for row in connection.execute("PRAGMA table_info(sessions)")]
            value: Any = rng.choice(_HOSTILE)
            if rng.random() < 0.3:
                value = rng.choice(TOKENS).decode("utf-8", "replace")
            where = rng.choice(("1", "rowid = 1"))
            connection.execute("PRAGMA ignore_check_constraints = ON")
            connection.execute(
                f"UPDATE OR IGNORE sessions SET {rng.choice(names)} = ? WHERE {where}", (value,)
            )
        connection.commit()
        return connection.serialize()
    except (sqlite3.Error, IndexError, MemoryError, OverflowError, UnicodeError):
        return data
    finally:
        connection.close()


def _bombs() -> Sequence[bytes]:
    found = []
    for name in (FILE, "steps/20240101-abcdef.parquet"):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, b"SQLite format 3\0" + bytes(1 << 27))
            if name != FILE:
                archive.writestr(FILE, b"")
        found.append(out.getvalue())
    return found


def _other_catalogue_only(data: bytes, rng: random.Random) -> bytes:
    return _other_catalogue(data, rng)


# -- cohort --------------------------------------------------------------------------------------------------

_SUMMARY = {
    "duration_s": 60.0,
    "running_steps": 10,
    "warnings": ["a"],
    "start": "2026-05-01T07:30:00+00:00",
    "mounting": "auto",
}


def ledgers(folder: Path) -> Sequence[bytes]:
    path = folder / "ledger.jsonl"
    ledger = Ledger(path)
    for k, status in enumerate(("done", "done", "failed", "duplicate", "gone")):
        entry = Entry(
            f"{k:016x}",
            f"/data/{k}.csv",
            Stamp(10, "1"),
            "ab",
            f"f{k // 2}",
            "Kim",
            str(k),
            "",
            Settings().as_text(),
            status,
            covariates={"shoe": "blue", "age": "30"},
            row=2 + k,
            sentence="It holds no samples; record again.",
        )
        ledger.append(entry, _SUMMARY)
    ledger.close()
    return [path.read_bytes()]


def _odd_ledgers() -> Sequence[bytes]:
    entry = {
        "key": "0" * 16,
        "address": "/data/1.csv",
        "stamp": {"size": 1, "changed": "1"},
        "content": "a",
        "fingerprint": "f",
        "runner": "Kim",
        "session": "1",
        "group": "",
        "settings": Settings().as_text(),
        "status": "done",
        "covariates": {},
        "row": 2,
        "sentence": "",
        "first": "",
        "duration_s": 1.0,
        "summary": _SUMMARY,
    }
    odd: list[dict[str, object]] = [
        {"summary": _SUMMARY | {"duration_s": float("nan")}},
        {"summary": {}},
        {"summary": _SUMMARY | {"warnings": 3, "start": 5}},
        {"covariates": ["a"]},
        {"covariates": {"a": 1}},
        {"row": "2"},
        {"duration_s": "1"},
        {"stamp": {"size": [], "changed": {}}},
        {"key": "../../x"},
        {"runner": "\ud800"},
    ]
    return [json.dumps(entry | change).encode() + b"\n" for change in odd]


def ledger(data: bytes, folder: Path) -> str:
    """Load the ledger, plan with it, write the tables of the cohort and append entries."""
    path = folder / "ledger.jsonl"
    path.write_bytes(data)
    book = Ledger(path)
    try:
        entries = list(book.entries.values())
        sources = [Source(entry.address, entry.runner, entry.session, Settings()) for entry in entries]
        make_plan(sources, book.entries, {entry.key for entry in entries})
        find_duplicates(entries, {entry.key for entry in entries[:1]})
        done = [entry for entry in entries if entry.is_done]
        names = list(_SUMMARY)
        columns = covariate_columns(done, names)
        rows = [(entry, book.summary(entry.key)) for entry in done]
        sessions_bytes(
            rows, sessions_schema(names, columns), columns, {e.settings: Settings().as_dict() for e in done}
        )
        write_failures([Failure(e.address, e.sentence, e.row, e.runner, e.session) for e in entries], folder)
        for entry in entries[:2]:
            book.append(entry)
        return f"{len(entries)}, {book.n_damaged.bit_length()}"
    finally:
        book.close()


def marks(folder: Path) -> Sequence[bytes]:
    with OutputFolder(folder / "cohort", Settings()):
        pass
    return [(folder / "cohort" / "cohort.json").read_bytes()]


def mark(data: bytes, folder: Path) -> str:
    place = folder / "cohort"
    place.mkdir(exist_ok=True)
    (place / "cohort.json").write_bytes(data)
    try:
        with OutputFolder(place, Settings()):
            pass
    finally:
        json_or_not = (place / "cohort.json").read_bytes()
        assert json_or_not == data
    return "opened"


def tables(folder: Path) -> Sequence[bytes]:
    place = write_cohort(folder / "c", [Made("Kim", "1"), Made("Kim", "2")])
    return [file.read_bytes() for file in sorted(Path(place).glob("sessions/*/*.parquet"))]


def results(data: bytes, folder: Path) -> str:
    place = folder / "cohort"
    (place / "sessions" / "runner=Kim").mkdir(parents=True, exist_ok=True)
    (place / "cohort.json").write_text(json.dumps({"schema": 1}))
    (place / "sessions" / "runner=Kim" / "sessions.parquet").write_bytes(data)
    found = read_sessions(place)
    return f"{len(found.sessions)}, {len(found.covariates)}, {len(found.notes)}"


STORES = (
    Target("catalogue", catalogues, open_catalogue, _other_catalogue_only),
    Target("restore", archives, restore, _other_rows, _bombs),
    Target("ledger", ledgers, ledger, attacks=_odd_ledgers),
    Target("cohort-json", marks, mark),
    Target("cohort-sessions", tables, results),
)
