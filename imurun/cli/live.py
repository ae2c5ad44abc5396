"""`imurun live`, `replay`, `recover`: a run as it happens, a recording shown again, files after a crash."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from imurun.cli.options import (
    AccRangeOption,
    GyrRangeOption,
    KindOption,
    LslOption,
    PageOption,
    PortOption,
    RunnerAlertsOption,
    SensorRateOption,
    ShareOption,
    TreadmillOption,
)
from imurun.errors import ImurunError, SettingsError

if TYPE_CHECKING:
    import asyncio

    import pandas as pd

    from imurun.cli.choose_sensor import SensorOptions
    from imurun.engine import Step
    from imurun.live.pipeline import LiveOutput, Pipeline
    from imurun.live.recorder import FinishedSession
    from imurun.live.runner_profile import RunnerProfile
    from imurun.model.runner import Runner
    from imurun.session import Session

SIMULATED_HZ = 208.0


class Outputs(NamedTuple):
    """Outputs of a run beside the terminal.

    Attributes:
        page: whether to serve the page.
        share: whether to serve it to the network, behind a token.
        port: port of the page.
        lsl: whether to publish samples and steps by Lab Streaming Layer.
    """

    page: bool = True
    share: bool = False
    port: int = 5005
    lsl: bool = False

    def check_extras(self) -> None:
        """Check, before anything is recorded, that the packages of these outputs are installed.

        Raises:
            MissingExtraError: one is not.
            SettingsError: the library of Lab Streaming Layer is missing.
        """
        from imurun.files.optional import optional_module

        if self.page:
            optional_module("tornado", extra="live", purpose="The live page, which --no-page leaves out,")
        if self.page and self.share:
            from imurun.live.terminal import load_segno

            load_segno()
        if self.lsl:
            from imurun.live.lsl import load_pylsl

            load_pylsl()


def live(
    sensor: Annotated[
        list[str] | None,
        typer.Option(
            "--sensor", metavar="SENSOR", help="Name or address of a sensor; repeat it for several runners."
        ),
    ] = None,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Show a simulated run; no sensor is needed.")
    ] = False,
    speed: Annotated[
        float | None,
        typer.Option(metavar="N", help="With --simulate: N times as fast as real time; inf: no pauses."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="NAME",
            help="Name of the session's files; default: date and time, in the current folder.",
        ),
    ] = None,
    record: Annotated[bool, typer.Option("--record/--no-record", help="Record the session.")] = True,
    save: Annotated[
        bool | None,
        typer.Option("--save/--no-save", help="Save it in the history; default: unless it is simulated."),
    ] = None,
    runner: RunnerAlertsOption = None,
    treadmill: TreadmillOption = None,
    page: PageOption = True,
    share: ShareOption = False,
    port: PortOption = 5005,
    lsl: LslOption = False,
    rate: SensorRateOption = None,
    acc_range: AccRangeOption = None,
    gyr_range: GyrRangeOption = None,
    kind: KindOption = None,
) -> None:
    """Show a run as it happens, in the terminal and on a page, and record it.

    With a real sensor, nothing appears for the first 12 s while its true rate is measured.
    """
    import asyncio

    from imurun.cli.analysis import parse_treadmill
    from imurun.cli.choose_sensor import SensorOptions
    from imurun.cli.compile_core import compile_now
    from imurun.cli.runner_calibration import with_calibration
    from imurun.cli.save_session import owner_file, save_live
    from imurun.live.pipeline import replay_pipeline
    from imurun.live.recorder import session_stem
    from imurun.live.runner_profile import read_runner_profile
    from imurun.sim.presets import eventful_run

    options = SensorOptions(rate, acc_range, gyr_range, kind)
    outputs = Outputs(page, share, port, lsl)
    if simulate and (sensor or options != SensorOptions()):
        raise SettingsError("--simulate needs no sensor; leave --sensor and a sensor's settings out.")
    if speed is not None and not simulate:
        raise SettingsError("--speed goes with --simulate; a sensor runs in real time.")
    outputs.check_extras()
    known_speed = parse_treadmill(treadmill)
    profile = read_runner_profile(owner_file(runner))
    profile = profile._replace(runner=with_calibration(profile.runner, runner), speed=known_speed)
    stem = session_stem(out or Path(f"imurun-{datetime.now():%Y%m%d-%H%M%S}")) if record else None
    compile_now()

    async def run() -> list[Pipeline]:
        if simulate:
            recording = eventful_run(rate_hz=SIMULATED_HZ).recording
            factor = 1.0 if speed is None else speed
            pipelines = [replay_pipeline(recording, factor, profile, stem, name="simulated")]
        else:
            pipelines = await _sensor_pipelines(sensor or [], options, profile, stem)
        try:
            await _show(pipelines, outputs, keeps=record)
        finally:
            for pipeline in pipelines:
                pipeline.close()
        return pipelines

    pipelines = asyncio.run(run())
    errors = [str(pipeline.error) for pipeline in pipelines if pipeline.error is not None]
    errors += [pipeline.failure for pipeline in pipelines if pipeline.failure]
    sessions, unfinished = _finish(pipelines, profile.runner)
    errors += unfinished
    errors += save_live(sessions, runner, save=save, is_simulated=simulate)
    for error in errors:
        print(f"imurun: {error}", file=sys.stderr)
    if errors:
        raise typer.Exit(1)


def replay(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A recording or journal, in any known format.")
    ],
    speed: Annotated[
        float, typer.Option(metavar="N", help="N times as fast as real time; inf: no pauses.")
    ] = 1.0,
    steps: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Write the steps found: .csv or .parquet.")
    ] = None,
    runner: RunnerAlertsOption = None,
    treadmill: TreadmillOption = None,
    page: PageOption = True,
    share: ShareOption = False,
    port: PortOption = 5005,
    lsl: LslOption = False,
) -> None:
    """Show a recording as if it happened now."""
    if steps is not None and steps.resolve() == file.resolve():
        raise SettingsError(f"--steps {steps} would replace the recording; choose another name.")
    import asyncio

    from imurun.cli.analysis import parse_treadmill
    from imurun.cli.compile_core import compile_now
    from imurun.cli.runner_calibration import with_calibration
    from imurun.export import write_steps
    from imurun.io import read
    from imurun.live.pipeline import replay_pipeline
    from imurun.live.runner_profile import read_runner_profile
    from imurun.session import sources

    outputs = Outputs(page, share, port, lsl)
    outputs.check_extras()
    known_speed = parse_treadmill(treadmill)
    profile = read_runner_profile(runner)
    profile = profile._replace(runner=with_calibration(profile.runner, runner), speed=known_speed)
    recording = read(file)
    compile_now()
    found: list[Step] = []

    async def run() -> None:
        pipeline = replay_pipeline(recording, speed, profile)
        updates = pipeline.broadcast.subscribe(limit=None)

        async def gather(_ended: asyncio.Event) -> None:
            async for update in updates:
                found.extend(update.steps)

        await _show([pipeline], outputs, gather, keeps=False)

    asyncio.run(run())
    print(f"{len(found)} steps were found." if found else "No steps were found.")
    if steps is not None:
        known = {key: text for key, text in sources(profile.runner, known_speed).items() if text is not None}
        write_steps(step_frame(found), steps, metadata={"source": recording.source, **known})
        print(f"Step table: {steps}")


def recover(
    journals: Annotated[
        list[Path],
        typer.Argument(metavar="NAME.journal...", help="Journals that `live` or `record` left behind."),
    ],
    runner: RunnerAlertsOption = None,
) -> None:
    """Make the recording and step table of a session that ended in a crash."""
    from imurun.live.recorder import finish_session
    from imurun.live.runner_profile import read_runner_profile

    who = None if runner is None else read_runner_profile(runner).runner
    failed = False
    for journal in journals:
        try:
            _print_finished(finish_session(journal, who))
        except ImurunError as error:  # the other journals are still recovered
            print(f"imurun: {error}", file=sys.stderr)
            failed = True
    if failed:
        raise typer.Exit(1)


def step_frame(steps: Sequence[Step]) -> pd.DataFrame:
    """Steps as a step table."""
    import pandas as pd

    from imurun.model.columns import STEP_COLUMNS

    return pd.DataFrame(steps, columns=[column.name for column in STEP_COLUMNS])


async def _sensor_pipelines(
    names: Sequence[str], options: SensorOptions, profile: RunnerProfile, stem: Path | None
) -> list[Pipeline]:
    """One pipeline per sensor; with several sensors, each name of a session ends with its sensor's."""
    from imurun.ble.devices import get_driver
    from imurun.cli.choose_sensor import choose_sensors, settings_for
    from imurun.files.text import file_word
    from imurun.live.pipeline import sensor_pipeline

    found = await choose_sensors(names, get_driver(options.kind) if options.kind is not None else None)
    words = [file_word(sensor.label) for sensor in found]
    pipelines: list[Pipeline] = []
    for sensor, word in zip(found, words, strict=True):
        own_stem = stem
        if stem is not None and len(found) > 1:
            # sensors of one kind may share a name, and some file systems ignore case
            is_shared = sum(word.casefold() == other.casefold() for other in words) > 1
            address = f"-{file_word(sensor.address)}" if is_shared else ""
            own_stem = stem.with_name(f"{stem.name}-{word}{address}")
        pipelines.append(sensor_pipeline(sensor, settings_for(sensor, options), profile, own_stem))
    return pipelines


async def _show(pipelines: Sequence[Pipeline], outputs: Outputs, *more: LiveOutput, keeps: bool) -> None:
    """Run the pipelines with the terminal and all other outputs, until they end or Ctrl-C.

    Raises:
        PageError: the page cannot be served.
        SensorError: no sensor can be reached.
    """
    from imurun.cli.interrupt import on_interrupt
    from imurun.live.pipeline import controls_of, run_all
    from imurun.live.terminal import show_terminal

    states = [pipeline.state for pipeline in pipelines]
    controls = controls_of(pipelines)
    shown = list(more)
    async with AsyncExitStack() as stack:
        address, code = None, ""
        if outputs.page:
            from imurun.live.page import serve
            from imurun.live.terminal import qr_lines

            page = await stack.enter_async_context(
                serve(states, controls, port=outputs.port, share=outputs.share)
            )
            address = page.address
            if outputs.share:
                code = qr_lines(address)
                print(f"Page, accessible to anyone with this address: {address}")
        if outputs.lsl:
            from imurun.live.lsl import publisher

            shown += [publisher(pipeline) for pipeline in pipelines]
        shown.append(lambda stop: show_terminal(states, address=address, code=code, keeps=keeps, stop=stop))
        with on_interrupt(controls.stop):
            await run_all(pipelines, shown)


def _finish(pipelines: Sequence[Pipeline], runner: Runner) -> tuple[list[tuple[Session, str]], list[str]]:
    """Make recording and step table of each journal, and print them.

    Returns:
        The sessions with the fingerprints of their recordings, and one sentence per failure.
    """
    from imurun.history import fingerprint
    from imurun.io import read
    from imurun.live.recorder import finish_session

    sessions: list[tuple[Session, str]] = []
    errors: list[str] = []
    for pipeline in pipelines:
        if pipeline.journal is None:
            continue
        try:
            finished = finish_session(pipeline.journal, runner)
            sessions.append((finished.session, fingerprint(read(finished.recording))))
        except ImurunError as error:
            errors.append(str(error))
            continue
        _print_finished(finished)
        print(f"Journal: {finished.journal}")
    return sessions, errors


def _print_finished(finished: FinishedSession) -> None:
    from imurun.cli.screen import print_session

    print_session(finished.session)
    print(f"Recording: {finished.recording}\nStep table: {finished.steps}")
