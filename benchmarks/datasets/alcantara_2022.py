"""All 19 runners of Alcantara et al. 2022 (PeerJ 10:e12752), in the layout of their one-runner sample.

Written from the sample and from the names of tables in the authors' training script; not run on the real
files. The authors archived a Python pickle of window features. It is not read, because a pickle can run any
code, and features are not a recording: ask the authors for the three tables.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.datasets.sacral_grf import Tables, read_trials, with_contacts
from benchmarks.datasets.trial import Trial

TABLES = Tables("Accelerometer.csv", "GRF.csv", "Sub_Info.csv")
SUBJECT_OF_SAMPLE = "2"
"""The runner of `sacral_grf`, also named S here."""


def trials(folder: Path) -> Iterator[Trial]:
    """The trials of all runners: contacts from the force; no gyroscope, no sides.

    Raises:
        FormatError: see `sacral_grf.read_trials`.
    """
    counts: Counter[str] = Counter()
    for trial in read_trials(folder, TABLES):
        runner = "S" if trial.subject == SUBJECT_OF_SAMPLE else f"alcantara-{trial.subject}"
        yield with_contacts(
            trial, dataset="alcantara_2022", name=f"{runner}-{counts[runner]:02d}", runner=runner
        )
        counts[runner] += 1
