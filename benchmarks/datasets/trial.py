"""A recording with its truth: what every loader of a dataset gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imurun import Recording
from imurun.model.frames import FloatArray


@dataclass(frozen=True, eq=False)
class Trial:
    """A recording and what force plates and cameras saw; times from the recording's first sample.

    Attributes:
        dataset, name, runner: keys; a runner's name is unique over all datasets.
        recording: what imurun gets to see.
        initial_contact_s, final_contact_s: true contacts, shape (k,), at 5 % of body weight.
        side: left, right or unknown for each contact.
        peak_bw: active peak of each contact, NaN where two feet or plates mix.
        vgrf_bw: vertical ground reaction force at the recording's samples, shape (n,), NaN where not known;
            None where it was not measured.
        angles_deg: roll, pitch, yaw of the pelvis at the recording's samples, shape (n, 3), or None.
        speed_m_s: NaN where not known.
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
        # methods are anybody's code, and shall not change the truth for those after them
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
        """Which contacts lie wholly this far inside the recording."""
        end = self.recording.duration_s - margin_s
        return (self.initial_contact_s >= margin_s) & (self.final_contact_s <= end)
