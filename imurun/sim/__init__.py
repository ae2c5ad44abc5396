"""A runner and a sensor that do not exist, with exact truth.

`simulate` turns a list of `Segment` into a `Recording` and the truth behind it; `presets` holds two
ready-made sessions. What "realistic" means, and what it does not, is written in `waveforms`.
"""

from imurun.sim.runner import RunnerModel, Segment
from imurun.sim.sensor import SensorModel
from imurun.sim.simulation import Simulation, simulate
from imurun.sim.truth import Truth

__all__ = ["RunnerModel", "Segment", "SensorModel", "Simulation", "Truth", "simulate"]
