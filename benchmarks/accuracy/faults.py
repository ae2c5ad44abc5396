"""Applies sensor errors to a trial: rate, range, noise, mounting, soft strap, losses, position.

Every function returns a new trial with the same contacts; signals at the samples are resampled with them.
Random numbers depend only on the name of the trial and the fault: the same call gives the same trial.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from math import gcd

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.signal import bilinear, butter, lfilter, lfilter_zi, resample_poly, sosfiltfilt
from scipy.spatial.transform import Rotation

from benchmarks.datasets.trial import Trial
from imurun import Recording
from imurun.errors import SettingsError
from imurun.model.frames import FloatArray, G

DAMPING_RATIO = 0.15
"""Damping ratio of a soft strap: a gain of 3.5 at resonance. Assumed; there is no study for the back."""
OVERSAMPLING = 8
"""Oversampling of the strap model, so that frequency warping of the bilinear transform is negligible."""
RATE_CUTOFF_HZ = 30.0
"""Low-pass of the angular rate before differentiation, above the bandwidth of the recordings."""


@dataclass(frozen=True)
class Errors:
    """Errors of a sensor: white noise, and offsets and scale errors with full magnitude on every axis.

    Attributes:
        acc_density_g, gyr_density_deg_s: one-sided noise density per square root of hertz.
        acc_offset_g, gyr_offset_deg_s: zero-g and zero-rate level; the sign of each axis is random.
        acc_scale, gyr_scale: relative scale errors; the sign of each axis is random.
        acc_step_g, gyr_step_deg_s: quantisation step, 0 for none.
    """

    acc_density_g: float = 0.0
    gyr_density_deg_s: float = 0.0
    acc_offset_g: float = 0.0
    gyr_offset_deg_s: float = 0.0
    acc_scale: float = 0.0
    gyr_scale: float = 0.0
    acc_step_g: float = 0.0
    gyr_step_deg_s: float = 0.0


def at_rate(trial: Trial, rate_hz: float) -> Trial:
    """The trial sampled at another rate.

    Low-passed at half the lower rate (FIR with a Kaiser window). The filter has no delay; that of a sensor
    would shift all contacts equally.
    """
    old = trial.recording
    if rate_hz == old.rate_hz:
        return trial
    new, now = round(rate_hz), round(old.rate_hz)
    if new != rate_hz or now != old.rate_hz:
        raise SettingsError(
            f"A rate of {old.rate_hz:g} Hz cannot become {rate_hz:g}; use whole numbers of Hz."
        )
    up, down = new // gcd(new, now), now // gcd(new, now)

    def sampled(values: FloatArray) -> FloatArray:
        return resample_poly(values, up, down, axis=0, padtype="line")

    recording = replace(
        old, acc=sampled(old.acc), gyr=None if old.gyr is None else sampled(old.gyr), rate_hz=rate_hz
    )
    time_s = recording.time_s
    vgrf, angles = trial.vgrf_bw, trial.angles_deg
    return replace(
        trial,
        recording=recording,
        vgrf_bw=None if vgrf is None else np.interp(time_s, old.time_s, vgrf),
        angles_deg=None
        if angles is None
        else np.column_stack([np.interp(time_s, old.time_s, angle) for angle in angles.T]),
    )


def clipped(trial: Trial, range_g: float) -> Trial:
    """Clipped at an accelerometer range of +-range_g, which is not stored in the recording."""
    return with_samples(trial, np.clip(trial.recording.acc, -range_g * G, range_g * G), trial.recording.gyr)


def with_errors(trial: Trial, errors: Errors) -> Trial:
    """With the errors of a sensor. White noise of a sample: density times the root of half the rate."""
    rng = _drawn_for(trial, repr(errors))
    old = trial.recording
    bandwidth = np.sqrt(old.rate_hz / 2.0)

    def read(values: FloatArray, density: float, offset: float, scale: float, step: float) -> FloatArray:
        values = (1.0 + scale * rng.choice([-1.0, 1.0], 3)) * values + offset * rng.choice([-1.0, 1.0], 3)
        values = values + density * bandwidth * rng.standard_normal(values.shape)
        return np.rint(values / step) * step if step > 0.0 else values

    e = errors
    acc = G * read(old.acc / G, e.acc_density_g, e.acc_offset_g, e.acc_scale, e.acc_step_g)
    gyr = old.gyr
    if gyr is not None:
        rate_deg_s = np.degrees(gyr)
        gyr = np.radians(
            read(rate_deg_s, e.gyr_density_deg_s, e.gyr_offset_deg_s, e.gyr_scale, e.gyr_step_deg_s)
        )
    return with_samples(trial, acc, gyr)


def turned(trial: Trial, axis: int, degrees: float) -> Trial:
    """With the sensor rotated about one of the recording's axes; the frame is then "sensor"."""
    body_from_sensor = Rotation.from_rotvec(np.eye(3)[axis] * degrees, degrees=True).as_matrix()
    old = trial.recording
    gyr = None if old.gyr is None else old.gyr @ body_from_sensor
    return replace(trial, recording=replace(old, acc=old.acc @ body_from_sensor, gyr=gyr, frame="sensor"))


def on_soft_strap(trial: Trial, resonance_hz: float, damping_ratio: float = DAMPING_RATIO) -> Trial:
    """With the sensor as a mass on spring and damper, isotropic; rotation is unchanged.

    Transfer function from body to sensor, for acceleration and, with unit gain at rest, for specific force:
    (2 d w s + w^2) / (s^2 + 2 d w s + w^2), the transmissibility of a moving base. It starts at rest at the
    first sample.
    """
    old = trial.recording
    w = 2.0 * np.pi * resonance_hz
    top, bottom = [2.0 * damping_ratio * w, w * w], [1.0, 2.0 * damping_ratio * w, w * w]
    b, a = bilinear(top, bottom, OVERSAMPLING * old.rate_hz)
    at = np.arange(OVERSAMPLING * (len(old) - 1) + 1) / OVERSAMPLING
    fine = CubicSpline(np.arange(len(old)), old.acc)(at)
    rest = lfilter_zi(b, a)[:, None] * fine[0]
    acc, _ = lfilter(b, a, fine, axis=0, zi=rest)
    return with_samples(trial, np.asarray(acc)[::OVERSAMPLING], old.gyr)


def with_losses(trial: Trial, share: float, n_together: int) -> Trial:
    """Without a share of the samples, lost in packets of n_together, with gaps as from a reader.

    The first and the last packet are kept, so that the duration stays the same.
    """
    old = trial.recording
    packets = np.arange(len(old)) // n_together
    n_lost = max(round(share * len(old) / n_together), 1)
    rng = _drawn_for(trial, f"{share} {n_together}")
    lost = np.isin(packets, rng.choice(np.arange(1, packets[-1]), n_lost, replace=False))
    recording = Recording.from_timed_samples(
        old.time_s[~lost],
        old.acc[~lost],
        None if old.gyr is None else old.gyr[~lost],
        frame=old.frame,
        start=old.start,
        acc_range_g=old.acc_range_g,
        source=old.source,
        warnings=old.warnings,
    )
    return replace(trial, recording=recording)


def moved(trial: Trial, offset_m: tuple[float, float, float]) -> Trial:
    """With the sensor at another position on the rigid pelvis: a' = a + alpha x r + omega x (omega x r).

    Assumes that the recording is in body axes, as in the datasets with a gyroscope.

    Raises:
        SettingsError: no gyroscope.
    """
    old = trial.recording
    if old.gyr is None:
        raise SettingsError(f"{trial.name} has no gyroscope: where its sensor sits cannot be changed.")
    sections = butter(2, min(2.0 * RATE_CUTOFF_HZ / old.rate_hz, 0.9), output="sos")
    omega = sosfiltfilt(sections, old.gyr, axis=0)
    alpha = np.gradient(omega, 1.0 / old.rate_hz, axis=0)
    r = np.asarray(offset_m, dtype=np.float64)
    return with_samples(trial, old.acc + np.cross(alpha, r) + np.cross(omega, np.cross(omega, r)), old.gyr)


def with_samples(trial: Trial, acc: FloatArray, gyr: FloatArray | None) -> Trial:
    """The trial with other samples at the same times."""
    return replace(trial, recording=replace(trial.recording, acc=acc, gyr=gyr))


def _drawn_for(trial: Trial, fault: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(f"{trial.dataset}/{trial.name}/{fault}".encode()))
