"""Auvinet 2002: initial contact midway from lowest vertical to onset of braking, final contact at free fall.

Auvinet, Gloria, Renault, Barrey 2002, Runner's stride analysis, Science & Sports 17; read as Kiernan et al.
2023 (Sensors 23, PMC10255839) automated it.

Between two vertical maxima: the vertical minimum; from it, the lowest fore-aft sample before the second
maximum; back from that, the fore-aft maximum. Initial contact is midway between minimum and fore-aft maximum.
Final contact is the first sample after the second maximum in free fall (vertical at or below 0 g), and not
before the shortest stance. The side is the sign of the mean mediolateral signal within 10 ms of the initial
contact; steps alternate, by majority vote.

Needs all three axes of the accelerometer; gives initial contact, final contact and side.

Deviations: where the sensor's range clips the vertical, the end of the flat part is its minimum. Maxima count
above 1 g, and a minimum lies at most half a second from its maximum. The paper's sign of the mediolateral
axis was not accessible: it was set on recordings of five runners with known sides (the stance foot pushes to
the other side), so there is no independent figure for its sides.
"""

from __future__ import annotations

import numpy as np

from imurun.methods.contract import Contacts
from imurun.methods.signals import STANCE_S, alternate, contacts_at, first_at_most, step_spans
from imurun.model.frames import ANTERIOR, LEFT, UP, FloatArray, G

AROUND_CONTACT_S = 0.010
FALLING_G = 0.0
"""Vertical specific force in free fall."""


def detect(acc: FloatArray, gyr: FloatArray | None, rate_hz: float) -> Contacts:
    """Contacts of one stretch of running; see `imurun.methods.contract.Detect`."""
    del gyr
    acc_g = acc / G
    anterior, vertical = acc_g[:, ANTERIOR], acc_g[:, UP]
    initial: list[float] = []
    final: list[float | None] = []
    for span in step_spans(vertical, rate_hz):
        braking = span.begin + int(np.argmin(anterior[span.begin : span.peak + 1]))
        forward = braking
        while forward > 0 and anterior[forward - 1] >= anterior[forward]:
            forward -= 1
        strike = 0.5 * (span.begin + forward)
        shortest = int(np.ceil(strike + STANCE_S[0] * rate_hz))
        initial.append(strike)
        final.append(first_at_most(vertical, FALLING_G, max(span.peak, shortest), span.end))
    around = round(AROUND_CONTACT_S * rate_hz)
    middle = np.rint(initial).astype(int)
    sideways = np.array([acc_g[max(m - around, 0) : m + around + 1, LEFT].mean() for m in middle])
    return contacts_at(initial, final, rate_hz, alternate(-sideways, np.array(initial)))
