"""Store of sessions: a SQLite catalogue with a row for each session, and their step tables as Parquet files.

    FOLDER/catalogue.sqlite
    FOLDER/steps/SESSION_ID.parquet

A step table is written atomically, and before its row: an interrupted write leaves at most a table without a
row, which the next attempt replaces.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from platformdirs import user_data_path

from imurun.errors import FormatError, ImurunError, SettingsError, StoreError
from imurun.export import read_steps, write_steps
from imurun.files.text import sanitize
from imurun.history.catalogue import FILE, Catalogue
from imurun.history.dose import N_BINS, compression_counts, doses, intensity_shares
from imurun.history.rows import SESSION_ID, course_text, read_course
from imurun.history.tags import TAG_NAMES, Tags, clean_runner
from imurun.history.thresholds import THRESHOLDS, Thresholds

if TYPE_CHECKING:
    from imurun.session import Session

VARIABLE = "IMURUN_STORE"
STEPS = "steps"
WAIT_S = 5.0
AHEAD = timedelta(minutes=10)
"""Tolerated difference of the clocks of sensor and computer; a later start is refused."""
FIRST = ("session_id", "runner", "start", "duration_s", "running_s", "running_steps", "distance_km")
LOADS = ("lumbar_dose_bw4", "lumbar_dose_bw1", "lumbar_dose_bw10", "intensity_share")
TEXT_TAGS = ("shoes", "surface", "notes")
ID_DIGITS = 6
REACH_DAYS = 180
"""History that the rules read, unless the thresholds need more."""
LONGEST_US = 3 * 86_400_000_000
"""Sessions that started earlier are not checked for an overlap."""
INVALID_ROW = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""Raised when a row holds values of the wrong type."""
_FIELDS = (
    "session_id",
    "runner",
    "start_us",
    "fingerprint",
    "source",
    "summary",
    "counts",
    *TAG_NAMES,
    "course",
)


class StoredSession(NamedTuple):
    """Result of `Store.add`.

    Attributes:
        session_id: of the session in the store.
        is_new: False if the same recording was stored before.
        overlaps: sessions of the same runner at the same time, which may be the same run.
    """

    session_id: str
    is_new: bool
    overlaps: tuple[str, ...] = ()


def default_folder() -> Path:
    """The folder in the environment variable IMURUN_STORE, otherwise `history` in the user's data folder."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else user_data_path("imurun", appauthor=False) / "history"


class Store:
    """Sessions of any number of runners in a folder, which is created if it is missing.

    Args:
        folder: `default_folder` unless given.
        wait_s: how long to wait for another process that writes.

    Raises:
        StoreError: the store was written by a newer imurun, is locked or damaged (a copy is kept, nothing is
            overwritten), or the folder cannot be used.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None, *, wait_s: float = WAIT_S) -> None:
        self.folder = default_folder() if folder is None else Path(folder)
        try:
            (self.folder / STEPS).mkdir(parents=True, exist_ok=True)
            has_steps = any((self.folder / STEPS).glob("*.parquet"))
        except OSError as error:
            raise StoreError(
                f"{sanitize(str(self.folder))} cannot be used ({error.strerror or error}); "
                "choose another --store."
            ) from error
        self.catalogue = Catalogue(self.folder / FILE, may_create=not has_steps, wait_s=wait_s)

    def close(self) -> None:
        """Close the catalogue."""
        self.catalogue.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- write ----------------------------------------------------------------------------------------------

    def add(
        self,
        session: Session,
        *,
        runner: str,
        fingerprint: str,
        tags: Tags | None = None,
        now: datetime | None = None,
    ) -> StoredSession:
        """Store a session; the same recording of the same runner is stored once.

        Args:
            session: from imurun's own method; its worst marker of pain becomes `pain_during`, unless given.
            runner: name of the runner.
            fingerprint: of the recording.
            tags: notes of the runner.
            now: current time, for tests.

        Raises:
            SettingsError: no start, a start in the future, another method, or no name.
            StoreError: the recording is stored for another runner, or the store cannot be used.
        """
        runner = clean_runner(runner)
        start = _start_of(session, now or datetime.now(UTC))
        session_id = f"{start:%Y%m%d}-{fingerprint[:ID_DIGITS]}"
        known = self.holder(fingerprint)
        if known is not None:
            return self._known_session(session, known, runner)
        row = _row(session, session_id, runner, start, fingerprint, tags or Tags())
        overlaps = self._overlaps(runner, start, session.summary["duration_s"])
        self._write_steps(session, session_id, runner)
        with self.catalogue.writing() as connection:
            known = self.holder(fingerprint)  # another process may have added it since
            if known is None:
                insert_rows(connection, [row])
        if known is not None:
            return self._known_session(session, known, runner)
        return StoredSession(session_id, True, overlaps)

    def tag(self, session_id: str, changes: Mapping[str, Any], *, runner: str | None = None) -> None:
        """Change tags of a session, or its runner.

        Args:
            session_id: of a stored session.
            changes: values by name of the tag; None removes a tag.
            runner: the new runner; None to keep it.

        Raises:
            SettingsError: an unknown tag or an invalid value; nothing is changed.
            StoreError: no such session, or the store cannot be used.
        """
        unknown = set(changes) - set(TAG_NAMES)
        if unknown:
            raise SettingsError(f"{min(unknown)} is not a tag; use {', '.join(TAG_NAMES)}.")
        self._one(session_id)
        cleaned = Tags(**changes)
        values: dict[str, Any] = {name: getattr(cleaned, name) for name in changes}
        values = {name: None if value == "" else value for name, value in values.items()}
        if runner is not None:
            values["runner"] = clean_runner(runner)
        if not values:
            return
        assignments = ", ".join(f"{name} = ?" for name in values)
        with self.catalogue.writing() as connection:
            connection.execute(
                f"UPDATE sessions SET {assignments} WHERE session_id = ?",  # column names, checked above
                (*values.values(), session_id),
            )

    # -- read -----------------------------------------------------------------------------------------------

    def runners(self) -> dict[str, int]:
        """Number of sessions of each runner, by name."""
        found = self.catalogue.rows("SELECT runner, COUNT(*) FROM sessions GROUP BY runner ORDER BY runner")
        return {str(runner): int(str(n)) for runner, n in found}

    def holder(self, fingerprint: str) -> tuple[str, str] | None:
        """Session id and runner of a stored recording, or None."""
        found = self.catalogue.rows(
            "SELECT session_id, runner FROM sessions WHERE fingerprint = ?", (fingerprint,)
        )
        return (str(found[0][0]), str(found[0][1])) if found else None

    def sessions(
        self,
        runner: str | None = None,
        *,
        since: datetime | None = None,
        thresholds: Thresholds = THRESHOLDS,
    ) -> pd.DataFrame:
        """A table with one row for each session, in order of start.

        Args:
            runner: only sessions of this runner; None for all. Intensity is always relative to the session's
                own runner.
            since: only sessions from this time on.
            thresholds: for `intensity_share`.

        Returns:
            session_id, runner, start (UTC), duration_s, running_s, running_steps, distance_km, the loads in
            BW^m, intensity_share, all numbers of the summary by their keys, mass_kg, height_m, the tags,
            source. NaN or None if unknown.
        """
        past = None if since is None else since - timedelta(days=thresholds.spike_days)
        found = self._rows(runner, past)
        with self._valid_rows():
            table = _table(found, thresholds)
        return table if since is None else table.loc[table["start"] >= since].reset_index(drop=True)

    def with_past(
        self, session_id: str, thresholds: Thresholds = THRESHOLDS
    ) -> tuple[pd.DataFrame, pd.Series]:
        """The sessions of the last 180 days before one, and the session itself, for `find_flags`.

        Raises:
            StoreError: no such session.
        """
        runner, start_us = self._one(session_id)
        with self._valid_rows():
            since = _time(start_us) - timedelta(days=reach_days(thresholds))
        table = self.sessions(runner, since=since, thresholds=thresholds)
        own = table["session_id"] == session_id
        if not bool(own.to_numpy().any()):  # a damaged index of the SQL table
            raise self._invalid()
        now = table[own].iloc[0]
        return table.loc[table["start"] < now["start"]], now

    def beside(
        self, session: Session, *, runner: str, tags: Tags | None = None, thresholds: Thresholds = THRESHOLDS
    ) -> tuple[pd.DataFrame, pd.Series]:
        """As `with_past`, for a session that is not in the store.

        Raises:
            SettingsError: the session has no start.
        """
        start = _start_of(session, datetime.max.replace(tzinfo=UTC) - AHEAD)
        since = start - timedelta(days=reach_days(thresholds) + thresholds.spike_days)
        own = _row(session, "", clean_runner(runner), start, "", tags or Tags())
        with self._valid_rows():
            rows = [row for row in self._rows(runner, since) if int(str(row[2])) < own["start_us"]]
            table = _table([*rows, tuple(own[name] for name in _FIELDS)], thresholds)
        return table.iloc[:-1], table.iloc[-1]

    def summary(self, session_id: str) -> dict[str, Any]:
        """The summary of a session, as `Session.summary`, with its doses."""
        self._one(session_id)
        found = self.catalogue.rows("SELECT summary FROM sessions WHERE session_id = ?", (session_id,))
        with self._valid_rows():
            return json.loads(str(found[0][0]))

    def steps(self, session_id: str) -> pd.DataFrame:
        """The step table of a session.

        Raises:
            StoreError: no such session, or its table is missing or damaged.
        """
        self._one(session_id)
        path = self.steps_path(session_id)
        again = "import its recording again"
        if not path.exists():
            raise StoreError(f"The step table of {session_id} is missing ({STEPS}/{path.name}); {again}.")
        try:
            return read_steps(path)[0]
        except FormatError as error:
            raise StoreError(
                f"The step table of {session_id} is damaged; delete {STEPS}/{path.name}, then {again}."
            ) from error

    def session(self, session_id: str) -> Session:
        """A stored session, without its mounting.

        Raises:
            StoreError: no such session, its table is missing or damaged, or its bouts and phases were not
                stored.
        """
        from imurun.session import Session

        _, start_us = self._one(session_id)
        rows = self.catalogue.rows(
            "SELECT summary, course, source FROM sessions WHERE session_id = ?", (session_id,)
        )
        summary, course, source = rows[0]
        if course is None:
            raise StoreError(
                f"{session_id} was stored by an older imurun without bouts and phases; "
                "give the recording itself."
            )
        with self._valid_rows():
            return Session(
                steps=self.steps(session_id),
                summary=json.loads(str(summary)),
                mounting=None,
                start=_time(start_us),
                source=str(source),
                **read_course(str(course)),
            )

    def find(self, word: str, runner: str | None = None) -> str:
        """The id of the session that a word names: "last", an id, or the unique beginning of one.

        Raises:
            StoreError: none, or several.
        """
        if word == "last":
            found = self._ids("", runner)[-1:]
            if not found:
                raise StoreError("No session is kept; `imurun analyze FILE --save` keeps one.")
            return found[0]
        found = self._ids(word, runner)
        if word in found:
            return word
        if not found:
            raise StoreError(f"No session is called {sanitize(word)}; give one that `imurun history` lists.")
        if len(found) > 1:
            raise StoreError(
                f"{len(found)} sessions begin with {sanitize(word)} ({', '.join(found[:2])} ...); "
                "give more of the id."
            )
        return found[0]

    def steps_path(self, session_id: str) -> Path:
        """Path of the step table of a session.

        Raises:
            StoreError: not an id of imurun; as a path it could lead out of the store.
        """
        if not SESSION_ID.fullmatch(session_id):
            raise self._invalid()
        return self.folder / STEPS / f"{session_id}.parquet"

    # -- export and restore ---------------------------------------------------------------------------------

    def ids(self) -> list[str]:
        """Ids of all sessions, in order of start."""
        return self._ids("", None)

    def plain_rows(self) -> list[dict[str, Any]]:
        """The catalogue's rows as stored, for `add_rows` of another store."""
        return [dict(zip(_FIELDS, row, strict=True)) for row in self._rows(None, None)]

    def add_rows(self, rows: list[dict[str, Any]]) -> None:
        """Add rows of another store, all or none.

        Raises:
            StoreError: one already exists, or the store cannot be used.
        """
        with self.catalogue.writing() as connection:
            insert_rows(connection, rows)

    # -- private ------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _valid_rows(self) -> Iterator[None]:
        """Raise StoreError if a row is valid for SQLite but holds values that imurun does not write."""
        try:
            yield
        except ImurunError:
            raise
        except INVALID_ROW as error:
            raise self._invalid() from error

    def _invalid(self) -> StoreError:
        return StoreError(
            f"{sanitize(str(self.catalogue.path))} holds an invalid session; restore an export into another "
            "--store, or import the recordings again."
        )

    def _known_session(self, session: Session, known: tuple[str, str], runner: str) -> StoredSession:
        session_id, owner = known
        if owner != runner:
            raise StoreError(
                f"This recording is stored as {session_id} of the runner {owner}, not {runner}; give the "
                f"right --runner, or transfer it with `imurun history tag {session_id} --to NAME`."
            )
        if not self.steps_path(session_id).exists():
            self._write_steps(session, session_id, runner)
        return StoredSession(session_id, False)

    def _write_steps(self, session: Session, session_id: str, runner: str) -> None:
        try:
            write_steps(
                session.steps, self.steps_path(session_id), metadata={"session": session_id, "runner": runner}
            )
        except SettingsError as error:
            raise StoreError(str(error)) from error

    def _overlaps(self, runner: str, start: datetime, duration_s: float) -> tuple[str, ...]:
        begin, end = _microseconds(start), _microseconds(start) + int(duration_s * 1e6)
        found = self.catalogue.rows(
            "SELECT session_id FROM sessions WHERE runner = ? AND start_us BETWEEN ? AND ? "
            "AND start_us + json_extract(summary, '$.duration_s') * 1000000 > ? ORDER BY start_us",
            (runner, begin - LONGEST_US, end - 1, begin),
        )
        return tuple(str(row[0]) for row in found)

    def _one(self, session_id: str) -> tuple[str, int]:
        found = self.catalogue.rows(
            "SELECT runner, start_us FROM sessions WHERE session_id = ?", (session_id,)
        )
        if not found:
            raise StoreError(
                f"No session is called {sanitize(session_id)}; give one that `imurun history` lists."
            )
        with self._valid_rows():
            return str(found[0][0]), int(str(found[0][1]))

    def _ids(self, beginning: str, runner: str | None) -> list[str]:
        found = self.catalogue.rows(
            "SELECT session_id FROM sessions WHERE substr(session_id, 1, ?) = ? "
            "AND (? IS NULL OR runner = ?) ORDER BY start_us, session_id",
            (len(beginning), beginning, runner, runner),
        )
        return [str(row[0]) for row in found]

    def _rows(self, runner: str | None, since: datetime | None) -> list[tuple[object, ...]]:
        return self.catalogue.rows(
            f"SELECT {', '.join(_FIELDS)} FROM sessions WHERE (? IS NULL OR runner = ?) AND start_us >= ? "
            "ORDER BY start_us, session_id",
            (runner, runner, -(2**62) if since is None else _microseconds(since)),
        )


def reach_days(thresholds: Thresholds) -> int:
    """Days of history that the rules read."""
    return max(REACH_DAYS, thresholds.usual_days, thresholds.spike_days)


def insert_rows(connection: Any, rows: list[dict[str, Any]]) -> None:
    """Insert rows with all columns of the catalogue."""
    connection.executemany(
        f"INSERT INTO sessions ({', '.join(_FIELDS)}) VALUES ({', '.join('?' * len(_FIELDS))})",
        [tuple(row[name] for name in _FIELDS) for row in rows],
    )


def _start_of(session: Session, now: datetime) -> datetime:
    if session.settings.get("method", "imurun") != "imurun":
        raise SettingsError("The history stores results of imurun's own method only; leave --method out.")
    if session.start is None:
        raise SettingsError("The recording has no start time, which the history needs; give its --start.")
    if session.start > now + AHEAD:
        raise SettingsError(
            f"The recording starts at {session.start:%Y-%m-%d %H:%M} UTC, in the future; correct the clock, "
            "or give its --start."
        )
    return session.start


def _row(
    session: Session, session_id: str, runner: str, start: datetime, fingerprint: str, tags: Tags
) -> dict[str, Any]:
    summary = {
        **session.summary,
        **doses(session.steps),
        "mass_kg": session.settings.get("mass_kg"),
        "height_m": session.settings.get("height_m"),
    }
    values = {name: getattr(tags, name) for name in TAG_NAMES}
    pains = [marker.value for marker in session.markers if marker.value is not None]
    if values["pain_during"] is None and pains:
        values["pain_during"] = max(pains)
    return {
        "session_id": session_id,
        "runner": runner,
        "start_us": _microseconds(start),
        "fingerprint": fingerprint,
        "source": sanitize(session.source.replace("\\", "/").rsplit("/", 1)[-1]),
        "summary": json.dumps(summary, allow_nan=False),
        "counts": compression_counts(session.steps).astype("<u4").tobytes(),
        **values,
        "course": course_text(session),
    }


def _table(rows: list[tuple[object, ...]], thresholds: Thresholds) -> pd.DataFrame:
    """Rows of the catalogue, in order of start, as the table of `Store.sessions`."""
    columns: dict[str, Any] = dict(zip(_FIELDS, zip(*rows, strict=True), strict=True)) if rows else {}
    if not rows:
        columns = dict.fromkeys(_FIELDS, ())
    start_us = np.array(columns["start_us"], dtype=np.int64)
    summaries = json.loads("[" + ",".join(columns["summary"]) + "]")
    counts = np.frombuffer(b"".join(columns["counts"]), dtype="<u4").astype(np.int64).reshape(-1, N_BINS)
    data: dict[str, Any] = dict.fromkeys((*FIRST, *LOADS))
    data.update(_numbers(summaries))
    for name in ("session_id", "runner", "source", *TEXT_TAGS):
        data[name] = np.array(columns[name], dtype=object)
    for name in set(TAG_NAMES) - set(TEXT_TAGS):
        data[name] = np.array(columns[name], dtype=np.float64)
    data["start"] = pd.to_datetime(start_us, unit="us", utc=True)
    data["intensity_share"] = _shares(np.array(columns["runner"], dtype=object), start_us, counts, thresholds)
    for name in (*FIRST, *LOADS):
        if data[name] is None:
            data[name] = np.full(len(rows), np.nan)
    data["running_steps"] = np.nan_to_num(data["running_steps"]).astype(np.int64)
    return pd.DataFrame(data)


def _numbers(summaries: list[dict[str, Any]]) -> dict[str, Any]:
    """The numeric entries, a column each, NaN for sessions without the entry."""
    names: dict[str, None] = {}
    for summary in summaries:
        for name, value in summary.items():
            if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
                names[name] = None
    columns = {}
    for name in names:
        values = [summary.get(name) for summary in summaries]
        if not any(isinstance(value, str | list | bool) for value in values):
            columns[name] = np.array(values, dtype=np.float64)
    return columns


def _shares(runners: Any, start_us: Any, counts: Any, thresholds: Thresholds) -> Any:
    shares = np.full(len(runners), np.nan)
    for runner in set(runners):
        own = runners == runner
        shares[own] = intensity_shares(
            start_us[own] * 1000, counts[own], thresholds.spike_days, thresholds.hard_percentile
        )
    return shares


def _microseconds(time: datetime) -> int:
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _time(start_us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=start_us)
