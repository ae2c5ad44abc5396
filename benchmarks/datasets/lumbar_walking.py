"""Three people walking with a six-axis IMU on the lower back (mobgap example data), without running."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import imurun
from benchmarks.datasets.trial import Trial
from imurun import Recording
from imurun.errors import FormatError


def walks(folder: Path) -> Iterator[Recording]:
    """The recordings in order of their names, 100 Hz.

    Raises:
        FormatError: the folder holds none, or see `imurun.read`.
    """
    files = sorted(folder.glob("*.csv"))
    if not files:
        raise FormatError(f"{folder} holds no CSV file; give the folder of the data set.")
    for file in files:
        yield imurun.read(file, profile="mobgap")


def trials(_folder: Path) -> Iterator[Trial]:
    """No trials, because the files have no true contacts."""
    yield from ()
