"""One runner (T) on a treadmill with two force plates; virtual six-axis IMU from camera markers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.datasets.plates import plate_trial
from benchmarks.datasets.trial import Trial


def trials(folder: Path) -> Iterator[Trial]:
    """Its single trial: contacts with sides, force and pelvis angles; the speed is unknown.

    Raises:
        FormatError: see `plate_trial`.
    """
    yield plate_trial(folder, "", "pelvis_angles", dataset="treadmill_run_grf", name="T", runner="T")
