"""`imurun analyze`: summaries and step tables of recordings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from imurun.cli.options import (
    FileRateOption,
    HeightOption,
    MassOption,
    MountingChoice,
    MountingOption,
    ProfileOption,
    RunnerOption,
    StoreOption,
    TreadmillOption,
)
from imurun.errors import ImurunError, SettingsError
from imurun.methods import METHODS

PLACEHOLDER = "{name}"


def analyze(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Recordings, in any known format.")],
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print the summary as JSON; one line per file if there are several."),
    ] = False,
    steps: Annotated[
        str | None,
        typer.Option(
            metavar="OUT",
            help="Write the step table: .csv or .parquet; {name} is replaced by the name of the file.",
        ),
    ] = None,
    mass: MassOption = None,
    height: HeightOption = None,
    runner: RunnerOption = None,
    profile: ProfileOption = None,
    rate: FileRateOption = None,
    mounting: MountingOption = MountingChoice.AUTO,
    method: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="How steps are detected: imurun, or a published rule to compare it with, which gives "
            f"contact and flight times only: {', '.join(METHODS)}.",
        ),
    ] = "imurun",
    treadmill: TreadmillOption = None,
    watch: Annotated[
        Path | None,
        typer.Option(
            metavar="WATCH.fit", help="Take the speed, where it is steady, from the watch's activity."
        ),
    ] = None,
    save: Annotated[
        bool, typer.Option("--save", help="Save the sessions in the history of this machine's runner.")
    ] = False,
    store: StoreOption = None,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="With --save or --watch: start of the recording, if the file has none."
        ),
    ] = None,
) -> None:
    """Analyse recordings: foot strikes, contact and flight times, impact, load and sway."""
    if save and method != "imurun":
        raise SettingsError("The history takes sessions of imurun's own method only; leave --method out.")
    if start is not None and ((not save and watch is None) or len(files) > 1):
        raise SettingsError("--start goes with --save or --watch, and one file.")
    if watch is not None and len(files) > 1:
        raise SettingsError("--watch goes with one file: it is the activity of one run.")
    if watch is not None and treadmill is not None:
        raise SettingsError("--watch and --treadmill both give the speed; give one.")
    from imurun.cli.analysis import (
        analyze_with_progress,
        analyze_with_watch,
        make_runner,
        open_file,
        parse_start,
        parse_treadmill,
        save_steps,
        with_start,
    )
    from imurun.cli.runner_calibration import with_calibration
    from imurun.cli.save_session import owner_file, read_owner, save_session
    from imurun.cli.screen import print_session
    from imurun.history import Store, Tags, fingerprint

    started = None if start is None else parse_start(start)
    tables = step_tables(files, steps)
    speed = parse_treadmill(treadmill)
    who = with_calibration(make_runner(owner_file(runner) if save else runner, mass, height), runner)
    owner = read_owner(runner)._replace(runner=who) if save else None
    if save:
        Store(store).close()  # an unusable history is reported before the first analysis
    failed = False
    for file, table in zip(files, tables, strict=True):
        try:
            recording = with_start(open_file(file, profile, rate), started)
            if watch is not None:
                session = analyze_with_watch(recording, who, mounting.value, watch, method)
            else:
                session = analyze_with_progress(recording, who, mounting.value, method, speed)
            if table is not None:
                save_steps(session, table)
            if owner is not None:
                with Store(store) as opened:
                    save_session(opened, session, fingerprint(recording), owner, Tags())
        except ImurunError as error:  # the other files are still analysed
            print(f"imurun: {error}", file=sys.stderr)
            failed = True
            continue
        if as_json:
            _print_json(session.summary, indent=2 if len(files) == 1 else None)
        else:
            print_session(session)
            if table is not None:
                print(f"Step table: {table}")
    if failed:
        raise typer.Exit(1)


def step_tables(files: list[Path], steps_out: str | None) -> list[Path | None]:
    """Path of each file's step table, None where no table is asked for.

    Raises:
        SettingsError: two tables would share a path, or a table would replace a recording.
    """
    from imurun.io.endings import without_table_ending

    if steps_out is None:
        return [None] * len(files)
    tables = [Path(steps_out.replace(PLACEHOLDER, without_table_ending(file.name))) for file in files]
    paths = [table.resolve() for table in tables]
    if len(set(paths)) < len(paths):
        raise SettingsError(
            f"--steps {steps_out} puts several step tables into one file; "
            f"put {PLACEHOLDER} into it, and give recordings of different names."
        )
    if set(paths) & {file.resolve() for file in files}:
        raise SettingsError(f"--steps {steps_out} would replace a recording; choose another name.")
    return list(tables)


def _print_json(summary: dict[str, object], *, indent: int | None) -> None:
    import json

    print(json.dumps(summary, indent=indent, allow_nan=False))
