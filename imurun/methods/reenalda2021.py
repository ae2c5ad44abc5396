"""Reenalda 2021: initial contact where the pelvis moves down fastest; gives no final contact.

Reenalda, Zandbergen, Harbers, Paquette, Milner 2021, Detection of foot contact in treadmill running with
inertial and optical measurement systems, J Biomech 121; read as Kiernan et al. 2023 (Sensors 23,
PMC10255839) automated it.

The vertical acceleration without gravity is integrated once; initial contact is the greatest downward speed
before each maximum.

Needs the vertical axis of the accelerometer; gives initial contact only.

Deviations: integrated separately within each step, from its vertical minimum to its maximum, so that no drift
needs filtering.
"""

from __future__ import annotations

import numpy as np

from imurun.methods.contract import Contacts
from imurun.methods.signals import STANDING_G, contacts_at, step_spans
from imurun.model.frames import UP, FloatArray, G


def detect(acc: FloatArray, gyr: FloatArray | None, rate_hz: float) -> Contacts:
    """Contacts of one stretch of running; see `imurun.methods.contract.Detect`."""
    del gyr
    vertical = acc[:, UP] / G
    initial: list[float] = []
    for span in step_spans(vertical, rate_hz):
        speed = np.cumsum(vertical[span.begin : span.peak + 1] - STANDING_G)
        initial.append(span.begin + int(np.argmin(speed)))
    return contacts_at(initial, [None] * len(initial), rate_hz)
