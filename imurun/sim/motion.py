"""Motion of the sacrum at any time of a planned session: force, acceleration, orientation, angular rate."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from imurun.model.frames import FloatArray
from imurun.sim.rotation import body_rates, matrix_from_angles
from imurun.sim.runner import StepPlan, centripetal_g
from imurun.sim.waveforms import (
    ANGLE_ORDERS,
    FORWARD_ORDERS,
    RING_LASTS_S,
    SIDEWAYS_ORDERS,
    VERTICAL_ORDERS,
    ComplexArray,
    push,
    push_mean,
    ring,
)

CHUNK = 1 << 17
_HANDOVER_S = (0.03, 0.25)
"""Standing starts and ends between these times after the last and before the first step."""


class Sample(NamedTuple):
    """State of the body at n times.

    Attributes:
        vgrf_bw: vertical ground reaction force, BW, shape (n,).
        angles_rad: roll, pitch and yaw (without turning), shape (n, 3).
        heading_rad: angle turned to the left, shape (n,).
        force_g: specific force of the sacrum along forward, left and up of the heading, g, shape (n, 3).
        rates_rad_s: angular rate in body axes, shape (n, 3).
    """

    vgrf_bw: FloatArray
    angles_rad: FloatArray
    heading_rad: FloatArray
    force_g: FloatArray
    rates_rad_s: FloatArray

    @property
    def rotation(self) -> FloatArray:
        """Rotation from body to world, including heading, shape (n, 3, 3)."""
        angles = self.angles_rad.copy()
        angles[:, 2] += self.heading_rad
        return matrix_from_angles(angles)

    @property
    def body_force_g(self) -> FloatArray:
        """Specific force in body axes, g, shape (n, 3)."""
        return np.einsum("nji,nj->ni", matrix_from_angles(self.angles_rad), self.force_g)


class Motion:
    """Turns a plan of steps into smooth functions of time.

    Forces are exact per step: each push starts at its contact, and its mean over the step is one body weight.
    Harmonics use the phase of the stride, a smooth monotone function of time that is a multiple of pi at
    every contact; their amplitudes change smoothly from step to step and fade out while standing. Angles and
    angular rates are the same functions and their exact derivatives.
    """

    def __init__(self, plan: StepPlan) -> None:
        self.plan = plan
        self.push_scale = plan.step_s / (plan.stance_s * push_mean(plan.shapes.pulse))
        knots = _knots(plan)
        self._phase = PchipInterpolator(knots.time_s, knots.phase)
        self._phase_rate = self._phase.derivative()
        self._accelerations = PchipInterpolator(knots.time_s, knots.accelerations, axis=0)
        self._angles = PchipInterpolator(knots.time_s, knots.angles, axis=0)
        self._angles_rate = self._angles.derivative()

    def at(self, time_s: FloatArray) -> Sample:
        """State of the body at the given times, s, shape (n,), in any order."""
        parts = [self._part(time_s[k : k + CHUNK]) for k in range(0, max(len(time_s), 1), CHUNK)]
        return Sample(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def vgrf_bw(self, time_s: FloatArray) -> FloatArray:
        """Vertical ground reaction force of both feet, BW, at the given times, shape (n,)."""
        plan = self.plan
        index = np.searchsorted(plan.contact_s, time_s, side="right") - 1
        force = self._standing(time_s)
        for back in (0, 1):
            step = index - back
            valid = step >= 0
            step = np.maximum(step, 0)
            u = (time_s - plan.contact_s[step]) / plan.stance_s[step]
            force += np.where(
                valid, self.push_scale[step] * push(u[:, None], plan.shapes.pulse[step])[:, 0], 0.0
            )
        return force

    def _standing(self, time_s: FloatArray) -> FloatArray:
        """Vertical force while standing, BW: 1, with ramps to and from the steps."""
        plan = self.plan
        force = np.zeros(len(time_s))
        for begin, end, _ in plan.rests:
            before = np.flatnonzero(plan.contact_s < begin - 1e-9)
            after = np.flatnonzero(plan.contact_s >= end - 1e-9)
            share = np.ones(len(time_s))
            if len(before):
                k = int(before[-1])
                next_s = float(plan.contact_s[k] + plan.step_s[k])
                lift = float(plan.contact_s[k] + plan.stance_s[k])
                if plan.running[k]:
                    share *= _ramp(time_s, lift + _HANDOVER_S[0], lift + _HANDOVER_S[1])
                else:
                    share *= _ramp(time_s, next_s, lift)
            if len(after):
                k = int(after[0])
                land = float(plan.contact_s[k])
                overlap = float(plan.stance_s[k] - plan.step_s[k])
                if plan.running[k]:
                    share *= 1.0 - _ramp(time_s, land - _HANDOVER_S[1], land - _HANDOVER_S[0])
                else:
                    share *= 1.0 - _ramp(time_s, land, land + overlap)
            force += share
        return force

    def _part(self, time_s: FloatArray) -> Sample:
        phase = self._phase(time_s)
        phase_rate = self._phase_rate(time_s)
        added = self._accelerations(time_s)
        rotations = self._angles(time_s)
        rotations_rate = self._angles_rate(time_s)

        vgrf = self.vgrf_bw(time_s)
        vertical, column = _waves(added, 0, VERTICAL_ORDERS, phase)
        forward, column = _waves(added, column, FORWARD_ORDERS, phase)
        sideways, column = _waves(added, column, SIDEWAYS_ORDERS, phase)
        force = np.stack(
            [forward, sideways + added[:, column], vgrf + vertical + self._impacts(time_s)], axis=1
        )

        angles = np.zeros((len(time_s), 3))
        rates = np.zeros((len(time_s), 3))
        column = 0
        for axis in range(3):
            for order in ANGLE_ORDERS[axis]:
                size = rotations[:, column] + 1j * rotations[:, column + 1]
                growth = rotations_rate[:, column] + 1j * rotations_rate[:, column + 1]
                turn = np.exp(1j * order * phase)
                angles[:, axis] += (size * turn).real
                rates[:, axis] += ((growth + 1j * order * phase_rate * size) * turn).real
                column += 2
        angles[:, 1] += rotations[:, column]
        rates[:, 1] += rotations_rate[:, column]
        rates[:, 2] += rotations_rate[:, column + 1]
        return Sample(vgrf, angles, rotations[:, column + 1], force, body_rates(angles, rates))

    def _impacts(self, time_s: FloatArray) -> FloatArray:
        plan = self.plan
        index = np.searchsorted(plan.contact_s, time_s, side="right") - 1
        total = np.zeros(len(time_s))
        for back in (0, 1):
            step = np.maximum(index - back, 0)
            since = time_s - plan.contact_s[step]
            rings = (index >= back) & (since < RING_LASTS_S)
            total += np.where(rings, np.asarray(plan.shapes.impact_g)[step] * ring(since), 0.0)
        return total


def _ramp(time_s: FloatArray, first: float, last: float) -> FloatArray:
    share = np.clip((time_s - first) / max(last - first, 1e-9), 0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)


def _waves(
    values: FloatArray, column: int, orders: npt.NDArray[np.intp], phase: FloatArray
) -> tuple[FloatArray, int]:
    """Sum of the harmonics stored from `column` on, and the next column."""
    total = np.zeros(len(phase))
    for order in orders:
        size = values[:, column] + 1j * values[:, column + 1]
        total += (size * np.exp(1j * order * phase)).real
        column += 2
    return total, column


def _pairs(waves: ComplexArray) -> FloatArray:
    """Complex columns (n, k) as interleaved real and imaginary columns (n, 2 k)."""
    return np.stack([waves.real, waves.imag], axis=-1).reshape(len(waves), -1)


class _Knots(NamedTuple):
    """Values at each contact and at both ends of each stand; interpolated in between.

    `accelerations` holds the harmonics of the added accelerations and the centripetal acceleration, g;
    `angles` the harmonics of the angles, the lean and the heading, rad.
    """

    time_s: FloatArray
    phase: FloatArray
    accelerations: FloatArray
    angles: FloatArray


def _knots(plan: StepPlan) -> _Knots:
    n = len(plan)
    shapes = plan.shapes
    heading = np.concatenate([[0.0], np.cumsum(plan.turn_rad_s * plan.step_s)])
    angles = shapes.angles * np.radians(plan.sway_deg)[:, :, None]
    waves = np.hstack(
        [
            _pairs(shapes.vertical),
            _pairs(shapes.forward),
            _pairs(shapes.sideways),
            centripetal_g(plan)[:, None],
        ]
    )
    angle_waves = _pairs(angles.reshape(n, -1))
    lean = np.radians(plan.lean_deg)
    phase = np.pi * (np.arange(n + 1) + (0 if plan.left[0] else 1))

    time_s, at_phase = list(plan.contact_s), list(phase[:-1])
    added, rotations = list(waves), list(np.column_stack([angle_waves, lean, heading[:-1]]))
    for begin, end, lean_deg in plan.rests:
        after = int(np.searchsorted(plan.contact_s, begin))
        rest_lean = np.radians(lean_deg)

        def add(time: float, angle: float, k: int = after) -> None:
            time_s.append(time)
            at_phase.append(phase[k])
            added.append(np.zeros(waves.shape[1]))
            rotations.append(np.concatenate([np.zeros(angle_waves.shape[1]), [angle, heading[k]]]))

        if after > 0:
            add(plan.contact_s[after - 1] + plan.step_s[after - 1], lean[after - 1])
            add(begin + min(1.5, 0.4 * (end - begin)), rest_lean)
        else:
            add(begin - 1.0, rest_lean)
        if after < n:
            # the first step after a stand starts from rest
            added[after] = np.zeros(waves.shape[1])
            rotations[after] = np.concatenate([np.zeros(angle_waves.shape[1]), [rest_lean, heading[after]]])
        else:
            add(end + 1.0, rest_lean)
    order = np.argsort(time_s)
    return _Knots(
        np.array(time_s)[order],
        np.array(at_phase)[order],
        _rounded(np.array(added)[order]),
        _rounded(np.array(rotations)[order]),
    )


def _rounded(values: FloatArray) -> FloatArray:
    """Round to 1e-12: the interpolation divides by differences, which would amplify rounding errors."""
    return np.round(values, 12)
