"""Times scikit-digital-health: its gait pipeline for the lower back, with all defaults.

With `--bouts-given` it gets the true bouts instead of detecting gait.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import stopwatch
from skdh import Pipeline
from skdh.context import PredictGaitLumbarLgbm
from skdh.gait import GaitLumbar

G = 9.80665
START_S = 1_700_000_000.0
"""Time of day, which it requires; the value does not matter."""
IS_GIVEN = "--bouts-given" in sys.argv[2:]


def prepare(hour: stopwatch.Hour) -> dict[str, Any]:
    """Convert acceleration to g."""
    data = {
        "time": START_S + np.arange(len(hour["acc"])) / hour["rate_hz"],
        "accel": hour["acc"] / G,
        "gyro": hour["gyr"],
        "fs": hour["rate_hz"],
        "height": hour["height_m"],
    }
    if IS_GIVEN:
        # the end of a bout is an index into its samples
        data["gait_bouts"] = np.minimum(hour["bouts"], len(hour["acc"]) - 1)
    return data


def work(data: dict[str, Any]) -> dict[str, Any]:
    pipeline = Pipeline()
    if not IS_GIVEN:
        pipeline.add(PredictGaitLumbarLgbm())
    pipeline.add(GaitLumbar())
    return pipeline.run(**data)


def count(results: dict[str, Any]) -> dict[str, int | None]:
    gait = results["GaitLumbar"]
    return {"steps": len(gait["IC Timestamp"]), "bouts": len(np.unique(gait["Bout N"]))}


if __name__ == "__main__":
    stopwatch.main(
        prepare, work, count, packages=("scikit-digital-health", "lightgbm", "numpy", "pandas", "scipy")
    )
