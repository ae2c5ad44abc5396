"""What a recording is recognised by, whatever its file is called."""

from __future__ import annotations

import hashlib

import numpy as np

from imurun.model.frames import FloatArray
from imurun.model.recording_like import Recorded

BLOCK = 1 << 16


def fingerprint(recording: Recorded) -> str:
    """SHA-256 over the rate and all samples, as 64 hexadecimal digits.

    The name, start, frame and warnings do not count: a renamed, packed or converted file of the same
    samples is the same recording. A sample that was changed in the last digit makes another one.
    """
    digest = hashlib.sha256(b"imurun recording 1\n")
    digest.update(np.float64(recording.rate_hz).tobytes())
    for sensor in (0, 1):  # all of one, then all of the other
        if sensor == 1 and not recording.has_gyro:
            digest.update(b"none")
            continue
        for block in recording.blocks(BLOCK):
            samples = block[sensor]
            assert samples is not None
            digest.update(_plain_bytes(samples))
    return digest.hexdigest()


def _plain_bytes(samples: FloatArray) -> bytes:
    """The samples' bytes, with one form of NaN and one of zero."""
    plain = np.where(np.isnan(samples), np.nan, samples + 0.0)
    return np.asarray(plain, dtype="<f8").tobytes()
