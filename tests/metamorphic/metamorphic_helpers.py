"""Recordings for the relations, and comparison of the steps of two analyses."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np

import imurun
from benchmarks.datasets import folder_of, hip_shoe_run, load
from imurun import Recording
from imurun.core.rows import NO_STEPS
from imurun.core.step import RUNNING
from imurun.engine import RunAnalyzer
from imurun.model.columns import SIDES
from imurun.sim.presets import eventful_run
from tests.core.core_helpers import flat_fields

DATASETS = (
    "treadmill_run_grf",
    "running_speeds",
    "sacral_grf",
    "sacral_sample",  # the raw recording that comes with sacral_grf, of another runner
    "hip_shoe_run",
    "eventful_run",  # simulated
)
SAME_STEP_S = 0.1
UNKNOWN, LEFT, RIGHT = (SIDES.index(side) for side in ("unknown", "left", "right"))
MIRRORED = np.array([{LEFT: RIGHT, RIGHT: LEFT, UNKNOWN: UNKNOWN}[i] for i in range(len(SIDES))])


class Run(NamedTuple):
    """A recording and the mounting that an analysis of it finds, shape (3, 3)."""

    name: str
    recording: Recording
    mounting: np.ndarray


@cache
def runs_of(dataset):
    """All runs of a dataset, with the mounting to be found.

    Raises:
        FormatError: the dataset is not on this machine.
    """
    if dataset == "hip_shoe_run":
        named = [(dataset, hip_shoe_run.hip(folder_of(dataset)))]
    elif dataset == "sacral_sample":
        named = [(dataset, imurun.read(folder_of("sacral_grf") / "Sample_test_data.csv"))]
    elif dataset == "eventful_run":
        named = [(dataset, eventful_run().recording)]
    else:
        named = [(trial.name, trial.recording) for trial in load(dataset)]
    plain = [(name, replace(recording, frame="sensor")) for name, recording in named]
    return [Run(name, recording, analysed(recording)[1].mounting.rotation) for name, recording in plain]


def analysed(recording, mounting="find", edges=()):
    """Steps (dtype STEP) of a recording pushed in blocks that end at `edges`, and the analyzer."""
    analyzer = RunAnalyzer(
        recording.rate_hz,
        mounting=mounting,
        has_gyro=recording.gyr is not None,
        acc_range_g=recording.acc_range_g,
    )
    told = []
    first = 0
    for stop in [*edges, len(recording)]:
        gyr = None if recording.gyr is None else recording.gyr[first:stop]
        told.append(analyzer.push_arrays(recording.acc[first:stop], gyr)[0])
        first = stop
    return np.concatenate([*told, analyzer.finish_arrays()[0]]), analyzer


def changed(recording, change, **options):
    """The recording with `change` applied to its acceleration and to its angular rate, both (n, 3)."""
    gyr = None if recording.gyr is None else change(recording.gyr)
    return replace(recording, acc=change(recording.acc), gyr=gyr, **options)


def turned(recording, rotation):
    """The recording in axes that are turned by `rotation`, shape (3, 3)."""
    return changed(recording, lambda values: values @ rotation.T)


def shifted(steps, by_s):
    """The steps later by `by_s`, in the columns that are times."""
    steps = steps.copy()
    for name in ("initial_contact_s", "final_contact_s", "decided_s"):
        steps[name] += by_s
    return steps


def pairs(base, other, same_s=SAME_STEP_S):
    """Indices of the steps that both have, one to one by their initial contact."""
    if not len(base) or not len(other):
        return np.zeros(0, dtype=int), np.zeros(0, dtype=int)
    apart = np.abs(base["initial_contact_s"][:, None] - other["initial_contact_s"])
    nearest = apart.argmin(axis=1)
    mutual = apart.argmin(axis=0)[nearest] == np.arange(len(base))
    i = np.flatnonzero(mutual & (apart[np.arange(len(base)), nearest] < same_s))
    return i, nearest[i]


class Compared(NamedTuple):
    """The running steps of two analyses of the same runs.

    Attributes:
        one, two: those that both have, as arrays of the same length.
        n_unmatched: how many only one of both has.
    """

    one: np.ndarray
    two: np.ndarray
    n_unmatched: int

    @property
    def n_swapped(self):
        """Steps that are left in one and right in the other."""
        one, two = self.one["side"], self.two["side"]
        return int(((one != two) & (one != UNKNOWN) & (two != UNKNOWN)).sum())

    def apart_ms(self, contact, percent=98.0):
        """How far contacts ("initial" or "final") are apart in all but the last percents of the steps."""
        name = f"{contact}_contact_s"
        return 1000.0 * float(np.percentile(np.abs(self.two[name] - self.one[name]), percent))


def compared(analyses):
    """`Compared` of pairs of step arrays, one pair a run."""
    ones, twos, n_unmatched = [NO_STEPS], [NO_STEPS], 0
    for base, other in analyses:
        base, other = base[base["gait"] == RUNNING], other[other["gait"] == RUNNING]
        i, j = pairs(base, other)
        ones.append(base[i])
        twos.append(other[j])
        n_unmatched += len(base) + len(other) - 2 * len(i)
    return Compared(np.concatenate(ones), np.concatenate(twos), n_unmatched)


def differing(base, other, leave=(), rtol=1e-9, atol=1e-8):
    """Names of the fields in which two arrays of steps differ by more than rounding."""
    if len(base) != len(other):
        return [f"{len(base)} and {len(other)} steps"]
    others = flat_fields(other)
    return [
        name
        for name, values in flat_fields(base).items()
        if name not in leave and not np.allclose(values, others[name], rtol=rtol, atol=atol, equal_nan=True)
    ]


SETTLED_MS = ((3.0, 16.0), (5.0, 8.0), (8.0, 5.0), (12.0, 4.0), (20.0, 3.0))
"""How far contacts may be off so many seconds, or more, after a place before which nothing is known.

The orientation forgets with 3 to 6 s; each step is placed by its own shape, the largest error is taken."""


def assert_settles(steps, other, from_s, name):
    """Both have the same running steps from 3 s after `from_s`, nearer with time, and no side swapped."""
    near = SETTLED_MS[0][1] / 1000.0
    late = [some[some["initial_contact_s"] > from_s + SETTLED_MS[0][0] - near] for some in (steps, other)]
    found = compared([late])
    assert found.n_unmatched <= 1, name  # one may stand on either side of the 3 s
    assert found.n_swapped == 0, name
    for after_s, most_ms in SETTLED_MS:
        known = found.one["initial_contact_s"] > from_s + after_s
        if known.any():
            some = Compared(found.one[known], found.two[known], 0)
            assert some.apart_ms("initial", 100.0) < most_ms, (name, after_s)
            assert some.apart_ms("final", 100.0) < most_ms, (name, after_s)
