"""The device side in C for the tests of the virtual sensor, and what it is fed with."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from imurun.model.recording import Recording
from imurun.virtual.board import compiler
from imurun.virtual.offer import build_device_side

ACC_STEP = 30500e-9 * 16 * 9.80665
GYR_STEP = 35000e-9 * 2000 * np.pi / 180
STEPS = np.repeat([ACC_STEP, GYR_STEP], 3)
CONFIGURE = bytes([2, 1]) + b"\xd0\x00\x10\xd0\x07"  # 208 Hz, 16 g, 2000 deg/s
START, STOP, STATUS = bytes([3, 2, 0]), bytes([4, 3]), bytes([7, 4])


@cache
def library():
    """Compiled once; skips where there is no compiler."""
    if compiler() is None:
        pytest.skip("needs a C compiler: install gcc or clang, or name one in CC")
    return build_device_side()


def counts_of(rows):
    """Counts that tell their row, shape (n, 6)."""
    rows = np.asarray(rows)[:, None]
    return ((rows * (7 + np.arange(6)) + np.arange(6) * 1000) % 20011 - 10000).astype(np.int16)


def numbered(n, *, rate_hz=208.0, gap=None):
    """A recording whose rows are `counts_of` their number; `gap` is missing."""
    values = counts_of(np.arange(n)) * STEPS
    if gap is not None:
        values[gap[0] : gap[1]] = np.nan
    return Recording(values[:, :3].copy(), values[:, 3:].copy(), rate_hz=rate_hz)
