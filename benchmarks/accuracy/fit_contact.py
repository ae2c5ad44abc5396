"""Fits the contact model of `imurun.core.contact`, and scores it on runners left out.

    python -m benchmarks.accuracy.fit_contact            prints the errors of every runner left out
    python -m benchmarks.accuracy.fit_contact --write    also writes imurun/core/contact_table.py, from all runners

The maps are ridge regressions on the shapes of steps. Every runner has the same weight, within a runner every trial,
within a trial every step. Each trial is seen as recorded and, with `OTHER_WEIGHT`, as other sensors and straps would
have recorded it (`TRAINING`). Truth: force plates, 5 % of body weight of unfiltered force (`harmonised`).

Two settings are chosen by leave-one-runner-out over the runners of the fit, for each map: the weight of the ridge, and
that of the deviations within a runner (`WITHIN`). Why the latter: a runner's own deviation from the mean runner is one
observation, whatever the number of steps; the deviations within a runner (speed, slope, side, sensor) are
many, and tell more exactly how the contact follows the shape. Where a runner is left out to be scored, the choice is
made without that runner too.

A fit needs only means and second moments, which are computed once for each trial and condition.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

import imurun.core.contact_table as table_module
from benchmarks.accuracy.faults import Errors, moved, on_soft_strap, with_errors
from benchmarks.accuracy.harmonise import harmonised
from benchmarks.accuracy.running_rows import running_rows
from benchmarks.datasets import Trial, load
from imurun.core.contact import CONSTANTS, N_SHAPE, ContactConstants
from imurun.model.frames import FloatArray
from imurun.vgrf import N_WAVES, half_waves

DATASETS = ("running_speeds", "treadmill_run_grf", "sacral_grf", "rbds_speeds")
NEAR_S = 0.1
"""A step whose cycle peaks this close to the middle of a contact belongs to it."""
RIDGES = (0.1, 0.3, 1.0, 3.0)
WITHIN = (3.0, 10.0, 30.0)
AS_RECORDED = "as recorded"
OTHER_WEIGHT = 0.1
"""Weight of a trial under another condition, against 1 as recorded."""
SLOPE_WEIGHT = 0.3
"""Weight of a trial on a slope. Slopes of 10 degrees are rare outdoors; on the level the fit stays as good."""
WAVE_PHASES = (np.arange(40) + 0.5) / 40
COVERED = 0.9
GROWTHS = np.concatenate([[0.0], np.geomspace(0.01, 3.0, 26)])
INITIAL_SHARE, LOG_SHARE, PEAK_BW = 0, 1, 2


def without_gyroscope(trial: Trial) -> Trial:
    """The trial as recorded by an accelerometer alone."""
    old = trial.recording
    return replace(trial, recording=imurun.Recording(old.acc, rate_hz=old.rate_hz, frame=old.frame))
