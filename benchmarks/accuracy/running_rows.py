"""Internal records of the running steps of a recording, with values that are not in the step table."""

from __future__ import annotations

import numpy as np

from imurun import Recording
from imurun.core.step import RUNNING
from imurun.engine import RunAnalyzer


def running_rows(recording: Recording) -> np.ndarray:
    """Running steps as records of `imurun.core.step.STEP`; with the mounting as in `imurun.analyze`."""
    mounting = np.eye(3) if recording.frame == "anatomical" else "find"
    analyzer = RunAnalyzer(recording.rate_hz, mounting=mounting, has_gyro=recording.gyr is not None)
    rows = np.concatenate(
        [analyzer.push_arrays(recording.acc, recording.gyr)[0], analyzer.finish_arrays()[0]]
    )
    return rows[rows["gait"] == RUNNING]
