"""Times mobgap: its whole pipeline for the lower back, with the defaults for healthy people."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import stopwatch
from mobgap.data import GaitDatasetFromData
from mobgap.pipeline import MobilisedPipelineUniversal

PERSON = "one"
SENSOR_HEIGHT_SHARE = 0.53
"""Share of body height: leg length in Del Din et al. 2016, doi:10.1109/JBHI.2015.2419317."""


def prepare(hour: stopwatch.Hour) -> GaitDatasetFromData:
    """Convert to its axes (x up, y right, z forward) and units (degrees per second)."""
    axes = [2, 1, 0]
    signs = np.array([1.0, -1.0, 1.0])
    data = pd.DataFrame(
        np.hstack([hour["acc"][:, axes] * signs, np.degrees(hour["gyr"][:, axes] * signs)]),
        columns=["acc_x", "acc_y", "acc_z", "gyr_x", "gyr_y", "gyr_z"],
    )
    data.index.name = "samples"
    person = {
        "height_m": hour["height_m"],
        "sensor_height_m": SENSOR_HEIGHT_SHARE * hour["height_m"],
        "cohort": "HA",
    }
    return GaitDatasetFromData(
        {PERSON: {"LowerBack": data}},
        hour["rate_hz"],
        {PERSON: person},
        {PERSON: {"measurement_condition": "free_living"}},
    )


def work(dataset: GaitDatasetFromData) -> Any:
    return MobilisedPipelineUniversal().run(dataset[0])


def count(pipeline: Any) -> dict[str, int | None]:
    return {"steps": len(pipeline.raw_ic_list_), "bouts": len(pipeline.per_wb_parameters_)}


if __name__ == "__main__":
    stopwatch.main(prepare, work, count, packages=("mobgap", "numba", "numpy", "pandas", "scikit-learn"))
