"""Simulates a runner with an IMU on the sacrum: a recording and its exact ground truth.

`simulate` turns a list of `Segment` into a `Recording` and its `Truth`; `presets` has two ready-made
sessions. `waveforms` describes the model, its sources and its limits.
"""

from imurun.sim.runner import RunnerModel, Segment
from imurun.sim.sensor import SensorModel
from imurun.sim.simulation import Simulation, simulate
from imurun.sim.truth import Truth

__all__ = ["RunnerModel", "Segment", "SensorModel", "Simulation", "Truth", "simulate"]
