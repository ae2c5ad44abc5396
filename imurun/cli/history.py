"""`imurun history`: past sessions listed, shown, compared, tagged, imported and carried elsewhere."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from imurun.cli.history_tables import print_list, print_one, print_trend, print_two
from imurun.cli.save_session import Owner, keep_session, read_owner
from imurun.errors import FormatError, ImurunError, SettingsError, StoreError
from imurun.files.text import printable
from imurun.history import Store, Tags, context, find_flags, fingerprint
from imurun.history.archive import export_store, restore_store
from imurun.history.store import reach_days
from imurun.io import open_recording
from imurun.io.endings import RECORDING_ENDINGS

STEP_TABLE = "-steps"
"""Tables of steps that `live` leaves beside its recordings end so; they are no recordings."""


def list_sessions(store_folder: Path | None, runner: str | None, runner_file: Path | None, last: int) -> None:
    """The last sessions of a runner as a table."""
    console = Console(highlight=False)
    with Store(store_folder) as store:
        owner = read_owner(runner_file)
        name = _whose(store, runner, owner)
        table = store.sessions(name, thresholds=owner.thresholds)
        if not len(table):
            print("No session is kept; `imurun analyze FILE --save` keeps one.")
            return
        others = [other for other in store.runners() if other != name]
    shown = table.tail(last)
    reach = timedelta(days=reach_days(owner.thresholds))
    flags = [find_flags(_recent(table, row, reach), row, owner.thresholds) for _, row in shown.iterrows()]
    print_list(table, shown, flags, console)
    if others:
        console.print(f"Other runners: {printable(', '.join(others))} (--name).", markup=False)


def show_session(store_folder: Path | None, word: str, runner_file: Path | None) -> None:
    """One session with its flags."""
    with Store(store_folder) as store:
        owner = read_owner(runner_file)
        session_id = store.find(word)
        past, now = store.with_past(session_id, owner.thresholds)
        note = ""
        try:
            store.steps(session_id)
        except StoreError as error:
            note = str(error)
    flags = find_flags(past, now, owner.thresholds)
    print_one(now, flags, context(past, now), note, Console(highlight=False))


def compare_sessions(store_folder: Path | None, first: str, second: str) -> None:
    """Two sessions side by side."""
    with Store(store_folder) as store:
        rows = [store.with_past(store.find(word))[1] for word in (first, second)]
    print_two(rows[0], rows[1], Console(highlight=False))


def show_trend(store_folder: Path | None, runner: str | None, runner_file: Path | None) -> None:
    """How load and measures go over the weeks, and by shoe."""
    with Store(store_folder) as store:
        owner = read_owner(runner_file)
        table = store.sessions(_whose(store, runner, owner), thresholds=owner.thresholds)
    if not len(table):
        print("No session is kept; `imurun analyze FILE --save` keeps one.")
        return
    print_trend(table, Console(highlight=False))


def import_folder(store_folder: Path | None, folder: Path, runner_file: Path | None) -> bool:
    """Analyse and keep every recording of a folder and those inside; returns whether one could not be kept.

    Raises:
        SettingsError: no folder, or nothing in it.
        StoreError: the store cannot be used.
    """
    files = _recordings(folder)
    owner = read_owner(runner_file)
    failed = False
    with Store(store_folder) as store:
        for file in files:
            try:
                _import(store, file, owner)
            except ImurunError as error:
                print(f"imurun: {_named(file, error)}", file=sys.stderr)
                failed = True
    return failed


def export_all(store_folder: Path | None, file: Path) -> None:
    """Everything as one file."""
    with Store(store_folder) as store:
        print(f"{export_store(store, file)} sessions in {file}.")


def restore_all(store_folder: Path | None, file: Path) -> None:
    """Add what an exported file holds."""
    with Store(store_folder) as store:
        done = restore_store(store, file)
    print(f"{done.n_new} sessions restored; {done.n_known} were there already.")


def tag_session(
    store_folder: Path | None, word: str, tags: dict[str, Any], to: str | None, watch: Path | None = None
) -> None:
    """Change tags of a session, take its distance from the watch's activity, or hand it to another runner.

    Raises:
        SettingsError: nothing to change, or a value that cannot be; then nothing is changed.
        FormatError: the watch's activity cannot be read, or is of another time; then nothing is changed.
    """
    changes = {name: value for name, value in tags.items() if value is not None}
    if watch is not None and "distance_km" in changes:
        raise SettingsError("--distance and --watch both say how far; give one.")
    if not changes and to is None and watch is None:
        raise SettingsError("Say what to change, such as --shoes Blue or --pain-after 2.")
    with Store(store_folder) as store:
        session_id = store.find(word)
        if watch is not None:
            changes["distance_km"] = _distance_km(store, session_id, watch)
        store.tag(session_id, changes, runner=to)
    said = [f"{name} {printable(str(value))}" for name, value in changes.items()]
    print(f"{session_id}: {', '.join([*said, *([f'runner {printable(to)}'] if to else [])])}.")


def _distance_km(store: Store, session_id: str, watch: Path) -> float:
    """How far the watch went during a session, to a metre."""
    from imurun.export.fit_read import read_fit

    now: dict[str, Any] = store.with_past(session_id)[1].to_dict()
    begin_s = now["start"].timestamp()
    distance_m = read_fit(watch).distance_between_m(begin_s, begin_s + now["duration_s"])
    if distance_m is None:
        raise FormatError(
            f"{printable(watch.name)} knows no distance during {session_id}; give the activity of that run."
        )
    return round(distance_m / 1000.0, 3)


def _import(store: Store, file: Path, owner: Owner) -> None:
    from imurun.cli.analyze import analyze_with_progress

    recording = open_recording(file)
    mark = fingerprint(recording)
    known = store.holder(mark)
    if known is not None and known[1] == owner.runner.name and store.steps_path(known[0]).exists():
        print(f"{file}: kept already as {known[0]}.", file=sys.stderr)
        return
    print(f"{file}:", file=sys.stderr)
    keep_session(store, analyze_with_progress(recording, owner.runner, "auto"), mark, owner, Tags())


def _recordings(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise SettingsError(f"{printable(str(folder))} is no folder; give one with recordings.")
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.name.lower().endswith(RECORDING_ENDINGS)
        and not path.name.startswith(".")
        and not path.name.split(".")[0].endswith(STEP_TABLE)
    ]
    if not found:
        raise SettingsError(f"{printable(str(folder))} holds no recording ({', '.join(RECORDING_ENDINGS)}).")
    return found


def _named(file: Path, error: ImurunError) -> str:
    return str(error) if file.name in str(error) or isinstance(error, FormatError) else f"{file}: {error}"


def _recent(table: pd.DataFrame, row: pd.Series, reach: timedelta) -> pd.DataFrame:
    """The time before a session that the rules look at: little to search."""
    stop = int(table["start"].searchsorted(row["start"]))
    first = int(table["start"].searchsorted(row["start"] - reach))
    return table.iloc[first:stop]


def _whose(store: Store, runner: str | None, owner: Owner) -> str:
    """The runner asked for; else that of the file, or the only one of the store.

    Raises:
        StoreError: nobody of this name.
    """
    known = store.runners()
    if runner is not None:
        if runner not in known:
            names = printable(", ".join(known)) or "nobody"
            raise StoreError(f"Nobody is called {printable(runner)} in this store; it knows {names}.")
        return runner
    if owner.runner.name not in known and len(known) == 1:
        return next(iter(known))
    return owner.runner.name
