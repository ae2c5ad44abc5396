"""Command-line options that several commands share, as annotated types."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class MountingChoice(StrEnum):
    """Where the sensor-to-body alignment of a recording comes from."""

    AUTO = "auto"
    FIND = "find"
    WHOLE = "whole"


MassOption = Annotated[
    float | None, typer.Option("--mass", metavar="KG", help="Body mass, for loads in newtons.")
]
HeightOption = Annotated[
    float | None, typer.Option("--height", metavar="M", help="Body height, for the lumbar model.")
]
RunnerOption = Annotated[
    Path | None, typer.Option("--runner", metavar="FILE.toml", help="TOML file with name, mass_kg, height_m.")
]
RunnerAlertsOption = Annotated[
    Path | None,
    typer.Option(
        "--runner",
        metavar="FILE.toml",
        help="TOML file with name, mass_kg, height_m and the tables limits and alerts; "
        "with several sensors, for all of them.",
    ),
]
ProfileOption = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="NAME|FILE.toml",
        help="Name of a known format (shimmer, ...) or a TOML file, for files that are not recognised.",
    ),
]
FileRateOption = Annotated[
    float | None,
    typer.Option("--rate", metavar="HZ", help="Sampling rate, for a file without a time column."),
]
MountingOption = Annotated[
    MountingChoice,
    typer.Option(
        "--mounting",
        help="Sensor-to-body alignment: find = from the first running; whole = from all running; "
        "auto = as stored in the file, else find.",
    ),
]
TreadmillOption = Annotated[
    str | None,
    typer.Option(
        "--treadmill",
        metavar="SPEED",
        help="Known speed of a treadmill: 10.5km/h, 2.9m/s, or 0:3.0,5:3.5 for changes by minute (m/s).",
    ),
]
StoreOption = Annotated[
    Path | None,
    typer.Option(
        "--store",
        metavar="DIR",
        help="Folder of the history; default: IMURUN_STORE, else the platform's user data folder.",
    ),
]

SensorArgument = Annotated[
    str, typer.Argument(metavar="SENSOR", help="Name or address of the sensor, as `imurun scan` shows it.")
]
SensorRateOption = Annotated[int | None, typer.Option("--rate", metavar="HZ", help="Sampling rate.")]
AccRangeOption = Annotated[
    int | None, typer.Option("--acc-range", metavar="G", help="Full scale of the accelerometer.")
]
GyrRangeOption = Annotated[
    int | None, typer.Option("--gyr-range", metavar="DEG/S", help="Full scale of the gyroscope.")
]
KindOption = Annotated[
    str | None,
    typer.Option(
        "--kind",
        metavar="KIND",
        help="Kind of sensor, if it is not recognised: imurun, polar_verity_sense, movesense, "
        "metamotion_s or witmotion.",
    ),
]

PageOption = Annotated[bool, typer.Option("--page/--no-page", help="Serve the page for a browser.")]
ShareOption = Annotated[
    bool,
    typer.Option("--share", help="Serve the page to the local network too, at an address with a secret."),
]
PortOption = Annotated[int, typer.Option("--port", min=1, max=65535, help="Port of the page.")]
LslOption = Annotated[
    bool, typer.Option("--lsl", help="Publish samples and steps by Lab Streaming Layer (extra lsl).")
]
