"""`imurun demo`: a first look, on a recording that comes with the package."""

from __future__ import annotations

from pathlib import Path

from imurun.cli.analyze import analyze_with_progress, save_steps
from imurun.cli.screen import print_session
from imurun.errors import FormatError
from imurun.io import read
from imurun.model.recording import Runner

NAME = "eventful_run.parquet"


def demo_file() -> Path:
    """Where the recording lies: inside an installed package, or in the checkout's data folder.

    Raises:
        FormatError: in neither.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_data", package.parent / "data"):
        if (folder / NAME).is_file():
            return folder / NAME
    raise FormatError(f"The demo recording {NAME} is missing; install imurun again.")


def run_demo(out: Path) -> None:
    """Analyse the demo recording, print the summary, write the step table."""
    print(
        "A simulated run: warm-up walk, run, walk break, tiring run, cool-down walk; "
        "the sensor sits upside down and tilted."
    )
    session = analyze_with_progress(
        read(demo_file()), Runner(name="demo", mass_kg=70.0, height_m=1.75), "auto"
    )
    print_session(session)
    save_steps(session, out)
    print(f"Step table, one row a step: {out.resolve()}")
