"""Fingerprint of a recording: a hash of its samples, independent of file name and format."""

from __future__ import annotations

import hashlib

import numpy as np

from imurun.model.frames import FloatArray
from imurun.model.recording_like import Recorded

BLOCK = 1 << 16


def fingerprint(recording: Recorded) -> str:
    """SHA-256 over the rate and all samples, as 64 hexadecimal digits.

    Name, start, frame and warnings are not included: a renamed, compressed or converted file of the same
    samples is the same recording. A change of one sample in its last digit gives another fingerprint.
    """
    digest = hashlib.sha256(b"imurun recording 1\n")
    digest.update(np.float64(recording.rate_hz).tobytes())
    for sensor in (0, 1):  # one after the other, so that the block size does not matter
        if sensor == 1 and not recording.has_gyro:
            digest.update(b"none")
            continue
        for block in recording.blocks(BLOCK):
            samples = block[sensor]
            assert samples is not None
            digest.update(_plain_bytes(samples))
    return digest.hexdigest()


def _plain_bytes(samples: FloatArray) -> bytes:
    """The samples' bytes, with one representation of NaN and one of zero."""
    plain = np.where(np.isnan(samples), np.nan, samples + 0.0)
    return np.asarray(plain, dtype="<f8").tobytes()
