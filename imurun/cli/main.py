"""Words on the command line; what they do is done elsewhere."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from imurun._version import __version__
from imurun.cli.cohort_options import cohort
from imurun.cli.history_options import StoreOption, history
from imurun.cli.history_options import runner as show_runner
from imurun.cli.options import (
    AccRangeOption,
    FileRateOption,
    GyrRangeOption,
    HeightOption,
    KindOption,
    LslOption,
    MassOption,
    MountingChoice,
    MountingOption,
    PageOption,
    PortOption,
    ProfileOption,
    RateOption,
    RunnerFileOption,
    RunnerOption,
    ShareOption,
)
from imurun.errors import ImurunError
from imurun.methods import METHODS

app = typer.Typer(
    name="imurun",
    help="Foot strikes, lumbar impact load and trunk sway from one IMU on a runner's lower back. "
    "It measures and compares; it does not diagnose.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


app.add_typer(history, name="history")
app.add_typer(cohort, name="cohort")
app.command("runner", epilog="Example: imurun runner --mass 62 --height 1.70")(show_runner)


INTERRUPTED = 130
ENDED = "imurun: interrupted; no output file was left incomplete, and what was recorded is in its journal."


def main() -> None:
    """Run the command line; exit code 0 done, 1 input that could not be used, 2 usage."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that has no such character shows another
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except ImurunError as error:
        _give_up(str(error), 1)
    except SystemExit as end:
        if end.code == INTERRUPTED:  # click has caught the interrupt
            print(ENDED, file=sys.stderr)
        raise
    except BrokenPipeError:
        _drop_output()  # whoever read it had enough
    except OSError as error:
        _drop_output()
        from imurun.files.write_errors import reason

        _give_up(f"{error.filename or 'the output'}: {reason(error)}.", 1)
    except KeyboardInterrupt:
        print(ENDED, file=sys.stderr)
        sys.exit(INTERRUPTED)


def _give_up(sentence: str, code: int) -> None:
    print(f"imurun: {sentence}", file=sys.stderr)
    sys.exit(code)


def _drop_output() -> None:
    """What is still to be printed goes nowhere, so that it cannot fail once more at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"imurun {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version


@app.command(epilog="Example: imurun analyze run.csv --steps steps.parquet")
def analyze(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Recordings, in any known format.")],
    json: Annotated[
        bool,
        typer.Option("--json", help="Print the summary as JSON; one line a file when there are several."),
    ] = False,
    steps: Annotated[
        str | None,
        typer.Option(
            metavar="OUT", help="Write the step table: .csv or .parquet; {name} stands for the file."
        ),
    ] = None,
    mass: MassOption = None,
    height: HeightOption = None,
    runner: RunnerFileOption = None,
    profile: ProfileOption = None,
    rate: FileRateOption = None,
    mounting: MountingOption = MountingChoice.AUTO,
    method: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="How steps are found: imurun, or a published rule to compare it with, which gives contact "
            f"and flight only: {', '.join(METHODS)}.",
        ),
    ] = "imurun",
    save: Annotated[
        bool, typer.Option("--save", help="Keep the sessions in the history, for this machine's runner.")
    ] = False,
    store: StoreOption = None,
    start: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="With --save: when it began, if the file does not say."),
    ] = None,
) -> None:
    """Analyse recordings: foot strikes, contact and flight, impact, load and sway."""
    from imurun.cli.analyze import analyze_files

    failed = analyze_files(
        files,
        as_json=json,
        steps_out=steps,
        mass_kg=mass,
        height_m=height,
        runner_file=runner,
        profile=profile,
        rate_hz=rate,
        mounting=mounting.value,
        method=method,
        save=save,
        store_folder=store,
        start_text=start,
    )
    if failed:
        raise typer.Exit(1)


@app.command(epilog="Example: imurun export run.parquet --fit both.fit --watch run.fit")
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
            metavar="WATCH.fit", help="With --fit: the watch's activity, which is kept and added to."
        ),
    ] = None,
    bids: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write samples and steps as BIDS-Motion, into a dataset or a new one."
        ),
    ] = None,
    subject: Annotated[str, typer.Option(metavar="LABEL", help="With --bids: who ran.")] = "01",
    visit: Annotated[
        str | None, typer.Option("--session", metavar="LABEL", help="With --bids: which visit.")
    ] = None,
    steps: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Write the step table: .csv or .parquet.")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="When the recording began, where it does not say or its clock was wrong: "
            "2026-05-01T07:30 in this machine's zone, or with a zone as 2026-05-01T07:30:00Z.",
        ),
    ] = None,
    mass: MassOption = None,
    height: HeightOption = None,
    runner: RunnerFileOption = None,
    profile: ProfileOption = None,
    rate: FileRateOption = None,
    mounting: MountingOption = MountingChoice.AUTO,
) -> None:
    """Write a recording as files that other tools read: FIT, BIDS-Motion, step table."""
    from imurun.cli.analyze import make_runner
    from imurun.cli.export import Outputs, export_file

    export_file(
        file,
        Outputs(fit=fit, watch=watch, bids=bids, steps=steps, subject=subject, visit=visit),
        make_runner(runner, mass, height),
        start=start,
        profile=profile,
        rate_hz=rate,
        mounting=mounting.value,
    )


@app.command(epilog="Example: imurun simulate test.parquet --truth truth.csv")
def simulate(
    out: Annotated[
        Path | None, typer.Argument(metavar="[OUT]", help="Recording to write: .csv, .csv.gz or .parquet.")
    ] = None,
    duration: Annotated[
        float | None, typer.Option(metavar="S", help="Length of a steady run; 60 if not said.")
    ] = None,
    speed: Annotated[
        float | None, typer.Option(metavar="M/S", help="Speed of a steady run; 3 if not said.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(metavar="HZ", help="Samples a second; 100 if not said, 208 with --ble.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same run.")] = 1,
    eventful: Annotated[
        bool,
        typer.Option("--eventful", help="Not a steady run: warm-up, walk break, fatigue and a bad mounting."),
    ] = False,
    truth: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Also write the true steps: .csv or .parquet.")
    ] = None,
    ble: Annotated[
        str | None,
        typer.Option(
            metavar="ADAPTER",
            help="Be a Bluetooth sensor that measures this run, again and again, instead of writing it: "
            "usb:0, hci-socket:0, tcp-client:HOST:PORT.",
        ),
    ] = None,
    recording: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --ble: a recording to measure instead.")
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WORD",
            help="With --ble: what goes wrong, may be given again: loss=0.05, drop=60:5 (every 60 s "
            "for 5 s), drop=@100:5 (once), silence=120:3, reboot=@300, delay=0.2, duplicate=0.01, "
            "reorder=0.01, flip=0.001, battery=80:-5 (percent, an hour).",
        ),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(metavar="S", min=0.1, help="With --ble: end after so long.")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="With --ble: its name.")] = None,
) -> None:
    """Simulate a run, with exact truth, and write its recording or be the sensor that measures it."""
    if (out is None) == (ble is None):
        raise typer.BadParameter("Say either OUT, a file to write, or --ble, an adapter to use.")
    if out is not None:
        if recording is not None or fault or seconds is not None or name is not None:
            raise typer.BadParameter("--recording, --fault, --seconds and --name go with --ble.")
        from imurun.cli.simulate import write_simulation

        write_simulation(
            out,
            duration_s=duration,
            speed_m_s=speed,
            rate_hz=rate,
            seed=seed,
            eventful=eventful,
            truth_out=truth,
        )
        return
    assert ble is not None
    if truth is not None:
        raise typer.BadParameter("--truth goes with OUT.")
    from imurun.cli.simulate_ble import offer_simulation

    offer_simulation(
        ble,
        recording_file=recording,
        fault_words=fault or [],
        seconds=seconds,
        name=name,
        duration_s=duration,
        speed_m_s=speed,
        rate_hz=rate,
        seed=seed,
        eventful=eventful,
    )


@app.command(epilog="Example: imurun demo")
def demo(
    out: Annotated[Path, typer.Option(metavar="OUT", help="Where the step table goes.")] = Path(
        "imurun-demo-steps.csv"
    ),
) -> None:
    """Analyse a simulated recording that comes with imurun."""
    from imurun.cli.demo import run_demo

    run_demo(out)


@app.command(epilog="Example: imurun scan --seconds 10")
def scan(
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="S", min=0.1, max=600.0, help="How long to listen.")
    ] = 5.0,
    battery: Annotated[
        bool, typer.Option("--battery/--no-battery", help="Connect to each sensor to read its battery.")
    ] = True,
) -> None:
    """Show the sensors in range: name, kind, signal, battery."""
    from imurun.cli.scan import show_sensors

    show_sensors(seconds, battery=battery)


@app.command(epilog="Example: imurun record imurun-1 run.parquet")
def record(
    sensor: Annotated[str, typer.Argument(metavar="SENSOR", help="Its name or address, as scan shows it.")],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="Recording to write, .parquet; OUT.journal stays beside it.")
    ],
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", metavar="S", min=0.1, help="How long; until Ctrl-C if left out."),
    ] = None,
    rate: RateOption = None,
    acc_range: AccRangeOption = None,
    gyr_range: GyrRangeOption = None,
    kind: KindOption = None,
    log: Annotated[
        bool, typer.Option("--log/--no-log", help="Let the sensor keep a log as well, where it can.")
    ] = True,
) -> None:
    """Record a sensor: all that it sends goes into a journal, at the end into a Parquet file."""
    from imurun.cli.choose_sensor import Wanted
    from imurun.cli.record import record_sensor

    record_sensor(sensor, out, seconds=seconds, wanted=Wanted(rate, acc_range, gyr_range, kind), keep_log=log)


@app.command(epilog="Example: imurun live --simulate")
def live(
    sensor: Annotated[
        list[str] | None,
        typer.Option("--sensor", metavar="SENSOR", help="Name or address; again for each of a team."),
    ] = None,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Show a simulated run; no sensor is needed.")
    ] = False,
    speed: Annotated[
        float | None, typer.Option(metavar="N", help="How much faster than life a simulated run is.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="NAME",
            help="What the session's files are called; date and time, in this folder, if left out.",
        ),
    ] = None,
    record: Annotated[bool, typer.Option("--record/--no-record", help="Keep the session.")] = True,
    save: Annotated[
        bool | None,
        typer.Option("--save/--no-save", help="Add it to the history; done for runs that are not simulated."),
    ] = None,
    runner: RunnerOption = None,
    page: PageOption = True,
    share: ShareOption = False,
    port: PortOption = 5005,
    lsl: LslOption = False,
    rate: RateOption = None,
    acc_range: AccRangeOption = None,
    gyr_range: GyrRangeOption = None,
    kind: KindOption = None,
) -> None:
    """Show a run while it happens, in the terminal and on a page, and keep all of it."""
    from imurun.cli.choose_sensor import Wanted
    from imurun.cli.live import Faces, run_live

    failed = run_live(
        sensor or [],
        simulate=simulate,
        speed=speed,
        out=out,
        record=record,
        runner_file=runner,
        wanted=Wanted(rate, acc_range, gyr_range, kind),
        faces=Faces(page, share, port, lsl),
        save=save,
    )
    if failed:
        raise typer.Exit(1)


@app.command(epilog="Example: imurun replay run.parquet --speed 4")
def replay(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A recording or journal, in any known format.")
    ],
    speed: Annotated[
        float, typer.Option(metavar="N", help="How much faster than it was; inf: at once.")
    ] = 1.0,
    steps: Annotated[
        Path | None,
        typer.Option(metavar="OUT", help="Write the steps that were found: .csv or .parquet."),
    ] = None,
    runner: RunnerOption = None,
    page: PageOption = True,
    share: ShareOption = False,
    port: PortOption = 5005,
    lsl: LslOption = False,
) -> None:
    """Show a recording as if it happened now."""
    from imurun.cli.live import Faces, replay_file

    replay_file(file, speed=speed, steps_out=steps, runner_file=runner, faces=Faces(page, share, port, lsl))


@app.command(epilog="Example: imurun recover run.journal")
def recover(
    journals: Annotated[
        list[Path], typer.Argument(metavar="NAME.journal...", help="What `live` or `record` left behind.")
    ],
    runner: RunnerOption = None,
) -> None:
    """Make the recording and the step table of a session that ended by a crash."""
    from imurun.cli.live import recover_sessions

    if recover_sessions(journals, runner):
        raise typer.Exit(1)


@app.command(epilog="Example: imurun report run.csv --out run.html")
def report(
    what: Annotated[
        str,
        typer.Argument(
            metavar="FILE|SESSION",
            help="A recording or journal in any known format, or a session as `imurun history` names it.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE.html", help="The page to write.")],
    runner: RunnerOption = None,
    store: StoreOption = None,
    profile: ProfileOption = None,
    rate: FileRateOption = None,
) -> None:
    """Write a session as one page to read, print and keep; it needs no network."""
    from imurun.cli.report import report as write

    write(what, out, runner_file=runner, profile=profile, rate_hz=rate, store_folder=store)


@app.command("sensor", epilog="Example: imurun sensor imurun-1 --download logs")
def ask_sensor(
    sensor: Annotated[str, typer.Argument(metavar="SENSOR", help="Its name or address, as scan shows it.")],
    download: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Download the logs that it holds into this folder.")
    ] = None,
    stop: Annotated[bool, typer.Option("--stop", help="Let it stop measuring, if it does.")] = False,
    erase: Annotated[
        bool, typer.Option("--erase", help="Erase from the sensor each log that was downloaded whole.")
    ] = False,
    kind: KindOption = None,
) -> None:
    """Show what a sensor can do, its battery and firmware; download the logs it holds."""
    from imurun.cli.sensor import show_sensor

    show_sensor(sensor, stop=stop, download=download, erase=erase, kind=kind)


bench = typer.Typer(help="Benchmarks, in a checkout of the source.", no_args_is_help=True)
app.add_typer(bench, name="bench")


@bench.command("accuracy", epilog="Example: imurun bench accuracy --quick")
def bench_accuracy(
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the results and the page.")
    ] = None,
    methods: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Method to score, may be given again; all when left out."),
    ] = None,
    datasets: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Dataset to score on, may be given again; the usual when left out."
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out the worse sensors, straps and places.")
    ] = False,
) -> None:
    """Score imurun and published rules against force plates and cameras, and write a page."""
    from imurun.cli.bench import bench_accuracy as run

    run(out, methods, datasets, quick=quick)


@bench.command("speed", epilog="Example: imurun bench speed --only push")
def bench_speed(
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the figures.")] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Entry to measure, may be given again; all when left out."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Less data and fewer repeats.")] = False,
) -> None:
    """Measure what imurun costs, from a notification to a cohort, each beside a reference."""
    from imurun.cli.bench import bench_speed as run

    run(out, only, quick=quick)


@bench.command("peers", epilog="Example: imurun bench peers --quick")
def bench_peers(
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the figures.")] = None,
    environments: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the environments, in the cache when left out."),
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="How often each is measured; 5 when left out.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Make the environments again.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Less data and fewer rounds.")] = False,
) -> None:
    """Measure peers and imurun on the same hour, each in an environment of its own (installed at first)."""
    from imurun.cli.bench import bench_peers as run

    run(out, environments, n_rounds=rounds, fresh=fresh, quick=quick)


@bench.command("data", epilog="Example: imurun bench data sacral_grf")
def bench_data(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Dataset to show; all when left out.")
    ] = None,
    download: Annotated[bool, typer.Option("--download", help="Download it into the cache folder.")] = False,
) -> None:
    """List public datasets with truth, and download those that are open."""
    from imurun.cli.bench import bench_data as run

    run(name, download=download)
