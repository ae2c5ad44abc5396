"""A session into the history, and what is to be said of it there."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.markup import escape

from imurun.errors import ImurunError
from imurun.files.text import printable
from imurun.history import Flag, Store, StoredSession, Tags, Thresholds, find_flags
from imurun.history.thresholds import read_thresholds
from imurun.io import read_runner
from imurun.io.runner_file import default_runner_file, read_shoes
from imurun.model.recording import Runner

if TYPE_CHECKING:
    from imurun.session import Session

COLOURS = {"note": "dim", "raised": "yellow", "high": "red", "very high": "bold red"}


class Owner(NamedTuple):
    """Whose sessions are kept, with their usual shoes, and what flags one."""

    runner: Runner
    shoes: str | None
    thresholds: Thresholds


def runner_path(file: Path | None) -> Path | None:
    """The file that was given, else that of this machine's runner; None where there is none."""
    if file is not None:
        return file
    own = default_runner_file()
    return own if own.exists() else None


def read_owner(file: Path | None) -> Owner:
    """From the runner's file; a runner called "runner" without one.

    Raises:
        SettingsError: the file makes no sense.
    """
    path = runner_path(file)
    if path is None:
        return Owner(Runner(), None, read_thresholds(None))
    return Owner(read_runner(path), read_shoes(path), read_thresholds(path))


def keep_session(store: Store, session: Session, fingerprint: str, owner: Owner, tags: Tags) -> StoredSession:
    """Add a session, say where it is and what is to be flagged of it, on stderr.

    Raises:
        SettingsError, StoreError: it cannot be kept.
    """
    if tags.shoes is None:
        tags = replace(tags, shoes=owner.shoes)
    kept = store.add(session, runner=owner.runner.name, fingerprint=fingerprint, tags=tags)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    said = "Kept as" if kept.is_new else "Kept already as"
    console.print(f"{said} {kept.session_id} of {escape(printable(owner.runner.name))}.")
    for other in kept.overlaps:
        console.print(f"[yellow]Note:[/yellow] {other} was at the same time; the run may be kept twice.")
    print_flags(find_flags(*store.with_past(kept.session_id, owner.thresholds), owner.thresholds), console)
    return kept


def keep_live(
    sessions: list[tuple[Session, str]], runner_file: Path | None, *, save: bool | None, is_simulated: bool
) -> list[str]:
    """Keep the session of a live run in the history; returns what went wrong.

    Args:
        sessions: with the fingerprint of the recording each.
        save: False for not at all; None to keep what is no simulation.
    """
    if save is False or (save is None and is_simulated) or not sessions:
        return []
    if len(sessions) > 1:
        print(
            "Several runners are not kept in the history, for one file cannot name them: "
            "imurun analyze FILE --runner WHO.toml --save",
            file=sys.stderr,
        )
        return []
    try:
        owner = read_owner(runner_file)
        with Store() as store:
            for session, fingerprint in sessions:
                lasted = timedelta(seconds=session.summary["duration_s"])
                begun = replace(session, start=session.start or datetime.now(UTC) - lasted)
                keep_session(store, begun, fingerprint, owner, Tags())
    except ImurunError as error:
        return [f"Not kept in the history: {error}"]
    return []


def print_flags(flags: list[Flag], console: Console) -> None:
    """Each flag's level and sentence."""
    for flag in flags:
        colour = COLOURS[flag.level]
        console.print(f"[{colour}]{flag.level.capitalize()}:[/{colour}] {escape(printable(flag.sentence))}")
