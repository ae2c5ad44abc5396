"""`imurun export`: a recording as files that other tools read."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from imurun.cli.analyze import analyze_with_progress, read_file, save_steps
from imurun.cli.start_time import begun_at, parse_start
from imurun.errors import SettingsError
from imurun.model.recording import Recording, Runner
from imurun.session import MountingWord, Session


@dataclass(frozen=True)
class Outputs:
    """Where the results go; None for what is not wanted.

    Attributes:
        fit: FIT activity.
        watch: the watch's FIT activity, which `fit` is then merged with.
        bids: folder of a BIDS dataset.
        steps: step table.
        subject, visit: labels in the dataset.
    """

    fit: Path | None = None
    watch: Path | None = None
    bids: Path | None = None
    steps: Path | None = None
    subject: str = "01"
    visit: str | None = None


def export_file(
    file: Path,
    outputs: Outputs,
    runner: Runner,
    *,
    start: str | None = None,
    profile: str | None = None,
    rate_hz: float | None = None,
    mounting: MountingWord = "auto",
) -> None:
    """Analyse a recording and write what is asked for, each file whole or not at all.

    Raises:
        ImurunError: the recording or the watch's file cannot be used, or an output cannot be written; what
            was written before stays.
    """
    _check(file, outputs)
    began = None if start is None else parse_start(start)
    recording = begun_at(read_file(file, profile, rate_hz), began)
    if outputs.fit is not None and recording.start is None:
        from imurun.export.fit_merge import NO_START

        raise SettingsError(f"{recording.source}: {NO_START}")
    session = analyze_with_progress(recording, runner, mounting)
    if not len(session.steps):
        print(f"imurun: {recording.source}: no steps were found.", file=sys.stderr)
    if outputs.steps is not None:
        save_steps(session, outputs.steps)
        print(f"Step table: {outputs.steps}")
    if outputs.fit is not None:
        _write_fit(session, outputs.fit, outputs.watch)
    if outputs.bids is not None:
        _write_bids(recording, session, outputs, runner)


def _check(file: Path, outputs: Outputs) -> None:
    """Refuse what does not fit together before anything is read."""
    if outputs.watch is not None and outputs.fit is None:
        raise SettingsError("--watch is the activity to merge with; say with --fit where the result goes.")
    if outputs.fit is None and outputs.bids is None and outputs.steps is None:
        raise SettingsError("Say what to write: --fit OUT.fit, --bids DIR or --steps OUT.")
    inputs = {path.resolve() for path in (file, outputs.watch) if path is not None}
    written = [path.resolve() for path in (outputs.fit, outputs.steps) if path is not None]
    if inputs & set(written):
        raise SettingsError("An output would replace the recording or the watch's file; choose another name.")
    if len(set(written)) < len(written):
        raise SettingsError("--fit and --steps are one file; choose two names.")


def _write_fit(session: Session, out: Path, watch: Path | None) -> None:
    if watch is None:
        from imurun.export.fit_activity import write_fit

        write_fit(session, out)
        print(f"FIT activity: {out}")
        return
    from imurun.export.fit_merge import merge_fit

    for warning in merge_fit(session, watch, out):
        print(f"imurun: {warning}", file=sys.stderr)
    print(f"FIT activity: {out}, with all of {watch}")


def _write_bids(recording: Recording, session: Session, outputs: Outputs, runner: Runner) -> None:
    from imurun.export.bids_motion import write_motion

    assert outputs.bids is not None
    place = write_motion(
        recording, session, outputs.bids, subject=outputs.subject, visit=outputs.visit, runner=runner
    )
    print(f"BIDS dataset: {place}")
