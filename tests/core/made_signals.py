"""Made signals of gaits and of what only resembles running, from few harmonics of the stride, by mechanics.

Phases are those of the step or stride at the peak of the ground's force; body axes x anterior, y left, z up.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imurun.model.frames import FloatArray, G
from imurun.sim.rotation import body_rates, matrix_from_angles

DURATION_S = 30.0


class Made(NamedTuple):
    """Samples in sensor axes, m/s2 and rad/s, shape (n, 3); middle of every step, s, and which are left."""

    acc: FloatArray
    gyr: FloatArray
    rate_hz: float
    middle_s: FloatArray
    left: np.ndarray


class Wave(NamedTuple):
    """amplitude cos(phase + lead): phase of the step or the stride, 0 at the peak of a left step."""

    amplitude: float
    lead_deg: float

    def at(self, phase: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Value, and derivative by the phase."""
        angle = phase + np.deg2rad(self.lead_deg)
        return self.amplitude * np.cos(angle), -self.amplitude * np.sin(angle)


NONE = Wave(0.0, 0.0)


class Body(NamedTuple):
    """Motion of the pelvis about mid-stance; forces in g, angles in degrees.

    Attributes:
        forward, pitch: repeat every step. sideways, roll, yaw: alternate.
    """

    forward: Wave = NONE
    sideways: Wave = NONE
    roll: Wave = NONE
    pitch: Wave = NONE
    yaw: Wave = NONE


RUNNER = Body(Wave(0.25, -45), Wave(0.06, 30), Wave(3.0, 45), Wave(2.5, -145), Wave(4.0, 15))
"""Braking, then propulsion, about the peak of the force; the pelvis comes down through mid-stance."""
WALKER = Body(Wave(0.17, 90), Wave(0.08, 95), Wave(3.0, 135), Wave(2.0, 170), Wave(5.0, 100))
"""About the peak of the force, which is in double support here, half a step away from mid-stance: so roll and
push to the middle are a quarter turn of the stride later than a runner's."""


def half_sines(phase: FloatArray, duty: float) -> FloatArray:
    """Vertical force in BW of feet that follow each other, peak at phase 0, 2 pi of the step."""
    turns = phase / (2 * np.pi)
    force = np.zeros(len(phase))
    for foot in (-1, 0, 1):
        u = (turns - np.round(turns) - foot) / (2 * duty)
        force += np.where(np.abs(u) < 0.5, np.cos(np.pi * u), 0.0)
    return force * np.pi / (4 * duty)


def made(
    vertical,
    body: Body,
    cadence_spm: float,
    *,
    rate_hz: float = 100.0,
    mounting: FloatArray | None = None,
    noise_g: float = 0.01,
    variability: float = 0.01,
    seed: int = 1,
) -> Made:
    """Samples of a motion, with scatter of the step times and white noise of force and rate.

    Args:
        vertical: function of the phase of the step, rad, shape (n,), to vertical specific force in g.
        mounting: body from sensor, (3, 3).
    """
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(DURATION_S * rate_hz)) / rate_hz
    steps_s = 60.0 / cadence_spm * (1.0 + variability * rng.standard_normal(int(cadence_spm * DURATION_S)))
    middles_s = np.cumsum(steps_s) - 2.0
    step = np.interp(time_s, middles_s, 2 * np.pi * np.arange(len(middles_s)))
    step_rate = np.gradient(step, time_s)
    angles, rates = np.zeros((2, len(time_s), 3))
    for axis, wave, share in ((0, body.roll, 0.5), (1, body.pitch, 1.0), (2, body.yaw, 0.5)):
        value, slope = wave.at(share * step)
        angles[:, axis], rates[:, axis] = np.deg2rad(value), np.deg2rad(slope) * share * step_rate
    force = np.stack([body.forward.at(step)[0], body.sideways.at(0.5 * step)[0], vertical(step)], axis=1)
    acc = G * np.einsum("nji,nj->ni", matrix_from_angles(angles), force)
    gyr = body_rates(angles, rates)
    acc += noise_g * G * rng.standard_normal(acc.shape)
    gyr += noise_g * rng.standard_normal(gyr.shape)
    if mounting is not None:
        acc, gyr = acc @ mounting, gyr @ mounting
    inside = (middles_s > 1.0) & (middles_s < DURATION_S - 1.0)
    return Made(acc, gyr, rate_hz, middles_s[inside], np.flatnonzero(inside) % 2 == 0)


def quick_walk(cadence_spm: float, peak_to_peak_g: float = 1.1, **options) -> Made:
    """Walking with the body highest, and lightest, in mid-stance: an inverted pendulum.

    The vertical force has its peak at the change of feet. Its shape is that of two overlapping pushes.
    """

    def vertical(step):
        return 1.0 + 0.5 * peak_to_peak_g * np.cos(step) + 0.08 * np.cos(2 * step + 0.5)

    return made(vertical, WALKER, cadence_spm, **options)


def bouncing_run(cadence_spm: float, duty: float, **options) -> Made:
    """Running with the body lowest, and heaviest, in mid-stance; no flight above a duty factor of 0.5."""
    body = options.pop("body", RUNNER)
    return made(lambda step: half_sines(step, duty), body, cadence_spm, **options)


def rope_skipping(**options) -> Made:
    """Jumps with both feet at 132 a minute; trunk and arms rock fore and aft, in time with them."""
    body = Body(forward=Wave(0.15, -60), pitch=Wave(1.5, -100))
    return made(lambda step: half_sines(step, 0.30), body, 132.0, **options)


def jumping_jacks(**options) -> Made:
    """Jumps at 120 a minute, feet apart and together in turn: every second is higher and leans more."""

    def vertical(step):
        return half_sines(step, 0.35) + 0.15 * np.cos(0.5 * step)

    body = Body(forward=Wave(0.12, -40), pitch=Wave(2.0, -120))
    return made(vertical, body, 120.0, **options)


def horse_trot(**options) -> Made:
    """The back of a trotting horse: diagonal pairs of legs, 160 a minute, so that it does not roll."""
    body = Body(forward=Wave(0.2, -50), pitch=Wave(1.5, -110))
    return made(lambda step: half_sines(step, 0.42), body, 160.0, **options)


def shaking_plate(**options) -> Made:
    """A sensor on a plate that shakes along an ellipse at 3 Hz."""
    body = Body(forward=Wave(0.3, -90))
    return made(lambda step: 1.0 + 0.8 * np.cos(step), body, 180.0, variability=0.0, **options)
