"""Simulated hours at 100 Hz with six axes, for timing whole analyses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from imurun.model.recording import Recording
from imurun.sim.presets import eventful_run, steady_run

HOUR_S = 3600.0
RATE_HZ = 100.0


def steady_hour(seconds: float = HOUR_S) -> Recording:
    """Running from the first sample to the last, with the largest number of steps."""
    return steady_run(seconds, rate_hz=RATE_HZ).recording


def eventful_hour(seconds: float = HOUR_S) -> Recording:
    """Seven minutes of standing, walking, running and lost samples, repeated."""
    short = eventful_run(rate_hz=RATE_HZ).recording
    n = round(seconds * RATE_HZ)
    rows = np.arange(n) % len(short)
    assert short.gyr is not None
    return replace(short, acc=short.acc[rows], gyr=short.gyr[rows])
