"""Waveforms of one step: force of a foot, motion of the sacrum, rotation of the pelvis.

Model and sources
-----------------
All values that depend on speed are from averages over people, not from one runner: the four
treadmill runners of Hamner & Delp 2013 (J Biomech 46:780) at 2, 3, 4 and 5 m/s, each waveform reduced to a
few coefficients that vary smoothly with speed. There contact is force above 5 % of body weight; here it is
the interval from start to end of the push.

- The push is a half sine (Morin 2005, Alexander 1989) with a third harmonic, which makes it more or less
  peaked, and a time warp, so that it loads faster than it unloads. Its amplitude follows from the mean force
  over each step, which is one body weight.
- At the step frequency the sacrum moves with the force within about 5 ms and slightly more than it. At the
  second and third harmonics it does not: an additional motion is added to the force. After contact there is
  a short damped oscillation, because soft tissue and the trunk absorb the impact.
- Real runners vary around these averages, by more than the differences among shapes that fit the averages
  about equally well. Of those shapes, the one is used for which contact formulas fitted to real people
  (sacral acceleration smoothed at 3.5 Hz) are unbiased from 2 to 5 m/s. A small error of a contact estimator
  on these simulations therefore verifies its implementation, not its accuracy on people, which only real
  recordings show.
- Roll, pitch and yaw are the pelvis's: in running it turns towards the foot that lands, drops on
  the swing side early in stance and is lifted through the rest, and tips forward through stance.
- Walking is the inverted pendulum: two overlapping double-humped pushes, the body highest and lightest in
  mid stance, braking while it rises and driving while it falls (Cavagna 1977, Winter 1991). Its
  values are typical ones, set by hand.

Harmonics are complex coefficients c of Re(c exp(i h s)), where s is the phase of the stride: 0 at left
contact, pi at right contact, 2 pi at the next left contact; h is the harmonic of the stride. Even h repeat
every step, odd h alternate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from imurun.model.frames import FloatArray

ComplexArray = npt.NDArray[np.complex128]
Moving = Literal["walking", "running"]

VERTICAL_ORDERS = np.array([2, 4, 6])
FORWARD_ORDERS = np.array([2, 4, 6, 8])
SIDEWAYS_ORDERS = np.array([1, 3, 5, 7])
ANGLE_ORDERS = np.array([[1, 3], [2, 4], [1, 3]])
"""Stride harmonics of the added accelerations (g) and of roll, pitch and yaw."""

MIDDLE_SPEED_M_S = 3.5
RUNNING_SHAPE_SPEEDS = (1.8, 5.5)
"""Shapes are constant beyond these speeds, where there are no measurements."""

_PULSE = np.array([[-0.0117, -0.0458, 0.0215], [0.301, -0.0665, 0.0255], [-0.5327, -0.2483, 0.1623]])
_VERTICAL = np.array(
    [
        [0.0300 - 0.1991j, 0.0561 + 0.0317j, 0.0147 + 0.0474j],
        [0.0303 - 0.1509j, 0.0594 - 0.0409j, -0.0506 - 0.0036j],
        [-0.0889 + 0.1230j, 0.0535 + 0.0293j, 0.0241 + 0.0155j],
    ]
)
_FORWARD = np.array(
    [
        [-0.45 - 0.275j, -0.047 - 0.134j, 0.032 + 0.019j],
        [0.06 + 0.33j, 0.04 + 0.18j, 0.0],
        [0.05 + 0.18j, 0.01 + 0.06j, 0.0],
        [0.19 + 0.02j, 0.04 - 0.04j, 0.0],
    ]
)
_SIDEWAYS = np.array(
    [
        [0.07 - 0.02j, 0.03 - 0.03j],
        [-0.10 + 0.0j, -0.05 - 0.03j],
        [0.02 + 0.01j, 0.06 - 0.02j],
        [0.10 + 0.08j, 0.02 + 0.0j],
    ]
)
_ROLL = np.array([[3.28 + 0.02j, 0.71 + 0.35j], [-1.70 - 0.01j, -0.37 - 0.37j]])
_PITCH = np.array([[-0.43 + 1.84j, -0.45 - 0.08j], [-0.14 + 0.40j, -0.21 + 0.14j]])
_YAW = np.array([[3.42 - 0.97j, 0.98 - 0.60j], [-0.90 - 0.02j, -0.32 - 0.21j]])
_IMPACT_G_PER_M_S = 0.06

_RING_HZ = 11.0
_RING_DECAY_S = 0.03
_RING_PEAK_S = 0.008969
_RING_SIGN = -1.0
RING_LASTS_S = 12 * _RING_DECAY_S

_GRID = (np.arange(512) + 0.5) / 512


@dataclass(frozen=True)
class Shape:
    """Waveforms of one step at one speed, or of many steps, with one more axis in front.

    Attributes:
        pulse: shape (3,): peakedness, early lean and tail of the push; see `push`.
        vertical, forward, sideways: the sacrum's additional acceleration, g; harmonics of the orders above.
        angles: shape (3, 2), harmonics of roll, pitch and yaw, each with a range of 1 over the stride.
        impact_g: peak of the oscillation after contact, g.
    """

    pulse: FloatArray
    vertical: ComplexArray
    forward: ComplexArray
    sideways: ComplexArray
    angles: ComplexArray
    impact_g: float | FloatArray


def default_cadence_spm(gait: Moving, speed_m_s: float) -> float:
    """Preferred cadence at a speed, steps per minute.

    Running: a parabola through the averages of Hamner & Delp 2013. Walking: step rate grows with speed to
    the power 0.55 (Grieve & Gear 1966), 112 at 1.4 m/s.
    """
    if gait == "walking":
        return 112.0 * (max(speed_m_s, 0.3) / 1.4) ** 0.55
    x = min(max(speed_m_s, 1.5), 6.5) - MIDDLE_SPEED_M_S
    return 171.2 + 10.87 * x + 2.575 * x * x


def default_duty_factor(gait: Moving, speed_m_s: float) -> float:
    """Preferred duty factor (contact time over stride time) at a speed.

    Running: contact lasts 0.452 s / (speed in m/s)^0.477, the averages of Hamner & Delp 2013. Walking: a
    line through 0.62 at 1.4 m/s.
    """
    if gait == "walking":
        return float(np.clip(0.676 - 0.04 * speed_m_s, 0.55, 0.7))
    contact_s = 0.452 * max(speed_m_s, 1.2) ** -0.477
    return float(np.clip(contact_s * default_cadence_spm(gait, speed_m_s) / 120.0, 0.15, 0.49))


def default_sway_deg(gait: Moving, speed_m_s: float) -> tuple[float, float, float]:
    """Range of roll, pitch and yaw of the pelvis over a stride, degrees (running: Hamner & Delp 2013)."""
    if gait == "walking":
        share = min(max(speed_m_s / 1.4, 0.4), 1.6)
        return 6.5 * share, 3.5 * share, 8.5 * share
    x = min(max(speed_m_s, 1.5), 6.5) - MIDDLE_SPEED_M_S
    return 8.95 + 1.8 * x, 5.3 + 0.4 * x, 9.35 + 2.6 * x


def shape_at(gait: Moving, speed_m_s: float) -> Shape:
    """Waveforms of the average person at a speed."""
    return _walking(speed_m_s) if gait == "walking" else _running(speed_m_s)


def push(u: FloatArray, pulse: FloatArray) -> FloatArray:
    """Force of one foot over its contact, unscaled.

    sin(pi w) - b sin(3 pi w) with w = u + u (1 - u) (e + t (1 - 2 u)): b makes it peaked (or, below 0,
    double-humped), e moves the peak earlier, t shifts force between its ends. Linear at both ends.

    Args:
        u: shape (..., n), share of the contact; 0 outside 0 to 1.
        pulse: shape (..., 3), b, e, t.
    """
    b, e, t = (pulse[..., k, None] if pulse.ndim > 1 else pulse[k] for k in range(3))
    inside = np.clip(u, 0.0, 1.0)
    w = inside + inside * (1.0 - inside) * (e + t * (1.0 - 2.0 * inside))
    return np.where((u > 0.0) & (u < 1.0), np.sin(np.pi * w) - b * np.sin(3.0 * np.pi * w), 0.0)


def push_mean(pulse: FloatArray) -> FloatArray:
    """Mean of `push` over the contact, for pulses of shape (n, 3)."""
    return push(np.broadcast_to(_GRID, (len(pulse), len(_GRID))), pulse).mean(axis=1)


def more_peaked(pulse: FloatArray, factor: FloatArray) -> FloatArray:
    """Pulses (n, 3) with the ratio of peak to mean multiplied by `factor` (n,), limited to positive force."""
    m = 2.0 / np.pi
    ratio = factor * (1.0 + pulse[:, 0]) / (m * (1.0 - pulse[:, 0] / 3.0))
    changed = pulse.copy()
    changed[:, 0] = np.clip((m * ratio - 1.0) / (1.0 + m * ratio / 3.0), -0.6, 0.25)
    return changed


def ring(since_contact_s: FloatArray) -> FloatArray:
    """Damped oscillation of the sacrum after contact, peak 1, no net impulse: t exp(-t / 30 ms) at 11 Hz."""
    t = np.maximum(since_contact_s, 0.0)
    pole = 1.0 / _RING_DECAY_S - 2j * np.pi * _RING_HZ
    phase = 2.0 * np.angle(pole) + np.pi / 2.0
    wave = t * np.exp(-t / _RING_DECAY_S) * np.cos(2.0 * np.pi * _RING_HZ * t + phase)
    return _RING_SIGN * wave / _RING_PEAK_S


def _poly(coefficients: npt.NDArray, x: float) -> npt.NDArray:
    return coefficients @ x ** np.arange(coefficients.shape[-1])


def _unit_range(waves: ComplexArray) -> ComplexArray:
    phase = np.linspace(0.0, 2.0 * np.pi, 721)
    turns = np.exp(1j * ANGLE_ORDERS[..., None] * phase)
    values = (waves[..., None] * turns).real.sum(axis=1)
    return waves / np.ptp(values, axis=1)[:, None]


def _running(speed_m_s: float) -> Shape:
    x = min(max(speed_m_s, RUNNING_SHAPE_SPEEDS[0]), RUNNING_SHAPE_SPEEDS[1]) - MIDDLE_SPEED_M_S
    return Shape(
        pulse=_poly(_PULSE, x),
        vertical=_poly(_VERTICAL, x),
        forward=_poly(_FORWARD, x),
        sideways=_poly(_SIDEWAYS, x),
        angles=_unit_range(np.stack([_poly(_ROLL, x), _poly(_PITCH, x), _poly(_YAW, x)])),
        impact_g=_IMPACT_G_PER_M_S * speed_m_s,
    )


def _walking(speed_m_s: float) -> Shape:
    share = min(max(speed_m_s / 1.4, 0.3), 1.6)
    # braking after contact while the body rises, propulsion before the next contact
    forward = np.array([0.14j, 0.02 + 0.03j, 0.0, 0.0]) * share
    sideways = np.array([0.05j, 0.02j, 0.0, 0.0]) * share
    roll = np.array([3.0 * np.exp(-0.3j * np.pi), 0.5j])
    pitch = np.array([1.5j, 0.2j])
    yaw = np.array([-4.0 + 0.5j, 0.3 + 0.0j])
    return Shape(
        pulse=np.array([-(0.1 + 0.2 * share), 0.0, 0.0]),
        vertical=np.zeros(len(VERTICAL_ORDERS), dtype=np.complex128),
        forward=forward.astype(np.complex128),
        sideways=sideways.astype(np.complex128),
        angles=_unit_range(np.stack([roll, pitch, yaw])),
        impact_g=0.04 * speed_m_s,
    )
