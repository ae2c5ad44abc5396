"""Bergamini 2012: initial contact at maxima of angular rate's second derivative, final contact at minima.

Bergamini, Picerno, Pillet, Natta, Thoreux, Camomilla 2012, Estimation of temporal parameters during sprint
running using a trunk-mounted inertial measurement unit, J Biomech 45; read as Kiernan et al. 2023
(Sensors 23, PMC10255839) automated it.

The magnitude of the angular rate, at 200 Hz, is differentiated twice through a quadratic spline wavelet of
level 4. Initial contact is its maximum in each step, final contact the lowest point between two of them.

Needs a gyroscope in any mounting; gives initial and final contact, no side.

Deviations: developed for sprinting at L1, used here at any speed. The wavelet is the undecimated quadratic
spline of Mallat and Zhong (IEEE Trans PAMI 14, 1992), applied twice and compensated for its delay; the
paper's own discretisation was not accessible.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.signal import find_peaks

from imurun.methods.contract import Contacts
from imurun.methods.signals import MAX_STEP_HZ, STANCE_S, contacts_at, deepest, lowpass
from imurun.model.frames import FloatArray

RATE_HZ = 200.0
LEVEL = 4
SMOOTHING = np.array([1.0, 3.0, 3.0, 1.0]) / 8.0
DIFFERENCE = np.array([2.0, -2.0])


def detect(acc: FloatArray, gyr: FloatArray | None, rate_hz: float) -> Contacts:
    """Contacts of one stretch of running; see `imurun.methods.contract.Detect`."""
    del acc
    if gyr is None or len(gyr) < 2:
        return contacts_at([], [], RATE_HZ)
    bend = second_derivative(_resampled(np.linalg.norm(gyr, axis=1), rate_hz))
    strikes = find_peaks(bend, height=np.finfo(float).tiny, distance=RATE_HZ / MAX_STEP_HZ)[0].tolist()
    final: list[float | None] = []
    for strike, after in pairwise([*strikes, len(bend)]):
        first = strike + int(np.ceil(STANCE_S[0] * RATE_HZ))
        final.append(deepest(bend, first, after - 1))
    return contacts_at(strikes, final, RATE_HZ)


def second_derivative(values: FloatArray) -> FloatArray:
    """Level-4 wavelet transform applied twice, aligned with the samples, shape (n,)."""
    taps = np.convolve(wavelet(), wavelet())
    half = len(taps) // 2
    padded = np.pad(values, half, mode="edge")
    return np.convolve(padded, taps, mode="valid")


def wavelet() -> FloatArray:
    """Taps of the level-4 quadratic spline wavelet: dilated smoothing filters, then a dilated difference."""
    taps = np.ones(1)
    for level in range(LEVEL):
        last = level == LEVEL - 1
        step = DIFFERENCE if last else SMOOTHING
        dilated = np.zeros((len(step) - 1) * 2**level + 1)
        dilated[:: 2**level] = step
        taps = np.convolve(taps, dilated)
    return taps


def _resampled(values: FloatArray, rate_hz: float) -> FloatArray:
    """The signal at 200 Hz, low-passed first where its own rate is higher."""
    if rate_hz > RATE_HZ:
        values = lowpass(values, 0.4 * RATE_HZ, rate_hz)
    n = int((len(values) - 1) * RATE_HZ / rate_hz) + 1
    return np.interp(np.arange(n) / RATE_HZ, np.arange(len(values)) / rate_hz, values)
