"""A trial: a recording with its reference measurements, as returned by all dataset loaders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imurun import Recording
from imurun.model.frames import FloatArray


@dataclass(frozen=True, eq=False)
class Trial:
    """A recording with data of force plates and cameras; times from the recording's first sample.

    Attributes:
        dataset, name, runner: keys; a runner's name is unique over all datasets.
        recording: input of imurun.
        initial_contact_s, final_contact_s: true contacts, shape (k,), at 5 % of body weight.
        side: left, right or unknown for each contact.
        peak_bw: active peak of each contact, NaN if two feet or plates overlap.
        vgrf_bw: vertical ground reaction force at the recording's samples, shape (n,), NaN if unknown;
            None if not measured.
        angles_deg: roll, pitch, yaw of the pelvis at the recording's samples, shape (n, 3), or None.
        speed_m_s: NaN if unknown.
        slope_percent: uphill positive.
    """

    dataset: str
    name: str
    runner: str
    recording: Recording
    initial_contact_s: FloatArray
    final_contact_s: FloatArray
    side: tuple[str, ...]
    peak_bw: FloatArray
    vgrf_bw: FloatArray | None = None
    angles_deg: FloatArray | None = None
    speed_m_s: float = np.nan
    slope_percent: float = 0.0

    def __post_init__(self) -> None:
        # methods may be external code, and must not change the truth for the methods after them
        for truth in (
            self.initial_contact_s,
            self.final_contact_s,
            self.peak_bw,
            self.vgrf_bw,
            self.angles_deg,
        ):
            if truth is not None:
                truth.flags.writeable = False

    def inside(self, margin_s: float = 0.5) -> np.ndarray:
        """Which contacts are completely inside the recording by this margin."""
        end = self.recording.duration_s - margin_s
        return (self.initial_contact_s >= margin_s) & (self.final_contact_s <= end)
