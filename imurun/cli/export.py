"""`imurun export`: a recording as files that other tools read: FIT, BIDS-Motion, step table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imurun.cli.options import (
    FileRateOption,
    HeightOption,
    MassOption,
    MountingChoice,
    MountingOption,
    ProfileOption,
    RunnerOption,
)
from imurun.errors import SettingsError

if TYPE_CHECKING:
    from imurun.session import Session


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recording, in any known format.")],
    fit: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT", help="Write a FIT activity with running dynamics, impact, load and sway."
        ),
    ] = None,
    watch: Annotated[
        Path | None,
        typer.Option(
            metavar="WATCH.fit", help="With --fit: the watch's activity to merge with; all of it is kept."
        ),
    ] = None,
    bids: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write samples and steps as BIDS-Motion, into a new or existing dataset."
        ),
    ] = None,
    subject: Annotated[str, typer.Option(metavar="LABEL", help="With --bids: label of the subject.")] = "01",
    visit: Annotated[
        str | None, typer.Option("--session", metavar="LABEL", help="With --bids: label of the session.")
    ] = None,
    steps: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Write the step table: .csv or .parquet.")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Start of the recording, if the file has none or a wrong one: "
            "2026-05-01T07:30 in this machine's zone, or with a zone as 2026-05-01T07:30:00Z.",
        ),
    ] = None,
    mass: MassOption = None,
    height: HeightOption = None,
    runner: RunnerOption = None,
    profile: ProfileOption = None,
    rate: FileRateOption = None,
    mounting: MountingOption = MountingChoice.AUTO,
) -> None:
    """Write a recording as files that other tools read: FIT, BIDS-Motion, step table."""
    _check(file, fit=fit, watch=watch, bids=bids, steps=steps)
    from imurun.cli.analysis import (
        analyze_with_progress,
        make_runner,
        parse_start,
        read_file,
        save_steps,
        with_start,
    )
    from imurun.cli.runner_calibration import with_calibration

    who = with_calibration(make_runner(runner, mass, height), runner)
    started = None if start is None else parse_start(start)
    recording = with_start(read_file(file, profile, rate), started)
    if fit is not None and recording.start is None:
        from imurun.export.fit_merge import NO_START

        raise SettingsError(f"{recording.source}: {NO_START}")
    session = analyze_with_progress(recording, who, mounting.value)
    if not len(session.steps):
        print(f"imurun: {recording.source}: no steps were found.", file=sys.stderr)
    if steps is not None:
        save_steps(session, steps)
        print(f"Step table: {steps}")
    if fit is not None:
        _write_fit(session, fit, watch)
    if bids is not None:
        from imurun.export.bids_motion import write_motion

        place = write_motion(recording, session, bids, subject=subject, visit=visit, runner=who)
        print(f"BIDS dataset: {place}")


def _check(
    file: Path, *, fit: Path | None, watch: Path | None, bids: Path | None, steps: Path | None
) -> None:
    """Refuse options that contradict each other, before anything is read.

    Raises:
        SettingsError: nothing to write, or one path for two files.
    """
    if watch is not None and fit is None:
        raise SettingsError("--watch is the activity to merge with; name the merged file with --fit OUT.fit.")
    if fit is None and bids is None and steps is None:
        raise SettingsError("Nothing to write; give --fit OUT.fit, --bids DIR or --steps OUT.")
    inputs = {path.resolve() for path in (file, watch) if path is not None}
    outputs = [path.resolve() for path in (fit, steps) if path is not None]
    if inputs & set(outputs):
        raise SettingsError("An output would replace the recording or the watch's file; choose another name.")
    if len(set(outputs)) < len(outputs):
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
