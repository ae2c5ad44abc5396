"""Wixted 2010: initial contact at the braking peak, final contact where vertical specific force falls to 0.

Wixted, Billing, James 2010, Validation of trunk mounted inertial sensors for analysing running biomechanics
under field conditions, using synchronously collected foot contact data, Sports Engineering 12; read as
Kiernan et al. 2023 (Sensors 23, PMC10255839) automated it.

Initial contact is the braking peak of the fore-aft axis. Final contact is the first sample, from 95 ms later
on, at which the vertical, gravity included, is at or below 0.

Needs the vertical and fore-aft axes of the accelerometer; gives initial and final contact, no side.

Deviations: the braking peak is the largest backward peak between the minimum of the vertical and its maximum.
Final contact is searched up to the next minimum.
"""

from __future__ import annotations

import numpy as np

from imurun.methods.contract import Contacts
from imurun.methods.signals import contacts_at, deepest, first_at_most, step_spans
from imurun.model.frames import ANTERIOR, UP, FloatArray, G

TOE_OFF_AFTER_S = 0.095
WEIGHTLESS_G = 0.0


def detect(acc: FloatArray, gyr: FloatArray | None, rate_hz: float) -> Contacts:
    """Contacts of one stretch of running; see `imurun.methods.contract.Detect`."""
    del gyr
    vertical = acc[:, UP] / G
    anterior = acc[:, ANTERIOR] / G
    initial: list[float] = []
    final: list[float | None] = []
    for span in step_spans(vertical, rate_hz):
        strike = deepest(anterior, span.begin, span.peak)
        if strike is not None:
            first = strike + int(np.ceil(TOE_OFF_AFTER_S * rate_hz))
            initial.append(strike)
            final.append(first_at_most(vertical, WEIGHTLESS_G, first, span.end))
    return contacts_at(initial, final, rate_hz)
