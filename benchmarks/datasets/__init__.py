"""Loads datasets of recordings with reference measurements: `load(name)` gives the trials of a dataset.

`data/registry.toml` describes the datasets; `LOADERS` has those that can be read. The wheel of imurun does
not contain this package.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.datasets import (
    alcantara_2022,
    hamner_2013,
    hip_shoe_run,
    lumbar_walking,
    rbds_speeds,
    running_speeds,
    sacral_grf,
    treadmill_run_grf,
)
from benchmarks.datasets.locate import locate, verify
from benchmarks.datasets.obtain import State, fetch, list_datasets
from benchmarks.datasets.registry import Dataset, dataset, registry
from benchmarks.datasets.trial import Trial
from imurun.errors import SettingsError

__all__ = [
    "LOADERS",
    "Dataset",
    "State",
    "Trial",
    "dataset",
    "fetch",
    "folder_of",
    "list_datasets",
    "load",
    "registry",
]

LOADERS: dict[str, Callable[[Path], Iterator[Trial]]] = {
    "treadmill_run_grf": treadmill_run_grf.trials,
    "running_speeds": running_speeds.trials,
    "rbds_speeds": rbds_speeds.trials,
    "sacral_grf": sacral_grf.trials,
    "hip_shoe_run": hip_shoe_run.trials,
    "lumbar_walking": lumbar_walking.trials,
    "alcantara_2022": alcantara_2022.trials,
    "hamner_2013": hamner_2013.trials,
}
"""Functions that read the trials of a dataset's folder, by name of the dataset."""


def folder_of(name: str) -> Path:
    """The folder of a dataset on this machine, its files checked against the registry.

    Raises:
        SettingsError: no such dataset.
        FormatError: it is not on this machine, or a file is missing or changed.
    """
    entry = dataset(name)
    folder = locate(entry)
    verify(entry, folder)
    return folder


def load(name: str) -> list[Trial]:
    """All trials of a dataset on this machine, checked; none without reference measurements.

    Raises:
        SettingsError: no such dataset, or no loader for it.
        FormatError: it is not on this machine, a file is missing or changed, or its content is not as
            documented.
    """
    entry = dataset(name)
    if name not in LOADERS:
        raise SettingsError(f"{name} has no loader: {entry.note or 'its layout is not known'}")
    return list(LOADERS[name](folder_of(name)))
