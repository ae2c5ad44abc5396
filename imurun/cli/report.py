"""`imurun report`: a session as a page to read, print and keep."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from imurun.cli.analyze import analyze_with_progress, read_file
from imurun.cli.save_session import Owner, read_owner
from imurun.errors import SettingsError
from imurun.files.text import printable
from imurun.history import Store, context, find_flags, fingerprint
from imurun.history.catalogue import FILE
from imurun.history.store import default_folder
from imurun.model.recording import Recording
from imurun.report import write_report
from imurun.session import Session

ENDINGS = (".html", ".htm")

Row = tuple[pd.DataFrame, pd.Series]
"""The sessions before one, and its own row."""


def report(
    what: str,
    out: Path,
    *,
    runner_file: Path | None,
    profile: str | None,
    rate_hz: float | None,
    store_folder: Path | None = None,
) -> None:
    """Write the report of a recording or of a session of the history, among the sessions before it.

    Args:
        what: a file, else a session as `Store.find` takes it.
        out: the page.
        runner_file: as of `read_owner`.
        profile, rate_hz: of a file.
        store_folder: of the history.

    Raises:
        SettingsError: a report that is no .html file, or in a folder that does not exist; neither a file nor
            a session; a runner's file that cannot be used.
        FormatError, RecordingError: a recording that cannot be used.
        StoreError: the history cannot be used.
    """
    _check(out)
    folder = default_folder() if store_folder is None else store_folder
    has_history = (folder / FILE).exists()
    owner = read_owner(runner_file)
    if Path(what).exists():
        recording = read_file(Path(what), profile, rate_hz)
        session = analyze_with_progress(recording, owner.runner, "auto")
        row = (
            _row_of(session, recording, owner, folder) if has_history and session.start is not None else None
        )
    elif has_history:
        with Store(folder) as store:
            session_id = store.find(what)
            session, row = store.session(session_id), store.with_past(session_id, owner.thresholds)
    else:
        raise SettingsError(f"{printable(what)} is no file, and no history is kept; give a recording.")
    if row is None:
        write_report(session, out)
    else:
        past, now = row
        write_report(
            session,
            out,
            history=pd.DataFrame([*past.to_dict("records"), now.to_dict()], columns=past.columns),
            flags=find_flags(past, now, owner.thresholds),
            context=context(past, now),
        )
    print(f"Report: {out}")


def _row_of(session: Session, recording: Recording, owner: Owner, folder: Path) -> Row:
    """A recording among the runner's sessions: its own row with tags where it is kept."""
    with Store(folder) as store:
        held = store.holder(fingerprint(recording))
        if held is not None:
            return store.with_past(held[0], owner.thresholds)
        return store.beside(session, runner=owner.runner.name, thresholds=owner.thresholds)


def _check(out: Path) -> None:
    if out.suffix.lower() not in ENDINGS:
        raise SettingsError(f"--out {out} must end in .html, so that a browser opens it.")
    if not out.parent.is_dir():
        raise SettingsError(f"--out {out}: there is no folder {out.parent}; make it first.")
    if out.is_dir():
        raise SettingsError(f"--out {out} is a folder; give the name of a file.")
