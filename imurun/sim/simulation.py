"""Simulates a session: plans steps, computes the motion, and samples it with the sensor model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from imurun.model.frames import FloatArray, as_rotation
from imurun.model.recording import Recording
from imurun.sim.motion import Motion
from imurun.sim.runner import RunnerModel, Segment, plan_steps
from imurun.sim.sensor import SensorModel, measure, sample_times, stamp
from imurun.sim.truth import Truth, build_truth


@dataclass(frozen=True, eq=False)
class Simulation:
    """A simulated session.

    Attributes:
        recording: output of the sensor, in the "sensor" frame. Lost samples are NaN rows before `Recording`
            bridges the short gaps.
        truth: ground truth, in true time.
        time_stamps_s: time stamp of each sample by the sensor's clock, also of lost ones, s, shape (n,).
        lost: which samples were lost, shape (n,).
        mounting: shape (3, 3), `body = mounting @ sensor`, before any slip.
    """

    recording: Recording
    truth: Truth
    time_stamps_s: FloatArray
    lost: npt.NDArray[np.bool_]
    mounting: FloatArray


def simulate(
    segments: Sequence[Segment],
    runner: RunnerModel | None = None,
    sensor: SensorModel | None = None,
    *,
    seed: int = 0,
    start: datetime | None = None,
) -> Simulation:
    """Simulate a session.

    Specific force and angular rate come from one motion and one rotation, so the six axes agree with each
    other. The steps depend only on the seed, the runner and the segments: another sensor measures the same
    run.

    Args:
        segments: activities, in order.
        runner: gait style; None for the average person.
        sensor: None for an ideal sensor.
        seed: the same seed gives the same bytes.
        start: UTC time of the first sample.

    Raises:
        SettingsError: no segment, no step, or a session shorter than one sample.
    """
    runner = RunnerModel() if runner is None else runner
    sensor = SensorModel() if sensor is None else sensor
    of_steps, of_sensor = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2))
    plan = plan_steps(runner, segments, of_steps)
    motion = Motion(plan)
    time_s, by_sensor_s = sample_times(sensor, plan.duration_s)
    truth = build_truth(motion, time_s, motion.at(time_s))
    acc, gyr, lost = measure(sensor, time_s, truth.acc_body, truth.gyr_body, of_sensor)
    recording = Recording(
        acc,
        gyr,
        rate_hz=sensor.rate_hz,
        frame="sensor",
        start=start,
        acc_range_g=sensor.acc_range_g,
        gyr_range_deg_s=sensor.gyr_range_deg_s if sensor.has_gyro else None,
        source="imurun.sim",
    )
    return Simulation(
        recording=recording,
        truth=truth,
        time_stamps_s=stamp(sensor, by_sensor_s, of_sensor),
        lost=lost,
        mounting=as_rotation(sensor.mounting),
    )
