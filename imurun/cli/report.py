"""`imurun report`: a session as one page to read, print and keep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imurun.cli.options import FileRateOption, ProfileOption, RunnerAlertsOption, StoreOption, TreadmillOption
from imurun.errors import SettingsError

if TYPE_CHECKING:
    import pandas as pd

    from imurun.cli.save_session import Owner
    from imurun.model.recording import Recording
    from imurun.session import Session

ENDINGS = (".html", ".htm")


def report(
    what: Annotated[
        str,
        typer.Argument(
            metavar="FILE|SESSION",
            help="A recording or journal in any known format, or a session as `imurun history` names it.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE.html", help="Page to write.")],
    runner: RunnerAlertsOption = None,
    store: StoreOption = None,
    profile: ProfileOption = None,
    rate: FileRateOption = None,
    treadmill: TreadmillOption = None,
) -> None:
    """Write a session, compared with those before it, as one page that needs no network."""
    _check(out)
    import pandas as pd

    from imurun.cli.analysis import analyze_with_progress, parse_treadmill, read_file
    from imurun.cli.save_session import current_owner, read_owner
    from imurun.files.text import sanitize
    from imurun.history import Store, context, find_flags
    from imurun.history.catalogue import FILE
    from imurun.history.store import default_folder
    from imurun.report import write_report

    folder = default_folder() if store is None else store
    has_history = (folder / FILE).exists()
    is_file = Path(what).exists()
    speed = parse_treadmill(treadmill)
    if speed is not None and not is_file:
        raise SettingsError("--treadmill goes with a recording; a saved session is not analysed again.")
    owner = current_owner(runner) if is_file else read_owner(runner)
    past_and_now = None
    if is_file:
        recording = read_file(Path(what), profile, rate)
        session = analyze_with_progress(recording, owner.runner, "auto", speed=speed)
        if has_history and session.start is not None:  # without a start there is no before
            past_and_now = _past_of(session, recording, owner, folder)
    elif has_history:
        with Store(folder) as opened:
            session_id = opened.find(what)
            session = opened.session(session_id)
            past_and_now = opened.with_past(session_id, owner.thresholds)
    else:
        raise SettingsError(f"{sanitize(what)} is no file, and the history is empty; give a recording.")
    if past_and_now is None:
        write_report(session, out)
    else:
        past, now = past_and_now
        write_report(
            session,
            out,
            history=pd.DataFrame([*past.to_dict("records"), now.to_dict()], columns=past.columns),
            flags=find_flags(past, now, owner.thresholds),
            context=context(past, now),
        )
    print(f"Report: {out}")


def _past_of(
    session: Session, recording: Recording, owner: Owner, folder: Path
) -> tuple[pd.DataFrame, pd.Series]:
    """The sessions before this one and its own row; the row has the tags of the history if it is saved there.

    Raises:
        StoreError: the history cannot be used.
    """
    from imurun.history import Store, fingerprint

    with Store(folder) as store:
        holder = store.holder(fingerprint(recording))
        if holder is not None:
            return store.with_past(holder[0], owner.thresholds)
        return store.beside(session, runner=owner.runner.name, thresholds=owner.thresholds)


def _check(out: Path) -> None:
    """Refuse a page that cannot be written, before the analysis.

    Raises:
        SettingsError: the name has another ending, its folder does not exist, or it is a folder.
    """
    if out.suffix.lower() not in ENDINGS:
        raise SettingsError(f"--out {out} must end in .html, so that a browser opens it.")
    if not out.parent.is_dir():
        raise SettingsError(f"--out {out}: there is no folder {out.parent}; make it first.")
    if out.is_dir():
        raise SettingsError(f"--out {out} is a folder; give the name of a file.")
