"""Recordings with truth, under one contract: `load(name)` gives a dataset's trials."""

from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.datasets import (
    hip_shoe_run,
    lumbar_walking,
    running_speeds,
    sacral_grf,
    treadmill_run_grf,
)
from benchmarks.datasets.locate import data_folder
from benchmarks.datasets.trial import Trial

__all__ = ["LOADERS", "Trial", "load"]

LOADERS: dict[str, Callable[[Path], Iterator[Trial]]] = {
    "treadmill_run_grf": treadmill_run_grf.trials,
    "running_speeds": running_speeds.trials,
    "sacral_grf": sacral_grf.trials,
    "hip_shoe_run": hip_shoe_run.trials,
    "lumbar_walking": lumbar_walking.trials,
}
"""The trials in a dataset's folder, by the dataset's name."""


def load(name: str) -> list[Trial]:
    """All trials of a dataset."""
    return list(LOADERS[name](data_folder() / name))
