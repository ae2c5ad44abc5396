"""Saves a session in the history, and prints its flags."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.markup import escape

from imurun.errors import ImurunError
from imurun.files.text import sanitize
from imurun.history import Flag, Store, Tags, Thresholds, find_flags
from imurun.history.thresholds import read_thresholds
from imurun.io import read_runner
from imurun.io.runner_file import default_runner_file, read_shoes
from imurun.model.runner import Runner

if TYPE_CHECKING:
    from imurun.session import Session

LEVEL_STYLES = {"note": "dim", "raised": "yellow", "high": "red", "very high": "bold red"}


class Owner(NamedTuple):
    """The runner of saved sessions, with default shoes and thresholds of flags."""

    runner: Runner
    shoes: str | None
    thresholds: Thresholds


def owner_file(file: Path | None) -> Path | None:
    """The given file, else that of this machine's runner; None if there is none."""
    if file is not None:
        return file
    default = default_runner_file()
    return default if default.exists() else None


def read_owner(file: Path | None) -> Owner:
    """The owner in `owner_file(file)`; without a file, a runner called "runner" with default thresholds.

    Raises:
        SettingsError: the file makes no sense.
    """
    path = owner_file(file)
    if path is None:
        return Owner(Runner(), None, read_thresholds(None))
    return Owner(read_runner(path), read_shoes(path), read_thresholds(path))


def current_owner(file: Path | None) -> Owner:
    """The owner as of `read_owner`, for an analysis: the calibration is renewed where it can be.

    Raises:
        SettingsError: the file makes no sense.
    """
    from imurun.cli.runner_calibration import with_calibration

    owner = read_owner(file)
    return owner._replace(runner=with_calibration(owner.runner, file))


def save_session(store: Store, session: Session, fingerprint: str, owner: Owner, tags: Tags) -> None:
    """Add a session to the store; print its name and flags to stderr.

    Raises:
        SettingsError, StoreError: it cannot be saved.
    """
    if tags.shoes is None:
        tags = replace(tags, shoes=owner.shoes)
    saved = store.add(session, runner=owner.runner.name, fingerprint=fingerprint, tags=tags)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    outcome = "Saved as" if saved.is_new else "Already saved as"
    console.print(f"{outcome} {saved.session_id} of {escape(sanitize(owner.runner.name))}.")
    for other in saved.overlaps:
        console.print(
            f"[yellow]Note:[/yellow] {other} covers the same time; the same run may be in the history twice."
        )
    print_flags(find_flags(*store.with_past(saved.session_id, owner.thresholds), owner.thresholds), console)


def save_live(
    sessions: list[tuple[Session, str]], runner_file: Path | None, *, save: bool | None, is_simulated: bool
) -> list[str]:
    """Save the session of a live run in the history.

    Args:
        sessions: each with the fingerprint of its recording.
        runner_file: as of `owner_file`.
        save: True or False as the user chose; None to save it unless it is simulated.
        is_simulated: whether the run was simulated.

    Returns:
        One sentence per failure.
    """
    if save is False or (save is None and is_simulated) or not sessions:
        return []
    if len(sessions) > 1:
        print(
            "Not saved in the history: it is one runner's, and there were several. Save each recording: "
            "imurun analyze FILE --runner WHO.toml --save",
            file=sys.stderr,
        )
        return []
    try:
        owner = read_owner(runner_file)
        with Store() as store:
            for session, fingerprint in sessions:
                duration = timedelta(seconds=session.summary["duration_s"])
                started = replace(session, start=session.start or datetime.now(UTC) - duration)
                save_session(store, started, fingerprint, owner, Tags())
    except ImurunError as error:
        return [f"Not saved in the history: {error}"]
    return []


def print_flags(flags: list[Flag], console: Console) -> None:
    """Print each flag's level and sentence on a line."""
    for flag in flags:
        style = LEVEL_STYLES[flag.level]
        console.print(f"[{style}]{flag.level.capitalize()}:[/{style}] {escape(sanitize(flag.sentence))}")
