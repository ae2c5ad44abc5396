"""Compiles the core before a sensor is connected, so that no sample waits for the compiler."""

from __future__ import annotations

import sys

from imurun.core.stepper import is_compiled
from imurun.engine import RunAnalyzer
from imurun.sim.presets import steady_run

COMPILING = "Compiling the core, once on this machine: about 20 seconds."
RUN_S = 15.0
"""Long enough for the sensor-to-body alignment to be found, so that every kernel is called."""


def needs_compiling() -> bool:
    """Whether `warm_up` will take long: this machine has no compiled core in its cache."""
    return not is_compiled()


def warm_up() -> None:
    """Load or compile every kernel, by a short simulated run with and without gyroscope."""
    recording = steady_run(RUN_S).recording
    for gyr in (recording.gyr, None):
        analyzer = RunAnalyzer(recording.rate_hz, has_gyro=gyr is not None)
        analyzer.push(recording.acc, gyr)
        analyzer.finish()


def compile_now() -> None:
    """`warm_up`, after a note on stderr where it takes long."""
    if needs_compiling():
        print(COMPILING, file=sys.stderr)
    warm_up()
