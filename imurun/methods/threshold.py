"""Day 2021, Alcantara 2021: contact lasts while low-passed vertical acceleration exceeds a threshold.

Initial contact is the rise above the threshold, final contact the fall below it: mass times acceleration
approximates the force.

Day, Alcantara, McGeehan, Grabowski, Hahn 2021, Low-pass filter cutoff frequency affects sacral-mounted
inertial measurement unit estimations of peak vertical ground reaction force and contact time during treadmill
running, J Biomech, doi:10.1016/j.jbiomech.2021.110323, compares cut-offs from 5 to 30 Hz. Alcantara, Day,
Hahn, Grabowski 2021, Sacral acceleration can predict whole-body kinetics and stride kinematics across running
speeds, PeerJ 9:e11199, doi:10.7717/peerj.11199, has the same sensor and runners.

Needs the vertical axis of the accelerometer; gives initial and final contact, no side.

Deviations: the papers' own thresholds were not accessible. Cut-offs and thresholds are our choice: 10 Hz with
0.5 g (`day2021`) and 20 Hz with 0.25 g (`alcantara2021`; the signals its authors published later are
low-passed at 20 Hz). Butterworth of order 4, zero phase. Stretches shorter than the shortest stance are
dropped.
"""

from __future__ import annotations

import numpy as np

from imurun.methods.contract import Contacts
from imurun.methods.signals import STANCE_S, contacts_at, lowpass
from imurun.model.frames import UP, FloatArray, G

DAY = (10.0, 0.5)
ALCANTARA = (20.0, 0.25)
"""Cut-off (Hz) and threshold (g, gravity included)."""


def detect_day(acc: FloatArray, gyr: FloatArray | None, rate_hz: float) -> Contacts:
    """Contacts of one stretch of running; see `imurun.methods.contract.Detect`."""
    del gyr
    return contacts_above(acc, rate_hz, *DAY)


def detect_alcantara(acc: FloatArray, gyr: FloatArray | None, rate_hz: float) -> Contacts:
    """Contacts of one stretch of running; see `imurun.methods.contract.Detect`."""
    del gyr
    return contacts_above(acc, rate_hz, *ALCANTARA)


def contacts_above(acc: FloatArray, rate_hz: float, cutoff_hz: float, threshold_g: float) -> Contacts:
    """Stretches of the low-passed vertical above the threshold that begin and end inside.

    Args:
        acc: body-frame specific force, shape (n, 3), m/s2.
    """
    above = lowpass(acc[:, UP] / G, cutoff_hz, rate_hz) > threshold_g
    rises = np.flatnonzero(~above[:-1] & above[1:]) + 1
    falls = np.flatnonzero(above[:-1] & ~above[1:]) + 1
    falls = falls[np.searchsorted(falls, rises[0]) :] if len(rises) else falls[:0]
    rises = rises[: len(falls)]
    long = (falls - rises) >= STANCE_S[0] * rate_hz
    return contacts_at(rises[long].tolist(), falls[long].tolist(), rate_hz)
