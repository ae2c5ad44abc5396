"""`imurun analyze`: recordings to summaries and step tables."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from imurun.cli.compile_core import WAIT, needs_compiling
from imurun.cli.save_session import keep_session, read_owner, runner_path
from imurun.cli.screen import patience, print_session
from imurun.cli.start_time import begun_at, parse_start
from imurun.errors import ImurunError, SettingsError
from imurun.history import Store, Tags, fingerprint
from imurun.io import open_recording, read, read_runner, write_steps
from imurun.io.endings import without_ending
from imurun.model.recording import Recording, Runner
from imurun.model.recording_like import Recorded
from imurun.session import MountingWord, Session
from imurun.session import analyze as analyze_recording

PLACEHOLDER = "{name}"


def analyze_files(
    files: list[Path],
    *,
    as_json: bool,
    steps_out: str | None,
    mass_kg: float | None,
    height_m: float | None,
    runner_file: Path | None,
    profile: str | None,
    rate_hz: float | None,
    mounting: MountingWord,
    method: str = "imurun",
    save: bool = False,
    store_folder: Path | None = None,
    start_text: str | None = None,
) -> bool:
    """Analyse each file and print what came out; returns whether one could not be used.

    With `save` each session is kept in the history, and the runner is that of this machine unless another
    file is given.

    Raises:
        SettingsError: options that do not fit together.
        StoreError: the history cannot be used.
    """
    if save and method != "imurun":
        raise SettingsError("History keeps what imurun's own method found; leave --method out.")
    if start_text is not None and (not save or len(files) > 1):
        raise SettingsError("--start goes with --save and one file.")
    start = None if start_text is None else parse_start(start_text)
    runner = make_runner(runner_path(runner_file) if save else runner_file, mass_kg, height_m)
    tables = step_tables(files, steps_out)
    owner = None
    if save:
        owner = read_owner(runner_file)._replace(runner=runner)
        Store(store_folder).close()  # said before anything is analysed
    failed = False
    for file, table in zip(files, tables, strict=True):
        try:
            recording = begun_at(open_file(file, profile, rate_hz), start)
            session = analyze_with_progress(recording, runner, mounting, method)
            if table is not None:
                save_steps(session, table)
            if owner is not None:
                with Store(store_folder) as store:
                    keep_session(store, session, fingerprint(recording), owner, Tags())
        except ImurunError as error:
            print(f"imurun: {error}", file=sys.stderr)
            failed = True
            continue
        if as_json:
            print(json.dumps(session.summary, indent=2 if len(files) == 1 else None, allow_nan=False))
        else:
            print_session(session)
            if table is not None:
                print(f"Step table: {table}")
    return failed


def step_tables(files: list[Path], steps_out: str | None) -> list[Path | None]:
    """Where the step table of each file goes.

    Raises:
        SettingsError: two tables in one place, or one in the place of a recording.
    """
    if steps_out is None:
        return [None] * len(files)
    tables = [Path(steps_out.replace(PLACEHOLDER, _stem(file))) for file in files]
    places = [table.resolve() for table in tables]
    if len(set(places)) < len(places):
        raise SettingsError(
            f"--steps {steps_out} puts several step tables into one file; "
            f"put {PLACEHOLDER} into it, and give recordings of different names."
        )
    if set(places) & {file.resolve() for file in files}:
        raise SettingsError(f"--steps {steps_out} would replace a recording; choose another name.")
    return list(tables)


def _stem(file: Path) -> str:
    """The file's name without the endings that say what it holds."""
    return without_ending(file.name)


def make_runner(file: Path | None, mass_kg: float | None, height_m: float | None) -> Runner:
    """The runner of the file, with what was said on the command line in its place."""
    runner = Runner() if file is None else read_runner(file)
    return Runner(
        name=runner.name,
        mass_kg=runner.mass_kg if mass_kg is None else mass_kg,
        height_m=runner.height_m if height_m is None else height_m,
    )


def read_file(file: Path, profile: str | None, rate_hz: float | None) -> Recording:
    """Read one file, with progress on a terminal."""
    with patience(f"Reading {file.name}") as progress:
        return read(file, profile=profile, rate_hz=rate_hz, progress=_share(progress))


def open_file(file: Path, profile: str | None, rate_hz: float | None) -> Recorded:
    """Read one file for an analysis, or look through it where its samples can stay there; with progress."""
    with patience(f"Reading {file.name}") as progress:
        return open_recording(file, profile=profile, rate_hz=rate_hz, progress=_share(progress))


def analyze_with_progress(
    recording: Recorded, runner: Runner, mounting: MountingWord, method: str = "imurun"
) -> Session:
    """Analyse a recording, with progress on a terminal."""
    if needs_compiling():
        print(WAIT, file=sys.stderr)
    with patience("Analysing") as progress:
        return analyze_recording(recording, runner, mounting=mounting, method=method, progress=progress)


def save_steps(session: Session, path: Path) -> None:
    """Write the step table with the settings it came from."""
    metadata = {key: str(value) for key, value in session.settings.items() if value is not None}
    metadata["source"] = session.source
    if session.start is not None:
        metadata["start"] = session.start.isoformat()
    write_steps(session.steps, path, metadata=metadata)


def _share(progress: Callable[[float], None]) -> Callable[[int, int], None]:
    return lambda done, total: progress(done / max(total, 1))
