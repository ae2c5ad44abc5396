"""One runner outdoors for 25 minutes, accelerometers on the left hip belt and the left shoe; no contacts.

The two clocks drift relative to each other, so counts and cadence can be compared, but not times.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import imurun
from benchmarks.datasets.trial import Trial
from imurun import Recording


def hip(folder: Path) -> Recording:
    """At the left hip belt, 100 Hz, no gyroscope.

    Raises:
        FormatError: see `imurun.read`.
    """
    return imurun.read(folder / "left_hip.csv.gz")


def shoe(folder: Path) -> Recording:
    """On the left shoe, 100 Hz, no gyroscope.

    Raises:
        FormatError: see `imurun.read`.
    """
    return imurun.read(folder / "left_ankle.csv.gz")


def trials(_folder: Path) -> Iterator[Trial]:
    """No trials, because there are no force plates."""
    yield from ()
