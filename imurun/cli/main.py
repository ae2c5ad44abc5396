"""The program `imurun`: registers the commands, turns errors into one sentence and an exit code.

Each command is a module of this package with its options and its action. Packages that take long to import
(numba, pandas, bleak, bokeh) are imported inside the functions that need them, so that `--help` is quick.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Annotated

import typer

from imurun._version import __version__
from imurun.cli import bench, cohort, history
from imurun.cli.analyze import analyze
from imurun.cli.calibrate import calibrate
from imurun.cli.demo import demo
from imurun.cli.export import export
from imurun.cli.live import live, recover, replay
from imurun.cli.record import record
from imurun.cli.report import report
from imurun.cli.runner import runner
from imurun.cli.scan import scan
from imurun.cli.sensor import sensor
from imurun.cli.simulate import simulate
from imurun.errors import ImurunError

UNUSABLE_INPUT, INTERRUPTED = 1, 130
"""Exit codes beside 0; click itself ends with 2 on a usage error."""
INTERRUPTED_NOTE = (
    "imurun: interrupted; no output file is incomplete, and anything recorded is in its journal."
)

app = typer.Typer(
    name="imurun",
    help="Foot strikes, lumbar impact load and trunk sway from one IMU on a runner's lower back. "
    "It measures and compares; it does not diagnose.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command, example in (
    (analyze, "imurun analyze run.csv --steps steps.parquet"),
    (live, "imurun live --simulate"),
    (replay, "imurun replay run.parquet --speed 4"),
    (recover, "imurun recover run.journal"),
    (scan, "imurun scan --seconds 10"),
    (record, "imurun record imurun-1 run.parquet"),
    (sensor, "imurun sensor imurun-1 --download logs"),
    (runner, "imurun runner --mass 62 --height 1.70"),
    (calibrate, "imurun calibrate run.parquet --watch run.fit"),
    (report, "imurun report run.csv --out run.html"),
    (export, "imurun export run.parquet --fit both.fit --watch run.fit"),
    (simulate, "imurun simulate test.parquet --truth truth.csv"),
    (demo, "imurun demo"),
):
    app.command(epilog=f"Example: {example}")(command)
app.add_typer(history.app, name="history")
app.add_typer(cohort.app, name="cohort")
app.add_typer(bench.app, name="bench")


def main() -> None:
    """Run the command line; exit code 0 done, 1 input that could not be used, 2 usage, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # characters that the terminal lacks must not end a command
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except ImurunError as error:
        _exit_with(str(error))
    except SystemExit as end:
        if end.code == INTERRUPTED:  # click has caught the interrupt
            print(INTERRUPTED_NOTE, file=sys.stderr)
        raise
    except BrokenPipeError:
        _discard_output()  # the reader of the pipe has closed it, as `head` does
    except OSError as error:
        _discard_output()
        from imurun.files.atomic import reason

        _exit_with(f"{error.filename or 'the output'}: {reason(error)}.")
    except KeyboardInterrupt:
        print(INTERRUPTED_NOTE, file=sys.stderr)
        sys.exit(INTERRUPTED)


def _exit_with(sentence: str) -> None:
    print(f"imurun: {sentence}", file=sys.stderr)
    sys.exit(UNUSABLE_INPUT)


def _discard_output() -> None:
    """Send the rest of the output nowhere: flushing it at exit would fail a second time."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        print(f"imurun {__version__}")
        raise typer.Exit


@app.callback()
def _global_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version  # handled by its callback
