"""Ground truth of a simulated session: steps, bouts, ground reaction force and orientation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from imurun.model.frames import FloatArray, G
from imurun.sim.motion import Motion, Sample
from imurun.sim.rotation import matrix_from_angles
from imurun.sim.waveforms import push

if TYPE_CHECKING:
    import pandas as pd

STEP_DTYPE = np.dtype(
    [
        ("initial_contact_s", "f8"),
        ("final_contact_s", "f8"),
        ("side", "U5"),
        ("gait", "U7"),
        ("step_time_ms", "f8"),
        ("contact_time_ms", "f8"),
        ("flight_time_ms", "f8"),
        ("duty_factor", "f8"),
        ("cadence_spm", "f8"),
        ("vertical_oscillation_mm", "f8"),
        ("peak_vgrf_bw", "f8"),
        ("vertical_impulse_bw_s", "f8"),
        ("lean_deg", "f8"),
        ("roll_rom_deg", "f8"),
        ("pitch_rom_deg", "f8"),
        ("yaw_rom_deg", "f8"),
        ("speed_m_s", "f8"),
    ]
)
"""Columns as in `imurun.model.columns`, one row for each step; incomplete steps at both ends are omitted."""

BOUT_DTYPE = np.dtype([("kind", "U7"), ("begin_s", "f8"), ("end_s", "f8")])

_PER_STEP = 64


@dataclass(frozen=True, eq=False)
class Truth:
    """Ground truth of a session. All times are true seconds from the first sample.

    Attributes:
        steps: structured array of `STEP_DTYPE`, one row for each step. `lean_deg` and the three ranges are
            those of the true pelvis angles over the stride that starts with the step (at the end of a bout,
            over the stride that ends with it), without turning; `peak_vgrf_bw` is the largest force of this
            foot; `vertical_impulse_bw_s` that of both feet up to the next contact; step time, flight time and
            cadence refer to the step before, and are NaN for the first step after a stand.
        bouts: structured array of `BOUT_DTYPE`: still, walking and running, half open, without gaps.
        time_s: true time of each sample of the recording, shape (n,).
        vgrf_bw: vertical ground reaction force at those times, body weights, shape (n,).
        angles_rad: roll, pitch, yaw at those times, rad, shape (n, 3); yaw includes turning.
        acc_body: true specific force of the sacrum in body axes, m/s2, shape (n, 3).
        gyr_body: true angular rate in body axes, rad/s, shape (n, 3).
        motion: continuous motion, to evaluate at other times.
    """

    steps: npt.NDArray[np.void]
    bouts: npt.NDArray[np.void]
    time_s: FloatArray
    vgrf_bw: FloatArray
    angles_rad: FloatArray
    acc_body: FloatArray
    gyr_body: FloatArray
    motion: Motion

    @property
    def rotation(self) -> FloatArray:
        """Level axes from body axes at `time_s`, shape (n, 3, 3)."""
        return matrix_from_angles(self.angles_rad)

    def to_frame(self) -> pd.DataFrame:
        """The steps as a table."""
        import pandas as pd

        return pd.DataFrame({name: self.steps[name] for name in STEP_DTYPE.names or ()})


def build_truth(motion: Motion, time_s: FloatArray, sample: Sample) -> Truth:
    """Ground truth of a session whose motion was sampled at `time_s` (s, shape (n,))."""
    bouts = np.array(list(motion.plan.bouts), dtype=BOUT_DTYPE)
    angles = sample.angles_rad.copy()
    angles[:, 2] += sample.heading_rad
    return Truth(
        steps=_step_table(motion),
        bouts=bouts,
        time_s=time_s,
        vgrf_bw=sample.vgrf_bw,
        angles_rad=angles,
        acc_body=sample.body_force_g * G,
        gyr_body=sample.rates_rad_s,
        motion=motion,
    )


def _step_table(motion: Motion) -> npt.NDArray[np.void]:
    plan = motion.plan
    n = len(plan)
    final = plan.contact_s + plan.stance_s
    starts_bout = np.concatenate([[True], np.diff(plan.bout) != 0])
    ends_bout = np.append(starts_bout[1:], True)

    share = np.arange(_PER_STEP + 1) / _PER_STEP
    grid = plan.contact_s[:, None] + plan.step_s[:, None] * share
    body = motion.at(grid.ravel())
    angles = np.degrees(body.angles_rad).reshape(n, -1, 3)
    first = np.where(ends_bout & ~starts_bout, np.arange(n) - 1, np.arange(n))
    second = np.where(starts_bout & ends_bout, first, np.minimum(first + 1, n - 1))
    stride = np.concatenate([angles[first], angles[second]], axis=1)
    force = body.vgrf_bw.reshape(n, -1)

    u = np.linspace(0.0, 1.0, 257)[None, :]
    own_peak = motion.push_scale * push(np.broadcast_to(u, (n, 257)), plan.shapes.pulse).max(axis=1)

    table = np.zeros(n, dtype=STEP_DTYPE)
    table["initial_contact_s"] = plan.contact_s
    table["final_contact_s"] = final
    table["side"] = np.where(plan.left, "left", "right")
    table["gait"] = np.where(plan.running, "running", "walking")
    before = np.concatenate([[np.nan], plan.step_s[:-1]])
    before[starts_bout] = np.nan
    earlier = np.concatenate([[np.nan], before[:-1]])
    earlier[starts_bout] = np.nan
    table["step_time_ms"] = 1e3 * before
    table["contact_time_ms"] = 1e3 * plan.stance_s
    flight = plan.contact_s - np.concatenate([[np.nan], final[:-1]])
    table["flight_time_ms"] = 1e3 * np.where(starts_bout, np.nan, flight)
    stride_s = plan.step_s + np.where(ends_bout, plan.step_s, np.append(plan.step_s[1:], plan.step_s[-1]))
    table["duty_factor"] = plan.stance_s / stride_s
    table["cadence_spm"] = 60.0 / np.where(np.isnan(earlier), before, 0.5 * (before + earlier))
    table["vertical_oscillation_mm"] = _rise_mm(body.force_g[:, 2].reshape(n, -1), plan.step_s)
    table["peak_vgrf_bw"] = own_peak
    # a push between two flights has a mean of exactly one body weight; other steps are integrated
    alone = (plan.stance_s <= plan.step_s) & ~ends_bout
    alone[1:] &= flight[1:] >= 0.0
    table["vertical_impulse_bw_s"] = plan.step_s * np.where(alone, 1.0, _mean(force))
    table["lean_deg"] = stride[:, :, 1].mean(axis=1)
    for axis, name in enumerate(("roll_rom_deg", "pitch_rom_deg", "yaw_rom_deg")):
        table[name] = np.ptp(stride[:, :, axis], axis=1)
    table["speed_m_s"] = plan.speed_m_s
    inside = (plan.contact_s >= 0.0) & (final <= plan.duration_s)
    return table[inside]


def _mean(values: FloatArray) -> FloatArray:
    inner = values[:, 1:-1].sum(axis=1)
    return (inner + 0.5 * (values[:, 0] + values[:, -1])) / (values.shape[1] - 1)


def _rise_mm(force_g: FloatArray, step_s: FloatArray) -> FloatArray:
    """Range of height within each step; mean acceleration and mean velocity are removed."""
    share_s = (step_s / (force_g.shape[1] - 1))[:, None]
    acceleration = (force_g - _mean(force_g)[:, None]) * G
    speed = _integral(acceleration) * share_s
    height = _integral(speed - _mean(speed)[:, None]) * share_s
    return 1e3 * np.ptp(height, axis=1)


def _integral(values: FloatArray) -> FloatArray:
    total = np.zeros_like(values)
    np.cumsum(0.5 * (values[:, 1:] + values[:, :-1]), axis=1, out=total[:, 1:])
    return total
