"""Two ready-made simulated sessions, small enough to ship."""

from __future__ import annotations

from imurun.sim.rotation import mounting_from_angles
from imurun.sim.runner import RunnerModel, Segment
from imurun.sim.sensor import SensorModel
from imurun.sim.simulation import Simulation, simulate

ACC_RESOLUTION_G = 16.0 / 2**13
GYR_RESOLUTION_DEG_S = 2000.0 / 2**14
"""14 and 15 bits over the full scale: coarse, so that files compress well."""


def steady_run(
    duration_s: float = 60.0, speed_m_s: float = 3.0, *, rate_hz: float = 100.0, seed: int = 1
) -> Simulation:
    """Level running at constant speed from the first sample to the last, sensor aligned, slight noise.

    Args:
        duration_s: s.
        speed_m_s: running speed, m/s.
        rate_hz: sampling rate.
        seed: the same seed gives the same bytes.

    Raises:
        SettingsError: a duration, speed or rate out of range.
    """
    sensor = SensorModel(
        rate_hz=rate_hz,
        acc_range_g=16.0,
        gyr_range_deg_s=2000.0,
        acc_noise_g=0.003,
        gyr_noise_deg_s=0.1,
        acc_resolution_g=ACC_RESOLUTION_G,
        gyr_resolution_deg_s=GYR_RESOLUTION_DEG_S,
    )
    segments = [Segment("running", duration_s, speed_m_s=speed_m_s)]
    return simulate(segments, RunnerModel(), sensor, seed=seed)


def eventful_run(*, rate_hz: float = 100.0, seed: int = 2) -> Simulation:
    """Seven minutes of standing, walking and running, with the sensor upside down, tilted and turned.

    Standing, a walking warm-up, easy running, a walk break, faster running with fatigue (more sway and lean,
    lower cadence, longer contacts), a cool-down walk, standing. Noise, offsets, single lost samples and a few
    longer gaps.

    Args:
        rate_hz: sampling rate.
        seed: the same seed gives the same bytes.

    Raises:
        SettingsError: a rate out of range.
    """
    runner = RunnerModel(
        contact_asymmetry=0.03,
        peak_asymmetry=-0.03,
        fatigue_sway=0.35,
        fatigue_lean_deg=4.0,
        fatigue_cadence=-0.03,
        fatigue_contact=0.06,
    )
    sensor = SensorModel(
        rate_hz=rate_hz,
        mounting=mounting_from_angles(roll_deg=180.0 + 12.0, pitch_deg=-9.0, yaw_deg=35.0),
        acc_range_g=16.0,
        gyr_range_deg_s=2000.0,
        acc_noise_g=0.01,
        gyr_noise_deg_s=0.3,
        acc_bias_g=(0.015, -0.01, 0.02),
        gyr_bias_deg_s=(0.4, -0.3, 0.2),
        acc_resolution_g=ACC_RESOLUTION_G,
        gyr_resolution_deg_s=GYR_RESOLUTION_DEG_S,
        drop_share=0.002,
        bursts_per_min=0.6,
        burst_s=0.15,
    )
    segments = [
        Segment("still", 10.0),
        Segment("walking", 40.0, speed_m_s=1.5),
        Segment("running", 100.0, speed_m_s=2.6),
        Segment("walking", 30.0, speed_m_s=1.4),
        Segment("running", 180.0, speed_m_s=3.4),
        Segment("walking", 40.0, speed_m_s=1.3),
        Segment("still", 10.0),
    ]
    return simulate(segments, runner, sensor, seed=seed)
