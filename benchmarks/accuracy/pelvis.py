"""Range of pelvic obliquity and tilt from camera data."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from benchmarks.datasets import Trial
from imurun.model.frames import FloatArray


def orientation(trial: Trial) -> Rotation:
    """Rotation from pelvis to earth axes, for each sample of a trial with angles."""
    assert trial.angles_deg is not None
    return Rotation.from_euler("ZYX", trial.angles_deg[:, ::-1], degrees=True)


def mean_axes(trial: Trial) -> FloatArray:
    """Rows: the direction of travel, left and up, on average over the trial, in the pelvis' axes."""
    earth = orientation(trial).as_matrix()
    up = earth[:, 2, :].mean(axis=0)
    up /= np.linalg.norm(up)
    forward = earth[:, 0, :].mean(axis=0)
    forward -= (forward @ up) * up
    forward /= np.linalg.norm(forward)
    return np.vstack([forward, np.cross(up, forward), up])


def tilt_deg(trial: Trial) -> tuple[FloatArray, FloatArray]:
    """Pelvic obliquity and pelvic tilt about the mean orientation, deg, shape (n,) each."""
    level = orientation(trial) * Rotation.from_matrix(mean_axes(trial).T)
    _, pitch, roll = level.as_euler("ZYX", degrees=True).T
    return roll, pitch


def stride_ranges_deg(trial: Trial) -> tuple[FloatArray, FloatArray]:
    """Range of pelvic obliquity and pelvic tilt over the stride that ends with each final contact.

    Returns:
        Two arrays of shape (k,), a value for each true contact; NaN if the contact two before it, which gives
        the duration of the stride, is unknown.
    """
    n = len(trial.initial_contact_s)
    ranges = np.full((2, n), np.nan)
    if trial.angles_deg is None:
        return ranges[0], ranges[1]
    angles = tilt_deg(trial)
    step_s = np.median(np.diff(trial.initial_contact_s)) if n > 1 else np.nan
    for k in range(2, n):
        stride_s = trial.initial_contact_s[k] - trial.initial_contact_s[k - 2]
        if stride_s > 3.0 * step_s:  # a contact between them is missing in the truth
            continue
        ends_s = trial.final_contact_s[k] - np.array([stride_s, 0.0])
        first, stop = np.rint(ends_s * trial.recording.rate_hz).astype(int)
        if 0 <= first and stop <= len(angles[0]):
            ranges[:, k] = [np.ptp(angle[first:stop]) for angle in angles]
    return ranges[0], ranges[1]
