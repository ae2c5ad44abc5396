"""What several tests of the core share."""

from __future__ import annotations

from functools import cache

import numba
import numpy as np
from hypothesis import settings
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from imurun.core.alignment import Mounting
from imurun.core.orientation import START_S, Orientation
from imurun.core.stepper import Stepper, StepperSettings, StepperStart
from imurun.sim import RunnerModel, Segment, SensorModel, Simulation, simulate
from imurun.sim.rotation import mounting_from_angles

SLOW = bool(numba.config.DISABLE_JIT)
TILTED = mounting_from_angles(20.0, 160.0, 75.0)


def examples(n, slow=None):
    """Hypothesis settings for n examples, fewer without the compiler."""
    fewer = max(n // 5, 3) if slow is None else slow
    return settings(max_examples=fewer if SLOW else n)


def record(dtype, **values):
    """One record of a structured dtype, all zero but for the values given; kernels can write to it."""
    row = np.zeros(1, dtype=dtype)[0]
    for name, value in values.items():
        row[name] = value
    return row


def made_stepper(rate_hz, rotation=None, *, heading=True, settings=None, **start):
    """A stepper for a given alignment (body from sensor, None for the identity), or for a level one."""
    rotation = np.eye(3) if rotation is None else rotation
    mounting = Mounting(rotation, 1.0, "given" if heading else "level", 0.0)
    return Stepper(StepperSettings(rate_hz, **(settings or {})), mounting, StepperStart(**start))


def flat_fields(rows):
    """The fields of structured rows by name; those of a nested record as "cycle.begin"."""
    fields = {}
    for name in rows.dtype.names:
        if rows.dtype[name].names:
            fields |= {f"{name}.{inner}": values for inner, values in flat_fields(rows[name]).items()}
        else:
            fields[name] = rows[name]
    return fields


def smooth_noise(rng, n, sigma, size=1.0):
    """Noise without anything faster than the smoothing of `sigma` samples lets through, of RMS `size`."""
    noise = gaussian_filter1d(rng.standard_normal(n), sigma)
    return size * noise / noise.std()


def quats_from(rotation: Rotation):
    """Quaternions (w, x, y, z), shape (n, 4)."""
    return np.ascontiguousarray(np.roll(np.atleast_2d(rotation.as_quat()), 1, axis=1))


def rotation_from(quats) -> Rotation:
    """The other way."""
    return Rotation.from_quat(np.roll(quats, -1, axis=-1))


@cache
def simulated(*parts: tuple[str, float], rate_hz=100.0, tilted=False, seed=1, runner=None) -> Simulation:
    """A simulated session; parts are (kind, seconds)."""
    segments = [Segment(kind, seconds) for kind, seconds in parts]
    sensor = SensorModel(rate_hz=rate_hz, mounting=TILTED if tilted else np.eye(3))
    return simulate(segments, runner or RunnerModel(), sensor, seed=seed)


def oriented(recording):
    """Quaternions of a recording as the engine would follow them."""
    acc, gyr, rate = recording.acc, recording.gyr, recording.rate_hz
    start = Orientation(rate, gyr is not None, acc[: round(START_S * rate)].mean(axis=0), acc[0])
    return start.push(acc, gyr)


def flat(state, prefix=""):
    """A nested state as pairs of a path and bytes, to compare."""
    for key, value in state.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", np.asarray(value).tobytes()
