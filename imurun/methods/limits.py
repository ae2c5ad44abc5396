"""Limits that all rules share: how fast people step, and how long a foot stays down.

They are the limits under which Kiernan et al. 2023 (Sensors 23, PMC10255839) compared published rules. The
upper limit of stance ends a search that a rule's own words leave open; it takes nothing away that a rule
found within its own bounds, because slow runners do stay down longer.
"""

from __future__ import annotations

import numpy as np

from imurun.frames import FloatArray

MAX_STEP_HZ = 4.75
"""Step frequency of a sprinter: foot strikes are at least 1 / 4.75 s apart."""
MIN_STEP_HZ = 2.0
"""Set by hand: nobody runs with fewer steps, so a step's fall and rise lie within half a second."""
STANCE_S = (0.095, 0.270)
"""Shortest and longest contact time."""


def without_short(initial_s: FloatArray, final_s: FloatArray) -> FloatArray:
    """The toe-offs, shape (k,), with NaN where the contact would be shorter than any."""
    return np.where(final_s - initial_s >= STANCE_S[0], final_s, np.nan)  # False for NaN
