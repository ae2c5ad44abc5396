"""Degraded conditions: each changes a trial to the recording of a worse sensor, strap or position.

Validity: rate, clipping, noise, offsets, mounting and losses are exact. The soft strap is a model
(`faults.on_soft_strap`); another position assumes a rigid pelvis without skin. The recordings are low-passed
at 20 to 30 Hz and most stay below 6 g, so clipping at 8 g has little effect; ranges of 4 and 2 g are included
too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from benchmarks.accuracy.faults import (
    DAMPING_RATIO,
    Errors,
    at_rate,
    clipped,
    moved,
    on_soft_strap,
    turned,
    with_errors,
    with_losses,
)
from benchmarks.datasets.trial import Trial
from imurun.errors import SettingsError

Change = Callable[[Trial], Trial]
"""A function of `faults` with all arguments but the trial; deterministic."""


@dataclass(frozen=True)
class Condition:
    """One degradation with one magnitude.

    Attributes:
        family: kind of degradation; conditions of one family form a curve.
        value, unit: magnitude, the x axis of the curve.
        label: unique label of a table row.
        needs_gyro: whether it applies only to trials with a gyroscope.
    """

    family: str
    value: float
    unit: str
    label: str
    change: Change = field(repr=False, compare=False)
    needs_gyro: bool = False

    def applies_to(self, trial: Trial) -> bool:
        """Whether the condition applies to the trial."""
        return trial.recording.gyr is not None or not self.needs_gyro

    def apply(self, trial: Trial) -> Trial:
        """The trial under this condition; deterministic, including random draws.

        Raises:
            SettingsError: the trial has no gyroscope and the condition needs one.
        """
        if not self.applies_to(trial):
            raise SettingsError(f"{trial.name} has no gyroscope, which '{self.label}' needs; leave it out.")
        return self.change(trial)


def _unchanged(trial: Trial) -> Trial:
    return trial


def _rate(rate_hz: float) -> Condition:
    return Condition("rate", rate_hz, "Hz", f"{rate_hz:g} Hz", partial(at_rate, rate_hz=rate_hz))


def _clipping(range_g: float) -> Condition:
    return Condition(
        "clipping", range_g, "g", f"clipped at +-{range_g:g} g", partial(clipped, range_g=range_g)
    )


# The figures of InvenSense's MPU-6050 (product specification PS-MPU-6000A), the cheapest and noisiest sensor
# in wide use: tolerances at room temperature, steps at the ranges of 8 g and 1000 deg/s. Its gyroscope may
# read 20 deg/s at rest; current sensors state 1 to 10.
_DENSITY_G, _DENSITY_DEG_S = 400e-6, 0.005
_STEP_G, _STEP_DEG_S = 1.0 / 4096.0, 1.0 / 32.8
_OFFSET_G, _SCALE = 0.05, 0.03


def _noise(times: float) -> Condition:
    density_ug = 1e6 * _DENSITY_G * times
    errors = Errors(
        acc_density_g=_DENSITY_G * times,
        gyr_density_deg_s=_DENSITY_DEG_S * times,
        acc_step_g=_STEP_G,
        gyr_step_deg_s=_STEP_DEG_S,
    )
    label = f"white noise, {density_ug:g} ug and {1000 * _DENSITY_DEG_S * times:g} mdeg/s per root Hz"
    return Condition("noise", density_ug, "ug/sqrt(Hz)", label, partial(with_errors, errors=errors))


def _zero_g(times: float) -> Condition:
    errors = Errors(acc_offset_g=_OFFSET_G * times, acc_scale=_SCALE * times)
    offset_mg = 1000 * errors.acc_offset_g
    label = f"accelerometer {offset_mg:g} mg off, scale {100 * errors.acc_scale:g} %"
    return Condition("zero-g level", offset_mg, "mg", label, partial(with_errors, errors=errors))


def _zero_rate(deg_s: float) -> Condition:
    errors = Errors(gyr_offset_deg_s=deg_s, gyr_scale=_SCALE)
    label = f"gyroscope {deg_s:g} deg/s off, scale {100 * _SCALE:g} %"
    change = partial(with_errors, errors=errors)
    return Condition("zero-rate level", deg_s, "deg/s", label, change, needs_gyro=True)


def _mounting(axis: int, word: str) -> Condition:
    return Condition(
        "mounting",
        30.0,
        "deg",
        f"turned 30 deg about the {word} axis",
        partial(turned, axis=axis, degrees=30.0),
    )


def _strap(resonance_hz: float) -> Condition:
    label = f"soft strap, {resonance_hz:g} Hz, damping ratio {DAMPING_RATIO:g}"
    return Condition("strap", resonance_hz, "Hz", label, partial(on_soft_strap, resonance_hz=resonance_hz))


def _loss(percent: float, n_together: int) -> Condition:
    singly = n_together == 1
    return Condition(
        "loss of samples" if singly else "loss of packets",
        percent,
        "%",
        f"{percent:g} % of samples lost, " + ("singly" if singly else f"{n_together} together"),
        partial(with_losses, share=percent / 100.0, n_together=n_together),
    )


def _place(word: str, *offset_m: float) -> Condition:
    x, y, z = offset_m
    return Condition(
        "place", 5.0, "cm", f"sensor 5 cm {word}", partial(moved, offset_m=(x, y, z)), needs_gyro=True
    )


AS_RECORDED = Condition("as recorded", 0.0, "", "as recorded", _unchanged)

CONDITIONS: tuple[Condition, ...] = (
    AS_RECORDED,
    *(_rate(hz) for hz in (50.0, 100.0, 200.0, 400.0)),
    *(_clipping(g) for g in (8.0, 4.0, 2.0)),
    *(_noise(times) for times in (1.0, 3.0, 10.0)),
    *(_zero_g(times) for times in (1.0, 2.0)),
    *(_zero_rate(deg_s) for deg_s in (1.0, 3.0, 10.0, 20.0)),
    *(_mounting(axis, word) for axis, word in enumerate(("forward", "sideways", "upward"))),
    *(_strap(hz) for hz in (8.0, 10.0, 12.0, 15.0, 20.0)),
    *(_loss(percent, together) for together in (1, 8) for percent in (1.0, 2.0, 5.0, 10.0)),
    _place("up", 0.0, 0.0, 0.05),
    _place("down", 0.0, 0.0, -0.05),
    _place("to the left", 0.0, 0.05, 0.0),
    _place("to the right", 0.0, -0.05, 0.0),
    _place("forward", 0.05, 0.0, 0.0),
    _place("back", -0.05, 0.0, 0.0),
)
"""All conditions: as recorded, then the families in the order of the table."""
