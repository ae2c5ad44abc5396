"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class MountingChoice(StrEnum):
    """How `analyze` comes by the mounting."""

    AUTO = "auto"
    FIND = "find"
    WHOLE = "whole"


KindOption = Annotated[
    str | None,
    typer.Option(
        "--kind",
        metavar="KIND",
        help="Kind of sensor, where it is not recognised: imurun, polar_verity_sense, movesense, "
        "metamotion_s or witmotion.",
    ),
]
MassOption = Annotated[
    float | None, typer.Option("--mass", metavar="KG", help="Body mass, for loads in newtons.")
]
HeightOption = Annotated[
    float | None, typer.Option("--height", metavar="M", help="Stature, for the lumbar model.")
]
RunnerFileOption = Annotated[
    Path | None, typer.Option("--runner", metavar="FILE.toml", help="TOML file with name, mass_kg, height_m.")
]
ProfileOption = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="NAME|FILE.toml",
        help="A shipped profile (shimmer, ...) or a TOML file, for files that are not recognised.",
    ),
]
FileRateOption = Annotated[
    float | None,
    typer.Option("--rate", metavar="HZ", help="Sampling rate, where the file has no time column."),
]
MountingOption = Annotated[
    MountingChoice,
    typer.Option(
        "--mounting",
        help="find: in the first running; whole: in all of it; auto: as the file says, else find.",
    ),
]
RateOption = Annotated[int | None, typer.Option("--rate", metavar="HZ", help="Samples a second.")]
AccRangeOption = Annotated[int | None, typer.Option("--acc-range", metavar="G", help="Full scale, g.")]
GyrRangeOption = Annotated[
    int | None, typer.Option("--gyr-range", metavar="DEG/S", help="Full scale, deg/s.")
]
RunnerOption = Annotated[
    Path | None,
    typer.Option(
        "--runner",
        metavar="FILE.toml",
        help="TOML file with name, mass_kg, height_m and the tables limits and alerts; for all of a team.",
    ),
]
PageOption = Annotated[bool, typer.Option("--page/--no-page", help="Serve the page for a browser.")]
ShareOption = Annotated[
    bool, typer.Option("--share", help="Serve the page to the network too, at an address nobody can guess.")
]
PortOption = Annotated[int, typer.Option("--port", min=1, max=65535, help="Of the page.")]
LslOption = Annotated[
    bool, typer.Option("--lsl", help="Publish samples and steps by Lab Streaming Layer (extra lsl).")
]
