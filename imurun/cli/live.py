"""`imurun live`, `imurun replay`, `imurun recover`: a run while it happens, once more, and after a crash."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from imurun.ble.devices import get_profile
from imurun.cli.choose_sensor import Wanted, choose_sensors, settings_for
from imurun.cli.compile_core import WAIT, needs_compiling, warm_up
from imurun.cli.interrupt import on_interrupt
from imurun.cli.save_session import keep_live, runner_path
from imurun.cli.screen import print_session
from imurun.engine import Step
from imurun.errors import ImurunError, SettingsError
from imurun.files.text import file_word
from imurun.history import fingerprint
from imurun.io import read, write_steps
from imurun.live.pipeline import Pipeline
from imurun.live.pipelines import replay_run, sensor_run
from imurun.live.recorder import finish_session, session_stem
from imurun.live.run_all import Face, controls_of, run_together
from imurun.live.runner_profile import Wearer, read_wearer
from imurun.live.terminal import show_terminal
from imurun.model.columns import STEP_COLUMNS
from imurun.model.recording import Runner
from imurun.session import Session
from imurun.sim.presets import eventful_run

SIMULATED_HZ = 208.0


@dataclass(frozen=True)
class Faces:
    """What shows or publishes a run, beside the terminal.

    Attributes:
        page: whether to serve the page.
        share: whether to serve it to the network, behind a token.
        port: of the page.
        lsl: whether to publish samples and steps by Lab Streaming Layer.
    """

    page: bool = True
    share: bool = False
    port: int = 5005
    lsl: bool = False


def run_live(
    sensors: Sequence[str],
    *,
    simulate: bool,
    speed: float | None,
    out: Path | None,
    record: bool,
    runner_file: Path | None,
    wanted: Wanted,
    faces: Faces,
    save: bool | None = None,
) -> bool:
    """Show runs while they happen, until Ctrl-C, the stop button, or the end of what is simulated.

    Returns whether something failed, which was then said: a sensor, or files that could not be written.

    Raises:
        SettingsError: settings that make no sense, or files that are there already.
        SensorError: no sensor can be found.
        AdapterError: Bluetooth cannot be used.
        PageError: the page cannot be served.
        RecordingError: the journal cannot be written.
    """
    if simulate and (sensors or wanted != Wanted()):
        raise SettingsError("--simulate needs no sensor; leave --sensor and a sensor's settings out.")
    if speed is not None and not simulate:
        raise SettingsError("A sensor has no --speed; it goes with --simulate.")
    wearer = read_wearer(runner_path(runner_file))
    stem = session_stem(out or Path(f"imurun-{datetime.now():%Y%m%d-%H%M%S}")) if record else None
    _make_ready()

    async def live() -> list[Pipeline]:
        if simulate:
            recording = eventful_run(rate_hz=SIMULATED_HZ).recording
            pipelines = [
                replay_run(recording, 1.0 if speed is None else speed, wearer, stem, name="simulated")
            ]
        else:
            pipelines = await _sensor_runs(sensors, wanted, wearer, stem)
        try:
            await _show(pipelines, faces, keeps=record)
        finally:
            for pipeline in pipelines:
                pipeline.close()
        return pipelines

    pipelines = asyncio.run(live())
    errors = [str(pipeline.error) for pipeline in pipelines if pipeline.error is not None]
    errors += [pipeline.failure for pipeline in pipelines if pipeline.failure]
    kept, unkept = _keep(pipelines, wearer.runner)
    errors += unkept
    errors += keep_live(kept, runner_file, save=save, is_simulated=simulate)
    for error in errors:
        print(f"imurun: {error}", file=sys.stderr)
    return bool(errors)


def replay_file(
    file: Path, *, speed: float, steps_out: Path | None, runner_file: Path | None, faces: Faces
) -> None:
    """Show a recording as if it happened now; then write the table of the steps that were found, if asked.

    Raises:
        FormatError, RecordingError: it cannot be read.
        SettingsError: a speed that is not positive, or a table that cannot be written.
    """
    if steps_out is not None and steps_out.resolve() == file.resolve():
        raise SettingsError(f"--steps {steps_out} would replace the recording; choose another name.")
    wearer = read_wearer(runner_file)
    recording = read(file)
    _make_ready()
    steps: list[Step] = []

    async def replay() -> None:
        pipeline = replay_run(recording, speed, wearer)
        moments = pipeline.fan.subscribe(limit=None)

        async def gather(_ended: asyncio.Event) -> None:
            async for moment in moments:
                steps.extend(moment.steps)

        await _show([pipeline], faces, gather, keeps=False)

    asyncio.run(replay())
    print(f"{len(steps)} steps were found." if steps else "No steps were found.")
    if steps_out is not None:
        write_steps(step_frame(steps), steps_out, metadata={"source": recording.source})
        print(f"Step table: {steps_out}")


def recover_sessions(journals: Sequence[Path], runner_file: Path | None) -> bool:
    """Make recording and step table of journals whose writer was killed; returns whether one failed."""
    runner = None if runner_file is None else read_wearer(runner_file).runner
    failed = False
    for journal in journals:
        try:
            kept = finish_session(journal, runner)
        except ImurunError as error:
            print(f"imurun: {error}", file=sys.stderr)
            failed = True
            continue
        print_session(kept.session)
        print(f"Recording: {kept.recording}\nStep table: {kept.steps}")
    return failed


def step_frame(steps: Sequence[Step]) -> pd.DataFrame:
    """Steps as the step table."""
    return pd.DataFrame(steps, columns=[column.name for column in STEP_COLUMNS])


def _make_ready() -> None:
    if needs_compiling():
        print(WAIT, file=sys.stderr)
    warm_up()


async def _sensor_runs(
    sensors: Sequence[str], wanted: Wanted, wearer: Wearer, stem: Path | None
) -> list[Pipeline]:
    found = await choose_sensors(sensors, get_profile(wanted.kind) if wanted.kind is not None else None)
    words = [file_word(one.label) for one in found]
    pipelines: list[Pipeline] = []
    for one, word in zip(found, words, strict=True):
        own = stem
        if stem is not None and len(found) > 1:
            # sensors of one kind may all have the same name, and file systems may not tell A from a
            is_shared = sum(word.casefold() == other.casefold() for other in words) > 1
            more = f"-{file_word(one.address)}" if is_shared else ""
            own = stem.with_name(f"{stem.name}-{word}{more}")
        pipelines.append(sensor_run(one, settings_for(one, wanted), wearer, own))
    return pipelines


async def _show(pipelines: Sequence[Pipeline], wanted: Faces, *more: Face, keeps: bool) -> None:
    """Run the pipelines with all their faces."""
    states = [pipeline.state for pipeline in pipelines]
    controls = controls_of(pipelines)
    faces = list(more)
    async with AsyncExitStack() as opened:
        address, code = None, ""
        if wanted.page:
            from imurun.live.page import serve
            from imurun.live.terminal import qr_lines

            page = await opened.enter_async_context(
                serve(states, controls, port=wanted.port, share=wanted.share)
            )
            address = page.address
            if wanted.share:
                code = qr_lines(address)
                print(f"Page, for who has this address: {address}")
        if wanted.lsl:
            from imurun.live.lsl import publisher

            faces += [publisher(pipeline) for pipeline in pipelines]
        faces.append(lambda stop: show_terminal(states, address=address, code=code, keeps=keeps, stop=stop))
        with on_interrupt(controls.stop):
            await run_together(pipelines, faces)


def _keep(pipelines: Sequence[Pipeline], runner: Runner) -> tuple[list[tuple[Session, str]], list[str]]:
    """Make recording and step table of each journal.

    Returns:
        The sessions with their recordings' fingerprints, and what went wrong.
    """
    done: list[tuple[Session, str]] = []
    errors: list[str] = []
    for pipeline in pipelines:
        if pipeline.journal is None:
            continue
        try:
            kept = finish_session(pipeline.journal, runner)
            done.append((kept.session, fingerprint(read(kept.recording))))
        except ImurunError as error:
            errors.append(str(error))
            continue
        print_session(kept.session)
        print(f"Recording: {kept.recording}\nStep table: {kept.steps}\nJournal: {kept.journal}")
    return done, errors
