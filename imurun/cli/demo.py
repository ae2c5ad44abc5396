"""`imurun demo`: analyses the recording that comes with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imurun.errors import FormatError

NAME = "eventful_run.parquet"


def demo(
    out: Annotated[Path, typer.Option(metavar="OUT", help="Step table to write.")] = Path(
        "imurun-demo-steps.csv"
    ),
) -> None:
    """Analyse a simulated recording that comes with imurun."""
    from imurun.cli.analysis import analyze_with_progress, save_steps
    from imurun.cli.screen import print_session
    from imurun.io import read
    from imurun.model.runner import Runner

    print(
        "A simulated run: warm-up walk, run, walk break, run with fatigue, cool-down walk; "
        "the sensor is worn upside down and tilted."
    )
    session = analyze_with_progress(
        read(demo_file()), Runner(name="demo", mass_kg=70.0, height_m=1.75), "auto"
    )
    print_session(session)
    save_steps(session, out)
    print(f"Step table, one row per step: {out.resolve()}")


def demo_file() -> Path:
    """Path of the recording: inside an installed package, or in the data folder of a checkout.

    Raises:
        FormatError: it is in neither.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_data", package.parent / "data"):
        if (folder / NAME).is_file():
            return folder / NAME
    raise FormatError(f"The demo recording {NAME} is missing; install imurun again.")
