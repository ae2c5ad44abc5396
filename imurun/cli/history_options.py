"""Words on the command line about past sessions and the runner; what they do is done elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

history = typer.Typer(help="Past sessions: list, show, compare, tag, import, carry elsewhere.")

StoreOption = Annotated[
    Path | None,
    typer.Option(
        "--store",
        metavar="DIR",
        help="Folder of the history; IMURUN_STORE, else the platform's folder of user data.",
    ),
]
NameOption = Annotated[str | None, typer.Option("--name", metavar="NAME", help="Whose sessions.")]
OwnerOption = Annotated[
    Path | None,
    typer.Option("--runner", metavar="FILE.toml", help="Instead of what `imurun runner` shows."),
]
SessionArgument = Annotated[
    str, typer.Argument(metavar="SESSION", help="As the list names it, the beginning of it, or: last.")
]
FileArgument = Annotated[Path, typer.Argument(metavar="FILE.zip")]


@history.callback(invoke_without_command=True)
def list_history(
    context: typer.Context,
    store: StoreOption = None,
    name: NameOption = None,
    runner: OwnerOption = None,
    last: Annotated[int, typer.Option("--last", min=1, metavar="N", help="How many to list.")] = 20,
) -> None:
    """List past sessions, with what was flagged."""
    context.obj = store
    if context.invoked_subcommand is None:
        from imurun.cli.history import list_sessions

        list_sessions(store, name, runner, last)


@history.command("show", epilog="Example: imurun history show last")
def show(
    context: typer.Context, session: SessionArgument, store: StoreOption = None, runner: OwnerOption = None
) -> None:
    """Show one session: what is flagged and why, its numbers and tags."""
    from imurun.cli.history import show_session

    show_session(store or context.obj, session, runner)


@history.command("compare", epilog="Example: imurun history compare last 2")
def compare(
    context: typer.Context,
    first: Annotated[str, typer.Argument(metavar="A")],
    second: Annotated[str, typer.Argument(metavar="B")],
    store: StoreOption = None,
) -> None:
    """Put two sessions side by side."""
    from imurun.cli.history import compare_sessions

    compare_sessions(store or context.obj, first, second)


@history.command("trend", epilog="Example: imurun history trend")
def trend(
    context: typer.Context,
    store: StoreOption = None,
    name: NameOption = None,
    runner: OwnerOption = None,
) -> None:
    """Show how load and measures go over the weeks, and by shoe."""
    from imurun.cli.history import show_trend

    show_trend(store or context.obj, name, runner)


@history.command("import", epilog="Example: imurun history import runs")
def import_(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Recordings, also in folders inside it.")],
    store: StoreOption = None,
    runner: OwnerOption = None,
) -> None:
    """Analyse and keep every recording of a folder; what is kept already is left alone."""
    from imurun.cli.history import import_folder

    if import_folder(store or context.obj, folder, runner):
        raise typer.Exit(1)


@history.command("export", epilog="Example: imurun history export all.zip")
def export(context: typer.Context, file: FileArgument, store: StoreOption = None) -> None:
    """Write everything into one file."""
    from imurun.cli.history import export_all

    export_all(store or context.obj, file)


@history.command("restore", epilog="Example: imurun history restore all.zip")
def restore(context: typer.Context, file: FileArgument, store: StoreOption = None) -> None:
    """Add what an exported file holds; what is there stays as it is."""
    from imurun.cli.history import restore_all

    restore_all(store or context.obj, file)


@history.command("tag", epilog="Example: imurun history tag last --shoes Blue --pain-after 2")
def tag(
    context: typer.Context,
    session: SessionArgument,
    shoes: Annotated[str | None, typer.Option(metavar="NAME", help='"" takes a text away.')] = None,
    surface: Annotated[str | None, typer.Option(metavar="WORD", help="road, trail, track, ...")] = None,
    pain_before: Annotated[float | None, typer.Option(metavar="0-10")] = None,
    pain_during: Annotated[float | None, typer.Option(metavar="0-10")] = None,
    pain_after: Annotated[float | None, typer.Option(metavar="0-10")] = None,
    pain_morning: Annotated[float | None, typer.Option(metavar="0-10", help="The next morning.")] = None,
    notes: Annotated[str | None, typer.Option(metavar="TEXT")] = None,
    distance: Annotated[float | None, typer.Option(metavar="KM")] = None,
    watch: Annotated[
        Path | None, typer.Option(metavar="WATCH.fit", help="Take the distance from the watch's activity.")
    ] = None,
    to: Annotated[
        str | None, typer.Option(metavar="NAME", help="Hand the session to another runner.")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Say of a session what no sensor knows."""
    from imurun.cli.history import tag_session

    tags = {
        "shoes": shoes,
        "surface": surface,
        "pain_before": pain_before,
        "pain_during": pain_during,
        "pain_after": pain_after,
        "pain_morning": pain_morning,
        "notes": notes,
        "distance_km": distance,
    }
    tag_session(store or context.obj, session, tags, to, watch)


def runner(
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE.toml", help="Another file than the usual one.")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Whose sessions they are.")] = None,
    mass: Annotated[float | None, typer.Option(metavar="KG", help="Body mass.")] = None,
    height: Annotated[float | None, typer.Option(metavar="M", help="Stature.")] = None,
    shoes: Annotated[
        str | None, typer.Option(metavar="NAME", help="What sessions are run in unless said otherwise.")
    ] = None,
    limit: Annotated[
        float | None, typer.Option(metavar="BW^4", help="Most load of a session that you want.")
    ] = None,
) -> None:
    """Show who runs, or set it."""
    from imurun.cli.runner import show_runner

    show_runner(file, name=name, mass_kg=mass, height_m=height, shoes=shoes, limit_bw4=limit)
