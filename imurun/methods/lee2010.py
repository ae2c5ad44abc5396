"""Lee 2010: initial contact at a step's largest backward peak, final contact at the largest 85 ms later on.

Lee, Mellifont, Burkett 2010, The use of a single inertial sensor to identify stride, step, and stance
durations of running gait, J Sci Med Sport (PMID 19574098); read as Kiernan et al. 2023 (Sensors 23,
PMC10255839) automated it.

Initial contact is the largest backward peak of the fore-aft axis in a step. Final contact is the highest of
the backward peaks from 85 ms later on. The side is that of the larger peak of the mediolateral axis in
stance, low-passed at 10 Hz (Butterworth of order 4, zero phase); steps alternate, by majority vote.

Needs all three axes of the accelerometer; gives initial contact, final contact and side.

Deviations: a step lasts from one minimum of the vertical to the next, and initial contact is searched between
them. Final contact is searched from the shortest to the longest stance; without one, the side comes from the
longest stance. The paper's sign of the mediolateral axis was not accessible: it was set on recordings of five
runners with known sides (left is positive), so there is no independent figure for its sides.
"""

from __future__ import annotations

import numpy as np

from imurun.methods.contract import Contacts
from imurun.methods.signals import STANCE_S, alternate, contacts_at, deepest, lowpass, step_spans
from imurun.model.frames import ANTERIOR, LEFT, UP, FloatArray, G

TOE_OFF_AFTER_S = 0.085
SIDE_CUTOFF_HZ = 10.0


def detect(acc: FloatArray, gyr: FloatArray | None, rate_hz: float) -> Contacts:
    """Contacts of one stretch of running; see `imurun.methods.contract.Detect`."""
    del gyr
    acc_g = acc / G
    anterior = acc_g[:, ANTERIOR]
    sideways = lowpass(acc_g[:, LEFT], SIDE_CUTOFF_HZ, rate_hz)
    initial: list[float] = []
    final: list[float | None] = []
    leftness: list[float] = []
    for span in step_spans(acc_g[:, UP], rate_hz):
        strike = deepest(anterior, span.begin, span.end)
        if strike is None:
            continue
        off = _toe_off(anterior, strike, rate_hz)
        stance = sideways[strike : (strike + int(STANCE_S[1] * rate_hz) if off is None else off) + 1]
        initial.append(strike)
        final.append(off)
        leftness.append(stance.max() + stance.min())
    return contacts_at(initial, final, rate_hz, alternate(np.array(leftness), np.array(initial)))


def _toe_off(anterior: FloatArray, strike: int, rate_hz: float) -> int | None:
    """Position of the highest backward peak between the shortest and the longest stance; None without one."""
    first = strike + int(np.ceil(max(TOE_OFF_AFTER_S, STANCE_S[0]) * rate_hz))
    return deepest(anterior, first - 1, strike + int(STANCE_S[1] * rate_hz) + 1)
