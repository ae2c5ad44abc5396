"""Four runners (A to D) on a treadmill at 2, 3, 4 and 5 m/s; virtual six-axis IMU from camera markers.

Derived from the data of Hamner and Delp 2013 (J Biomech 46:780). Its force was low-passed by its authors.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.datasets.plates import plate_trial
from benchmarks.datasets.trial import Trial

RUNNERS = "ABCD"
SPEEDS_M_S = (2, 3, 4, 5)


def trials(folder: Path) -> Iterator[Trial]:
    """The 16 trials, a runner's in order of speed: contacts with sides, force and pelvis angles.

    Raises:
        FormatError: see `plate_trial`.
    """
    for runner in RUNNERS:
        for speed in SPEEDS_M_S:
            yield plate_trial(
                folder,
                f"runner{runner}_{speed}mps_",
                "pelvis",
                dataset="running_speeds",
                name=f"{runner}{speed}",
                runner=runner,
                speed_m_s=speed,
            )
