"""Fixture: a benchmark of synthetic trials under the names of datasets in the registry."""

from __future__ import annotations

import pytest

from benchmarks.accuracy import generate, plan
from benchmarks.accuracy.methods import LEFT_OUT, METHODS
from imurun.errors import FormatError
from tests.benchmarks.accuracy.accuracy_helpers import found, made_trial, method


@pytest.fixture
def made(monkeypatch):
    """Trials by dataset, which a test may change; an exception in their place is raised."""
    trials = {
        "running_speeds": [made_trial("A"), made_trial("B", n=12)],
        "treadmill_run_grf": [made_trial("T", dataset="treadmill_run_grf")],
        "rbds_speeds": [made_trial("E", dataset="rbds_speeds")],
        "sacral_grf": [
            made_trial("S", "S0", dataset="sacral_grf", gyro=False),
            made_trial("S", "S1", dataset="sacral_grf", gyro=False, slope_percent=10.0),
        ],
        "hip_shoe_run": [],
    }

    def load(name):
        if isinstance(trials[name], FormatError):
            raise trials[name]
        return trials[name]

    monkeypatch.setattr(plan, "load", load)
    monkeypatch.setattr(generate, "load", load)
    generate.trials_of.cache_clear()
    for name, off_s in ((LEFT_OUT, 0.004), ("good", 0.002), ("late", 0.03)):
        answer = method(lambda trial, off_s=off_s: found(trial, initial_off_s=off_s), name)
        monkeypatch.setitem(METHODS, name, answer)
    yield trials
    generate.trials_of.cache_clear()
