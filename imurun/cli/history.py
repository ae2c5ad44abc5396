"""`imurun history`: list, show, compare, tag, import, export and restore past sessions."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imurun.cli.options import StoreOption, TreadmillOption
from imurun.errors import FormatError, ImurunError, SettingsError, StoreError

if TYPE_CHECKING:
    import pandas as pd

    from imurun.cli.save_session import Owner
    from imurun.history import Store
    from imurun.model.speed import SpeedTable

STEP_TABLE = "-steps"
"""End of the name of step tables, which `live` writes beside its recordings and `import` skips."""
EMPTY = "No session is saved; `imurun analyze FILE --save` saves one."

app = typer.Typer(help="List, show, compare, tag, import, export and restore past sessions.")

NameOption = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="Runner whose sessions to use.")
]
OwnerOption = Annotated[
    Path | None,
    typer.Option("--runner", metavar="FILE.toml", help="TOML file to use instead of this machine's runner."),
]
SessionArgument = Annotated[
    str,
    typer.Argument(metavar="SESSION", help="Name of the session in the list, its beginning, or: last."),
]
ArchiveArgument = Annotated[Path, typer.Argument(metavar="FILE.zip")]


@app.callback(invoke_without_command=True)
def history(
    context: typer.Context,
    store: StoreOption = None,
    name: NameOption = None,
    runner: OwnerOption = None,
    last: Annotated[int, typer.Option("--last", min=1, metavar="N", help="Number of sessions to list.")] = 20,
) -> None:
    """List past sessions with their flags; or show, compare, tag, import, export and restore them."""
    context.obj = store  # `imurun history --store DIR show` uses it too
    if context.invoked_subcommand is None:
        list_sessions(store, name, runner, last)


def list_sessions(store_folder: Path | None, name: str | None, runner_file: Path | None, last: int) -> None:
    """Print the last sessions of a runner as a table, with the worst flag of each."""
    from rich.console import Console

    from imurun.cli.history_tables import print_list
    from imurun.cli.save_session import read_owner
    from imurun.files.text import sanitize
    from imurun.history import Store, find_flags
    from imurun.history.store import reach_days

    console = Console(highlight=False)
    with Store(store_folder) as store:
        owner = read_owner(runner_file)
        name = _runner_of(store, name, owner)
        table = store.sessions(name, thresholds=owner.thresholds)
        if not len(table):
            print(EMPTY)
            return
        others = [other for other in store.runners() if other != name]
    shown = table.tail(last)
    reach = timedelta(days=reach_days(owner.thresholds))
    flags = [find_flags(_before(table, row, reach), row, owner.thresholds) for _, row in shown.iterrows()]
    print_list(table, shown, flags, console)
    if others:
        console.print(f"Other runners: {sanitize(', '.join(others))} (--name).", markup=False)


@app.command("show", epilog="Example: imurun history show last")
def show(
    context: typer.Context, session: SessionArgument, store: StoreOption = None, runner: OwnerOption = None
) -> None:
    """Show one session: its flags with their reasons, its numbers and tags."""
    from rich.console import Console

    from imurun.cli.history_tables import print_one
    from imurun.cli.save_session import read_owner
    from imurun.history import Store, find_flags
    from imurun.history import context as load_context

    with Store(store or context.obj) as opened:
        owner = read_owner(runner)
        session_id = opened.find(session)
        past, now = opened.with_past(session_id, owner.thresholds)
        note = ""
        try:
            opened.steps(session_id)
        except StoreError as error:  # everything else can still be shown
            note = str(error)
    flags = find_flags(past, now, owner.thresholds)
    print_one(now, flags, load_context(past, now), note, Console(highlight=False))


@app.command("compare", epilog="Example: imurun history compare last 2")
def compare(
    context: typer.Context,
    first: Annotated[str, typer.Argument(metavar="A")],
    second: Annotated[str, typer.Argument(metavar="B")],
    store: StoreOption = None,
) -> None:
    """Show two sessions side by side, with the change from A to B."""
    from rich.console import Console

    from imurun.cli.history_tables import print_two
    from imurun.history import Store

    with Store(store or context.obj) as opened:
        rows = [opened.with_past(opened.find(session))[1] for session in (first, second)]
    print_two(rows[0], rows[1], Console(highlight=False))


@app.command("trend", epilog="Example: imurun history trend")
def trend(
    context: typer.Context,
    store: StoreOption = None,
    name: NameOption = None,
    runner: OwnerOption = None,
) -> None:
    """Show load and other measures by week, and by shoe."""
    from rich.console import Console

    from imurun.cli.history_tables import print_trend
    from imurun.cli.save_session import read_owner
    from imurun.history import Store

    with Store(store or context.obj) as opened:
        owner = read_owner(runner)
        table = opened.sessions(_runner_of(opened, name, owner), thresholds=owner.thresholds)
    if not len(table):
        print(EMPTY)
        return
    print_trend(table, Console(highlight=False))


@app.command("import", epilog="Example: imurun history import runs")
def import_(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of recordings; its subfolders are searched too.")
    ],
    store: StoreOption = None,
    runner: OwnerOption = None,
    treadmill: TreadmillOption = None,
) -> None:
    """Analyse and save every recording of a folder; those already saved are skipped.

    --treadmill holds for all of them.
    """
    from imurun.cli.analysis import parse_treadmill
    from imurun.cli.save_session import current_owner
    from imurun.history import Store

    speed = parse_treadmill(treadmill)
    files = _recordings(folder)
    owner = current_owner(runner)
    failed = False
    with Store(store or context.obj) as opened:
        for file in files:
            try:
                _import_one(opened, file, owner, speed)
            except ImurunError as error:  # the other files are still imported
                print(f"imurun: {_with_file(file, error)}", file=sys.stderr)
                failed = True
    if failed:
        raise typer.Exit(1)


@app.command("export", epilog="Example: imurun history export all.zip")
def export(context: typer.Context, file: ArchiveArgument, store: StoreOption = None) -> None:
    """Write the whole history into one file."""
    from imurun.history import Store
    from imurun.history.archive import export_store

    with Store(store or context.obj) as opened:
        print(f"{export_store(opened, file)} sessions in {file}.")


@app.command("restore", epilog="Example: imurun history restore all.zip")
def restore(context: typer.Context, file: ArchiveArgument, store: StoreOption = None) -> None:
    """Add the sessions of an exported file; sessions already in the history stay as they are."""
    from imurun.history import Store
    from imurun.history.archive import restore_store

    with Store(store or context.obj) as opened:
        done = restore_store(opened, file)
    print(f"{done.n_new} sessions restored; {done.n_known} were already in the history.")


@app.command("tag", epilog="Example: imurun history tag last --shoes Blue --pain-after 2")
def tag(
    context: typer.Context,
    session: SessionArgument,
    shoes: Annotated[
        str | None, typer.Option(metavar="NAME", help='Shoes; "" removes a text, here and below.')
    ] = None,
    surface: Annotated[str | None, typer.Option(metavar="WORD", help="road, trail, track, ...")] = None,
    pain_before: Annotated[float | None, typer.Option(metavar="0-10", help="Pain before the run.")] = None,
    pain_during: Annotated[float | None, typer.Option(metavar="0-10", help="Pain during the run.")] = None,
    pain_after: Annotated[float | None, typer.Option(metavar="0-10", help="Pain after the run.")] = None,
    pain_morning: Annotated[
        float | None, typer.Option(metavar="0-10", help="Pain on the next morning.")
    ] = None,
    notes: Annotated[str | None, typer.Option(metavar="TEXT", help="Any text.")] = None,
    distance: Annotated[float | None, typer.Option(metavar="KM", help="Distance run.")] = None,
    watch: Annotated[
        Path | None, typer.Option(metavar="WATCH.fit", help="Take the distance from the watch's activity.")
    ] = None,
    to: Annotated[
        str | None, typer.Option(metavar="NAME", help="Assign the session to another runner.")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Add notes to a session: shoes, surface, pain, distance."""
    from imurun.files.text import sanitize
    from imurun.history import Store

    values: dict[str, Any] = {
        "shoes": shoes,
        "surface": surface,
        "pain_before": pain_before,
        "pain_during": pain_during,
        "pain_after": pain_after,
        "pain_morning": pain_morning,
        "notes": notes,
        "distance_km": distance,
    }
    changes = {name: value for name, value in values.items() if value is not None}
    if watch is not None and distance is not None:
        raise SettingsError("--distance and --watch both set the distance; give one.")
    if not changes and to is None and watch is None:
        raise SettingsError("Nothing to change; give a tag, such as --shoes Blue or --pain-after 2.")
    with Store(store or context.obj) as opened:
        session_id = opened.find(session)
        if watch is not None:
            changes["distance_km"] = _distance_km(opened, session_id, watch)
        opened.tag(session_id, changes, runner=to)
    parts = [f"{name} {sanitize(str(value))}" for name, value in changes.items()]
    if to:
        parts.append(f"runner {sanitize(to)}")
    print(f"{session_id}: {', '.join(parts)}.")


def _distance_km(store: Store, session_id: str, watch: Path) -> float:
    """Distance by the watch during the session, rounded to a metre.

    Raises:
        FormatError: the activity cannot be read, or covers another time.
    """
    from imurun.export.fit_read import read_fit
    from imurun.files.text import sanitize

    now: dict[str, Any] = store.with_past(session_id)[1].to_dict()
    start_s = now["start"].timestamp()
    distance_m = read_fit(watch).distance_between_m(start_s, start_s + now["duration_s"])
    if distance_m is None:
        raise FormatError(
            f"{sanitize(watch.name)} has no distance during {session_id}; give the activity of that run."
        )
    return round(distance_m / 1000.0, 3)


def _import_one(store: Store, file: Path, owner: Owner, speed: SpeedTable | None) -> None:
    from imurun.cli.analysis import analyze_with_progress
    from imurun.cli.save_session import save_session
    from imurun.history import Tags, fingerprint
    from imurun.io import open_recording

    recording = open_recording(file)
    digest = fingerprint(recording)
    holder = store.holder(digest)
    # a session whose step table is lost is analysed again, which restores the table
    if holder is not None and holder[1] == owner.runner.name and store.steps_path(holder[0]).exists():
        print(f"{file}: already saved as {holder[0]}.", file=sys.stderr)
        return
    print(f"{file}:", file=sys.stderr)
    session = analyze_with_progress(recording, owner.runner, "auto", speed=speed)
    save_session(store, session, digest, owner, Tags())


def _recordings(folder: Path) -> list[Path]:
    """All recordings of the folder and its subfolders, by name; no hidden files, no step tables.

    Raises:
        SettingsError: there is no such folder, or no recording in it.
    """
    from imurun.files.text import sanitize
    from imurun.io.endings import RECORDING_ENDINGS

    if not folder.is_dir():
        raise SettingsError(f"{sanitize(str(folder))} is no folder; give one with recordings.")
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.name.lower().endswith((*RECORDING_ENDINGS, ".gz"))  # packed files may hide their ending
        and not path.name.startswith(".")
        and not path.name.split(".")[0].endswith(STEP_TABLE)
    ]
    if not found:
        raise SettingsError(f"{sanitize(str(folder))} has no recording ({', '.join(RECORDING_ENDINGS)}).")
    return found


def _with_file(file: Path, error: ImurunError) -> str:
    """The error's sentence, which names the file once."""
    return str(error) if file.name in str(error) or isinstance(error, FormatError) else f"{file}: {error}"


def _before(table: pd.DataFrame, row: pd.Series, reach: timedelta) -> pd.DataFrame:
    """Sessions before one, as far back as the flag rules look; a slice keeps a long history quick."""
    stop = int(table["start"].searchsorted(row["start"]))
    first = int(table["start"].searchsorted(row["start"] - reach))
    return table.iloc[first:stop]


def _runner_of(store: Store, name: str | None, owner: Owner) -> str:
    """The named runner; without a name the owner, or the store's only runner.

    Raises:
        StoreError: the store has no runner of this name.
    """
    from imurun.files.text import sanitize

    known = store.runners()
    if name is not None:
        if name not in known:
            names = sanitize(", ".join(known)) or "none"
            raise StoreError(f"No runner {sanitize(name)} in the history; its runners: {names}.")
        return name
    if owner.runner.name not in known and len(known) == 1:
        return next(iter(known))
    return owner.runner.name
