"""Model of an IMU on the simulated runner: mounting, noise, clock errors, lost samples, slipping."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from imurun.errors import SettingsError
from imurun.model.frames import FloatArray, G, as_rotation
from imurun.model.runner import check_range
from imurun.model.time_grid import MAX_RATE_HZ, MIN_RATE_HZ
from imurun.sim.rotation import about_axis

SLIP_TAKES_S = 0.4


@dataclass(frozen=True, eq=False)
class SensorModel:
    """An IMU and its errors. The default has none, samples at 100 Hz, and is aligned with the body axes.

    Attributes:
        rate_hz: sampling rate by the sensor's clock.
        mounting: shape (3, 3), `body = mounting @ sensor`; see `rotation.mounting_from_angles`.
        has_gyro: False for a sensor without gyroscope.
        acc_range_g, gyr_range_deg_s: full scale; None for no limit.
        acc_noise_g, gyr_noise_deg_s: RMS of white noise in each sample (a data sheet's density times the
            root of half the rate).
        acc_bias_g, gyr_bias_deg_s: constant offsets of the three sensor axes.
        acc_resolution_g, gyr_resolution_deg_s: quantisation step; 0 for none.
        clock_ppm: rate error of the sensor's clock, parts per million; + is fast.
        jitter_s: standard deviation of the time stamps; the samples are evenly spaced.
        drop_share: share of single samples lost at random.
        bursts_per_min, burst_s: rate and duration of connection losses.
        slip_s, slip_deg, slip_axis: time (None: never), angle and body axis of a slip of the strap. It takes
            0.4 s, and the gyroscope measures it.

    Raises:
        SettingsError: a value out of range, or a mounting that is not a rotation.
    """

    rate_hz: float = 100.0
    mounting: npt.ArrayLike = field(default_factory=lambda: np.eye(3))
    has_gyro: bool = True
    acc_range_g: float | None = None
    gyr_range_deg_s: float | None = None
    acc_noise_g: float = 0.0
    gyr_noise_deg_s: float = 0.0
    acc_bias_g: tuple[float, float, float] = (0.0, 0.0, 0.0)
    gyr_bias_deg_s: tuple[float, float, float] = (0.0, 0.0, 0.0)
    acc_resolution_g: float = 0.0
    gyr_resolution_deg_s: float = 0.0
    clock_ppm: float = 0.0
    jitter_s: float = 0.0
    drop_share: float = 0.0
    bursts_per_min: float = 0.0
    burst_s: float = 0.2
    slip_s: float | None = None
    slip_deg: float = 15.0
    slip_axis: tuple[float, float, float] = (0.0, 1.0, 0.0)

    def __post_init__(self) -> None:
        limits: dict[str, tuple[float, float]] = {
            "rate_hz": (MIN_RATE_HZ, MAX_RATE_HZ),
            "acc_range_g": (1.5, 1000.0),
            "gyr_range_deg_s": (50.0, 10_000.0),
            "acc_noise_g": (0.0, 2.0),
            "gyr_noise_deg_s": (0.0, 200.0),
            "acc_resolution_g": (0.0, 0.5),
            "gyr_resolution_deg_s": (0.0, 50.0),
            "clock_ppm": (-10_000.0, 10_000.0),
            "jitter_s": (0.0, 1.0),
            "drop_share": (0.0, 0.9),
            "bursts_per_min": (0.0, 60.0),
            "burst_s": (0.001, 600.0),
            "slip_deg": (-180.0, 180.0),
        }
        for name, (low, high) in limits.items():
            check_range(name, getattr(self, name), low, high)
        for name in ("acc_bias_g", "gyr_bias_deg_s", "slip_axis"):
            value = np.asarray(getattr(self, name), dtype=np.float64)
            if value.shape != (3,) or not np.isfinite(value).all():
                raise SettingsError(f"{name} must be three finite numbers, one for each axis.")
        if np.linalg.norm(self.slip_axis) == 0.0:
            raise SettingsError("slip_axis must not be zero; give a direction.")
        as_rotation(self.mounting)


def sample_times(sensor: SensorModel, duration_s: float) -> tuple[FloatArray, FloatArray]:
    """True times and times by the sensor's clock of every sample in a session, s, shape (n,) each."""
    speed = 1.0 + 1e-6 * sensor.clock_ppm
    n = max(int(np.floor(duration_s * speed * sensor.rate_hz + 1e-9)), 1)
    by_sensor = np.arange(n) / sensor.rate_hz
    return by_sensor / speed, by_sensor


def stamp(sensor: SensorModel, by_sensor_s: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Time stamps with jitter, never decreasing, s, shape (n,)."""
    jitter = sensor.jitter_s * rng.standard_normal(len(by_sensor_s))
    return np.maximum.accumulate(by_sensor_s + jitter)


def measure(
    sensor: SensorModel,
    time_s: FloatArray,
    acc_body: FloatArray,
    gyr_body: FloatArray,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray | None, npt.NDArray[np.bool_]]:
    """Readings of the sensor for a motion in body axes.

    Args:
        sensor: the sensor.
        time_s: true time of each sample, s, shape (n,).
        acc_body: true specific force, m/s2, shape (n, 3).
        gyr_body: true angular rate, rad/s, shape (n, 3).
        rng: source of noise and losses.

    Returns:
        acc (n, 3) in m/s2, gyr (n, 3) in rad/s or None, both in sensor axes and NaN where lost, and which
        samples were lost, shape (n,).
    """
    n = len(time_s)
    mounting = as_rotation(sensor.mounting)
    acc, gyr = acc_body, gyr_body
    if sensor.slip_s is not None:
        axis = np.asarray(sensor.slip_axis, dtype=np.float64)
        axis = axis / np.linalg.norm(axis)
        s = np.clip((time_s - sensor.slip_s) / SLIP_TAKES_S, 0.0, 1.0)
        angle = np.radians(sensor.slip_deg) * s * s * (3.0 - 2.0 * s)
        rate = np.radians(sensor.slip_deg) * 6.0 * s * (1.0 - s) / SLIP_TAKES_S
        slipped = about_axis(axis, angle)
        acc = np.einsum("nji,nj->ni", slipped, acc)
        gyr = np.einsum("nji,nj->ni", slipped, gyr + rate[:, None] * axis)
    noise = rng.standard_normal((n, 6))
    lost = _lost(sensor, n, rng)
    acc_g = (acc @ mounting) / G + sensor.acc_noise_g * noise[:, :3] + np.asarray(sensor.acc_bias_g)
    acc = _digitise(acc_g, sensor.acc_range_g, sensor.acc_resolution_g) * G
    acc[lost] = np.nan
    if not sensor.has_gyro:
        return acc, None, lost
    rate_deg = np.degrees(gyr @ mounting) + sensor.gyr_noise_deg_s * noise[:, 3:]
    rate_deg += np.asarray(sensor.gyr_bias_deg_s)
    gyr = np.radians(_digitise(rate_deg, sensor.gyr_range_deg_s, sensor.gyr_resolution_deg_s))
    gyr[lost] = np.nan
    return acc, gyr, lost


def _digitise(values: FloatArray, full_scale: float | None, resolution: float) -> FloatArray:
    if resolution > 0.0:
        values = np.rint(values / resolution) * resolution
    return values if full_scale is None else np.clip(values, -full_scale, full_scale)


def _lost(sensor: SensorModel, n: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Which samples are lost; the first and the last are kept, so that the duration stays the same."""
    lost = rng.random(n) < sensor.drop_share
    bursts = rng.poisson(sensor.bursts_per_min * n / sensor.rate_hz / 60.0)
    length = max(round(sensor.burst_s * sensor.rate_hz), 1)
    for first in rng.integers(0, n, bursts):
        lost[first : first + length] = True
    lost[[0, -1]] = False
    return lost
